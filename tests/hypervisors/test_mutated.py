"""Mutated documents, leases and counters: parsers return bounded values, and a poll survives them all."""

import copy
import uuid
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from networks.definition.document.parse import parse
from networks.models import Lease, Network
from tests.support.examples import examples
from tests.support.making import make_hypervisor
from virterweb.hypervisors.gateway.bounds import LARGEST
from virterweb.hypervisors.gateway.found import (
    FoundDomain,
    FoundLease,
    FoundNetwork,
    FoundPort,
    FoundTraffic,
    FoundVolume,
    Guard,
    fail_on_unreadable,
)
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.hypervisors.sync import _read_everything
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.definition.nics.parse import parse_domain
from vms.models import VM, Volume

pytestmark = pytest.mark.integration

PLAIN = "7c1b1f0e-0000-4000-8000-000000000001"
ODD = "7c1b1f0e-0000-4000-8000-000000000002"
DOMAIN = """<domain type='qemu' id='3'><name>odd</name><uuid>{uuid}</uuid><memory unit='KiB'>65536</memory>
<currentMemory unit='KiB'>65536</currentMemory><vcpu current='1'>2</vcpu>
<metadata><vir:meta xmlns:vir='https://github.com/LINBIT/virter'><vir:hostkey>ssh-rsa AAAA</vir:hostkey>
<vir:ssh-user-name>root</vir:ssh-user-name></vir:meta></metadata><os><type>hvm</type><boot dev='hd'/></os><devices>
<disk type='volume' device='disk'><driver name='qemu' type='qcow2'/><source pool='default' volume='v'/>
<target dev='vda' bus='virtio'/><boot order='1'/></disk>
<interface type='network'><mac address='52:54:00:00:00:09'/><source network='default' portgroup='red'/>
<vlan><tag id='42'/></vlan><bandwidth><inbound average='1000' peak='5000' burst='1024'/></bandwidth>
<target dev='vnet0'/><model type='virtio'/><driver queues='4'/><mtu size='1500'/><link state='up'/>
<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></interface>
<interface type='bridge'><mac address='52:54:00:00:00:0a'/><source bridge='br0'/></interface>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0' state='connected'/></channel>
<serial type='pty'><log file='/tmp/x' append='off'/></serial></devices></domain>"""
VOLUME = """<volume type='file'><name>odd</name><capacity unit='bytes'>1024</capacity>
<target><path>/pool/odd</path><format type='qcow2'/></target>
<backingStore><path>/pool/base</path><format type='qcow2'/></backingStore></volume>"""
NETWORK = """<network connections='1'><name>odd</name><uuid>{uuid}</uuid><forward mode='nat'><nat>
<port start='1024' end='65535'/></nat></forward><bridge name='virbr9' stp='on' delay='0'/><mtu size='9000'/>
<domain name='odd.test' localOnly='yes'/><dns>
<forwarder addr='1.1.1.1'/><host ip='10.9.0.1'><hostname>h</hostname></host>
</dns><ip address='10.9.0.1' prefix='24'><dhcp><range start='10.9.0.2' end='10.9.0.99'>
<lease expiry='12' unit='hours'/></range>
<host mac='52:54:00:00:00:09' name='h' ip='10.9.0.9'><lease expiry='3'/></host></dhcp></ip>
<ip family='ipv6' address='fd00::1' prefix='64'/><route address='10.8.0.0' prefix='24' gateway='10.9.0.2' metric='5'/>
<portgroup name='red' default='yes'><vlan><tag id='42'/></vlan><bandwidth><inbound average='1'/></bandwidth></portgroup>
</network>"""

hostile = st.one_of(
    st.sampled_from(
        ["", "0", "-1", "255", str(2**31), str(2**63), str(2**64), "9" * 5000, "0x", "1e9", "NaN", "٣", "no"]
    ),
    st.sampled_from(["x" * 300, "line\nbreak", "<&\"'>", "ünï\u202e", "/../..", "::", "10.9.0.300", "fe80::1%eth0"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF), max_size=20),
)


@st.composite
def mutated(draw: Callable, document: str) -> str:
    """The document with some attributes and texts replaced, elements removed, repeated, or moved elsewhere."""
    root = etree.fromstring(document)
    for _ in range(draw(st.integers(1, 4))):
        element = draw(st.sampled_from([each for each in root.iter() if each is not root] or [root]))
        what = draw(st.sampled_from(["attribute", "text", "remove", "repeat", "move"]))
        parent = element.getparent()
        if what == "attribute" and element.attrib:
            element.set(draw(st.sampled_from(sorted(element.attrib))), draw(hostile))
        elif what == "text" or parent is None:
            element.text = draw(hostile)
        elif what == "remove":
            parent.remove(element)
        elif what == "repeat":
            parent.extend([copy.deepcopy(element) for _ in range(draw(st.sampled_from([1, 3, 70])))])
        elif what == "move" and not any(each is parent for each in element.iter()):
            root.append(element)
    return etree.tostring(root, encoding="unicode")


def numbers(value: object) -> list[int]:
    """All whole numbers in a parser's result."""
    if isinstance(value, bool):
        return []
    if isinstance(value, int):
        return [value]
    if is_dataclass(value):
        return [number for each in fields(value) for number in numbers(getattr(value, each.name))]
    return [number for each in value for number in numbers(each)] if isinstance(value, tuple) else []


