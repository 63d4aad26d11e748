"""DHCP reservations: what is reserved, proposed and refused, and what libvirt has after a push."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import libvirt
import pytest

from networks import sync
from networks.definition.document.edit import edit
from networks.definition.document.parse import parse
from networks.definition.events import Event
from networks.definition.spec import HostSpec
from networks.models import Network
from networks.reservations.reservations import (
    Conflict,
    HostRow,
    entries,
    leased_to_another,
    propose,
    remove,
    reserve,
    rows,
    unreserved,
)
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network, make_running, make_vm
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.sync import observe
from virterweb.messages import Message

pytestmark = pytest.mark.integration

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
NETWORK = """<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr5'/>
<ip address='10.5.0.1' netmask='255.255.255.0'><dhcp><range start='10.5.0.2' end='10.5.0.99'/></dhcp></ip>
<ip family='ipv6' address='fd00:5::1' prefix='64'><dhcp><range start='fd00:5::100' end='fd00:5::1ff'/></dhcp></ip>
</network>"""
GUEST = """<domain type='test'><name>vm-8</name><memory>1024</memory><os><type>hvm</type></os><devices>
<interface type='network'><mac address='52:54:00:00:00:08'/><source network='net1'/></interface></devices></domain>"""
UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
# What others have on the network all the time; no wish here is about it.
BYSTANDERS = {
    "52:54:00:aa:00:01 10.5.0.77 aside 12h": "<host mac='52:54:00:aa:00:01' name='aside' ip='10.5.0.77'>"
    "<lease expiry='12' unit='hours'/></host>",
    "10.5.0.78 by-name": "<host name='by-name' ip='10.5.0.78'/>",
    "id:00:04:58:fd:e4:15 fd00:5::77 aside": "<host id='00:04:58:fd:e4:15' name='aside' ip='fd00:5::77'/>",
}
WRITERS = (
    *((libvirt.virConnect, name) for name in ("networkDefineXML", "networkCreateXML")),
    *((libvirt.virNetwork, name) for name in ("create", "destroy", "undefine", "setAutostart")),
)


def four(number: int, **values: object) -> HostSpec:
    """A guest known by its MAC."""
    return replace(HostSpec(mac=f"52:54:00:00:00:{number:02x}", ip=f"10.5.0.{number}", name=f"vm-{number}"), **values)


def six(number: int, **values: object) -> HostSpec:
    """A guest known by its DUID."""
    host = HostSpec(duid=f"00:03:00:01:52:54:00:00:00:{number:02x}", ip=f"fd00:5::{number}", name=f"vm-{number}")
    return replace(host, **values)


def named(number: int, **values: object) -> HostSpec:
    """A guest known by its name alone."""
    return replace(HostSpec(ip=f"10.5.0.{number}", name=f"vm-{number}"), **values)


EIGHT, NINE, SIX, TEN = four(8), four(9), six(6), named(10)


@pytest.fixture
def lab(db, tmp_path: Path, pokes):
    """A hypervisor of the test driver, private to this process, with nothing in it."""
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def raw(lab) -> libvirt.virConnect:
    """libvirt as others use it: the connection that the portal has, for the test driver's is private to each."""
    with connected(lab.pk, lab.uri) as connection:
        return connection.session.libvirt


@pytest.fixture(params=["ours", "not ours"])
def network(request, lab, raw) -> Network:
    """A network that runs in libvirt, ours or not, with DHCP reservations of others."""
    found = raw.networkDefineXML(NETWORK.format(uuid=UUID))
    found.setAutostart(True)
    found.create()
    observe(lab.pk)
    network = Network.objects.shown().get(name="net1")
    if request.param == "ours":
        network.adopt()
    for xml in BYSTANDERS.values():
        by_others(raw, "add", xml)
    return network


def by_others(raw: libvirt.virConnect, command: str, xml: str) -> None:
    """Change a DHCP reservation as with virsh net-update --live --config."""
    commands = {
        "add": libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST,
        "modify": libvirt.VIR_NETWORK_UPDATE_COMMAND_MODIFY,
        "delete": libvirt.VIR_NETWORK_UPDATE_COMMAND_DELETE,
    }
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
    section, block = libvirt.VIR_NETWORK_SECTION_IP_DHCP_HOST, int("fd00" in xml)
    raw.networkLookupByName("net1").update(commands[command], section, block, xml, flags)


