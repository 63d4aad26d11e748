"""Others change networks with virsh while the portal changes them too: neither undoes what the other has done."""

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests import DATA
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

INACTIVE = libvirt.VIR_NETWORK_XML_INACTIVE
ODD = sorted((DATA / "networks/foreign").glob("*.xml"))
ONLY_LIVE = "DHCP reservation of 10.70.0.1/24 52:54:00:70:00:05 10.70.0.5"
MIXED = """<network><name>mixed</name><domain name='mixed.test'/><ip address='10.71.0.1' netmask='255.255.255.0'>
<dhcp><range start='10.71.0.2' end='10.71.0.99'/></dhcp></ip></network>"""


def documents(host: libvirt.virConnect, name: str) -> tuple[str, str]:
    """What is stored, and what runs."""
    network = host.networkLookupByName(name)
    return network.XMLDesc(INACTIVE), network.XMLDesc()


def entry(number: int, block: str = "10.70.0") -> str:
    return f"<host mac='52:54:00:70:00:{number:02x}' ip='{block}.{number}'/>"


def status(portal: Portal, name: str, column: str) -> object:
    return portal.ask(f"Network.objects.get(name='{name}', managed=True).status.{column}")


@pytest.fixture
def net(portal: Portal) -> Iterator[str]:
    portal.manage("network", "add", "near", "--dhcp", "-n", "10.70.0.1/24", "--domain", "near.test")
    yield "near"
    for name in ("near", "far"):
        portal.manage("network", "rm", name, "--disconnect")


@pytest.fixture
def redefine(lab: Lab, host: libvirt.virConnect, tmp_path: Path) -> Callable[[str, str, str], None]:
    """Store a changed definition, as `virsh net-edit` does."""

    def run(name: str, old: str, new: str) -> None:
        file = tmp_path / "edited.xml"
        file.write_text(documents(host, name)[0].replace(old, new, 1))
        lab.virsh("net-define", file)

    return run


def test_only_the_reservation_is_pushed_and_changes_outside_are_kept(
    portal: Portal, lab: Lab, host: libvirt.virConnect, net: str, redefine
):
    lab.virsh("net-update", net, "add", "ip-dhcp-host", entry(5), "--live")
    lab.virsh("net-update", net, "add", "ip-dhcp-host", entry(6), "--config")
    dns = "<host ip='10.70.0.9'><hostname>external</hostname></host>"
    lab.virsh("net-update", net, "add", "dns-host", dns, "--live", "--config")
    lab.virsh("net-update", net, "add", "portgroup", "<portgroup name='external'/>", "--live", "--config")
    redefine(net, "near.test", "external.test")
    lines = lambda: str(status(portal, net, "drift_text")).splitlines()  # noqa: E731
    said = wait_for(lambda: len(lines()) == 5 and lines(), 10, "all of it has been seen")
    assert "Domain: stored external.test, running near.test, expected near.test" in said
    assert f"{ONLY_LIVE} was added outside the portal, only in the running network" in said

    before = documents(host, net)
    portal.post(f"/networks/lab/{net}/hosts/add/", mac="52:54:00:70:00:08", ip="10.70.0.8")
    added = "\\s*<host mac='52:54:00:70:00:08' ip='10.70.0.8'/>"
    wait_for(lambda: all(re.search(added, each) for each in documents(host, net)), 10, "it is reserved")
    assert tuple(re.sub(added, "", each) for each in documents(host, net)) == before

    portal.manage("network", "edit", net, "--title", "Edited", "--no-autostart")  # a title is stored, if at all
    stored, live = documents(host, net)
    assert tuple(re.sub(added + "|\\s*<title>Edited</title>", "", each) for each in (stored, live)) == before
    assert not host.networkLookupByName(net).autostart()

    shown = portal.table(f"/networks/lab/{net}/plan/", differences=True)
    assert {
        "Field": "Domain",
        "Saved definition": "near.test",
        "Stored in libvirt": "external.test",
        "Running": "near.test",
    } in shown
    said = portal.manage("network", "accept", net)
    assert "It also contains changes that were only in the running network" in said
    stored, live = documents(host, net)
    assert "10.70.0.5" in stored
    assert "10.70.0.5" in live
    assert "external.test" in stored
    portal.manage("network", "apply", net, "--yes")
    wait_for(lambda: status(portal, net, "drift_text") == "", 10, "nothing differs")


