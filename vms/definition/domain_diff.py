"""Compares a VM's saved definition with the stored and the running one in libvirt. Pure: values in, values out."""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from virterweb.messages import Message
from vms.definition.nics.fields import drift, fields_changed, value
from vms.definition.nics.parse import find
from vms.definition.nics.spec import FoundNIC, NICSpec, SharedMAC

from .disks import DISK_DEVICES, NOT_HOTPLUGGABLE, FoundDisk
from .domain import FoundDomain
from .hardware import differences


class Aspect(enum.StrEnum):
    """An aspect of a VM, other than its NICs, that can differ from the saved definition and be reverted."""

    NAME = "name"
    MEMORY = "memory"
    VCPUS = "vcpus"
    AUTOSTART = "autostart"
    HARDWARE = "hardware"
    DISKS = "disks"
    PERSISTENCE = "persistence"
    DOMAIN = "domain"
    DOCUMENT = "document"  # not a difference, but the request to define the document that an operator has edited
    STAYS_OFF = "stays off"  # not a difference, but an option of reverting: the domain is recreated and not started


@dataclass(frozen=True, kw_only=True)
class Difference:
    """An aspect of a VM, a NIC by its key, or a field of a NIC that differs from the saved definition.

    `sides` has the values that are saved, stored in libvirt and running, without a side that does not exist. The value
    of a whole NIC is its kind and source, None where it is missing. `added` marks a NIC that was added outside the
    portal; `problem` is why its stored side is unknown.
    """

    aspect: str = ""
    nic: str = ""
    field: str = ""
    added: bool = False
    problem: Message | None = None
    sides: Mapping[str, object]

    @property
    def code(self) -> dict[str, object]:
        """Return the difference as a status stores it."""
        problem = {"message": self.problem.stored()} if self.problem else None
        values = {"aspect": self.aspect, "nic": self.nic, "field": self.field, "added": self.added, "problem": problem}
        return {name: value for name, value in values.items() if value} | dict(self.sides)


def gone(name: str) -> Difference:
    """Return the difference of a VM that libvirt no longer has."""
    return Difference(aspect=Aspect.DOMAIN, sides={"saved": name, "stored": None})


@dataclass(frozen=True, kw_only=True)
class SavedNIC:
    """A NIC of the saved definition; with `late`, changes that need it unplugged wait for the next boot."""

    key: str
    spec: NICSpec
    late: bool = False


@dataclass(frozen=True, kw_only=True)
class SavedVM:
    """The saved definition of a VM; without `autostart`, and for hardware that is not named, it is as libvirt has it.

    `disks` are by target, without drives for media; None: as libvirt has them. `going` are the keys of NICs that are
    being removed.
    """

    name: str
    memory: int
    vcpus: int
    nics: tuple[SavedNIC, ...]
    autostart: bool | None = None
    hardware: Mapping[str, object] = field(default_factory=dict)
    disks: Mapping[str, FoundDisk] | None = None
    going: frozenset[str] = field(default_factory=frozenset)


def compare(
    saved: SavedVM, stored: FoundDomain | None, running: FoundDomain | None, autostart: bool | None = None
) -> tuple[Difference, ...]:
    """Return the differences; `stored` is None for a transient VM, `running` for one that is off.

    `autostart` is what libvirt has, None if that is unknown.

    What a running VM gets at its next boot is not a difference.
    """
    return (
        *_of_the_domain(saved, stored, running),
        *_of_autostart(saved.autostart, autostart),
        *_of_disks(saved.disks, stored, running),
        *_of_nics(saved, stored, running),
    )