def element(host: HostSpec) -> str:
    mac = f"mac='{host.mac}'" if host.mac else ""
    return f"<host {mac} name='{host.name}' ip='{host.ip}'/>"


@pytest.fixture
def restarts(raw, monkeypatch) -> list[str]:
    """libvirt's calls that do more to a network than to change an entry of a list, from here on."""
    made = []
    for owner, name in WRITERS:
        call = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args, name=name, call=call: (made.append(name), call(*args))[1])
    return made


@pytest.fixture
def push(raw, network, restarts) -> Callable[[], set[str]]:
    """Carries out what is wished, and gives the entries that libvirt has then beside the bystanders.

    Those are untouched, and nothing was restarted.
    """

    def run() -> set[str]:
        carry_out(Network, network.pk, sync.push)
        now = again(network)
        assert (str(now.status.error), now.done, restarts) == ("", True, [])
        assert [
            step for revision in now.revisions.all() for step in revision.steps if "DHCP reservation" not in step
        ] == []
        found = in_libvirt(raw)
        assert found >= BYSTANDERS.keys()
        return found - BYSTANDERS.keys()

    return run


def in_libvirt(raw: libvirt.virConnect) -> set[str]:
    """Its DHCP reservations as lines."""
    found = list(map(str, parse(raw.networkLookupByName("net1").XMLDesc()).hosts))
    assert len(found) == len(set(found))
    return set(found)


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def desired(network: Network, *hosts: HostSpec, was: str = "") -> None:
    reserve(again(network), hosts, None, was=was)


def take_away(network: Network, *hosts: HostSpec) -> list[HostSpec]:
    return remove(again(network), [host.ip for host in hosts], None)


def states(network: Network) -> dict[str, str]:
    """The state of each row but the bystanders', by address."""
    return {row.host.ip: row.state.value for row in rows(again(network)) if str(row.host) not in BYSTANDERS}


def wishes(network: Network) -> set[str]:
    return {f"{host}{' no longer' if host.removed_at else ''}" for host in network.hosts.all()}


def settled(network: Network, push: Callable[[], set[str]]) -> set[str]:
    """What libvirt has after a push. Of a managed network it is what is kept, of another's nothing is kept."""
    found = push()
    assert wishes(network) == (found if network.managed else set())
    return found


def texts(*hosts: HostSpec) -> set[str]:
    return set(map(str, hosts))


# Into libvirt


def test_an_entry_is_being_added_then_reserved_then_being_removed_then_gone(network, push):
    hosts = [EIGHT, four(9, name="", lease=0), SIX, TEN]
    desired(network, *hosts)
    assert states(network) == {host.ip: "being added" for host in hosts}
    assert push() == texts(*hosts)
    assert states(network) == {host.ip: "reserved" for host in hosts}
    assert take_away(network, *hosts) == hosts
    assert states(network) == {host.ip: "being removed" for host in hosts}
    assert push() == set()
    assert (states(network), wishes(network)) == ({}, set())


CHANGES = {
    "nothing": (four(20), four(20)),
    "address": (four(21), four(21, ip="10.5.0.121")),
    "name": (four(22), four(22, name="renamed")),
    "name taken away": (four(23), four(23, name="")),
    "address and name": (four(24), four(24, ip="10.5.0.124", name="both")),
    "lease time": (four(25), four(25, lease=3600)),
    "guest": (four(26), four(26, mac="52:54:00:00:00:f6")),
    "everything": (four(27), four(127, lease=0)),
    "MAC instead of the name": (named(28), four(28)),
    "name instead of the MAC": (four(29), named(29)),
    "address of a name": (named(30), named(30, ip="10.5.0.130")),
    "name at an address": (named(31), named(31, name="other-name")),
    "IPv6 address": (six(32), six(32, ip="fd00:5::132")),
    "IPv6 name": (six(33), six(33, name="sechs")),
    "DUID": (six(34), six(34, duid="00:04:77:88")),
    "name instead of the DUID": (six(35), six(35, duid="")),
}


