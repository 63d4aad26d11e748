"""A worker that is killed at any point, and started again, finishes each wish or rolls it back.

It is killed after each call that changes something in libvirt, which is before the next one.
"""

import contextlib
import hashlib
import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab
from lxml import etree

from tests.lab.guest import bridges
from tests.lab.state import clear, left_over, things
from tests.lab.virter_like import Virter
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

ADD = ["virNetworkDefineXML", "virNetworkSetAutostart", "virNetworkCreate"]
MAKE = [
    *("virDomainDefineXML", "virStorageVolCreateXML", "virStorageVolCreateXML"),  # its disk, and its console's log
    *("virStorageVolCreateXML", "virStorageVolUpload"),
    *("virNetworkUpdate", "virDomainCreate"),
]
UNMAKE = [
    *("virDomainDestroy", "virNetworkUpdate"),
    *(["virStorageVolDelete"] * 3),
    "virDomainUndefineFlags",
]
LOAD = [
    *("virStorageVolCreateXML", "virStorageVolUpload"),  # what is on its way
    *("virStorageVolCreateXMLFrom", "virStorageVolUpload"),  # the layer, and what makes it whole
    *("virStorageVolDelete", "virStorageVolCreateXML"),  # the tag
]
UNLOAD = ["virStorageVolDelete"] * 2
RESTART = [
    *("virNetworkDefineXML", "virNetworkCreateXML"),  # a temporary one
    *("virNetworkDestroy", "virNetworkCreate"),
    *(["virDomainUpdateDeviceFlags"] * 4),  # two VMs, each to the temporary network and back
    "virNetworkDestroy",
]
MOVE = [
    "virStorageVolUpload",  # its guest is told
    *(["virDomainUpdateDeviceFlags"] * 2),  # its link goes down, it moves
    "virDomainDefineXML",  # it is kept
]


@pytest.fixture(scope="module")
def portal(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"), {"lab": lab.uri})
    portal.start_worker()
    wait_for(lambda: portal.ask("Image.objects.count()"), 60, "the first look")
    portal.ask("Hypervisor.objects.update(domain_type='qemu')")  # so that no worker proves KVM by a guest meanwhile
    portal.stop()
    yield portal
    portal.stop()


@pytest.fixture(autouse=True)
def nothing_half_made(request: pytest.FixtureRequest, portal: Portal, lab: Lab) -> Iterator[None]:
    """A test that failed keeps nobody from the next one."""
    failed = request.session.testsfailed
    with contextlib.closing(libvirt.open(lab.uri)) as host:
        before = things(host)
    yield
    if request.session.testsfailed == failed:
        return
    portal.kill_worker()
    try:
        lab.libvirtd_pid  # noqa: B018
    except OSError:
        lab.start_libvirtd()
    with contextlib.closing(libvirt.open(lab.uri)) as host:
        clear(host, left_over(things(host), before))
    kept = before["domains"] + before["networks"]
    portal.ask(
        f"[model.objects.exclude(name__in={kept}).filter(managed=True).delete() for model in (VM, Network, Image)]"
    )


@pytest.fixture
def kill(portal: Portal, tmp_path: Path):
    """Run a worker until it kills itself at a call, and then one that lives; the calls of the first."""
    log = tmp_path / "calls"

    def run(at: int, side: str, **what: str) -> list[str]:
        log.touch()
        portal.start_worker("tests.lab.killing", KILL_LOG=str(log), KILL_AT=str(at), KILL_SIDE=side, **what)
        assert portal.worker.wait(timeout=60) == -9, "the worker was to be killed"
        calls = log.read_text().splitlines()
        portal.start_worker()
        return calls

    yield run
    portal.kill_worker()


def done(portal: Portal, desired: str) -> str:
    """The state of a wish, given as MODEL NAME, once no worker has to do anything for it."""
    model, name = desired.split()
    # In one query: it may go at any moment.
    rows = f"{model}.objects.select_related('status').filter(name='{name}')"
    state = f"[wish.state for wish in {rows}] or ['gone']"
    (found,) = wait_for(
        lambda: [s for s in portal.ask(state) if s not in ("pending", "removing")], 30, f"{desired} done"
    )
    return found


@pytest.mark.parametrize("at", range(1, len(ADD) + 1))
def test_adding_a_network(portal: Portal, host: libvirt.virConnect, kill, at: int):
    before = things(host)
    portal.manage("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24", "--no-wait")
    assert kill(at, "after") == ADD[:at]
    assert done(portal, "Network net1") == "ready"
    network = host.networkLookupByName("net1")
    assert [network.UUIDString()] == portal.ask("[str(n.uuid) for n in Network.objects.filter(name='net1')]")
    assert (network.isActive(), network.autostart()) == (1, 1)
    portal.manage("network", "rm", "net1")
    assert things(host) == before


@pytest.mark.parametrize("at", range(1, len(MAKE) + 1))
def test_running_a_vm(portal: Portal, host: libvirt.virConnect, kill, at: int):
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M", "--no-wait")
    assert kill(at, "after") == MAKE[:at]
    assert done(portal, "VM tiny-8") == "ready"
    domain = host.lookupByName("tiny-8")
    assert [domain.UUIDString()] == portal.ask("[str(vm.uuid) for vm in VM.objects.filter(name='tiny-8')]")
    assert domain.isActive()
    now = things(host)
    assert set(now["volumes"]) - set(before["volumes"]) == {
        f"virter:work:tiny-8{end}" for end in ("", "-cidata", "-console")
    }
    assert now["DHCP reservations"] == ["52:54:00:00:00:08 192.168.122.8"]
    portal.manage("vm", "rm", "tiny-8")
    assert things(host) == before


@pytest.mark.parametrize("at", range(1, len(UNMAKE) + 1))
def test_removing_a_vm(portal: Portal, host: libvirt.virConnect, kill, at: int):
    before = things(host)
    portal.start_worker()
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M")
    portal.kill_worker()
    portal.manage("vm", "rm", "tiny-8", "--no-wait")
    assert kill(at, "after") == UNMAKE[:at]
    assert done(portal, "VM tiny-8") == "gone"
    assert things(host) == before


@pytest.mark.parametrize("at", range(len(MAKE), len(MAKE + UNMAKE[1:]) + 1))  # it does not run
def test_taking_back_a_vm_that_libvirt_refuses_to_start(portal: Portal, host: libvirt.virConnect, kill, at: int):
    before = things(host)
    nowhere = ("--nic", "type=bridge,source=br-none")
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M", *nowhere, "--no-wait")
    assert kill(at, "before") == (MAKE + UNMAKE[1:])[:at]
    assert done(portal, "VM tiny-8") == "failed"
    assert things(host) == before
    assert "br-none" in portal.ask("VM.objects.get(name='tiny-8').status.error")
    portal.manage("vm", "rm", "tiny-8")


def upload(portal: Portal, folder: Path) -> bytes:
    """Wish an image of a small disk."""
    raw, qcow2 = (
        folder / "raw",
        Path(portal.ask("str(settings.SPOOL_DIR)", "from django.conf import settings"), "waits"),
    )
    raw.write_bytes(os.urandom(2**20) + bytes(2**20))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, qcow2], check=True)
    data = qcow2.read_bytes()
    values = f"name='disk', volume='virter:tag:disk', upload='waits', size={len(data)}"
    portal.ask(f"Image.objects.create(hypervisor=Hypervisor.objects.get(), {values}).pk")
    return data


