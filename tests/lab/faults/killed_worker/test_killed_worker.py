"""A worker that is killed at any point, and started again, finishes each change or rolls it back.

It is killed after each call that changes something in libvirt, which is before the next one.
"""

import hashlib
from pathlib import Path

import libvirt
import pytest

from tests.lab.faults.killed_worker.killed_changes import ADD, MAKE, done, upload
from tests.lab.state import things
from tests.lab.virter_like import Virter
from tests.support.portal import Portal

pytestmark = pytest.mark.lab


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
COPY = [  # those of the disk, and of the volume of the console's log
    *("virDomainDefineXML", "virStorageVolCreateXMLFrom", "virStorageVolCreateXML"),
    *MAKE[3:],
]
UNLOAD = ["virStorageVolDelete"] * 2


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


@pytest.mark.parametrize(("at", "side"), [(1, "after"), (2, "before"), (2, "after")])
def test_duplicating_a_vm(portal: Portal, host: libvirt.virConnect, kill, at: int, side: str):
    before = things(host)
    portal.start_worker()
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M")
    portal.manage("vm", "stop", "tiny-8", "--force")
    portal.stop()
    portal.manage("vm", "duplicate", "tiny-8", "--id", "9", "--no-wait")
    assert kill(at, side) == COPY[:at]
    assert done(portal, "VM tiny-9") == "ready"
    assert portal.ask("[vm.copying for vm in VM.objects.all()]") == ["", ""]
    assert host.lookupByName("tiny-9").isActive()
    new = {f"virter:work:tiny-{number}{end}" for number in (8, 9) for end in ("", "-cidata", "-console")}
    assert set(things(host)["volumes"]) - set(before["volumes"]) == new
    for name in ("tiny-8", "tiny-9"):
        portal.manage("vm", "rm", name)
    assert things(host) == before


@pytest.mark.parametrize("at", range(1, len(UNMAKE) + 1))
def test_deleting_a_vm(portal: Portal, host: libvirt.virConnect, kill, at: int):
    before = things(host)
    portal.start_worker()
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M")
    portal.kill_worker()
    portal.manage("vm", "rm", "tiny-8", "--no-wait")
    assert kill(at, "after") == UNMAKE[:at]
    assert done(portal, "VM tiny-8") == "gone"
    assert things(host) == before


@pytest.mark.parametrize("at", range(len(MAKE), len(MAKE + UNMAKE[1:]) + 1))  # it does not run
def test_undoing_a_vm_that_libvirt_refuses_to_start(portal: Portal, host: libvirt.virConnect, kill, at: int):
    before = things(host)
    nowhere = ("--nic", "type=bridge,source=br-none")
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M", *nowhere, "--no-wait")
    assert kill(at, "before") == (MAKE + UNMAKE[1:])[:at]
    assert done(portal, "VM tiny-8") == "failed"
    assert things(host) == before
    assert "br-none" in portal.ask("VM.objects.get(name='tiny-8').status.error")
    portal.manage("vm", "rm", "tiny-8")


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
def test_deleting_an_image(portal: Portal, host: libvirt.virConnect, kill, tmp_path: Path, at: int):
    before = things(host)
    upload(portal, tmp_path)
    portal.start_worker()
    assert done(portal, "Image disk") == "ready"
    portal.kill_worker()
    portal.ask("Image.objects.get(name='disk').remove()")
    assert kill(at, "after") == UNLOAD[:at]
    assert done(portal, "Image disk") == "gone"
    assert things(host) == before