def test_a_changed_entry_stays_one_whatever_of_it_changes(network, push):
    desired(network, *(was for was, _ in CHANGES.values()))
    push()
    for was, host in CHANGES.values():
        desired(network, host, was=was.ip)
    expected = {host.ip: "being added" for was, host in CHANGES.values() if was != host}
    expected |= {was.ip: "being removed" for was, host in CHANGES.values() if was.ip != host.ip}
    assert states(network) == expected | {"10.5.0.20": "reserved"}
    hosts = [host for _, host in CHANGES.values()]
    assert push() == texts(*hosts)
    assert states(network) == {host.ip: "reserved" for host in hosts}
    assert wishes(network) == (texts(*hosts) if network.managed else set())


def test_an_entry_that_others_made_is_left_alone_changed_and_removed_like_any(network, raw, push):
    alone, renamed, moved, handed, gone = theirs = [four(number) for number in range(40, 45)]
    for host in theirs:
        by_others(raw, "add", element(host))
    observe(network.hypervisor_id)
    shown = "added outside" if network.managed else "reserved"
    assert states(network) == {host.ip: shown for host in theirs}
    changed = {
        renamed: replace(renamed, name="ours-now"),
        moved: replace(moved, ip="10.5.0.142"),
        handed: replace(handed, mac="52:54:00:00:00:f3"),
    }
    for was, host in changed.items():
        desired(network, host, was=was.ip)
    assert take_away(network, gone) == [gone]
    assert states(network) == {
        **{alone.ip: shown, gone.ip: "being removed", moved.ip: "being removed"},
        **{host.ip: "being added" for host in changed.values()},
    }
    assert push() == texts(alone, *changed.values())
    assert states(network) == {alone.ip: shown} | {host.ip: "reserved" for host in changed.values()}


def test_an_entry_that_comes_back_before_a_push_was_never_away(network, push):
    hosts = {EIGHT: "10.5.0.18", SIX: "fd00:5::16", TEN: "10.5.0.20"}
    desired(network, *hosts)
    push()
    for host, ip in hosts.items():
        desired(network, replace(host, ip=ip), was=host.ip)
        desired(network, host, was=ip)
    assert texts(*entries(network).values()) - BYSTANDERS.keys() == texts(*hosts)
    assert settled(network, push) == texts(*hosts)


def test_an_entry_that_was_never_in_libvirt_goes_as_it_came(network, push):
    desired(network, EIGHT, SIX)
    take_away(network, EIGHT, SIX)
    assert EIGHT.ip not in entries(network)
    assert settled(network, push) == set()


def test_an_address_changes_hands_before_a_push(network, push):
    desired(network, EIGHT, SIX)
    push()
    take_away(network, EIGHT, SIX)
    heirs = replace(NINE, ip=EIGHT.ip), six(9, ip=SIX.ip)
    desired(network, *heirs)
    assert states(network) == {EIGHT.ip: "being added", SIX.ip: "being added"}
    assert settled(network, push) == texts(*heirs)
    assert states(network) == {EIGHT.ip: "reserved", SIX.ip: "reserved"}


def test_an_address_that_changed_hands_and_was_given_up_before_a_push_is_free(network, push):
    desired(network, EIGHT)
    push()
    take_away(network, EIGHT)
    desired(network, replace(NINE, ip=EIGHT.ip))
    assert take_away(network, EIGHT) == [replace(NINE, ip=EIGHT.ip)]
    assert states(network) == {EIGHT.ip: "being removed"}
    assert EIGHT.ip not in entries(network)
    desired(network, four(11, ip=EIGHT.ip))
    assert push() == texts(four(11, ip=EIGHT.ip))


def test_guests_that_swap_addresses_and_names_before_a_push_have_each_others(network, push):
    desired(network, EIGHT, NINE)
    push()
    desired(network, replace(EIGHT, ip="10.5.0.99", name="aside-for-now"))
    desired(network, replace(NINE, ip=EIGHT.ip, name=EIGHT.name))
    desired(network, replace(EIGHT, ip=NINE.ip, name=NINE.name))
    assert settled(network, push) == texts(four(8, ip=NINE.ip, name="vm-9"), four(9, ip=EIGHT.ip, name="vm-8"))


def test_a_guest_that_has_an_entry_already_moves_and_has_one(network, push):
    desired(network, EIGHT, SIX)
    push()
    moved = replace(EIGHT, ip="10.5.0.18"), replace(SIX, ip="fd00:5::16")
    desired(network, *moved)
    assert states(network) == {
        **{EIGHT.ip: "being removed", SIX.ip: "being removed"},
        **{host.ip: "being added" for host in moved},
    }
    assert settled(network, push) == texts(*moved)


