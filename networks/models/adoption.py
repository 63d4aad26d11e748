"""Adoption of networks, and what to do with those that were changed, renamed or recreated outside the portal."""

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from networks.definition.document.edit import edit
from networks.definition.document.merge import with_entries_of
from networks.definition.document.parse import parse
from networks.definition.events import Event
from networks.definition.plans.deviation import SECTIONS
from networks.definition.plans.plan import plan
from networks.definition.plans.steps import Step
from virterweb.hypervisors.desired.models import Status
from virterweb.hypervisors.desired.refusals import InvalidTransition, Refusal
from virterweb.hypervisors.desired.revisions import Revision, conclude
from virterweb.messages import Message
from virterweb.people import limits, rights
from virterweb.people.models import Team
from virterweb.people.verbs import Verb

from .reservation import DHCPHost
from .status import NetworkStatus

if TYPE_CHECKING:
    from .network import Network


class Adoption:
    """Methods of `Network` that adopt and release it, and that follow or revert changes from outside."""

    def adopt(self, by: AbstractBaseUser | None = None, team: Team | None = None) -> None:
        """Make what libvirt has the desired configuration, for a team; nothing changes in libvirt.

        Raises:
            InvalidTransition: A network that the portal manages has the same name.
            Exceeded: The team would have more than its limits allow.
        """
        with limits.kept(team and team.pk, self.hypervisor_id), self.transition(managed=False, present=True):
            self._require_free(self.name)
            self.status.write(made_at=timezone.now())
            type(self).objects.filter(pk=self.pk).update(managed=True)
            self.belong_to(by, team)
            asked = [entry for entry in self.hosts.filter(removed_at=None) if entry.asked_at]
            self._follow(self.status.definition)
            self._raise_generation()
            # There is nothing to carry out. If the running network differs from the stored one, it is drifted at once.
            self.status.write(**Status.CLEAN, generation=self.generation, drift=self.drift_codes(self.differences))
            self.note(Event.ADOPTED, by, result=Revision.Result.DONE)
            if asked:  # reservations that were in progress when it was adopted
                there = {(host.guest, host.ip) for host in self.wanted_hosts()}
                DHCPHost.objects.bulk_create(each for each in asked if (each.spec().guest, each.ip) not in there)
                self.ask_again()

    def accept_found(self, by: AbstractBaseUser | None = None, event: Event = Event.ACCEPTED) -> None:
        """Make what libvirt has the saved definition: what it stores, whether it runs and starts with the host.

        Entries that only the running network has are taken as well, and are asked to be stored.
        """
        with self.transition(managed=True, present=True):
            document = self.acceptable
            self.require_host_rights(document, by)
            self.require_host_rights(self.status.definition, by)
            with self.kept_limits() if by else nullcontext():
                self._follow(self.status.definition)
                self.change(event, by, document=document)

    @property
    def acceptable(self) -> str:
        """Return the definition that libvirt stores, with list entries that only the running network has."""
        status = self.status
        return with_entries_of(status.document, status.definition, SECTIONS) if status.active else status.document

    def _follow(self, document: str) -> None:
        """Save this document, and the flags that libvirt has, as desired and agreed on."""
        whole, status = edit(document, replace(parse(document), uuid=self.uuid_text)), self.status
        self._rename(parse(document).name)
        flags = {"active": status.active, "autostart": status.autostart}
        values = {"document": whole, "agreed": whole, **flags, **{f"agreed_{name}": flags[name] for name in flags}}
        type(self).objects.filter(pk=self.pk).update(**values)
        self.hosts.all().delete()
        entries = (DHCPHost.of(self, host, asked_at=None) for host in parse(document).hosts)
        DHCPHost.objects.bulk_create({entry.key: entry for entry in entries}.values())
        self.refresh_from_db(fields=["managed", *values])

    @property
    def namesake(self) -> "Network | None":
        """Return the unmanaged network of this name, if libvirt no longer has this one."""
        if not self.managed or self.status.present:
            return None
        others = type(self).objects.shown().on(self.hypervisor_id).filter(managed=False, name=self.name)
        return others.filter(removed_at=None, status__present=True).first()

    @property
    def name_found(self) -> str:
        """Return its name in libvirt, which may have been changed outside the portal."""
        return self.status.spec.name if self.status.present and self.status.spec else self.name

    @property
    def replaced(self) -> bool:
        """Return whether it was recreated or renamed outside the portal."""
        return self.managed and (self.name_found != self.name or self.namesake is not None)

    def adopt_replacement(self, by: AbstractBaseUser | None = None) -> None:
        """Take the UUID or name that it was given outside the portal; nothing changes in libvirt.

        Other differences stay as drift. Raises InvalidTransition if it was neither recreated nor renamed.
        """
        with self.transition(managed=True):
            self.status.refresh_from_db()
            other = self.namesake
            if not other and self.name_found == self.name:
                raise InvalidTransition(self, Refusal.NOT_REPLACED)
            if other:
                rights.require(by, Verb.ADOPT, other)
                self._replace_row(other)
            else:
                self._rename(self.name_found)
            named = replace(parse(self.document), name=self.name, uuid=self.uuid_text)
            values = {"document": edit(self.document, named), "uuid": self.uuid, "overwrite": False, "accepted": None}
            values |= {"agreed": values["document"], "agreed_active": self.active}
            type(self).objects.filter(pk=self.pk).update(**values, agreed_autostart=self.autostart)
            self.refresh_from_db(fields=list(values))
            self._raise_generation()
            made_at = self.status.made_at or timezone.now()
            clean = {**Status.CLEAN, "generation": self.generation, "compared": self.generation, "made_at": made_at}
            self.status.write(**clean, drift=self.drift_codes(self.differences))
            self.note(Event.FOLLOWED, by, result=Revision.Result.DONE)
            if self.hosts.exclude(asked_at=None, removed_at=None):  # reservations in progress
                self.ask_again()

    def _replace_row(self, other: "Network") -> None:
        """Take the place of another row, with all that was seen of it."""
        seen = {name: getattr(other.status, name) for name in NetworkStatus.SEEN}
        self.leases.end()
        other.leases.update(network=self)
        self.found_hosts.all().delete()
        other.found_hosts.update(network=self)
        self.uuid = other.uuid
        mine = {(host.guest, host.ip) for host in self.wanted_hosts()}
        asked = [each for each in other.hosts.filter(removed_at=None) if (each.spec().guest, each.ip) not in mine]
        other.hosts.filter(pk__in=[each.pk for each in asked]).update(network=self)
        other.delete()
        self.status.write(**seen, not_kept=[])

    def _rename(self, name: str) -> None:
        """Take the name that libvirt has; raise InvalidTransition if another managed network has that name."""
        if name != self.name:
            self._require_free(name)
            type(self).objects.filter(pk=self.pk).update(name=name)
            self.name = name

    def _require_free(self, name: str) -> None:
        """Raise InvalidTransition if another managed network of the hypervisor has this name."""
        named = type(self).objects.on(self.hypervisor_id).filter(name=name, managed=True)
        if named.exclude(pk=self.pk).exists():
            raise InvalidTransition(self, Refusal.NAME_TAKEN)

    def recreation(self) -> tuple[Step, ...]:
        """Return the steps that replace what was recreated or renamed outside by the saved definition."""
        other = self.namesake or self
        wanted = replace(self.wanted, document=edit(self.document, replace(self.spec, uuid=other.uuid_text)))
        return plan(wanted, other.found(), ())

    def recreate(self, steps: tuple[Step, ...], by: AbstractBaseUser | None = None) -> None:
        """Replace what was recreated or renamed outside by the saved definition, with the steps that were shown.

        libvirt's UUID stays where it was recreated, the saved name where it was renamed.
        """
        with transaction.atomic():
            if self.namesake:
                self.adopt_replacement(by)
            elif self.name_found == self.name:
                raise InvalidTransition(self, Refusal.NOT_REPLACED)
            self.change(Event.RECREATED, by, overwrite=True, accepted=[step.as_json() for step in steps])

    def release(self, by: AbstractBaseUser | None = None) -> None:
        """Manage it no longer: libvirt keeps it as it is, and the portal only shows it. May raise InvalidTransition.

        Its history stays.
        """
        self.require_release(by)
        with self.transition(managed=True, present=True):
            conclude(self, Message("revision.released"))
            self.note(Event.RELEASED, by, result=Revision.Result.DONE)
            self.hosts.all().delete()
            # A pending change must not be continued if the network is adopted again.
            begun = {"overwrite": False, "accepted": None, "allow_disconnect": []}
            begun |= {"document": "", "agreed": "", "generation": 0}
            self.belong_to_nobody()
            type(self).objects.filter(pk=self.pk).update(managed=False, **begun)
            self.status.write(generation=0, drift="", error="", detail="", made_at=None)
