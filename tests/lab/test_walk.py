"""The walk through the user documentation on the command line, with real guests and their real leases."""

import re
from io import BytesIO

import libvirt
import pycdlib
import pytest
import yaml
from lab import Lab

from tests.lab.state import things
from tests.support.making import SSH_KEY
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

MODELS = "from vms.models import VM; from virterweb.hypervisors.models import Hypervisor"


def rows(text: str) -> list[list[str]]:
    """The cells of a printed table, without its headings."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()[1:]]


def test_the_walk_of_the_documentation(portal: Portal, host: libvirt.virConnect):
    before = things(host)
    portal.manage("network", "add", "net1", "--dhcp", "--network-cidr", "10.255.0.1/24")
    assert rows(portal.manage("network", "ls"))[1][:3] == ["net1", "10.255.0.1/24", "10.255.0.2-10.255.0.254"]
    nic = ("--nic", "type=network,source=net1")
    out = portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "128M", *nic)
    assert out == "tiny-8\n"

    def attached(network: str) -> list[list[str]]:
        """The table, once every cell of it is filled."""
        found = rows(portal.manage("network", "list-attached", network))
        return found if found and all(len(row) == 5 for row in found) else []

    (access,) = wait_for(lambda: attached("default"), 90, "the row on default")
    assert access[:4] == ["tiny-8", "52:54:00:00:00:08", "192.168.122.8", "tiny-8"]
    (second,) = wait_for(lambda: attached("net1"), 90, "the row on net1")
    assert second[0] == second[3] == "tiny-8"
    assert second[2].startswith("10.255.0.")
    devices = re.findall(r"<target dev='(vnet\d+)'", host.lookupByName("tiny-8").XMLDesc())
    assert [access[4], second[4]] == devices

    mac = portal.manage("vm", "nic", "add", "tiny-8", "type=network,source=net1").strip()
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        assert mac in host.lookupByName("tiny-8").XMLDesc(flags)
    wait_for(lambda: len(rows(portal.manage("network", "list-attached", "net1"))) == 2, 10, "the third NIC's row")
    leases = host.networkLookupByName("net1")
    wait_for(lambda: mac in {lease["mac"] for lease in leases.DHCPLeases()}, 60, "the third NIC's lease")
    portal.manage("vm", "nic", "rm", "tiny-8", mac)
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        assert mac not in host.lookupByName("tiny-8").XMLDesc(flags)

    assert "this would disconnect tiny-8" in portal.manage("network", "rm", "net1", fails=True)
    assert host.networkLookupByName("net1").isActive()
    portal.manage("vm", "rm", "tiny-8")
    portal.manage("network", "rm", "net1")
    assert things(host) == before


def test_a_vm_is_shut_down_started_with_what_it_got_meanwhile_and_stopped(portal: Portal, host: libvirt.virConnect):
    portal.manage("vm", "run", "tiny", "--id", "9", "--memory", "128M")
    domain = host.lookupByName("tiny-9")
    default = host.networkLookupByName("default")
    wait_for(lambda: "192.168.122.9" in {lease["ipaddr"] for lease in default.DHCPLeases()}, 90, "it has booted")

    def power(verb: str) -> None:
        asked = f"VM.objects.get(name='tiny-9').ask_power({verb!r})"
        portal.manage("shell", "--no-imports", "-c", f"from vms.models import VM; {asked}")

    power("shutdown")
    wait_for(lambda: not domain.isActive(), 15, "the guest shuts down by itself, before it would be destroyed")
    mac = portal.manage("vm", "nic", "add", "tiny-9", "type=network,source=default,model=e1000").strip()
    power("start")
    wait_for(domain.isActive, 10, "it runs again")
    assert mac in domain.XMLDesc()
    power("force-off")
    wait_for(lambda: not domain.isActive(), 10, "it is forced off")
    portal.manage("vm", "rm", "tiny-9")


def test_removing_a_vm_takes_its_snapshots_and_disks_and_nothing_of_others(
    portal: Portal, host: libvirt.virConnect, lab: Lab
):
    before = things(host)
    others = "<volume><name>virter:work:tiny-10-mine</name><capacity>1</capacity></volume>"
    pool = host.storagePoolLookupByName("default")
    volume = pool.createXML(others)
    lab.virsh("pool-create-as", "second", "dir", "--target", "/var/lib/libvirt/second", "--build")
    disks = ("--disk", "name=data,size=4M,bus=scsi", "--disk", "name=more,size=4M,pool=second")
    portal.manage("vm", "run", "tiny", "--id", "10", "--memory", "32M", "--vnc", *disks)
    assert "virter:work:tiny-10-data" in things(host)["volumes"]
    assert "virter:work:tiny-10-more" in lab.virsh("vol-list", "second")
    assert "port='6010'" in host.lookupByName("tiny-10").XMLDesc()
    host.lookupByName("tiny-10").destroy()
    lab.virsh("snapshot-create-as", "tiny-10", "kept")
    portal.manage("vm", "rm", "tiny-10")
    assert "virter:work:tiny-10-mine" in things(host)["volumes"]
    assert "tiny-10" not in lab.virsh("vol-list", "second")
    lab.virsh("pool-destroy", "second")
    volume.delete()
    assert things(host) == before


def test_values_that_virter_refuses_are_refused_before_anything_is_created(portal: Portal, host: libvirt.virConnect):
    before = things(host)
    for words, reason in (
        (("run", "tiny", "--id", "1"), "--id"),
        (("run", "tiny", "--id", "300"), "no address in 192.168.122.0/24"),
        (
            ("run", "tiny", "--id", "11", "--nic", "type=network,source=nowhere"),
            "This hypervisor has no network nowhere",
        ),
        (("run", "nothing", "--id", "11"), "This hypervisor has no image nothing"),
    ):
        assert reason in portal.manage("vm", *words, fails=True)
    assert things(host) == before


def test_a_vm_that_cannot_start_leaves_nothing_behind(portal: Portal, host: libvirt.virConnect):
    before = things(host)
    said = portal.manage("vm", "run", "tiny", "--id", "12", "--nic", "type=bridge,source=br-none", fails=True)
    assert "the host has no bridge br-none" in said
    assert things(host) == before
    assert "failed" in portal.ask("VM.objects.get(name='tiny-12').state")
    portal.manage("vm", "rm", "tiny-12")


def test_host_entries_are_added_and_removed_by_id(portal: Portal, host: libvirt.virConnect):
    default = host.networkLookupByName("default")
    portal.manage("network", "host", "add", "--id", "40", "--count", "2")
    for flags in (0, libvirt.VIR_NETWORK_XML_INACTIVE):
        for number, mac in ((40, "28"), (41, "29")):
            assert f"<host mac='52:54:00:00:00:{mac}' ip='192.168.122.{number}'/>" in default.XMLDesc(flags)
    assert "ID 41 already has a DHCP reservation" in portal.manage("network", "host", "add", "--id", "41", fails=True)
    portal.manage("network", "host", "rm", "--id", "40", "--count", "2")
    assert "<host " not in default.XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)


def test_the_seed_on_the_disk_names_the_guest_and_its_keys(portal: Portal, host: libvirt.virConnect, lab: Lab):
    key = f"{SSH_KEY} test@lab"
    portal.manage("vm", "run", "tiny", "--id", "13", "--memory", "32M", "--ssh-key", key)
    image = pycdlib.PyCdlib()
    image.open(str(lab.directory / "lib/images/virter:work:tiny-13-cidata"))

    def read(name: str) -> dict:
        out = BytesIO()
        image.get_file_from_iso_fp(out, rr_path=f"/{name}")
        return yaml.safe_load(out.getvalue())

    assert read("meta-data") == {"instance-id": "tiny-13", "local-hostname": "tiny-13"}
    assert read("user-data")["ssh_authorized_keys"] == [key]
    image.close()
    portal.manage("vm", "rm", "tiny-13")


def test_a_network_that_cannot_start_leaves_nothing_behind(portal: Portal, host: libvirt.virConnect, lab: Lab):
    before = things(host)
    lab.run("ip", "link", "add", "taken0", "type", "bridge")
    said = portal.manage("network", "add", "net1", "-n", "10.255.0.1/24", "--bridge", "taken0", fails=True)
    assert said.startswith("CommandError: Could not start network net1: ")
    assert "taken0" in said
    assert things(host) == before
    lab.run("ip", "link", "delete", "taken0")
    portal.manage("network", "rm", "net1")


def test_a_guest_that_does_not_help_is_waited_for_with_the_reason(portal: Portal, host: libvirt.virConnect):
    portal.manage("shell", "--no-imports", "-c", f"{MODELS}; Hypervisor.objects.update(shutdown_timeout=2)")
    portal.manage("vm", "run", "tiny", "--id", "14", "--memory", "16M")  # too little to boot
    domain = host.lookupByName("tiny-14")
    mac = portal.manage("vm", "nic", "add", "tiny-14", "type=network,source=default").strip()
    portal.manage("vm", "nic", "rm", "tiny-14", mac, "--no-wait")
    progress = "VM.objects.get(name='tiny-14').status.progress"
    said = wait_for(lambda: portal.ask(progress), 20, "the reason is said")
    assert f"the guest has not released NIC {mac}" in said
    assert portal.ask("VM.objects.get(name='tiny-14').state") == "pending"

    portal.manage("shell", "--no-imports", "-c", f"{MODELS}; VM.objects.get(name='tiny-14').ask_power('shutdown')")
    wait_for(lambda: not domain.isActive(), 20, "the guest is destroyed when its time is over")
    wait_for(lambda: portal.ask("VM.objects.get(name='tiny-14').state") == "ready", 20, "then the NIC is gone too")
    assert mac not in domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    portal.manage("vm", "rm", "tiny-14")
