"""Networks changed while VMs run on them: live where libvirt can, else by a restart that the guests do not notice."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.lab.guest import Console, Wire, bridges
from tests.lab.state import remove_leftovers, things
from tests.support.portal import Portal
from tests.support.waiting import wait_for
from virterweb.hypervisors.gateway.marks import unmarked

pytestmark = pytest.mark.lab

NET = ("net1", "--dhcp", "-n", "10.255.0.1/24", "--domain", "net1.test")


@pytest.fixture(scope="module")
def guests(portal: Portal, lab: Lab) -> Iterator[dict[str, str]]:
    """Two running guests on net1, each with its address there; one is unmanaged."""
    host = libvirt.open(lab.uri)
    before = things(host)
    portal.manage("network", "add", *NET)
    for number in ("8", "9"):
        portal.manage(*("vm", "run", "tiny", "--id", number, "--memory", "128M", "--nic", "type=network,source=net1"))
    addresses = wait_for(lambda: leased(host, ("tiny-8", "tiny-9")), 90, "both have their addresses")
    yield addresses
    for name in addresses:
        portal.manage("vm", "rm", name)
    portal.manage("network", "rm", "net1")
    after = libvirt.open(lab.uri)  # a test has killed the libvirt of before
    assert things(after) == before
    after.close()


def leased(host: libvirt.virConnect, names: tuple[str, ...]) -> dict[str, str]:
    found = {lease["hostname"]: lease["ipaddr"] for lease in host.networkLookupByName("net1").DHCPLeases()}
    return {name: found[name] for name in names} if found.keys() >= set(names) else {}


def nics(host: libvirt.virConnect) -> list[tuple[str, ...]]:
    """MAC, tap and PCI slot of every NIC of the running guests."""
    pattern = r"<mac address='([^']+)'/>.*?<target dev='([^']+)'/>.*?<address type='pci'[^>]*slot='([^']+)'"
    return [nic for domain in host.listAllDomains() for nic in re.findall(pattern, domain.XMLDesc(), re.DOTALL)]


def ports(host: libvirt.virConnect) -> set[str]:
    return {port.UUIDString() for port in host.networkLookupByName("net1").listAllPorts()}


def steps(portal: Portal, *words: str) -> list[dict]:
    return json.loads(portal.manage("network", *words, "--dry-run", "--json"))


def test_a_live_change_disconnects_no_nic(portal: Portal, host: libvirt.virConnect, guests):
    before, net = ports(host), host.networkLookupByName("net1")
    change = ("--dns-host", "10.255.0.5 mirror", "--host", "52:54:00:00:77:01 10.255.0.77 fixed")
    change += ("--range", "10.255.0.2-10.255.0.200")
    planned = steps(portal, "edit", "net1", *change)
    assert {step["step"] for step in planned} == {"update"}
    assert {step["disruption"] for step in planned} == {"none"}
    portal.manage("network", "edit", "net1", *change)
    for flags in (0, libvirt.VIR_NETWORK_XML_INACTIVE):
        document = net.XMLDesc(flags)
        assert "<hostname>mirror</hostname>" in document
        assert "<host mac='52:54:00:00:77:01' name='fixed' ip='10.255.0.77'/>" in document
        assert "end='10.255.0.200'" in document
    assert ports(host) == before
    portal.manage("network", "edit", "net1", "--host", "52:54:00:00:77:01 10.255.0.78 fixed")
    assert "ip='10.255.0.78'" in net.XMLDesc()
    assert portal.ask("Network.objects.get(name='net1').revisions.first().steps") == [
        "Change DHCP reservation of 10.255.0.1/24: 52:54:00:00:77:01 10.255.0.77 fixed → 52:54:00:00:77:01 "
        "10.255.0.78 fixed"
    ]


def test_a_restart_reconnects_all_vms_and_their_connections_survive(
    portal: Portal, host: libvirt.virConnect, lab: Lab, guests, capsys
):
    before, network = nics(host), host.networkLookupByName("net1")
    leases = {lease["ipaddr"] for lease in network.DHCPLeases()}
    a, b = (Console(host.lookupByName(name)) for name in guests)
    a.run("(sleep 1000 | nc -l -p 5000 >/got 2>/dev/null &)")
    ticks = "i=0; while :; do echo $i; i=$((i+1)); usleep 100000; done"
    b.run(f"(({ticks}) 2>/dev/null | nc {guests['tiny-8']} 5000 >/dev/null 2>&1 &)")

    def received() -> int:
        return int(a.run("wc -l </got"))

    wait_for(lambda: received() > 5, 20, "the connection is open")
    planned = steps(portal, "edit", "net1", "--mtu", "1400")
    assert [step["step"] for step in planned] == ["define", "restart", "reconnect"]
    assert planned[1]["vms"] == ["tiny-8", "tiny-9"]
    assert "interrupts running VMs" in portal.manage("network", "edit", "net1", "--mtu", "1400", fails=True)
    assert "mtu" not in network.XMLDesc()

    taps = list(bridges(lab, host, "net1"))
    assert len(taps) == 2
    with Wire(lab, taps) as wire:
        portal.manage("network", "edit", "net1", "--mtu", "1400", "--yes")
        sent = received()
        wait_for(lambda: received() > sent + 20, 60, "the same connection goes on")
    with capsys.disabled():
        for tap, (off, silent) in wire.gaps.items():
            print(f"\n{tap}: {off:.2f} s off the bridge, {silent:.2f} s until it forwarded (STP)", end="")
    lines = a.run("head -c 100000 /got").split()
    assert lines == [str(number) for number in range(len(lines))], "nothing is missing or doubled"
    assert "1400" in network.XMLDesc()
    assert nics(host) == before
    assert leases <= {lease["ipaddr"] for lease in network.DHCPLeases()}
    assert len(ports(host)) == 2
    assert set(bridges(lab, host, "net1").values()) == {network.bridgeName()}
    assert max(off for off, _ in wire.gaps.values()) < planned[1]["seconds"]
    b.run("killall nc")
    a.close()
    b.close()


def test_nics_of_a_network_that_was_restarted_outside_are_shown_and_reconnected(
    portal: Portal, host: libvirt.virConnect, lab: Lab, guests
):
    lab.virsh("net-destroy", "net1")
    drift = "Network.objects.get(name='net1').status.drift_text"
    assert "is not active" in wait_for(lambda: portal.ask(drift), 10, "it has drifted")
    portal.manage("network", "apply", "net1", "--yes")
    assert host.networkLookupByName("net1").isActive()
    assert len(ports(host)) == 2

    lab.virsh("net-destroy", "net1")
    lab.virsh("net-start", "net1")
    disconnected = "sorted({vm for _, vm, _ in Network.objects.get(name='net1').status.disconnected})"
    wait_for(lambda: portal.ask(disconnected) == ["tiny-8", "tiny-9"], 10, "the page knows who hangs in the air")
    assert "Reconnect 2 running VMs" in portal.manage("network", "plan", "net1")
    portal.manage("network", "apply", "net1", "--yes")
    assert len(ports(host)) == 2
    assert set(bridges(lab, host, "net1").values()) == {host.networkLookupByName("net1").bridgeName()}
    wait_for(lambda: portal.ask(disconnected) == [], 10, "nobody does any more")


def test_losing_libvirt_during_a_restart_leaves_no_nic_disconnected(portal: Portal, lab: Lab, guests):
    portal.manage("network", "edit", "net1", "--mtu", "1380", "--yes", "--no-wait")
    lab.kill_libvirtd()
    state = "Network.objects.get(name='net1').state"
    assert portal.ask(state) in ("pending", "ready")
    lab.start_libvirtd()  # which may find half a network, and the bridge of it
    settled = wait_for(lambda: {portal.ask(state)} & {"ready", "failed"}, 60, "it is carried out")
    back = libvirt.open(lab.uri)
    if "failed" in settled:  # half a bridge, or its dnsmasq, has the address: only somebody on the host can end that
        reason = portal.ask("Network.objects.get(name='net1').status.error")
        assert re.search(r"already routed through virbr|another DNS server is using 10\.255\.0\.1 ", reason), reason
        remove_leftovers(lab, back)
        portal.manage("network", "apply", "net1")
    assert "<mtu size='1380'/>" in back.networkLookupByName("net1").XMLDesc()
    assert len(ports(back)) == 2
    assert set(bridges(lab, back, "net1").values()) == {back.networkLookupByName("net1").bridgeName()}
    back.close()


def test_a_leftover_bridge_of_a_killed_libvirt_does_not_prevent_a_start(
    portal: Portal, host: libvirt.virConnect, lab: Lab
):
    portal.manage("network", "add", "left", "-n", "10.78.0.1/24")
    bridge = host.networkLookupByName("left").bridgeName()
    lab.virsh("net-destroy", "left")
    lab.run("ip", "link", "add", bridge, "type", "bridge")
    drift = "Network.objects.get(name='left').status.drift_text"
    wait_for(lambda: portal.ask(drift) == "is not active", 10, "it is missed")
    portal.manage("network", "apply", "left")
    network = host.networkLookupByName("left")
    assert network.isActive()
    assert portal.ask("Network.objects.get(name='left').state") == "ready"
    around = network.bridgeName() != bridge  # or libvirt has removed what was in the way, which not every release does
    portal.manage("network", "rm", "left")
    if around:
        lab.run("ip", "link", "delete", bridge)
    assert bridge not in lab.run("ls", "/sys/class/net").split()


def test_a_name_server_that_is_in_the_way_is_named(portal: Portal, host: libvirt.virConnect, lab: Lab):
    lab.run("ip", "address", "add", "10.79.0.1/32", "dev", "lo")
    lab.run("dnsmasq", "--conf-file=/dev/null", "--bind-interfaces", "--listen-address=10.79.0.1", "--pid-file=")
    said = portal.tried("network", "add", "blocked", "--domain", "blocked.test", "-n", "10.79.0.1/24")
    remove_leftovers(lab, host)
    lab.run("ip", "address", "del", "10.79.0.1/32", "dev", "lo")
    assert "another DNS server is using 10.79.0.1 on the host" in said.stderr
    portal.manage("network", "apply", "blocked")
    assert host.networkLookupByName("blocked").isActive()
    portal.manage("network", "rm", "blocked")


def test_drift_is_shown_by_field_and_accepted_or_reverted(portal: Portal, host: libvirt.virConnect, lab: Lab, guests):
    entry = "<host mac='52:54:00:00:77:02' ip='10.255.0.90'/>"
    lab.virsh("net-update", "net1", "add", "ip-dhcp-host", entry, "--live", "--config")
    drift = "Network.objects.get(name='net1').status.drift_text"
    said = wait_for(lambda: portal.ask(drift), 10, "it has drifted")
    assert said == "DHCP reservation of 10.255.0.1/24 52:54:00:00:77:02 10.255.0.90 was added outside the portal"
    portal.manage("network", "take", "net1")
    assert portal.ask(drift) == ""
    assert "10.255.0.90" in portal.manage("network", "xml", "net1")

    lab.virsh("net-update", "net1", "delete", "ip-dhcp-host", entry, "--live", "--config")
    assert "is missing" in wait_for(lambda: portal.ask(drift), 10, "it has drifted")
    portal.manage("network", "apply", "net1")
    assert "10.255.0.90" in host.networkLookupByName("net1").XMLDesc()
    portal.manage("network", "edit", "net1", "--host", "")
    assert "<host mac" not in host.networkLookupByName("net1").XMLDesc()


def test_the_reaction_to_drift_that_an_operator_chose_is_automatic(
    portal: Portal, host: libvirt.virConnect, lab: Lab, guests
):
    def set_to(choice: str) -> None:
        portal.ask(f"Network.objects.filter(name='net1').update(on_drift='{choice}')")

    def update(command: str) -> None:
        record = "<txt name='hello' value='world'/>"
        lab.virsh("net-update", "net1", command, "dns-txt", record, "--live", "--config")

    state = "[(n.state, 'hello' in n.document) for n in Network.objects.filter(name='net1')][0]"
    set_to("take")
    update("add")
    wait_for(lambda: portal.ask(state) == ["ready", True], 10, "the saved definition follows")
    set_to("put back")
    update("delete")
    wait_for(lambda: "hello" in host.networkLookupByName("net1").XMLDesc(), 10, "it is reverted")
    wait_for(lambda: portal.ask(state) == ["ready", True], 10, "it is ready")
    set_to("ask")


def test_a_network_is_recreated_from_the_database_alone(
    portal: Portal, host: libvirt.virConnect, lab: Lab, tmp_path: Path
):
    rich = tmp_path / "rich.xml"
    rich.write_text(
        "<network xmlns:x='urn:x'><name>rich</name><metadata><x:note>kept</x:note></metadata><!-- why -->"
        "<forward mode='nat'><nat><port start='2000' end='3000'/></nat></forward>"
        "<bridge name='vbrich' stp='off' delay='3'/><domain name='rich.test'/>"
        "<dns><txt name='a' value='b'/><srv service='s' protocol='tcp' target='t' port='9'/></dns>"
        "<ip address='10.77.0.1' netmask='255.255.255.0'><dhcp><range start='10.77.0.2' end='10.77.0.9'>"
        "<lease expiry='5' unit='minutes'/></range><host mac='52:54:00:00:77:03' ip='10.77.0.20'/></dhcp></ip>"
        "<portgroup name='lent' default='yes'/></network>"
    )
    lab.virsh("net-define", rich)
    lab.virsh("net-start", "rich")
    wait_for(lambda: "rich" in portal.manage("network", "ls"), 10, "it is seen")
    before = host.networkLookupByName("rich").XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
    portal.manage("network", "adopt", "rich")
    assert host.networkLookupByName("rich").XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE) == before
    assert "Nothing to do" in portal.manage("network", "plan", "rich")

    lab.virsh("net-destroy", "rich")
    lab.virsh("net-undefine", "rich")
    drift = "Network.objects.get(name='rich').status.drift_text"
    wait_for(lambda: portal.ask(drift) == "libvirt no longer has it", 10, "it is missed")
    portal.manage("network", "apply", "rich")
    after = host.networkLookupByName("rich").XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
    (now, was), _ = unmarked(after, before)
    assert now == was

    portal.manage("network", "release", "rich")
    assert host.networkLookupByName("rich").isActive()
    assert portal.ask("Network.objects.get(name='rich').state") == "unmanaged"
    portal.manage("network", "rm", "rich")