def test_values_removed_outside_do_not_return_with_another_change(
    portal: Portal, lab: Lab, host: libvirt.virConnect, net: str
):
    for number in (13, 14):
        portal.post(f"/networks/lab/{net}/hosts/add/", mac=f"52:54:00:70:00:{number:02x}", ip=f"10.70.0.{number}")
    wait_for(lambda: "10.70.0.14" in documents(host, net)[1], 10, "both are reserved")
    lab.virsh("net-update", net, "delete", "ip-dhcp-host", entry(13), "--live", "--config")
    portal.post(f"/networks/lab/{net}/hosts/add/", mac="52:54:00:70:00:0f", ip="10.70.0.15")
    wait_for(lambda: "10.70.0.15" in documents(host, net)[1], 10, "the third is")
    assert all("10.70.0.13'" not in each for each in documents(host, net))
    wait_for(lambda: "10.70.0.13 is missing" in str(status(portal, net, "drift_text")), 10, "it is drift")


def test_adopting_changes_nothing_of_either_document(portal: Portal, lab: Lab, host: libvirt.virConnect):
    """Unusual networks created outside the portal, and one whose running definition differs from the stored one."""
    names = []
    for document in (*(path.read_text() for path in ODD), MIXED):
        document = re.sub(r"\s*<uuid>.*?</uuid>", "", document)
        with contextlib.suppress(libvirt.libvirtError):  # what this libvirt does not take
            network = host.networkDefineXML(document)
            names.append(network.name())
            network.create()  # it may need devices that the lab does not have
    assert len(names) > len(ODD) / 2
    lab.virsh("net-update", "mixed", "add", "ip-dhcp-host", entry(5, "10.71.0"), "--live")
    lab.virsh("net-update", "mixed", "add", "ip-dhcp-host", entry(6, "10.71.0"), "--config")
    host.networkDefineXML(documents(host, "mixed")[0].replace("mixed.test", "stored.test"))
    try:
        known = "list(Network.objects.filter(status__present=True).values_list('name', flat=True))"
        wait_for(lambda: set(names) <= set(portal.ask(known)), 20, "all are seen")
        before = {name: documents(host, name) for name in names}
        for name in names:
            portal.manage("network", "adopt", name)
        assert {name: documents(host, name) for name in names} == before
        wait_for(lambda: "stored.test" in str(status(portal, "mixed", "drift_text")), 10, "they are compared")
        assert {name: documents(host, name) for name in names} == before
        portal.manage("network", "release", "mixed")
        portal.manage("network", "adopt", "mixed")
        assert documents(host, "mixed") == before["mixed"]
    finally:
        for name in names:
            portal.manage("network", "rm", name)


def bridge_of(lab: Lab, host: libvirt.virConnect, domain: str) -> str:
    tap = re.search(r"<target dev='([^']+)'/>", host.lookupByName(domain).XMLDesc())[1]
    return lab.run("sh", "-c", f"readlink /sys/class/net/{tap}/master || true").strip().rpartition("/")[2]


@pytest.fixture
def guest(host: libvirt.virConnect, net: str) -> Iterator[str]:
    nic = f"<interface type='network'><source network='{net}'/></interface>"
    domain = host.createXML(
        "<domain type='qemu'><name>bystander</name><memory unit='MiB'>16</memory><os><type>hvm</type></os>"
        f"<devices>{nic}</devices></domain>"
    )
    yield "bystander"
    domain.destroy()


def recreate(lab: Lab, tmp_path: Path, name: str, document: str) -> None:
    lab.virsh("net-destroy", name)
    lab.virsh("net-undefine", name)
    file = tmp_path / "recreated.xml"
    file.write_text(document)
    lab.virsh("net-define", file)
    lab.virsh("net-start", re.search("<name>(.*?)</name>", document)[1])