@pytest.mark.parametrize("was", ["", "10.5.0.18"], ids=["added", "changed"])
def test_a_guest_whose_entry_others_moved_has_one_after_the_next_wish(network, raw, push, was):
    desired(network, EIGHT)
    push()
    by_others(raw, "modify", element(replace(EIGHT, ip="10.5.0.18")))
    observe(network.hypervisor_id)
    desired(network, replace(EIGHT, ip="10.5.0.28"), was=was)
    assert settled(network, push) == texts(replace(EIGHT, ip="10.5.0.28"))


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "not seen yet"])
def test_an_entry_that_others_removed_meanwhile_can_be_removed_and_changed(network, raw, push, seen):
    desired(network, EIGHT, NINE)
    push()
    for host in (EIGHT, NINE):
        by_others(raw, "delete", element(host))
    if seen:
        observe(network.hypervisor_id)
    known = network.managed or not seen  # what another's network lacks is simply not there
    said = "missing in libvirt" if seen else "reserved"
    shown = dict.fromkeys((EIGHT.ip, NINE.ip), said) if known else {}
    assert states(network) == shown
    assert take_away(network, EIGHT) == ([EIGHT] if shown else [])
    desired(network, replace(NINE, ip="10.5.0.19"), was=NINE.ip)
    assert settled(network, push) == texts(replace(NINE, ip="10.5.0.19"))


def test_an_entry_that_others_made_and_removed_is_gone_without_a_trace(network, raw, push):
    by_others(raw, "add", element(EIGHT))
    observe(network.hypervisor_id)
    by_others(raw, "delete", element(EIGHT))
    assert take_away(network, EIGHT) == [EIGHT]
    assert settled(network, push) == set()
    assert take_away(network, EIGHT) == []


def test_a_name_that_others_took_unseen_is_refused_and_nothing_is_restarted(network, raw, push, restarts):
    push()
    by_others(raw, "add", element(four(9, name=EIGHT.name)))
    before = in_libvirt(raw)
    desired(network, EIGHT)
    carry_out(Network, network.pk, sync.push)
    assert (in_libvirt(raw), restarts) == (before, [])
    assert again(network).status.error
    assert states(network)[EIGHT.ip] == "not added"
    take_away(network, EIGHT)
    assert push() == before - BYSTANDERS.keys()


@pytest.mark.parametrize("network", ["ours"], indirect=True)
def test_what_was_accepted_before_is_still_carried_out_with_entries_that_are_wished_since(network, raw, push, restarts):
    desired(network, NINE)
    push()
    raw.createXML(GUEST)
    observe(network.hypervisor_id)
    now = again(network)
    wanted = replace(now.wanted, document=edit(now.full_document, replace(now.spec, mtu=9000)))
    now.change(Event.CHANGED, document=wanted.document, accepted=[step.as_json() for step in now.plan(wanted)])
    desired(network, EIGHT)
    take_away(network, NINE)
    carry_out(Network, network.pk, sync.push)
    of_ours = [call for call in restarts if call != "networkCreateXML"][:3]  # VMs are moved through another network
    assert (str(again(network).status.error), of_ours) == ("", ["networkDefineXML", "destroy", "create"])


@pytest.mark.parametrize("network", ["ours"], indirect=True)
def test_the_history_says_who_wished_what(network, push, user):
    reserve(again(network), [EIGHT], user)
    push()
    remove(again(network), [EIGHT.ip], user)
    push()
    gone, reserved = network.revisions.all()[:2]
    assert (gone.what, gone.by, gone.result) == ("DHCP reservations of 10.5.0.8 removed", user, "done")
    assert (reserved.what, reserved.by, reserved.result) == ("10.5.0.8 reserved for vm-8", user, "done")
    assert [str(host) for host in parse(reserved.document).hosts] == [str(EIGHT)]


# Several people


@pytest.fixture
def net(lab) -> Network:
    """A network that libvirt has, as the database knows it; libvirt itself is not asked."""
    return make_foreign_network(lab, NETWORK)


def found(network: Network, *hosts: HostSpec) -> None:
    """Write down that libvirt was seen to have these entries too."""
    network.found_hosts.bulk_create(network.found_hosts.model.of(network, host) for host in hosts)


