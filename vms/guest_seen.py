"""What a guest is to do with a NIC, what is seen of that, and what to say of it. Pure: values alone."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .attached import Address, Source

CONFIGURE = "Configure it now, or reboot the guest."


def family_of(ip: str) -> int:
    return 6 if ":" in ip else 4


class State(StrEnum):
    AS_WANTED = "as-wanted"
    WAITING = "waiting"
    NOT_AS_WANTED = "not-as-wanted"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        return self.value.replace("-", " ")

    @property
    def tone(self) -> str:
        """The stylesheet's class for its colour."""
        return {State.AS_WANTED: "ready", State.WAITING: "pending", State.NOT_AS_WANTED: "failed"}.get(self, "quiet")

    @property
    def icon(self) -> str:
        marks = {State.AS_WANTED: "check-circle", State.WAITING: "clock", State.NOT_AS_WANTED: "exclamation-circle"}
        return marks.get(self, "question-mark-circle")


class CloudInit(StrEnum):
    """What cloud-init came to, as the guest says."""

    DONE = "done"
    ERROR = "error"
    RUNNING = "running"
    NOT_RUN = "not run"
    DISABLED = "switched off"
    NOT_INSTALLED = "not installed"

    @property
    def tone(self) -> str:
        """The stylesheet's class for its colour."""
        return {CloudInit.DONE: "ready", CloudInit.ERROR: "failed", CloudInit.RUNNING: "pending"}.get(self, "quiet")

    @property
    def icon(self) -> str:
        marks = {CloudInit.DONE: "check-circle", CloudInit.ERROR: "exclamation-circle", CloudInit.RUNNING: "clock"}
        return marks.get(self, "minus-circle")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a guest is to do with a NIC.

    `dhcp` are the address families (4, 6) that it asks DHCP for, `blocks` what such addresses come from (CIDR; none
    where nobody knows), `served` the families that its network serves, None where that is not known. `addresses` are
    static ones, with or without prefix. `reserved` is the IPv4 address that DHCP keeps for it. Of a NIC that is not
    `managed` nothing is expected but that; `alone` says why, in words.
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
    """A NIC as its guest sees it; `dhcp` are the families that a DHCP client asks for on it, None: nobody knows."""

    name: str
    up: bool
    dhcp: frozenset[int] | None = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of a NIC of a VM.

    `agent` is whether the guest's agent answers, None if it has no channel for one; `refused` what it says instead of
    running a program. `ours` is whether its cloud-init ISO is the portal's, `errors` are cloud-init's own words.
    `in_libvirt` and `until` (the end of its lease) are about the reserved address. `since` is when the VM was seen to
    be started, `plugged` when the NIC came to a running one, `told` when the guest told of its `interface`.
    """

    running: bool = True
    addresses: tuple[Address, ...] = ()
    link_up: bool = True
    agent: bool | None = None
    refused: str = ""
    ours: bool = True
    interface: Interface | None = None
    cloud_init: CloudInit | None = None
    errors: str = ""
    in_libvirt: bool = True
    until: datetime | None = None
    since: datetime | None = None
    plugged: datetime | None = None
    told: datetime | None = None

    @property
    def card(self) -> Interface | None:
        """Its interface, unless that was down when the guest told of it, and has had an address since."""
        if self.interface and not self.interface.up and self.told:
            since = max((address.since for address in self.addresses if address.since), default=self.told)
            return self.interface if since <= self.told else None
        return self.interface

    def ips(self, *sources: Source, family: int = 0) -> tuple[str, ...]:
        """Those addresses that one of these sources tells, of any if none is named."""
        return tuple(
            address.ip
            for address in self.addresses
            if family in (0, family_of(address.ip))
            and (not sources or any(source in sources for source in address.sources))
        )

    @property
    def begun(self) -> datetime | None:
        """Since when the guest could have configured it."""
        return self.plugged or self.since

    @property
    def may_be_told(self) -> bool:
        """Whether the guest can be made to configure it without a reboot."""
        return bool(self.agent and self.ours and not self.refused)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`reason` is the end of a sentence: why not yet, why not, or how it is; `address` is the one that is missing."""

    state: State
    reason: str = ""
    fix: str = ""
    since: datetime | None = None
    address: str = ""

    @property
    def configurable(self) -> bool:
        """Whether it is mended by having the guest configure itself as its ISO says."""
        return self.fix == CONFIGURE

    @property
    def problem(self) -> str:
        """In words, what is not as wanted; else empty."""
        return self.text if self.state is State.NOT_AS_WANTED else ""

    @property
    def text(self) -> str:
        """The whole as a sentence or two."""
        wanted = f"{self.address} is wanted: {self.reason}" if self.address else self.reason
        return f"{wanted}. {self.fix}" if self.fix else wanted