@pytest.mark.parametrize("at", range(1, len(LOAD) + 1))
def test_loading_an_image(portal: Portal, host: libvirt.virConnect, kill, tmp_path: Path, at: int):
    before = things(host)
    data = upload(portal, tmp_path)
    assert kill(at, "after") == LOAD[:at]
    assert done(portal, "Image disk") == "ready"
    virter = Virter(host)
    assert set(things(host)["volumes"]) - set(before["volumes"]) == {
        *("virter:tag:disk", f"virter:layer:sha256:{hashlib.sha256(data).hexdigest()}")
    }
    assert virter.image_push("disk") == [data]
    portal.ask("Image.objects.get(name='disk').remove()")
    assert done(portal, "Image disk") == "gone"
    assert things(host) == before


@pytest.mark.parametrize("at", range(1, len(UNLOAD) + 1))
def test_removing_an_image(portal: Portal, host: libvirt.virConnect, kill, tmp_path: Path, at: int):
    before = things(host)
    upload(portal, tmp_path)
    portal.start_worker()
    assert done(portal, "Image disk") == "ready"
    portal.kill_worker()
    portal.ask("Image.objects.get(name='disk').remove()")
    assert kill(at, "after") == UNLOAD[:at]
    assert done(portal, "Image disk") == "gone"
    assert things(host) == before


@pytest.fixture
def lose(portal: Portal, lab: Lab, tmp_path: Path):
    """Run a worker whose libvirtd is killed at a call, and start that anew; the worker lives on."""
    log = tmp_path / "calls"

    def run(at: int, side: str) -> None:
        log.touch()
        pid = lab.libvirtd_pid
        watch = os.pidfd_open(pid)
        what = {"KILL_LOG": str(log), "KILL_AT": str(at), "KILL_SIDE": side, "KILL_PID": str(pid)}
        portal.start_worker("tests.lab.killing", **what)
        lost = select.select([watch], [], [], 60)[0]
        os.close(watch)
        assert lost, "libvirtd was to be killed"
        lab.start_libvirtd()

    yield run
    portal.kill_worker()


