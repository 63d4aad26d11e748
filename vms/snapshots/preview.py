"""What reverting a VM to a snapshot does: what is lost, and how the VM differs afterwards."""

import hashlib
from dataclasses import dataclass

from django.utils import timezone

from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.definition.nics.parse import parse_domain
from vms.definition.nics.spec import FoundNIC
from vms.definition.snapshots import document as snapshot_xml
from vms.models import VM, Power, Snapshot
from vms.models.snapshot import SnapshotState


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What is lost, what the VM is afterwards, and which of its NICs and settings differ."""

    lost: tuple[Message, ...]
    after: tuple[Message, ...]
    differences: tuple[Message, ...]

    def token(self, vm: VM, snapshot: Snapshot) -> str:
        """Return a digest of what the page shows."""
        said = [str(each) for each in (*self.lost, *self.after, *self.differences)]
        seen = (vm.uuid_text, snapshot.name, snapshot.taken_at.isoformat(), *said)
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def preview(vm: VM, snapshot: Snapshot) -> Preview:
    """Return what reverting to a snapshot does, as VM and snapshot were last observed."""
    at = f"{timezone.localtime(snapshot.taken_at):%Y-%m-%d %H:%M}"
    lost = [Message("snapshot.lost_disks", vm=vm.name, at=at)]
    if vm.status.power != Power.OFF:
        lost.append(Message("snapshot.lost_memory", vm=vm.name))
    if snapshot.external:
        lost.append(Message("snapshot.stops_first"))
    differences = tuple(_differences(vm, snapshot))
    after = [_after(snapshot)]
    if differences and vm.managed:
        after.append(Message("snapshot.drift"))
    return Preview(lost=tuple(lost), after=tuple(after), differences=differences)


def is_beneath_overlays(vm: VM, snapshot: Snapshot) -> bool:
    """Return whether the snapshot is in a disk on which overlays are based now, so that no revert to it is possible."""
    if snapshot.external or not (snapshot.document and vm.status.document):
        return False
    overlays = {path for each in vm.snapshots.all() if each.external for path in each.files}
    now = {disk.target: disk.file for disk in snapshot_xml.disks(vm.status.document)}
    then = {disk.target: disk.file for disk in snapshot_xml.disks(snapshot.document)}
    return any(now.get(target) != file and now.get(target) in overlays for target, file in then.items())


def _after(snapshot: Snapshot) -> Message:
    match snapshot.state:
        case SnapshotState.RUNNING | SnapshotState.PAUSED if snapshot.memory:
            return Message("snapshot.after_memory", state=snapshot.state_text)
        case _:
            return Message("snapshot.after_off")


def _differences(vm: VM, snapshot: Snapshot) -> list[Message]:
    """Return how the definition differs from the one at the time of the snapshot."""
    if not (snapshot.document and vm.status.document):
        return [Message("snapshot.unknown_differences")]
    now, then = domain_xml.parse(vm.status.definition), domain_xml.parse(snapshot.document)
    found = []
    if now.memory != then.memory:
        found.append(Message("snapshot.memory", now=now.memory, then=then.memory))
    if now.vcpus != then.vcpus:
        found.append(Message("snapshot.vcpus", now=now.vcpus, then=then.vcpus))
    nics_now = {nic.key: nic for nic in parse_domain(vm.status.document)}
    nics_then = {nic.key: nic for nic in parse_domain(snapshot.document)}
    for key, nic in nics_now.items():
        if key not in nics_then:
            found.append(Message("snapshot.nic_removed", mac=nic.mac, place=_place(nic)))
        elif _place(nic) != _place(nics_then[key]):
            found.append(Message("snapshot.nic_changed", mac=nic.mac, now=_place(nic), then=_place(nics_then[key])))
    back = (nic for key, nic in nics_then.items() if key not in nics_now)
    found += [Message("snapshot.nic_back", mac=nic.mac, place=_place(nic)) for nic in back]
    return found


def _place(nic: FoundNIC) -> str:
    """Return what a NIC is on, with its model."""
    link = "" if nic.spec.link_up else ", link down"
    return f"{nic.source or nic.kind} ({nic.model or 'default model'}{link})"