def test_a_network_that_was_recreated_outside_is_taken_over(
    portal: Portal, lab: Lab, host: libvirt.virConnect, net: str, tmp_path: Path
):
    stored = re.sub(r"\s*<(uuid>.*?</uuid|mac .*?/|bridge .*?/)>", "", documents(host, net)[0])
    recreate(lab, tmp_path, net, stored.replace("near.test", "new.test"))
    page = f"/networks/lab/{net}/"
    wait_for(lambda: "near was recreated outside the portal" in portal.get(page).text_content(), 10, "it is recognised")
    listed = [row["Name"] for row in portal.table("/networks/") if row["Name"].startswith(net)]
    assert listed == [f"{net} recreated outside the portal"]
    for verb in (("apply",), ("edit", "--title", "T")):
        refusal = portal.manage("network", verb[0], net, *verb[1:], "--yes", fails=True)
        assert "near was recreated outside the portal with another UUID" in refusal
    before = documents(host, net)
    portal.manage("network", "take-over", net)
    wait_for(lambda: "new.test" in str(status(portal, net, "drift_text")), 10, "it is compared")
    assert documents(host, net) == before
    portal.manage("network", "edit", net, "--title", "T")
    assert "new.test" in documents(host, net)[1]
    portal.manage("network", "apply", net, "--yes")
    assert "near.test" in documents(host, net)[1]


@pytest.mark.parametrize("how", ["recreated", "renamed"])
def test_the_managed_network_is_recreated_and_its_vms_are_reconnected(
    portal: Portal, lab: Lab, host: libvirt.virConnect, net: str, guest: str, tmp_path: Path, how: str
):
    stored = re.sub(r"\s*<mac .*?/>", "", documents(host, net)[0]).replace("near.test", "new.test")
    changed = {
        "recreated": re.sub(r"\s*<uuid>.*?</uuid>", "", stored),
        "renamed": stored.replace(">near<", ">far<"),
    }
    recreate(lab, tmp_path, net, changed[how])
    assert bridge_of(lab, host, guest) == ""
    page = f"/networks/lab/{net}/"
    wait_for(lambda: f"near was {how} outside the portal" in portal.get(page).text_content(), 10, "it is recognised")
    if how == "recreated":
        assert guest in portal.manage("network", "recreate", net, "--dry-run")
    portal.manage("network", "recreate", net, "--yes")
    stored, live = documents(host, net)
    assert "near.test" in stored
    assert "near.test" in live
    assert "far" not in {each.name() for each in host.listAllNetworks()}
    assert bridge_of(lab, host, guest) == host.networkLookupByName(net).bridgeName()
    wait_for(lambda: status(portal, net, "drift_text") == "", 10, "nothing differs")


def test_a_transient_network_is_marked_and_made_persistent(
    portal: Portal, lab: Lab, host: libvirt.virConnect, tmp_path: Path
):
    file = tmp_path / "passing.xml"
    file.write_text("<network><name>passing</name><ip address='10.72.0.1' netmask='255.255.255.0'/></network>")
    lab.virsh("net-create", file)
    rows = lambda: [row["Name"] for row in portal.table("/networks/") if row["Name"].startswith("passing")]  # noqa: E731
    assert wait_for(rows, 10, "it is listed") == ["passing lost when stopped"]
    before = host.networkLookupByName("passing").XMLDesc()
    portal.manage("network", "adopt", "passing")
    assert host.networkLookupByName("passing").XMLDesc() == before
    assert not host.networkLookupByName("passing").isPersistent()
    assert "is transient" in str(wait_for(lambda: status(portal, "passing", "drift_text"), 10, "it is drift"))
    assert "Make passing persistent" in portal.manage("network", "plan", "passing")
    portal.post("/networks/lab/passing/persist/", page="/networks/lab/passing/")
    wait_for(lambda: host.networkLookupByName("passing").isPersistent(), 10, "it is persistent")
    lab.virsh("net-destroy", "passing")
    lab.virsh("net-start", "passing")
    portal.manage("network", "rm", "passing")
