"""The parts of a VM that give access to the hypervisor's host, which only operators may add. Pure: values only."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import Protocol

from vms.definition.nics.spec import NICSpec


class Reach(Enum):
    """A kind of access to the host."""

    BRIDGE = "bridge"
    DEVICE = "device"
    USER = "user"
    OTHER = "other"
    FOLDER = "folder"
    VNC = "vnc"


class Granted(Protocol):
    """What grants allow on a hypervisor: see `networks.attaching`."""

    def has_bridge(self, name: str) -> bool:
        """Return whether a grant names this bridge of the host."""

    def has_device(self, name: str) -> bool:
        """Return whether a grant names this device of the host."""


@dataclass(frozen=True, kw_only=True)
class Part:
    reach: Reach
    value: str


PASSTHROUGH = "passthrough"  # the guest has the device alone
KINDS = {"bridge": Reach.BRIDGE, "direct": Reach.DEVICE, "user": Reach.USER}


def parts(nics: Iterable[NICSpec] = (), console_dir: str = "", vnc_bind: str = "") -> frozenset[Part]:
    """Return the parts of a VM that give access to the host."""
    found = {
        Part(reach=KINDS.get(nic.kind, Reach.OTHER), value=" ".join(filter(None, (nic.source or nic.kind, nic.mode))))
        for nic in nics
        if nic.kind != "network"
    }
    if console_dir:
        found.add(Part(reach=Reach.FOLDER, value=console_dir))
    if vnc_bind and not ip_address(vnc_bind).is_loopback:
        found.add(Part(reach=Reach.VNC, value=vnc_bind))
    return frozenset(found)


def gained(before: frozenset[Part], after: frozenset[Part]) -> tuple[Part, ...]:
    """Return the parts that are new; removing a part needs no operator."""
    return tuple(sorted(after - before, key=lambda part: (part.reach.value, part.value)))


def refused(before: frozenset[Part], after: frozenset[Part], granted: Granted) -> list[str]:
    """Return why parts that are new may not be added, one sentence for each that no grant allows."""
    return reasons(part for part in gained(before, after) if not _allowed(part, granted))


def _allowed(part: Part, granted: Granted) -> bool:
    """Return whether a grant allows a part; of the host's devices, grants allow macvtap except passthrough."""
    if part.reach is Reach.BRIDGE:
        return granted.has_bridge(part.value)
    place, _, mode = part.value.partition(" ")
    return part.reach is Reach.DEVICE and mode != PASSTHROUGH and granted.has_device(place)


WORDS = {
    Reach.BRIDGE: "Only operators may attach NICs to a bridge of the hypervisor. Choose a network.",
    Reach.DEVICE: "Only operators may attach NICs to a device of the hypervisor. Choose a network.",
    Reach.USER: "Only operators may use user networking, because it can reach services of the hypervisor. Choose a "
    "network.",
    Reach.OTHER: "Only operators may attach NICs of this kind. Choose a network.",
    Reach.FOLDER: "Only operators may choose a folder of the hypervisor.",
    Reach.VNC: "Only operators may make VNC reachable from other machines. Use 127.0.0.1.",
}


def reasons(found: Iterable[Part]) -> list[str]:
    """Return why only operators may add these parts, one sentence each."""
    return [f"{WORDS[part.reach]} ({part.value})" for part in found]
