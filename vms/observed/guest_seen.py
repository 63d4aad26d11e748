"""The values of the guest check: what is expected of a NIC, what is observed, and the verdict. Pure: values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from . import wording
from .addresses import Address, Source


def family_of(ip: str) -> int:
    return 6 if ":" in ip else 4


class State(StrEnum):
    AS_WANTED = "as-wanted"
    WAITING = "waiting"
    NOT_AS_WANTED = "not-as-wanted"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        return wording.STATES[self]

    @property
    def tone(self) -> str:
        """Return the stylesheet's class for its colour."""
        return {State.AS_WANTED: "ready", State.WAITING: "pending", State.NOT_AS_WANTED: "failed"}.get(self, "quiet")

    @property
    def icon(self) -> str:
        marks = {State.AS_WANTED: "check-circle", State.WAITING: "clock", State.NOT_AS_WANTED: "exclamation-circle"}
        return marks.get(self, "question-mark-circle")


class CloudInit(StrEnum):
    """The result of cloud-init, as the guest reports it."""

    DONE = "done"
    ERROR = "error"
    RUNNING = "running"
    NOT_RUN = "not run"
    DISABLED = "switched off"
    NOT_INSTALLED = "not installed"

    @property
    def tone(self) -> str:
        """Return the stylesheet's class for its colour."""
        return {CloudInit.DONE: "ready", CloudInit.ERROR: "failed", CloudInit.RUNNING: "pending"}.get(self, "quiet")

    @property
    def icon(self) -> str:
        marks = {CloudInit.DONE: "check-circle", CloudInit.ERROR: "exclamation-circle", CloudInit.RUNNING: "clock"}
        return marks.get(self, "minus-circle")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is expected of a guest's NIC.

    `dhcp` are the address families (4, 6) that it requests by DHCP, `blocks` the CIDR blocks of such addresses (empty
    if unknown), `served` the families that its network serves (None if unknown). `addresses` are static ones, with or
    without prefix. `reserved` is its reserved IPv4 address. Nothing else is expected of a NIC that is not `managed`;
    `alone` is the code of the reason.
    """

    dhcp: frozenset[int] = frozenset()
    served: frozenset[int] | None = None
    blocks: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    reserved: str = ""
    managed: bool = True
    alone: str = ""


@dataclass(frozen=True, kw_only=True)
class Interface:
    """A NIC as its guest sees it; `dhcp` are the families that a DHCP client requests on it, None if unknown."""

    name: str
    up: bool
    dhcp: frozenset[int] | None = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The facts about a VM's NIC.

    `agent` is whether the guest's agent answers, None if there is no channel for one; `refused` is the code of why it
    reports nothing. `portal_iso` is whether its cloud-init ISO is the portal's, `errors` are cloud-init's messages.
    `in_libvirt` and `until` (the end of its lease) are about the reserved address. `since` is when the VM was found
    started, `plugged` when the NIC was attached to the running VM, `reported_at` when the guest reported the NIC's
    `interface`.
    """

    running: bool = True
    addresses: tuple[Address, ...] = ()
    link_up: bool = True
    agent: bool | None = None
    refused: str = ""
    portal_iso: bool = True
    interface: Interface | None = None
    cloud_init: CloudInit | None = None
    errors: str = ""
    in_libvirt: bool = True
    until: datetime | None = None
    since: datetime | None = None
    plugged: datetime | None = None
    reported_at: datetime | None = None

    @property
    def card(self) -> Interface | None:
        """Return the interface, unless it was down in the guest's report and has had an address since."""
        if self.interface and not self.interface.up and self.reported_at:
            since = max((address.since for address in self.addresses if address.since), default=self.reported_at)
            return self.interface if since <= self.reported_at else None
        return self.interface

    def ips(self, *sources: Source, family: int = 0) -> tuple[str, ...]:
        """Return the addresses that any of these sources reports now; of all sources if none is given."""
        return tuple(
            address.ip
            for address in self.addresses
            if address.as_of is None
            and family in (0, family_of(address.ip))
            and (not sources or any(source in sources for source in address.sources))
        )

    @property
    def begun(self) -> datetime | None:
        """Return the earliest time at which the guest could have configured the NIC."""
        return self.plugged or self.since

    @property
    def may_be_told(self) -> bool:
        """Return whether the portal can apply the network configuration in the guest without a reboot."""
        return bool(self.agent and self.portal_iso and not self.refused)


class Fix(StrEnum):
    """The remedy for a NIC that is not as expected."""

    NONE = ""
    CONFIGURE = "configure"  # have the guest apply the network configuration of its ISO
    REBOOT = "reboot"
    LINK = "link"
    RENEW = "renew"
    DHCP = "DHCP"
    ADDRESSES = "addresses"
    CONSOLE = "console"
    CONSOLE_WAITS = "console waits"
    CONSOLE_UP = "console up"
    IMAGE = "image"
    IN_GUEST = "in guest"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The verdict on a NIC: `why` is the code of the reason, `about` its parameters, `remedy` the remedy.

    `address` is the missing address.
    """

    state: State
    why: str = ""
    about: Mapping[str, object] = field(default_factory=dict)
    remedy: Fix = Fix.NONE
    since: datetime | None = None
    address: str = ""

    @property
    def reason(self) -> str:
        """Return the reason as the end of a sentence."""
        return wording.reason(self.why, self.about)

    @property
    def fix(self) -> str:
        return wording.fix(self.remedy)

    @property
    def configurable(self) -> bool:
        """Return whether applying the network configuration of the ISO helps."""
        return self.remedy is Fix.CONFIGURE

    @property
    def problem(self) -> str:
        """Return what is not as expected, as text; "" if nothing is."""
        return self.text if self.state is State.NOT_AS_WANTED else ""

    @property
    def text(self) -> str:
        """Return the whole verdict as a sentence or two."""
        return wording.verdict(self.reason, self.fix, self.address)
