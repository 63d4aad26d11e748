"""The hardware of a VM as its page shows it, and what of it waits for the next start."""

from collections.abc import Iterator
from dataclasses import dataclass

from vms.definition.domain import FoundDomain, parse
from vms.definition.hardware import BIOS, OTHER, Hardware
from vms.definition.wording import hardware as words
from vms.models import VM

OTHER_TEXT = "another, see the definition"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A value that the running VM does not have yet, as texts."""

    title: str
    now: str
    later: str


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Hardware as texts by title, the description, and what takes effect at the next start of a running VM."""

    description: str
    fields: tuple[tuple[str, str], ...]
    waiting: tuple[Waiting, ...]


def shown(vm: VM) -> Shown | None:
    """Return the hardware that libvirt stores of a VM; None before libvirt has it."""
    status = vm.status
    if not status.definition:
        return None
    stored = parse(status.definition)
    apart = status.running and status.persistent and status.stored
    waiting = tuple(_waiting(stored, parse(status.document))) if apart else ()
    return Shown(description=stored.hardware.description, fields=tuple(_fields(stored.hardware)), waiting=waiting)


def _fields(found: Hardware) -> Iterator[tuple[str, str]]:
    yield "Architecture", found.arch
    yield "Machine type", found.machine
    for name in ("cpu", "firmware", "graphics"):
        yield words.TITLES[name], _text(name, getattr(found, name))
    if found.boot:  # otherwise the document names kinds of devices
        yield words.TITLES["boot"], words.value("boot", found.boot)


def _waiting(stored: FoundDomain, running: FoundDomain) -> Iterator[Waiting]:
    pairs = [
        ("Memory", f"{running.memory} MiB", f"{stored.memory} MiB"),
        ("vCPUs", str(running.vcpus), str(stored.vcpus)),
    ]
    for name in ("cpu", "firmware", "graphics", "boot"):
        now, later = getattr(running.hardware, name), getattr(stored.hardware, name)
        if _comparable(name, now, later):
            pairs.append((words.TITLES[name], _text(name, now), _text(name, later)))
    yield from (Waiting(title=title, now=now, later=later) for title, now, later in pairs if now != later)


def _comparable(name: str, now: object, later: object) -> bool:
    """Return whether a running value says what was stored at the start: libvirt replaces CPU modes and UEFI files."""
    if name == "cpu":
        return OTHER not in (now, later)
    return name != "firmware" or BIOS in (now, later)


def _text(name: str, found: object) -> str:
    return OTHER_TEXT if found == OTHER else words.value(name, found)
