"""Restoration of an earlier definition of a VM: memory, vCPUs, and NICs with their guests' settings and addresses.

Disks, the image, the name and the power state stay as they are.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from virterweb.hypervisors.desired.revisions import recorded
from virterweb.people import rights
from vms.definition import domain as domain_xml
from vms.definition.events import Event
from vms.definition.saved import SavedNIC
from vms.models import NIC, VM, NICNetworks, VMRevision
from vms.models.document import revision_values

from .checks import problems
from .nics import NICRestoration
from .wording import say


@dataclass(frozen=True, kw_only=True)
class Line:
    """One step as the preview shows it. `disruption`: none, brief or lasting."""

    text: str
    disruption: str = "none"
    note: str = ""
    identity: object = None


@dataclass(frozen=True)
class VMRestoration:
    """What restoring a revision would do, for one user."""

    revision: VMRevision
    by: rights.Actor
    template = "vms/history/_steps.html"

    @property
    def vm(self) -> VM:
        return self.revision.desired

    @cached_property
    def now(self) -> VMRevision:
        nics = [nic for nic in self.desired if nic.removed_at is None]
        return VMRevision(desired=self.vm, **revision_values(self.vm, nics, self.networks))

    @cached_property
    def desired(self) -> list[NIC]:
        """Return the desired NICs, also those that are being removed."""
        return list(self.vm.nics.all())

    @cached_property
    def networks(self) -> NICNetworks:
        specs = [*(nic.spec() for nic in self.desired), *(nic.spec for nic in self.revision.saved.nics)]
        return NICNetworks(self.vm, tuple(specs))

    @cached_property
    def size(self) -> dict[str, int]:
        """Return the memory, in MiB, and the vCPUs of the revision."""
        found = domain_xml.parse(self.revision.document)
        return {"memory": found.memory, "vcpus": found.vcpus}

    @cached_property
    def nics(self) -> list[NICRestoration]:
        """Return the NICs that change, those that are removed first."""
        wanted = {nic.key: nic for nic in self.revision.saved.nics}
        desired = {nic.key: nic for nic in self.desired}
        gone = [key for key, nic in desired.items() if key not in wanted and nic.removed_at is None]
        pairs: list[tuple[str, SavedNIC | None]] = [*((key, None) for key in gone), *wanted.items()]
        found = (NICRestoration(self.vm, key, nic, desired.get(key), self.by, self.networks) for key, nic in pairs)
        return [each for each in found if each.changes]

    @cached_property
    def problems(self) -> Sequence[str]:
        """Return why the revision cannot be restored, one sentence each."""
        return problems(self.revision, self.now, self.by, self.nics)

    @cached_property
    def lines(self) -> list[Line]:
        return list(self._lines())

    def _lines(self) -> Iterator[Line]:
        vm, late = self.vm, say("next start") if self.vm.status.running else ""
        for name, value in self.size.items():
            if value != (now := getattr(vm, name)):
                yield Line(text=say(name, was=now, becomes=value), note=late)
        if self.revision.guest_network != vm.guest_network:
            yield Line(text=say("guest network"))
        for nic in self.nics:
            for text in nic.texts:
                yield Line(text=text)
            for step in nic.plan.steps:
                disruption = step.disruption.name.lower()
                yield Line(text=step.text, disruption=disruption, note=step.note, identity=step.identity)

    @property
    def token(self) -> str:
        shown = [(line.text, line.disruption, line.identity) for line in self.lines]
        return hashlib.sha256(repr((self.revision.pk, self.vm.uuid, shown)).encode()).hexdigest()[:32]

    @property
    def context(self) -> dict[str, object]:
        waiting = [change for nic in self.nics for change in nic.plan.waiting] if not self.problems else []
        return {} if self.problems else {"steps": self.lines, "token": self.token, "waiting": waiting}

    def save(self) -> None:
        """Save the definition of the revision as the desired one, as one change."""
        vm = self.vm
        with vm.transition(managed=True), recorded(vm, Event.RESTORED, self.by, at=self.revision.at.isoformat()):
            if self.size != {name: getattr(vm, name) for name in self.size}:
                vm.resize(**self.size)
            if self.revision.guest_network != vm.guest_network:
                vm.decide_guest_network(self.revision.guest_network)
            for nic in self.nics:
                nic.save()
            for position, nic in enumerate(self.revision.saved.nics):
                vm.nics.keyed(nic.key).update(position=position)
