"""A hypervisor with hostile objects of each kind: everything else stays up to date, and each is named."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

TIMEOUT = 20  # seconds
DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='KiB'>{memory}</memory><currentMemory>1</currentMemory>
<vcpu>{vcpus}</vcpu><os><type>hvm</type></os><devices>{devices}</devices></domain>"""
NETWORK = "<network><name>{name}</name>{more}</network>"
DHCP = """<bridge name='virbr66'/><ip address='10.66.0.1' netmask='255.255.255.0'>
<dhcp><range start='10.66.0.2' end='10.66.0.99'/></dhcp></ip>"""


def header(size: int) -> bytes:
    """A qcow2 header of a disk of so many bytes."""
    fields = (b"QFI\xfb", 2, 0, 0, 16, size, 0, 1, 65536, 131072, 1, 0, 0)
    return struct.pack(">4sIQIIQIIQQIIQ", *fields).ljust(196_608, b"\0")


@pytest.fixture
def volumes(lab: Lab) -> Iterator[Path]:
    """Yield the pool's folder; remove what the test left there."""
    folder = lab.directory / "lib/images"
    before = set(folder.iterdir())
    yield folder
    for path in set(folder.iterdir()) - before:
        path.unlink()
    lab.virsh("pool-refresh", "default")


@pytest.fixture
def others(host: libvirt.virConnect) -> Iterator[libvirt.virConnect]:
    """Yield a connection to libvirt; remove everything that the test defined."""
    domains, networks = ({each.name() for each in found} for found in (host.listAllDomains(), host.listAllNetworks()))
    yield host
    for domain in host.listAllDomains():
        if domain.name() not in domains:
            domain.undefine()
    for network in host.listAllNetworks():
        if network.name() not in networks:
            if network.isActive():
                network.destroy()
            network.undefine()


def define_hostile_domains(host: libvirt.virConnect) -> list[str]:
    """Define the largest and most unusual domains that libvirt accepts, and many of them; return their names."""
    nics = "<interface type='ethernet'/><interface type='user'/>"
    nics += "<interface type='bridge'><source bridge='{b}'/></interface>"
    tried = [
        {"name": "huge", "memory": 2**53 - 1, "vcpus": 1, "devices": ""},
        {"name": "wide", "memory": 4096, "vcpus": 5000, "devices": ""},
        {"name": "crowded", "memory": 4096, "vcpus": 1, "devices": "<interface type='user'/>" * 200},
        {"name": "long-" + "ü" * 100, "memory": 4096, "vcpus": 1, "devices": ""},
        {"name": "line\nbreak", "memory": 4096, "vcpus": 1, "devices": ""},
        {"name": "bridged", "memory": 4096, "vcpus": 1, "devices": nics.format(b="b" * 300)},
    ]
    tried += [{"name": f"many-{number}", "memory": 4096, "vcpus": 1, "devices": ""} for number in range(50)]
    return [name for each in tried if (name := defined(host.defineXML, DOMAIN.format(**each)))]


def define_hostile_networks(host: libvirt.virConnect) -> list[str]:
    hosts = "".join(f"<host ip='10.9.{n // 250}.{n % 250}'><hostname>h{n}</hostname></host>" for n in range(500))
    tried = {
        "huge": "<ip family='ipv6' address='fd00::1' prefix='8'/>",
        "tiny": "<ip address='10.99.0.1' prefix='32'/>",
        "names": f"<dns>{hosts}</dns>",
        "long-" + "n" * 230: "",
        "mtu": "<mtu size='4294967295'/>",
        "lease": "<ip address='10.98.0.1' prefix='24'><dhcp><host mac='52:54:00:98:00:01' ip='10.98.0.9'>"
        "<lease expiry='4294967295' unit='hours'/></host></dhcp></ip>",
    }
    tried |= {f"many-{number}": "" for number in range(20)}
    return [
        found
        for name, more in tried.items()
        if (found := defined(host.networkDefineXML, NETWORK.format(name=name, more=more)))
    ]