@settings(max_examples=examples(100), deadline=None)
@given(mutated(DOMAIN.format(uuid=ODD)))
def test_any_domain_document_is_read(document):
    found = domain_xml.parse(document)
    assert all(number <= LARGEST for number in numbers(found))
    assert len(parse_domain(document)) == len(found.nics)
    domain_xml.run_number(document)
    domain_xml.console_log(document)


@settings(max_examples=examples(100), deadline=None)
@given(mutated(VOLUME))
def test_any_volume_document_is_read(document):
    assert 0 <= volume_xml.parse(document).capacity <= LARGEST


@settings(max_examples=examples(100), deadline=None)
@given(mutated(NETWORK.format(uuid=ODD)))
def test_a_network_is_read_or_refused_as_a_wrong_value(document):
    try:
        found = parse(document)
    except ValueError:
        return
    assert all(number <= LARGEST for number in numbers(found))


class Machine:
    def version(self) -> str:
        return "libvirt 9.0.0"

    def uptime(self) -> float | None:
        return None

    def name(self) -> str:
        return "lab7"

    def memory(self) -> int:
        return 2**70 % LARGEST

    def memory_used(self) -> int | None:
        return None

    def cpus(self) -> int:
        return 4

    def nic_models(self) -> list[str]:
        return ["virtio"]

    def archs(self) -> list[str]:
        return ["x86_64"]

    def routes(self) -> list[list[str]]:
        return []

    def devices(self) -> list[str] | None:
        return None


@dataclass
class OddNetworks:
    odd: str

    def all(self, guard: Guard = fail_on_unreadable) -> list[FoundNetwork]:
        plain = NETWORK.format(uuid=PLAIN).replace(">odd<", ">plain<")
        found = ((PLAIN, "plain", plain), (ODD, "odd", self.odd))
        flags = {"active": True, "autostart": True, "persistent": True}
        return [FoundNetwork(uuid=key, name=name, document=text, stored=text, **flags) for key, name, text in found]

    def get(self, key: str) -> FoundNetwork | None:
        return next((each for each in self.all() if each.uuid == key), None)


@dataclass
class OddDomains:
    odd: str

    def all(self, guard: Guard = fail_on_unreadable) -> list[FoundDomain]:
        plain = DOMAIN.format(uuid=PLAIN).replace(">odd<", ">plain<")
        found = ((PLAIN, "plain", plain), (ODD, "odd", self.odd))
        flags = {"state": "running", "persistent": True}
        return [FoundDomain(uuid=key, name=name, document=text, stored=text, **flags) for key, name, text in found]

    def get(self, key: str) -> FoundDomain | None:
        return next((each for each in self.all() if each.uuid == key), None)

    def traffic(self) -> dict[str, dict[str, FoundTraffic]]:
        odd = FoundTraffic(received=(2**63, 2**64, 0, 0), sent=(0, 0, 0, 2**70))
        return {PLAIN: {"vnet0": odd}, ODD: {"vnet0": odd}}


class NoPorts:
    def of_network(self, key: str) -> list[FoundPort]:
        return []

    def interrupted_reconnects(self) -> list[str]:
        return []


@dataclass
class OddVolumes:
    odd: str

    def all(self, pool: str, guard: Guard = fail_on_unreadable) -> list[FoundVolume]:
        found = (("plain", VOLUME), ("odd", self.odd))
        return [FoundVolume(name=name, path=f"/pool/{name}", document=text) for name, text in found]


@dataclass
class OddLeases:
    odd: FoundLease

    def of_network(self, key: str) -> list[FoundLease]:
        plain = FoundLease(mac="52:54:00:00:00:09", ip="10.9.0.9", prefix=24, hostname="h", client_id="", expires=0)
        return [plain, self.odd]


class OddConnection:
    """A hypervisor with one plain object of each kind, and one that a test mutates."""

    sends_events = True

    def __init__(self, domain: str, network: str, volume: str, lease: FoundLease) -> None:
        self.host, self.ports = Machine(), NoPorts()
        self.networks, self.domains = OddNetworks(network), OddDomains(domain)
        self.volumes, self.leases = OddVolumes(volume), OddLeases(lease)


leases = st.builds(
    FoundLease,
    mac=hostile,
    ip=hostile,
    prefix=st.integers(),
    hostname=hostile,
    client_id=hostile,
    expires=st.integers(),
)


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    return make_hypervisor()


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.builds(
        OddConnection,
        domain=mutated(DOMAIN.format(uuid=ODD)),
        network=mutated(NETWORK.format(uuid=ODD)),
        volume=mutated(VOLUME),
        lease=leases,
    )
)
def test_a_poll_survives_unreadable_objects_and_records_the_others(lab, connection):
    for rows in (VM, Network, Volume, Lease):
        rows.objects.all().delete()
    HypervisorStatus.objects.update(volumes_tried_at=None, observed_at=None)
    hypervisor = Hypervisor.objects.select_related("status").get(pk=lab.pk)
    for _ in range(2):
        _read_everything(hypervisor, connection)
    assert VM.objects.get(uuid=uuid.UUID(PLAIN)).status.memory == 64
    assert Network.objects.get(uuid=uuid.UUID(PLAIN)).status.active
    assert Volume.objects.get(name="plain").capacity == 1024
    assert Lease.objects.current().filter(ip="10.9.0.9", network__uuid=PLAIN).exists()
