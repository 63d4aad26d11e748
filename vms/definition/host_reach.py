"""The parts of a VM that give access to the hypervisor's host, which only operators may add. Pure: values only."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

from vms.definition.nics.spec import NICSpec


class Reach(Enum):
    """A kind of access to the host."""

    BRIDGE = "bridge"
    DEVICE = "device"
    USER = "user"
    OTHER = "other"
    FOLDER = "folder"
    VNC = "vnc"


@dataclass(frozen=True, kw_only=True)
class Part:
    reach: Reach
    value: str


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
