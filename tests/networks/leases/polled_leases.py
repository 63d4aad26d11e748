"""A clock, DHCP servers and polls for the tests of leases."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace
from typing import ClassVar

from networks.leases import sync as leases
from networks.models import Lease, Network
from virterweb.hypervisors.gateway.found import FoundLease, FoundNetwork, Refused
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message

START = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
IP, MAC, OTHER_MAC = "192.168.122.207", "52:54:00:b3:72:d7", "52:54:00:00:00:08"

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
OTHERS = """<network><name>others</name><bridge name='virbr5'/>
<ip address='10.5.0.1' netmask='255.255.255.0'><dhcp><range start='10.5.0.2' end='10.5.0.9'/></dhcp></ip></network>"""


class Clock(datetime):
    """The source of Django's current time. It only changes when a test moves it."""

    at: ClassVar[datetime]

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return cls.at


@dataclass(kw_only=True)
class Recorder:
    """Record polls of the leases of one network, each some seconds after the previous one."""

    network: Network
    last: datetime | None = None

    def __call__(self, *found: FoundLease, after: timedelta = timedelta(seconds=10)) -> list[Lease]:
        """Record these leases as the next poll and return the current ones."""
        Clock.at += after
        leases.record(self.network, list(found), self.last)
        self.last = Clock.at
        return list(self.network.leases.current())


@dataclass(kw_only=True)
class DHCPServers:
    """A host whose dnsmasq processes have the given leases and release them on request unless they are `stubborn`."""

    held: dict[str, list[FoundLease]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    refusal: str = ""
    stubborn: bool = False

    @property
    def connection(self) -> SimpleNamespace:
        return SimpleNamespace(leases=self)

    def of_network(self, uuid: str) -> list[FoundLease]:
        self.asked.append(uuid)
        return list(self.held.get(uuid, []))

    def release(self, uuid: str, ip: str, mac: str, client_id: str) -> None:
        if self.refusal:
            raise Refused(Message.external(self.refusal))
        if not self.stubborn:
            self.held[uuid] = [lease for lease in self.held[uuid] if (lease.ip, lease.mac) != (ip, mac)]


def found(ip: str = IP, mac: str = MAC, hostname: str = "alma", expires: datetime | None = START + HOUR) -> FoundLease:
    seconds = int(expires.timestamp()) if expires else 0
    return FoundLease(mac=mac, ip=ip, prefix=24, hostname=hostname, client_id=f"01:{mac}", expires=seconds)


def listed(network: Network, active: bool = True) -> FoundNetwork:
    """Return the network as libvirt lists it."""
    document = network.status.document
    facts = {"active": active, "autostart": True, "persistent": True, "stored": document}
    return FoundNetwork(uuid=network.uuid_text, name=network.name, document=document, **facts)


def poll(network: Network, host: DHCPServers, active: bool = True) -> None:
    """Poll the leases as a worker does, ten seconds after the last poll."""
    HypervisorStatus.objects.update(observed_at=Clock.at)
    Clock.at += timedelta(seconds=10)
    leases.read_at_next_poll([network.pk])
    network = again(network)
    leases.poll(network.hypervisor, host.connection, [(network, listed(network, active))])


def again(network: Network) -> Network:
    return Network.objects.select_related("hypervisor__status", "status").get(pk=network.pk)


def spans() -> list[tuple[str, datetime, datetime | None]]:
    return list(Lease.objects.order_by("pk").values_list("mac", "first_seen", "last_seen"))