def _of_the_domain(saved: SavedVM, stored: FoundDomain | None, running: FoundDomain | None) -> Iterator[Difference]:
    kept = stored or running
    for aspect in (Aspect.NAME, Aspect.MEMORY, Aspect.VCPUS):
        if getattr(saved, aspect) != getattr(kept, aspect):
            domains = {"saved": saved, "stored": stored, "running": running}
            sides = {side: getattr(domain, aspect) for side, domain in domains.items() if domain}
            yield Difference(aspect=aspect, sides=sides)
    for name, value_saved, value_found in differences(saved.hardware, kept.hardware):
        sides = {"saved": value_saved, "stored" if stored else "running": value_found}
        yield Difference(aspect=Aspect.HARDWARE, field=name, sides=sides)
    if stored is None:
        yield Difference(aspect=Aspect.PERSISTENCE, sides={"saved": True, "running": False})


def _of_autostart(saved: bool | None, found: bool | None) -> Iterator[Difference]:
    if None not in (saved, found) and saved != found:
        yield Difference(aspect=Aspect.AUTOSTART, sides={"saved": saved, "stored": found})


def _of_disks(
    saved: Mapping[str, FoundDisk] | None, stored: FoundDomain | None, running: FoundDomain | None
) -> Iterator[Difference]:
    """Yield the disks that are missing, were added, or are stored elsewhere than was saved."""
    if saved is None:
        return
    domains = {side: domain for side, domain in {"stored": stored, "running": running}.items() if domain}
    found = {side: _by_target(domain) for side, domain in domains.items()}
    for target in dict.fromkeys([*saved, *(target for disks in found.values() for target in disks)]):
        was, sides = saved.get(target), {side: disks.get(target) for side, disks in found.items()}
        there = next(disk for disk in (was, *sides.values()) if disk)
        if there.bus in NOT_HOTPLUGGABLE and stored:  # the running VM gets it, or loses it, at its next boot
            sides.pop("running", None)
        if any((disk and disk.source) != (was and was.source) for disk in sides.values()):
            sources = {side: disk and disk.source for side, disk in {"saved": was, **sides}.items()}
            yield Difference(aspect=Aspect.DISKS, field=target, added=was is None, sides=sources)


def _by_target(domain: FoundDomain) -> dict[str, FoundDisk]:
    return {disk.target: disk for disk in domain.disks if disk.device in DISK_DEVICES}


def _of_nics(saved: SavedVM, stored: FoundDomain | None, running: FoundDomain | None) -> Iterator[Difference]:
    wanted = {nic.key for nic in saved.nics} | saved.going
    domains = {"stored": stored, "running": running}
    for nic in saved.nics:
        try:
            found = {side: find(domain.nics, nic.key) for side, domain in domains.items() if domain}
        except SharedMAC as problem:
            sides = {"saved": value("source", nic.spec), "stored": None}
            yield Difference(nic=nic.key, problem=problem.message, sides=sides)
            continue
        if not all(found.values()):
            yield Difference(nic=nic.key, sides={"saved": value("source", nic.spec), **_places(found)})
        yield from _of_fields(nic, found)
    added = [nic.key for domain in domains.values() if domain for nic in domain.nics if nic.key not in wanted]
    for key in dict.fromkeys(added):
        found = {side: _exactly(domain.nics, key) for side, domain in domains.items() if domain}
        yield Difference(nic=key, added=True, sides={"saved": None, **_places(found)})


def _exactly(nics: Iterable[FoundNIC], key: str) -> FoundNIC | None:
    return next((nic for nic in nics if nic.key == key), None)


def _places(found: Mapping[str, FoundNIC | None]) -> dict[str, object]:
    """Return what a NIC is attached to on each side, None where that side lacks it."""
    return {side: nic and value("source", nic.spec) for side, nic in found.items()}


def _of_fields(nic: SavedNIC, found: Mapping[str, FoundNIC | None]) -> Iterator[Difference]:
    kept, live = found.get("stored"), found.get("running")
    changes = {change.field: change for change in fields_changed(nic.spec, kept)} if kept else {}
    if live:
        changes |= {change.field: change for change in drift(nic.spec, live, True, replug=not nic.late)}
    for change in changes.values():
        sides = {side: value(change.field, each.spec) for side, each in found.items() if each}
        yield Difference(nic=nic.key, field=change.field, sides={"saved": change.becomes, **sides})
