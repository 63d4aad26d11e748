"""Comparison of a network with what libvirt has, as last seen."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from django.db.models import QuerySet

from networks.attachments import AttachedVM, attachments
from networks.definition.document.adjust import fill_in
from networks.definition.document.compare import drifts
from networks.definition.document.leaves import Field
from networks.definition.drift import Drift
from networks.definition.events import Event
from networks.definition.plans.plan import plan, target
from networks.definition.plans.steps import Found, Step, Wanted
from networks.definition.spec import NetworkSpec
from virterweb.hypervisors.desired.drift import encoded
from virterweb.hypervisors.gateway.found import FoundNetwork
from virterweb.hypervisors.gateway.marks import Mark
from virterweb.hypervisors.models import ReadingProblem
from virterweb.people import rights

from .revision import _yes_or_no
from .status import NetworkStatus

MAX_REVERTS = 3  # by itself in a row
REVERTS_WITHIN = timedelta(minutes=5)


class Comparison:
    """Methods of `Network` that compare it with what libvirt has, and plan the steps of a push."""

    @property
    def contested(self) -> bool:
        """Return whether the last reverts by itself were in vain: each time another program changed the network again.

        It is not reverted by itself again until somebody has changed or reverted it.
        """
        latest = list(self.revisions.values_list("event", "at")[:MAX_REVERTS])
        only = {event for event, _ in latest} == {Event.REVERTED_BY_ITSELF}
        return only and len(latest) == MAX_REVERTS and latest[0][1] - latest[-1][1] < REVERTS_WITHIN

    def drifts(self, found: FoundNetwork) -> Iterator[Drift]:
        """Yield the differences between libvirt and the saved definition, with the value of each side."""
        running = found.document if found.active else ""
        yield from drifts(self.full_document, found.stored, running, self.status.ignored)
        flags = (("@active", self.active, found.active), ("@autostart", self.autostart, found.autostart))
        for path, saved, now in (*flags, ("@persistent", True, found.persistent)):
            if saved != now:
                running = _yes_or_no(now) if found.active else None
                yield Drift(field=Field(path), saved=_yes_or_no(saved), stored=_yes_or_no(now), running=running)

    @staticmethod
    def drift_codes(found: Iterable[Drift], other: Mark | None = None) -> str:
        """Return drift as a status stores it, with the other portal that was the last to define the network."""
        return encoded((one.code for one in found), other)

    @property
    def differences(self) -> list[Drift]:
        """Return the drift as last observed; empty if libvirt does not have the network."""
        status = self.status
        if not (self.managed and status.present and status.document):
            return []
        flags = {"active": status.active, "autostart": status.autostart, "persistent": status.persistent}
        sides = {"document": status.document, "stored": status.definition}
        return list(self.drifts(FoundNetwork(uuid=self.uuid_text, name=self.name, **sides, **flags)))

    @property
    def definition(self) -> NetworkSpec:
        """Return the definition that libvirt has had last, else the desired one."""
        return self.status.spec or self.spec

    @property
    def facts(self) -> "NetworkStatus | NetworkSpec":
        """Return Virter's columns: as found if libvirt has it, also recreated, else as desired."""
        found = self.as_found.status
        return found if found.present else self._document_spec

    @property
    def reading_problems(self) -> QuerySet[ReadingProblem]:
        """Return what of it could not be read at the last poll; for that, pages show the earlier reading."""
        parts = (ReadingProblem.Kind.RESERVATION, ReadingProblem.Kind.LEASES, ReadingProblem.Kind.LEASE)
        return self.hypervisor.reading_problems.about(self.uuid_text, self.name, parts)

    @property
    def disconnected_vms(self) -> list[str]:
        """Return the running VMs that its restart disconnected, while no push is in progress."""
        return list(dict.fromkeys(vm for _, vm, _ in self.status.disconnected)) if self.done else []

    @property
    def suspect_vms(self) -> list[str]:
        """Return the running VMs that its restart may have disconnected: their taps cannot be seen."""
        return list(dict.fromkeys(each[1] for each in self.status.suspect)) if self.done else []

    def running_vms(self) -> list[AttachedVM]:
        """Return the NICs of running VMs that are attached to it, as last seen."""
        # A network that was recreated outside has two rows, and NICs refer to a network by its name.
        of_its_name = type(self).objects.on(self.hypervisor_id).filter(name=self.name)
        return attachments().attached(of_its_name.values("pk"), running=True)

    def running_names(self) -> list[str]:
        """Return the names of the running VMs that are attached to it, as last seen."""
        return list(dict.fromkeys(nic.vm.name for nic in self.running_vms()))

    def vm_names(self, user: rights.Actor = None) -> dict[str, str]:
        """Return which VMs have NICs on it, by MAC, as a user may see them; several of one MAC with commas between."""
        return attachments().names_by_mac(self.pk, user)

    def found(self) -> Found | None:
        """Return libvirt's side as last seen, as input of a plan."""
        side = self.found_alone()
        return side and replace(side, attached=tuple(sorted(self.running_names())))

    def found_alone(self) -> Found | None:
        """Return the same without the attached VMs, which are not part of the token of a plan."""
        status = self.status
        if not status.present:
            return None
        return Found(
            document=status.definition,
            live=status.document if status.active else "",
            active=status.active,
            autostart=status.autostart,
            disconnected=tuple(sorted({name for _, name, *_ in (*status.disconnected, *status.suspect)})),
            persistent=status.persistent,
        )

    def _with_former_bridge(self, document: str) -> str:
        """Return the document of a network that libvirt no longer has, with its former bridge name and MAC address.

        A bridge name that another network uses by now is left out, so that libvirt chooses a free one.
        """
        if not self.status.definition:
            return document
        others = (
            type(self).objects.on(self.hypervisor_id).filter(status__present=True, status__bridge=self.status.bridge)
        )
        return fill_in(document, self.status.definition, with_bridge=not others.exclude(pk=self.pk).exists())

    def plan(
        self, wanted: Wanted | None = None, overwrite: bool = False, requested: Collection[str] = ()
    ) -> tuple[Step, ...]:
        """Return what a push would do now for this desired configuration, or another; `requested` as of `change`."""
        found = self.found()
        goal = self.goal(found, wanted or self.wanted, overwrite, requested)
        return plan(goal, found, self.status.ignored) if goal else ()

    def goal(
        self, found: Found | None, wanted: Wanted, overwrite: bool, requested: Collection[str] = ()
    ) -> Wanted | None:
        """Return the target for libvirt: what it has, with the changes; with `overwrite` the whole desired one.

        None if libvirt no longer has the network: only `overwrite` recreates it.
        """
        agreed = self.agreed_on
        if agreed is None or overwrite:
            return wanted if found else replace(wanted, document=self._with_former_bridge(wanted.document))
        goal = target(replace(agreed, **dict.fromkeys(requested)), wanted, found) if found else None
        return replace(goal, active=True) if goal and self.status.restarting else goal