@pytest.mark.parametrize("at", range(1, len(MAKE) + 1))
def test_running_a_vm_whose_hypervisor_is_lost_in_the_middle(portal: Portal, lab: Lab, lose, at: int):
    host = libvirt.open(lab.uri)
    before = things(host)
    host.close()
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M", "--no-wait")
    lose(at, "before" if at % 2 else "after")
    assert done(portal, "VM tiny-8") == "ready", portal.ask("VM.objects.get(name='tiny-8').status.error")
    host = libvirt.open(lab.uri)
    assert host.lookupByName("tiny-8").isActive()
    portal.manage("vm", "rm", "tiny-8")
    assert things(host) == before
    host.close()


@pytest.fixture(scope="module")
def net1(portal: Portal, lab: Lab) -> Iterator[str]:
    """A network with two running VMs on it, one of them transient and made by others."""
    portal.start_worker()
    portal.manage("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24")
    nic = ("--nic", "type=network,source=net1")
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M", *nic)
    host = libvirt.open(lab.uri)
    theirs = host.createXML(
        "<domain type='qemu'><name>theirs</name><memory unit='MiB'>16</memory><os><type>hvm</type></os><devices>"
        "<interface type='network'><source network='net1'/><mac address='52:54:00:aa:00:01'/></interface>"
        "</devices></domain>"
    )
    wait_for(lambda: "theirs" in portal.manage("network", "list-attached", "net1"), 10, "it is seen")
    portal.kill_worker()
    yield "net1"
    portal.start_worker()
    theirs.destroy()
    portal.manage("vm", "rm", "tiny-8")
    portal.manage("network", "rm", "net1")
    portal.kill_worker()
    host.close()


@pytest.mark.parametrize("at", range(1, len(RESTART) + 1))
def test_restarting_a_network_puts_every_vm_back(
    portal: Portal, host: libvirt.virConnect, lab: Lab, kill, net1: str, at: int
):
    network, mtu = host.networkLookupByName(net1), str(1400 + at)
    portal.manage("network", "edit", net1, "--mtu", mtu, "--yes", "--no-wait")
    # A guest is told of the new MTU beside that, at any time.
    assert kill(at, "after", KILL_IGNORE="virStorageVolUpload") == RESTART[:at]
    assert done(portal, f"Network {net1}") == "ready", portal.ask("Network.objects.get(name='net1').status.error")
    for flags in (0, libvirt.VIR_NETWORK_XML_INACTIVE):
        assert f"<mtu size='{mtu}'/>" in network.XMLDesc(flags)
    on_it = {port.UUIDString() for port in network.listAllPorts()}
    assert len(on_it) == 2
    for name in ("tiny-8", "theirs"):
        document = host.lookupByName(name).XMLDesc()
        assert any(f"network='net1' portid='{port}'" in document for port in on_it)
    assert set(bridges(lab, host, net1).values()) == {network.bridgeName()}
    wait_for(lambda: {one.name() for one in host.listAllNetworks()} == {"default", net1}, 10, "no other is left")
    assert portal.ask("sorted(Network.objects.values_list('name', flat=True))") == ["default", net1]
    cut = "Network.objects.get(name='net1').status.cut"
    wait_for(lambda: portal.ask(cut) == [], 10, "nobody is said to hang in the air")
    attached = "sorted(nic.vm.name for nic in Network.objects.get(name='net1').running_vms())"
    wait_for(lambda: portal.ask(attached) == ["theirs", "tiny-8"], 10, "the page shows both on it")


@pytest.mark.parametrize("at", range(1, len(MOVE) + 1))
def test_moving_a_nic(portal: Portal, host: libvirt.virConnect, kill, net1: str, at: int):
    move = (
        "from vms.models import *; from dataclasses import replace; vm = VM.objects.get(name='tiny-8'); "
        "nic = vm.nics.get(position=1); vm.change_nic(replace(nic.spec(), source='{}'))"
    )
    portal.start_worker()
    portal.manage("shell", "--no-imports", "-c", move.format(net1))
    assert done(portal, "VM tiny-8") == "ready"
    portal.kill_worker()
    portal.manage("shell", "--no-imports", "-c", move.format("default"))
    assert kill(at, "after") == MOVE[:at]
    assert done(portal, "VM tiny-8") == "ready"
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        interface = etree.fromstring(host.lookupByName("tiny-8").XMLDesc(flags)).findall("devices/interface")[1]
        assert interface.find("source").get("network") == "default"
        assert interface.find("link") is None, "its link is up again"