def refused(network: Network, *hosts: HostSpec, was: str = "") -> tuple[tuple[str, str], ...]:
    """What is said against entries, of which none is wished then."""
    before = wishes(network), again(network).generation
    with pytest.raises(Conflict) as problem:
        desired(network, *hosts, was=was)
    assert (wishes(network), again(network).generation) == before
    return tuple((field, str(reason)) for field, reason in problem.value.errors)


def test_all_are_reserved_or_none(net):
    found(net, EIGHT)
    assert refused(net, NINE, four(11, ip=EIGHT.ip)) == (
        ("ip", f"10.5.0.8 is reserved for {EIGHT.mac} (vm-8) already."),
    )
    assert refused(net, NINE, four(11, ip=NINE.ip, name="vm-9"), TEN) == (
        ("ip", f"10.5.0.9 is reserved for {NINE.mac} (vm-9) already."),
        ("name", f"vm-9 is the name of {NINE.mac} (10.5.0.9) already."),
    )


def test_nothing_moves_when_one_of_several_is_refused(net):
    desired(net, EIGHT)
    refused(net, replace(EIGHT, ip="10.5.0.18"), replace(NINE, ip="10.6.0.9"))
    assert wishes(net) == texts(EIGHT)


def test_an_entry_that_is_changed_may_not_take_what_another_has(net):
    found(net, EIGHT, NINE)
    assert refused(net, replace(EIGHT, ip=NINE.ip), was=EIGHT.ip)[0][0] == "ip"
    assert refused(net, replace(EIGHT, name=NINE.name), was=EIGHT.ip)[0][0] == "name"
    assert refused(net, replace(EIGHT, mac=NINE.mac), was=EIGHT.ip)[0][0] == "mac"


def test_the_second_of_two_people_sees_what_the_first_wished(net):
    first, second = again(net), again(net)
    reserve(first, [EIGHT], None)
    with pytest.raises(Conflict, match=f"10.5.0.8 is reserved for {EIGHT.mac}"):
        reserve(second, [four(9, ip=EIGHT.ip)], None)
    reserve(second, [NINE], None)
    assert wishes(net) == texts(EIGHT, NINE)
    assert remove(first, [EIGHT.ip], None) == [EIGHT]
    assert remove(second, [EIGHT.ip], None) == []
    assert entries(first) == entries(second) == {NINE.ip: NINE}
    assert again(net).generation == 3


def test_the_second_of_two_people_may_have_what_the_first_gave_up(net):
    found(net, EIGHT)
    first, second = again(net), again(net)
    remove(first, [EIGHT.ip], None)
    reserve(second, [four(9, ip=EIGHT.ip)], None)
    assert entries(net) == {EIGHT.ip: four(9, ip=EIGHT.ip)}


def test_removing_says_what_there_was_and_nothing_is_asked_of_a_worker_without(net):
    found(net, EIGHT)
    assert remove(net, ["10.5.0.99", EIGHT.ip, "10.5.0.98"], None) == [EIGHT]
    before = again(net).generation
    assert remove(net, ["10.5.0.99", EIGHT.ip], None) == []
    assert again(net).generation == before


def test_many_removed_at_once_are_named_by_the_first_three(lab):
    network = make_network(lab, "net1", "10.5.0.1/24")
    desired(network, *map(four, range(20, 25)))
    take_away(network, *map(four, range(20, 25)))
    assert network.revisions.first().what == "DHCP reservations of 10.5.0.20, 10.5.0.21, 10.5.0.22 and 2 more removed"


# Rows


def row(network: Network, host: HostSpec) -> HostRow:
    (only,) = (row for row in rows(again(network)) if row.host == host)
    return only


def test_rows_are_by_address_ipv4_first(net):
    found(net, SIX, four(100), NINE)
    desired(net, four(20))
    assert [row.host for row in rows(net)] == [NINE, four(20), four(100), SIX]


def test_a_row_names_the_vm_that_has_the_mac_and_whether_it_is_here(lab, net):
    make_foreign_network(lab, NETWORK.replace("net1", "net2").replace("10.5.", "10.6."))
    make_running(make_vm(lab, "vm-8"), ("net1", EIGHT.mac, "vnet8"))
    make_running(make_vm(lab, "vm-9", 9), ("net2", NINE.mac, "vnet9"))
    found(net, EIGHT, NINE, TEN)
    here, there, none = (row(net, host) for host in (EIGHT, NINE, TEN))
    assert (here.holder.vm, here.here) == ("vm-8", True)
    assert (there.holder.vm, there.holder.source, there.here) == ("vm-9", "net2", False)
    assert (none.holder, none.here) == (None, False)


