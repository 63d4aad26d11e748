"""Values that the gateway returns, and one family of errors."""

import hashlib
import posixpath
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import Protocol

from virterweb.messages import Failure, Message

from . import wording as _wording  # noqa: F401, adds the texts of the messages
from .marks import Mark
from .reasons import Code, Reason, recognise


def normal_path(path: str, folder: str = "") -> str:
    """Return a path in normal form, for comparisons: /pool/./a is /pool/a, ./a in `folder` is folder/a.

    Other sources, such as json:{…} or nbd://host, stay as they are.
    """
    if folder and path.startswith(("./", "../")):
        path = f"{folder}/{path}"
    return posixpath.normpath("/" + path.lstrip("/")) if path.startswith("/") else path


class HypervisorError(Failure):
    """A call that libvirt refused, with the `message` for users, and the error message of libvirt as `detail`.

    `again` tells whether a retry can help; `reason` is the cause if it cannot be recognised from the detail.
    """

    again = False

    def __init__(self, message: Message, detail: str = "", *, reason: Reason | None = None) -> None:
        super().__init__(message)
        self.detail = detail
        self.reason = reason or recognise(detail)


class Refused(HypervisorError):
    """libvirt refused the call, and would refuse it again."""

    def because(self, code: Code) -> bool:
        return self.reason is not None and self.reason.code is code


class PoolUnreadable(Refused):
    """A pool whose volumes are unknown, which does not mean that it is empty; `missing` if there is no such pool."""

    def __init__(self, message: Message, detail: str = "", *, missing: bool = False) -> None:
        super().__init__(message, detail)
        self.missing = missing


class Silent(Refused):
    """A guest does not answer."""


class NotRunning(Refused):
    """The domain is off, or gone from this hypervisor."""


class ConsoleTaken(Refused):
    """Another client has the serial port open."""


class Busy(HypervisorError):
    """libvirt is busy; a retry can help."""

    again = True


class Unreachable(HypervisorError):
    """libvirt is not running, or does not answer."""

    again = True


class NotConnected(Unreachable):
    """No connection to libvirt could be opened, so it has not got any call."""


@dataclass(frozen=True, kw_only=True)
class FoundOutput:
    """What a program in a guest returned, and wrote."""

    code: int
    text: str


class Found:
    """What libvirt has of one object."""

    @property
    def fingerprint(self) -> str:
        """Return a digest of all fields, which differs if anything has changed."""
        return hashlib.blake2b(repr(self).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, kw_only=True)
class FoundNetwork(Found):
    uuid: str
    name: str
    document: str  # the live definition of an active network, else the stored one
    stored: str  # what it is after its next start; that of a transient network is the live one
    active: bool
    autostart: bool
    persistent: bool
    other: Mark | None = None  # another portal, which was the last that defined it


@dataclass(frozen=True, kw_only=True)
class FoundPort:
    """A NIC of a running VM on a network. Destroying a network leaves its NICs disconnected: no longer plugged.

    `seen` says whether that is so by the NIC's tap; else it is what libvirt believes, which may be wrong after the
    network was restarted. `port` tells one connection of the NIC from the next.
    """

    vm_uuid: str
    vm: str
    mac: str
    document: str  # the live <interface>
    plugged: bool
    seen: bool
    port: str
    half_way: bool  # on the temporary network by which it is reconnected


@dataclass(frozen=True, kw_only=True)
class FoundLease:
    mac: str
    ip: str
    prefix: int
    hostname: str
    client_id: str
    expires: int  # seconds since the epoch; 0: never


@dataclass(frozen=True, kw_only=True)
class FoundDomain(Found):
    uuid: str
    name: str
    document: str  # the live definition of a running domain, else the stored one
    state: str  # running, paused, off, other
    persistent: bool
    stored: str = ""  # what a running domain is after its next start; "" of one that is off, or transient
    reason: str = ""  # why it is paused, has crashed, or what other state it is in: a code of PowerReason
    saved: bool = False  # it is off with its memory saved: the next start resumes it
    autostart: bool = False  # libvirt starts it with the host
    other: Mark | None = None  # another portal, which was the last that defined it
    # How a domain that is off has stopped; only `get` reads it. "shut-down": by its guest. "unseen": before libvirtd
    # started. Otherwise "".
    stopped: str = field(default="", repr=False)


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
class FoundSnapshots:
    """The snapshots of a domain: their documents, and the name of the current one."""

    documents: tuple[str, ...]
    current: str


@dataclass(frozen=True, kw_only=True)
class FoundJob:
    """How far a job is, in bytes; `ready`: a commit only waits for its pivot."""

    done: int
    total: int
    ready: bool

    @property
    def percent(self) -> int:
        return min(100, 100 * self.done // self.total) if self.total > 0 else 0


POOLS_OF_FILES = ("dir", "fs", "netfs")  # types of pools whose volumes are files


@dataclass(frozen=True, kw_only=True)
class FoundPool:
    """A storage pool; sizes in bytes, 0 of an inactive one."""

    name: str
    kind: str  # such as dir
    active: bool
    capacity: int
    allocation: int
    available: int


@dataclass(frozen=True, kw_only=True)
class FoundVolume:
    name: str
    path: str  # normalised
    document: str


class NetworkUpdate(Protocol):
    """A change of one entry of a network's lists, as `networks.definition.plans` makes it."""

    command: "UpdateCommand"
    section: str  # libvirt's name, like ip-dhcp-host
    xml: str
    index: int  # of the <ip> that it is in; -1 for what is in none
    live: bool
    stored: bool


class UpdateCommand(Protocol):
    value: str  # add, delete or change


class Guard(Protocol):
    """Surrounds the reading of one object, given by key and name, so that an error affects only this object."""

    def __call__(self, key: str, name: str) -> AbstractContextManager[None]: ...


def fail_on_unreadable(key: str, name: str) -> AbstractContextManager[None]:
    """Stop the whole reading at the first object that cannot be read."""
    return nullcontext()


def skip_unreadable(key: str, name: str) -> AbstractContextManager[None]:
    """Leave out an object that cannot be read."""
    return suppress(Refused, Busy, UnicodeError)
