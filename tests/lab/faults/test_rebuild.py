"""A hypervisor without definitions is rebuilt from the database, with the same documents, UUIDs and MAC addresses."""

from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab
from lxml import etree

from tests.lab.conftest import lab_in
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

NETWORKS, VMS = ("red", "blue"), ("tiny-21", "tiny-22")
REBUILD = ("hypervisor", "rebuild", "wiped")


@pytest.fixture
def wiped(tmp_path: Path) -> Iterator[Lab]:
    yield from lab_in(tmp_path / "lab")


@pytest.fixture
def portal(wiped: Lab, tmp_path: Path) -> Iterator[Portal]:
    """A portal with two networks that have reservations, and two VMs with two NICs each."""
    (tmp_path / "portal").mkdir()
    portal = Portal(tmp_path / "portal", {"wiped": wiped.uri})
    try:
        portal.start_worker()
        wait_for(lambda: portal.ask("Network.objects.filter(name='default').exists()"), 60, "the first poll")
        portal.manage("network", "add", "red", "--dhcp", "-n", "10.251.0.1/24", "--domain", "red.test")
        portal.manage("network", "add", "blue", "--no-autostart", "--dhcp", "-n", "10.252.0.1/24")
        portal.manage("network", "adopt", "default")
        portal.manage(
            "vm", "run", "tiny", "--id", "21", "--count", "2", "--memory", "64M", "--nic", "type=network,source=red"
        )
        portal.manage("network", "host", "add", "--id", "30", "--count", "2")
        portal.ask("Network.objects.get(name='red').reserve_ids(40, 2)")
        wait_for(lambda: "10.251.0.41" in wiped.virsh("net-dumpxml", "red"), 20, "the reservations")
        yield portal
    finally:
        portal.stop()


def documents(lab: Lab) -> dict[str, str]:
    """Return the stored documents of all networks and VMs, and whether a network starts with the host and is active."""
    host = libvirt.open(lab.uri)
    inactive = libvirt.VIR_DOMAIN_XML_INACTIVE
    found = {f"VM {each.name()}": canonical(each.XMLDesc(inactive)) for each in host.listAllDomains()}
    for each in host.listAllNetworks():
        document = canonical(each.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
        found[f"network {each.name()}"] = f"{document} {each.autostart()} {each.isActive()}"
    host.close()
    return found


def canonical(document: str) -> str:
    """Return a document without blank text, its reservations by address: their order has no meaning."""
    root = etree.fromstring(document, etree.XMLParser(remove_blank_text=True))
    for dhcp in root.iter("dhcp"):
        dhcp[:] = sorted(dhcp, key=lambda entry: entry.get("ip", ""))
    return etree.tostring(root, encoding="unicode")


def wipe(lab: Lab) -> None:
    """Undefine everything but volumes."""
    for name in lab.virsh("list", "--name").split():
        lab.virsh("destroy", name)
    for name in lab.virsh("list", "--all", "--name").split():
        lab.virsh("undefine", name)
    for name in lab.virsh("net-list", "--name").split():
        lab.virsh("net-destroy", name)
    for name in lab.virsh("net-list", "--all", "--name").split():
        lab.virsh("net-undefine", name)


def running(lab: Lab) -> list[str]:
    return sorted(lab.virsh("list", "--name").split())


def test_a_hypervisor_without_definitions_is_rebuilt_as_it_was(portal: Portal, wiped: Lab):
    before = documents(wiped)
    assert len(before) == 5
    wipe(wiped)
    plan = portal.manage(*REBUILD, "--dry-run")
    assert [line.split() for line in plan.splitlines()] == [
        ["Type", "Name", "Step", "Reason"],
        *(["network", name, "define", "and", "start"] for name in ("blue", "default", "red")),
        *(["VM", name, "define"] for name in VMS),
    ]
    assert documents(wiped) == {}
    assert "confirm this plan with --yes" in portal.manage(*REBUILD, fails=True)
    result = portal.manage(*REBUILD, "--yes").splitlines()
    assert result[-5:] == [
        *(f"network {name}: defined and started" for name in ("blue", "default", "red")),
        *(f"VM {name}: defined" for name in VMS),
    ]
    assert documents(wiped) == before
    assert running(wiped) == []
    assert portal.manage(*REBUILD, "--yes") == "Nothing to do on wiped.\n"
    assert portal.ask("[vm.interruption for vm in VM.objects.interrupted()]") == ["rebuilt", "rebuilt"]


def test_vms_whose_volumes_are_gone_are_skipped_and_the_others_started(portal: Portal, wiped: Lab):
    before = documents(wiped)
    wipe(wiped)
    wiped.virsh("vol-delete", "virter:work:tiny-22", "default")
    result = portal.manage(*REBUILD, "--yes", "--start")
    assert "VM tiny-22 skip missing volumes: default/virter:work:tiny-22" in " ".join(result.split())
    assert result.splitlines()[-1] == "VM tiny-21: defined and started"
    assert running(wiped) == ["tiny-21"]
    assert documents(wiped) == {name: text for name, text in before.items() if name != "VM tiny-22"}
    again = portal.manage(*REBUILD, "--yes", "--start").splitlines()
    assert len(again) == 3
    assert again[-1] == "Nothing to do on wiped."


def test_a_network_that_others_created_is_not_replaced(portal: Portal, wiped: Lab, tmp_path: Path):
    wipe(wiped)
    file = tmp_path / "default.xml"
    file.write_text("<network><name>default</name><bridge name='virbr0'/></network>")
    wiped.virsh("net-define", file)
    result = portal.manage(*REBUILD, "--yes")
    assert "libvirt has another network with this name" in result
    assert "network red: defined and started" in result
    assert "VM tiny-21: defined" in result
    assert "virbr0" not in wiped.virsh("net-dumpxml", "red")