def test_a_row_says_what_its_guest_has_now_and_whether_that_differs(net):
    found(net, EIGHT, NINE, four(11), SIX)
    make_lease(net, EIGHT.mac, "10.5.0.8")
    make_lease(net, EIGHT.mac, "fd00:5::8")
    make_lease(net, NINE.mac, "10.5.0.90")
    make_lease(net, four(11).mac, "10.5.0.91", last_seen=net.created_at)
    shown = {host.ip: (row(net, host).leased, row(net, host).differs) for host in (EIGHT, NINE, four(11), SIX)}
    assert shown == {
        "10.5.0.8": (("10.5.0.8",), False),
        "10.5.0.9": (("10.5.0.90",), True),
        "10.5.0.11": ((), False),
        "fd00:5::6": ((), False),
    }


def test_nics_without_an_entry_are_those_that_hang_here_by_vm(lab, net):
    make_foreign_network(lab, NETWORK.replace("net1", "net2").replace("10.5.", "10.6."))
    make_running(make_vm(lab, "b", 8), ("net1", EIGHT.mac, "vnet8"), ("net2", "52:54:00:80:00:08", "vnet80"))
    make_running(make_vm(lab, "A", 9), ("net1", NINE.mac, "vnet9"))
    make_running(make_vm(lab, "c", 11), ("net1", four(11).mac, "vnet11"))
    make_running(make_vm(lab, "d", 12), ("net1", four(12).mac, "vnet12"))
    found(net, four(11))
    desired(net, four(12))
    assert [(nic.vm, nic.mac) for nic in unreserved(net)] == [("A", NINE.mac), ("b", EIGHT.mac)]
    remove(net, [four(11).ip], None)
    assert [nic.vm for nic in unreserved(net)] == ["A", "b", "c"]


# What is proposed


def test_without_a_guest_the_next_free_address_is_proposed(net):
    found(net, four(2))
    desired(net, four(3))
    make_lease(net, NINE.mac, "10.5.0.4")
    assert propose(again(net)) == HostSpec(ip="10.5.0.5")
    assert propose(again(net), ip="10.5.0.50") == HostSpec(ip="10.5.0.50")


def test_a_guest_is_proposed_the_address_that_it_has(net):
    make_lease(net, EIGHT.mac, "10.5.0.80", "calls-itself")
    make_lease(net, EIGHT.mac, "fd00:5::80")
    assert propose(net, EIGHT.mac) == HostSpec(mac=EIGHT.mac, ip="10.5.0.80", name="calls-itself")
    assert propose(net, EIGHT.mac, ip="10.5.0.81").ip == "10.5.0.81"


@pytest.mark.parametrize("how", ["found", "wished"])
def test_a_guest_whose_address_is_reserved_for_another_is_proposed_the_next_free_one(net, how):
    make_lease(net, EIGHT.mac, NINE.ip)
    (found if how == "found" else desired)(net, NINE)
    assert propose(net, EIGHT.mac).ip == "10.5.0.2"


def test_an_address_that_is_wished_but_not_there_is_not_proposed(net):
    desired(net, four(2))
    net.status.write(generation=again(net).generation, error=Message.external("libvirt refused it"))
    assert states(net) == {"10.5.0.2": "not added"}
    assert propose(again(net)).ip == "10.5.0.3"


def test_a_lease_that_has_ended_proposes_nothing(net):
    make_lease(net, EIGHT.mac, "10.5.0.80", "calls-itself", last_seen=net.created_at)
    assert propose(net, EIGHT.mac) == HostSpec(mac=EIGHT.mac, ip="10.5.0.2")


def test_the_name_of_the_vm_is_proposed_before_what_the_guest_calls_itself(lab, net):
    make_running(make_vm(lab, "alma-8-8"), ("net1", EIGHT.mac, "vnet8"))
    make_lease(net, EIGHT.mac, "10.5.0.80", "localhost")
    assert propose(net, EIGHT.mac).name == "alma-8-8"