def defined(define, document: str) -> str:
    """The name under which libvirt took a document; empty if it refused that."""
    try:
        return define(document).name()
    except libvirt.libvirtError:
        return ""


def problems(portal: Portal) -> list[str]:
    return portal.ask("[str(each) for each in ReadingProblem.objects.all()]")


def write_hostile_volumes(folder: Path) -> None:
    """Write volumes with extreme sizes and unusual names, and many of them, into the pool."""
    for size in (2**63, 2**64 - 1, 0):
        (folder / f"monster-{size:x}.qcow2").write_bytes(header(size))
    names = (b"new\nline", b"n" * 255, b"odd\xff", b"<&>\"'", "ünï".encode(), *(b"many-%d" % n for n in range(500)))
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(b"x")
    (folder / "dangling").symlink_to("/nowhere")
    os.mkfifo(folder / "fifo")


def request_poll(portal: Portal) -> None:
    portal.manage("shell", "-c", "from virterweb.hypervisors.models import *; Hypervisor.objects.get().request_poll()")


def wait_for_plain_objects(portal: Portal) -> None:
    """Wait until the VM and the volume named `plain` and the largest volume are seen."""
    plain = "VM.objects.filter(name='plain', status__present=True).exists()"
    wait_for(lambda: portal.ask(plain), TIMEOUT, "the VM is seen")
    wait_for(lambda: portal.ask("Volume.objects.filter(name='plain').exists()"), TIMEOUT, "the volume is seen")
    capacities = "dict(Volume.objects.filter(name__startswith='monster').values_list('name', 'capacity'))"
    monster = "monster-8000000000000000.qcow2"  # seen only once the pool has been refreshed
    wait_for(lambda: portal.ask(capacities).get(monster) == 2**63 - 1, TIMEOUT, "the largest volume is seen")


def lease_problems(portal: Portal) -> list[str]:
    return [each for each in problems(portal) if "leasing" in each]


def test_one_hostile_object_of_each_kind_leaves_all_others_up_to_date(portal: Portal, lab: Lab, others, volumes):
    write_hostile_volumes(volumes)
    networks, domains = define_hostile_networks(others), define_hostile_domains(others)
    assert {"huge", "names"} <= set(networks)
    assert {"huge", "crowded"} <= set(domains)
    leasing = others.networkDefineXML(NETWORK.format(name="leasing", more=DHCP))
    leasing.create()
    (lab.directory / "lib/dnsmasq/virbr66.status").write_text("[ { garbage")

    others.defineXML(DOMAIN.format(name="plain", memory=4096, vcpus=1, devices=""))
    lab.virsh("vol-create-as", "default", "plain", "1M")
    request_poll(portal)
    wait_for_plain_objects(portal)
    assert portal.ask("Network.objects.get(name='names').status.present")
    status = portal.ask("[HypervisorStatus.objects.get().error, HypervisorStatus.objects.get().unreachable_since]")
    assert status == ["", None]
    found = wait_for(lambda: lease_problems(portal), TIMEOUT, "the lease file is named")
    assert found[0].startswith("DHCP leases of network leasing cannot be read: ")
    odd = "Volume odd\\xff in pool default cannot be read: its name"
    wait_for(lambda: [each for each in problems(portal) if odd in each], TIMEOUT, "the odd volume is named")
    seen = set(portal.ask("list(VM.objects.values_list('name', flat=True))"))
    unread = " ".join(problems(portal))
    assert not [name for name in domains if name not in seen and name not in unread]
    for path in ("/", "/vms/", "/networks/", "/images/", "/attached/"):
        portal.get(path)
    assert "Traceback" not in portal.worker_log()

    (lab.directory / "lib/dnsmasq/virbr66.status").write_text("[]")
    others.lookupByName("plain").undefine()
    lab.virsh("vol-delete", "--pool", "default", "plain")
    request_poll(portal)
    wait_for(lambda: not lease_problems(portal), TIMEOUT, "it can be read again")
    wait_for(lambda: not portal.ask("VM.objects.filter(name='plain').exists()"), TIMEOUT, "the VM is gone")
    print("named:", problems(portal))
