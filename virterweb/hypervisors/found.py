"""What the gateway answers with: values that say what libvirt has, and one family of errors."""

import re
from dataclasses import dataclass
from typing import Protocol


class HypervisorError(Exception):
    """What libvirt refused: a sentence, its own words as `detail`, and whether trying again can help."""

    again = False

    def __init__(self, text: str, detail: str = "") -> None:
        super().__init__(text)
        self.detail = detail


class Refused(HypervisorError):
    """libvirt said no; the same question gets the same answer."""

    @property
    def bridge_left(self) -> bool:
        """Whether the host has a device already with the name of a network's bridge."""
        return bool(re.search(r"error creating bridge interface .*: File exists", self.detail))


class Silent(Refused):
    """A guest does not answer, neither yes nor no."""


class Busy(HypervisorError):
    """libvirt could not just now."""

    again = True


class Unreachable(HypervisorError):
    """No libvirt there, or none that answers."""

    again = True


@dataclass(frozen=True, kw_only=True)
class FoundOutput:
    """What a program in a guest returned, and wrote."""

    code: int
    text: str


@dataclass(frozen=True, kw_only=True)
class FoundNetwork:
    uuid: str
    name: str
    document: str  # the live definition of an active network, else the stored one
    stored: str  # what it is after its next start; that of a transient network is the live one
    active: bool
    autostart: bool
    persistent: bool


@dataclass(frozen=True, kw_only=True)
class FoundPort:
    """A NIC of a running VM on a network. Destroying a network leaves its NICs hanging: no longer plugged."""

    vm_uuid: str
    vm: str
    mac: str
    document: str  # the live <interface>
    plugged: bool
    half_way: bool  # on the network's bridge as if that were any: the first of two steps back


@dataclass(frozen=True, kw_only=True)
class FoundLease:
    mac: str
    ip: str
    prefix: int
    hostname: str
    client_id: str
    expires: int  # seconds since the epoch; 0: never


@dataclass(frozen=True, kw_only=True)
class FoundDomain:
    uuid: str
    name: str
    document: str  # the live definition of a running domain, else the stored one
    state: str  # running, paused, off, other
    persistent: bool


@dataclass(frozen=True, kw_only=True)
class FoundAddress:
    """An address that a VM's NIC was said to have; source is lease, agent or arp."""

    mac: str
    ip: str
    prefix: int  # 0 where the source does not know it, as ARP
    source: str
    device: str = ""  # of the host, at which ARP saw it; empty where that is not told


@dataclass(frozen=True, kw_only=True)
class FoundTraffic:
    """What the guest received and sent by one NIC since it was plugged in: bytes, packets, errors and drops of each."""

    received: tuple[int, ...]
    sent: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class FoundVolume:
    name: str
    path: str
    document: str


class NetworkUpdate(Protocol):
    """A change of one entry of a network's lists, as `networks.plan` makes it."""

    command: "UpdateCommand"
    section: str  # libvirt's name, like ip-dhcp-host
    xml: str
    index: int  # of the <ip> that it is in; -1 for what is in none
    live: bool
    stored: bool


class UpdateCommand(Protocol):
    value: str  # add, delete or change