@pytest.mark.parametrize(
    ("vm", "hostname", "name"),
    [
        ("My VM", "calls-itself", "calls-itself"),
        ("under_score", "", ""),
        ("VM-9", "calls-itself", "calls-itself"),
        ("vm-9", "vm-9", ""),
        ("vm-6", "", "vm-6"),
    ],
    ids=["spaces", "no DNS name", "another has it", "another has both", "only an IPv6 guest has it"],
)
def test_a_name_that_cannot_be_had_is_not_proposed(lab, net, vm, hostname, name):
    make_running(make_vm(lab, vm), ("net1", EIGHT.mac, "vnet8"))
    make_lease(net, EIGHT.mac, "10.5.0.80", hostname)
    found(net, NINE, SIX)
    assert propose(net, EIGHT.mac).name == name


def test_a_guest_that_has_an_entry_keeps_its_name(lab, net):
    make_running(make_vm(lab, "alma-8-8"), ("net1", EIGHT.mac, "vnet8"))
    make_lease(net, EIGHT.mac, "10.5.0.80", "localhost")
    found(net, EIGHT)
    assert propose(net, EIGHT.mac) == replace(EIGHT, ip="10.5.0.80")


def test_an_ipv6_lease_is_kept_by_its_client_id(lab, net):
    make_running(make_vm(lab, "alma-8-8"), ("net1", EIGHT.mac, "vnet8"))
    found(net, EIGHT, four(9, name="alma-8-8"))
    proposed = propose(net, EIGHT.mac, "fd00:5::80", SIX.duid)
    assert proposed == HostSpec(duid=SIX.duid, ip="fd00:5::80", name="vm-8")


def test_an_ipv6_guest_that_has_an_entry_keeps_its_name(lab, net):
    make_running(make_vm(lab, "alma-8-8"), ("net1", EIGHT.mac, "vnet8"))
    found(net, SIX)
    assert propose(net, EIGHT.mac, "fd00:5::80", SIX.duid).name == SIX.name


def test_an_entry_goes_to_the_one_ipv4_block_where_libvirt_has_dhcp(lab):
    before = "<ip address='10.4.0.1' prefix='24'/><ip address='10.5.0.1'"
    network = make_foreign_network(lab, NETWORK.replace("<ip address='10.5.0.1'", before))
    assert propose(network).ip == "10.5.0.2"
    assert [field for field, _ in refused(network, four(8, ip="10.4.0.8"))] == ["ip"]


# Warnings


UNTIL = datetime(2030, 1, 1, 12, 34, tzinfo=UTC)
KEEPS = "That guest keeps it until it renews; only then can another have it."


def test_an_address_that_another_guest_has_now_is_warned_of(net):
    make_lease(net, NINE.mac, EIGHT.ip)
    assert leased_to_another(net, EIGHT) == f"10.5.0.8 is leased to {NINE.mac}. {KEEPS}"
    net.leases.update(hostname="nine", expires_at=UNTIL)
    assert leased_to_another(net, EIGHT) == f"10.5.0.8 is leased to nine ({NINE.mac}) until 12:34. {KEEPS}"
    net.leases.update(vm="alma-9-9")
    assert leased_to_another(net, EIGHT).startswith(f"10.5.0.8 is leased to alma-9-9 ({NINE.mac}) until")


def test_an_address_that_its_own_guest_has_or_another_had_is_not_warned_of(net):
    make_lease(net, NINE.mac, EIGHT.ip, last_seen=net.created_at + timedelta(seconds=1))
    assert leased_to_another(net, EIGHT) == ""
    make_lease(net, EIGHT.mac, EIGHT.ip)
    assert leased_to_another(net, EIGHT) == ""
    assert leased_to_another(net, replace(EIGHT, mac=NINE.mac)) != ""


def test_an_ipv6_guest_is_told_by_its_client_id(net):
    make_lease(net, EIGHT.mac, SIX.ip, client_id=SIX.duid)
    assert leased_to_another(net, SIX) == ""
    assert leased_to_another(net, replace(SIX, duid="00:04:77:88")).startswith(f"fd00:5::6 is leased to {EIGHT.mac}. ")


def test_a_guest_known_by_its_name_is_told_by_what_it_calls_itself(net):
    make_lease(net, EIGHT.mac, TEN.ip, "VM-10")
    assert leased_to_another(net, TEN) == ""
    assert leased_to_another(net, replace(TEN, name="other")) != ""
