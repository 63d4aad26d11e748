"""Pushing wishes and writing down what libvirt has, on libvirt's own test driver."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import libvirt
import pytest

from networks import sync
from networks.definition.document.compare import differences
from networks.definition.document.edit import edit
from networks.definition.events import Event
from networks.definition.spec import DNSHostSpec, HostSpec, PortGroupSpec, RangeSpec, SubnetSpec
from networks.models import DHCPHost, Network, NetworkRevision
from networks.reservations import reservations as hosts
from networks.sync import apply
from tests.support.making import make_host, make_hypervisor, make_network
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway import temporary
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundPort, Refused
from virterweb.hypervisors.gateway.nouns.networks import Networks
from virterweb.hypervisors.gateway.nouns.ports import Ports
from virterweb.hypervisors.sync import observe
from virterweb.messages import Message

pytestmark = pytest.mark.integration

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
OTHERS = """<network><name>others</name><bridge name='virbr5'/>
<ip address='10.5.0.1' netmask='255.255.255.0'><dhcp><range start='10.5.0.2' end='10.5.0.9'/></dhcp></ip></network>"""


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


def push(network: Network) -> Network:
    carry_out(Network, network.pk, sync.push)
    return again(network)


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def test_a_wish_is_defined_set_to_autostart_and_started(lab, raw):
    network = push(make_network(lab, spec={"domain": "lab.test"}))
    found = raw.networkLookupByName("net1")
    assert found.UUIDString() == network.uuid_text
    assert (found.isActive(), found.autostart()) == (1, 1)
    assert network.state == State.READY
    assert (network.facts.ip_range, network.facts.dhcp) == ("10.255.0.1/24", "10.255.0.2-10.255.0.254")


def test_pushing_twice_changes_nothing(lab, raw):
    network = push(make_network(lab))
    before = raw.networkLookupByName("net1").XMLDesc()
    network.ask_again()
    assert push(network).state == State.READY
    assert raw.networkLookupByName("net1").XMLDesc() == before


def test_a_refused_wish_leaves_nothing_in_libvirt(lab, raw):
    raw.networkDefineXML(OTHERS)
    network = push(make_network(lab, "others"))  # the name is taken, which only libvirt knows yet
    assert network.state == State.FAILED
    assert str(network.status.error).startswith("Could not define network others: ")
    assert "others" in network.status.detail
    assert [one.name() for one in raw.listAllNetworks()] == ["others"]


def test_a_step_that_fails_takes_back_the_steps_before_it(lab, raw, monkeypatch):
    def refuse(host, uuid, name):
        raise Refused(Message.external(f"Could not start network {name}: its block is taken"))

    monkeypatch.setattr(Networks, "start", refuse)  # the test driver starts whatever it is told to
    assert push(make_network(lab)).state == State.FAILED
    assert raw.listAllNetworks() == []


def test_a_failed_wish_can_be_tried_again(lab, raw):
    others = raw.networkDefineXML(OTHERS)
    network = push(make_network(lab, "others"))
    others.undefine()
    network.ask_again()
    assert push(network).state == State.READY


def test_everything_that_libvirt_has_is_written_down(lab, raw):
    raw.networkDefineXML(OTHERS)
    observe(lab.pk)
    network = Network.objects.shown().get(name="others")
    assert (network.state, network.managed, network.status.active) == (State.UNMANAGED, False, False)
    assert (network.facts.ip_range, network.facts.bridge) == ("10.5.0.1/24", "virbr5")
    raw.networkLookupByName("others").create()
    observe(lab.pk)
    assert again(network).status.active
    raw.networkLookupByName("others").destroy()
    raw.networkLookupByName("others").undefine()
    observe(lab.pk)
    assert not Network.objects.filter(name="others").exists()


def test_a_look_that_finds_nothing_new_writes_nothing(lab, raw):
    push(make_network(lab))
    observe(lab.pk)
    before = again(Network.objects.get()).status.observed_at
    observe(lab.pk)
    assert again(Network.objects.get()).status.observed_at == before


def test_what_others_change_on_a_wish_is_drift_and_is_put_back(lab, raw):
    network = push(make_network(lab))
    found = raw.networkLookupByName("net1")
    found.setAutostart(False)
    found.destroy()
    observe(lab.pk)
    drifted = again(network)
    assert (drifted.state, drifted.status.drifts) == (
        State.DRIFTED,
        ["is not active", "does not start with the host"],
    )
    drifted.ask_again()
    assert push(drifted).state == State.DRIFTED  # nothing of it was changed here
    drifted.change(Event.REVERTED, exact=True)
    assert push(drifted).state == State.READY


def test_a_wish_that_others_undefined_drifts_and_is_made_anew(lab, raw):
    network = push(make_network(lab))
    found = raw.networkLookupByName("net1")
    found.destroy()
    found.undefine()
    observe(lab.pk)
    assert again(network).status.drift_text == "libvirt no longer has it"
    network.ask_again()
    assert str(push(network).status.error).startswith("libvirt no longer has net1. Revert to the saved definition")
    network.change(Event.REVERTED, exact=True)
    assert push(network).state == State.READY
    assert raw.networkLookupByName("net1").UUIDString() == network.uuid_text


def test_removing_takes_it_out_of_libvirt_and_of_the_database(lab, raw):
    network = push(make_network(lab))
    network.remove()
    carry_out(Network, network.pk, sync.push)
    assert raw.listAllNetworks() == []
    assert not Network.objects.exists()


def test_removing_what_libvirt_no_longer_has_succeeds(lab, raw):
    network = push(make_network(lab))
    found = raw.networkLookupByName("net1")
    found.destroy()
    found.undefine()
    network.remove()
    carry_out(Network, network.pk, sync.push)
    assert not Network.objects.exists()


def test_a_host_entry_on_anothers_network_touches_nothing_else(lab, raw):
    raw.networkDefineXML(OTHERS).create()
    observe(lab.pk)
    network = Network.objects.get(name="others")
    make_host(network, "52:54:00:00:00:05", "10.5.0.5")
    network.ask_again()
    push(network)
    assert "<host mac='52:54:00:00:00:05' ip='10.5.0.5'/>" in raw.networkLookupByName("others").XMLDesc()
    network.release_ids(5, 1)
    push(network)
    assert "<host" not in raw.networkLookupByName("others").XMLDesc()
    assert not DHCPHost.objects.exists()
    assert again(network).state == State.UNMANAGED


def test_ids_that_are_reserved_already_are_refused_before_any(lab, raw):
    network = push(make_network(lab))
    network.reserve_ids(5, 2)
    with pytest.raises(ValueError, match="ID 5 has the DHCP reservation already: 52:54:00:00:00:05"):
        network.reserve_ids(4, 3)
    assert network.hosts.count() == 2


GUEST = """<domain type='test'><name>alma-8-8</name><memory>1024</memory><os><type>hvm</type></os><devices>
<interface type='network'><mac address='52:54:00:80:00:08'/><source network='net1'/></interface></devices></domain>"""
WRITERS = (
    *((libvirt.virConnect, name) for name in ("networkDefineXML", "networkCreateXML")),
    *((libvirt.virNetwork, name) for name in ("create", "destroy", "undefine", "update", "setAutostart")),
)


@pytest.fixture
def writes(raw, monkeypatch) -> list[str]:
    """The names of libvirt's calls that change networks, as they are made from here on."""
    made = []

    def counted(name, call):
        return lambda *args: (made.append(name), call(*args))[1]

    for owner, name in WRITERS:
        monkeypatch.setattr(owner, name, counted(name, getattr(owner, name)))
    return made


def change(network: Network, accepted: bool = True, **fields: object) -> Network:
    """Change fields of a wish as a form does, with the steps that it showed, and push it."""
    wanted = replace(network.wanted, document=edit(network.full_document, replace(network.spec, **fields)))
    observe(network.hypervisor_id)
    steps = [step.as_json() for step in again(network).plan(wanted)] if accepted else None
    network.change(Event.CHANGED, document=wanted.document, accepted=steps)
    return push(network)


def subnet_with(network: Network, **values: object) -> tuple:
    return (replace(network.spec.subnets[0], **values),)


def stored(raw: libvirt.virConnect) -> str:
    return raw.networkLookupByName("net1").XMLDesc()


def latest(network: Network) -> NetworkRevision:
    return network.revisions.first()


def redefine(raw: libvirt.virConnect, old: str, new: str, active: bool = True) -> None:
    """Change the network as others do; the test driver takes a new definition only while it is inactive."""
    found = raw.networkLookupByName("net1")
    document = stored(raw).replace(old, new, 1)
    if active:
        found.destroy()
    raw.networkDefineXML(document)
    if active:
        found.create()


def test_an_edit_is_carried_out(lab, raw):
    network = change(push(make_network(lab, active=False)), mtu=9000, domain="lab.test")
    assert (network.state, network.status.not_kept) == (State.READY, [])
    assert "<mtu size='9000'/>" in stored(raw)
    assert "<domain name='lab.test'/>" in stored(raw)
    assert not raw.networkLookupByName("net1").isActive()


def test_an_edit_that_is_not_done_live_restarts_a_running_network(lab, raw, writes):
    network = push(make_network(lab))
    writes.clear()
    assert change(network, mtu=9000).state == State.READY
    assert writes == ["networkDefineXML", "destroy", "create"]
    assert raw.networkLookupByName("net1").isActive()


def test_an_edit_that_libvirt_does_live_restarts_nothing(lab, raw, writes):
    network = push(make_network(lab))
    writes.clear()
    host = make_host(network, "52:54:00:00:00:08", "10.255.0.8").spec()
    network = change(network, subnets=subnet_with(network, hosts=(host,)))
    assert network.state == State.READY
    assert "<host mac='52:54:00:00:00:08' ip='10.255.0.8'/>" in stored(raw)
    assert set(writes) == {"update"}


def test_a_renamed_host_entry_is_changed_and_stays_one(lab, raw):
    network = push(make_network(lab))
    host = make_host(network, "52:54:00:00:00:08", "10.255.0.8").spec()
    network = change(network, subnets=subnet_with(network, hosts=(replace(host, name="eight"),)))
    assert network.state == State.READY
    assert "<host mac='52:54:00:00:00:08' name='eight' ip='10.255.0.8'/>" in stored(raw)
    network = change(network, subnets=subnet_with(network, hosts=(replace(host, name="acht"),)))
    assert stored(raw).count("<host ") == 1
    assert "name='acht'" in stored(raw)


def test_a_renamed_entry_of_an_ipv6_guest_stays_one(lab, raw):
    network = push(make_network(lab, active=False))
    spec = network.spec
    block = SubnetSpec(
        address="fd00:255::1", prefix=64, ranges=(RangeSpec(start="fd00:255::100", end="fd00:255::1ff"),)
    )
    guest = HostSpec(name="six", ip="fd00:255::6")
    network = change(network, subnets=(*spec.subnets, replace(block, hosts=(guest,))))
    assert "<host name='six' ip='fd00:255::6'/>" in stored(raw)
    network = change(network, subnets=(*spec.subnets, replace(block, hosts=(replace(guest, name="sechs"),))))
    assert network.state == State.READY, network.status.error
    assert stored(raw).count("<host ") == 1
    assert network.hosts.count() == 1


def test_a_push_of_what_is_so_already_writes_nothing_to_libvirt(lab, raw, writes):
    network = change(push(make_network(lab)), mtu=9000, dnsmasq_options=("log-dhcp",), title="Kept by nobody")
    before = stored(raw)
    writes.clear()
    network.ask_again()
    assert push(network).state == State.READY
    assert writes == []
    assert stored(raw) == before


def test_what_libvirt_does_not_keep_is_named_and_neither_drift_nor_pushed_again(lab, raw, writes):
    network = push(make_network(lab, active=False))
    network = change(network, dnsmasq_options=("log-dhcp",), title="T", description="D", mtu=9000)
    assert (network.state, network.status.drift) == (State.READY, "")
    kept = "<title>T</title>" in raw.networkLookupByName("net1").XMLDesc()  # not by every release
    assert network.status.ignored_fields == [*([] if kept else ["Title", "Description"]), "dnsmasq option log-dhcp"]
    assert network.spec.title == "T"
    assert network.plan() == ()
    writes.clear()
    observe(lab.pk)
    assert again(network).state == State.READY
    change(network, domain="lab.test")
    assert again(network).state == State.READY
    assert ["dnsmasq option", "", "log-dhcp", ""] in again(network).status.not_kept


def test_drift_beside_what_libvirt_does_not_keep_is_still_seen(lab, raw):
    network = change(push(make_network(lab)), dnsmasq_options=("log-dhcp",))
    redefine(raw, "<ip ", "<mtu size='1400'/><ip ")
    observe(lab.pk)
    assert again(network).status.drifts == ["MTU: found 1400, expected none"]


def test_by_itself_drift_is_only_shown(lab, raw, pokes):
    network = push(make_network(lab))
    raw.networkLookupByName("net1").setAutostart(False)
    observe(lab.pk)
    assert again(network).state == State.DRIFTED
    assert again(network).generation == network.generation


def test_drift_is_taken_where_an_operator_said_so(lab, raw):
    network = push(make_network(lab, on_drift="take"))
    redefine(raw, "<ip ", "<mtu size='1400'/><ip ")
    raw.networkLookupByName("net1").setAutostart(False)
    observe(lab.pk)
    network = again(network)
    assert (network.spec.mtu, network.autostart) == (1400, False)
    assert latest(network).what == "changes from libvirt accepted automatically"
    assert push(network).state == State.READY
    assert "<mtu size='1400'/>" in stored(raw)
    assert not raw.networkLookupByName("net1").autostart()


def test_drift_is_put_back_where_an_operator_said_so(lab, raw):
    network = push(make_network(lab, on_drift="put back"))
    redefine(raw, "</dhcp>", "<host mac='52:54:00:aa:00:01' ip='10.255.0.77'/></dhcp>")
    raw.networkLookupByName("net1").setAutostart(False)
    observe(lab.pk)
    network = push(network)
    assert network.state == State.READY
    assert "<host" not in stored(raw)
    assert raw.networkLookupByName("net1").autostart()
    assert network.exact is False
    assert latest(network).what == "reverted to saved definition automatically"


def test_what_is_put_back_by_itself_cuts_off_nobody(lab, raw):
    network = push(make_network(lab, on_drift="put back"))
    raw.createXML(GUEST)
    redefine(raw, "<ip ", "<mtu size='1400'/><ip ")
    observe(lab.pk)
    network = push(network)
    assert network.state == State.FAILED
    assert str(network.status.error).startswith(
        "Nothing was done, because the plan has changed since you saw it: Restart net1"
    )
    assert "<mtu size='1400'/>" in stored(raw)
    generation = network.generation
    observe(lab.pk)
    assert again(network).generation == generation  # it is not tried again and again


def test_an_undefined_wish_is_made_anew_where_an_operator_said_so(lab, raw):
    network = push(make_network(lab, on_drift="put back"))
    raw.networkLookupByName("net1").destroy()
    raw.networkLookupByName("net1").undefine()
    observe(lab.pk)
    assert push(network).state == State.READY
    assert raw.networkLookupByName("net1").isActive()


def test_host_entries_that_others_added_stay_when_something_else_changes(lab, raw):
    network = push(make_network(lab))
    others = "<host mac='52:54:00:aa:00:01' ip='10.255.0.77'/>"
    redefine(raw, "</dhcp>", f"{others}</dhcp>")
    network = change(network, dns_hosts=(DNSHostSpec(ip="10.255.0.5", names=("mirror",)),))
    assert others in stored(raw)
    assert "<hostname>mirror</hostname>" in stored(raw)
    assert network.state == State.DRIFTED


def test_what_would_cut_off_vms_is_refused_unless_it_was_shown(lab, raw, writes):
    network = push(make_network(lab))
    raw.createXML(GUEST)
    before = stored(raw)
    writes.clear()
    network = change(network, accepted=False, mtu=9000)
    assert network.state == State.FAILED
    assert str(network.status.error) == (
        "Nothing was done, because the plan has changed since you saw it: Restart net1, because libvirt cannot change "
        "this live: MTU. "
        "Check the plan and confirm it again."
    )
    assert (str(latest(network).error), latest(network).plan) == (str(network.status.error), [])
    assert writes == []
    assert stored(raw) == before
    network.change(Event.CHANGED, accepted=[step.as_json() for step in network.plan()])
    assert push(network).state == State.READY
    temporary_network = ["networkCreateXML", "destroy"]  # by which VMs are reconnected
    assert writes == ["networkDefineXML", temporary_network[0], "destroy", "create", temporary_network[1]]


def test_a_network_that_a_killed_worker_has_stopped_to_restart_it_is_started(lab, raw, monkeypatch):
    def die(connection: Connection, uuid: str, name: str) -> None:
        raise SystemExit

    network = push(make_network(lab))
    raw.createXML(GUEST)
    with monkeypatch.context() as killed, pytest.raises(SystemExit):
        killed.setattr(Networks, "start", die)
        change(network, mtu=9000)
    assert not raw.networkLookupByName("net1").isActive()
    observe(lab.pk)
    network = push(network)
    assert raw.networkLookupByName("net1").isActive()
    assert (network.state, network.status.drift) == (State.READY, "")


def test_a_temporary_network_that_a_killed_worker_left_is_removed_and_never_shown(lab, raw):
    network = push(make_network(lab))
    for uuid in (network.uuid_text, "0d0d0d0d-0000-4000-8000-000000000001"):  # the second is no network any more
        raw.networkCreateXML(temporary.network_document(uuid, network.document))
    with connected(lab.pk, lab.uri) as connection:
        assert [found.name for found in connection.networks.all()] == ["net1"]
    observe(lab.pk)
    assert [one.name() for one in raw.listAllNetworks()] == ["net1"]
    assert [row.name for row in Network.objects.all()] == ["net1"]


def test_a_temporary_network_with_a_vm_on_it_stays_and_the_vm_is_on_its_network(lab, raw):
    network = push(make_network(lab))
    raw.networkCreateXML(temporary.network_document(network.uuid_text, network.document))
    raw.createXML(GUEST.replace("'net1'", f"'{temporary.network_name(network.uuid_text)}'"))
    observe(lab.pk)
    assert len(raw.listAllNetworks()) == 2
    assert [vm for _, vm, _ in again(network).status.cut] == ["alma-8-8"]
    with connected(lab.pk, lab.uri) as connection:
        (domain,) = (found for found in connection.domains.all() if found.name == "alma-8-8")
    assert "<source network='net1'" in domain.document


def test_a_vm_that_came_after_the_plan_was_shown_is_not_cut_off(lab, raw):
    network = push(make_network(lab))
    wanted = replace(network.wanted, document=edit(network.full_document, replace(network.spec, mtu=9000)))
    network.change(Event.CHANGED, document=wanted.document, accepted=[step.as_json() for step in network.plan(wanted)])
    raw.createXML(GUEST)
    assert push(network).state == State.FAILED
    assert "mtu" not in stored(raw)


def test_a_stop_that_nobody_was_shown_is_refused(lab, raw):
    network = push(make_network(lab))
    raw.createXML(GUEST)
    network.change(Event.STOPPED, active=False)
    assert str(push(network).status.error).startswith(
        "Nothing was done, because the plan has changed since you saw it: Stop net1."
    )
    assert raw.networkLookupByName("net1").isActive()


def test_the_history_gets_plan_result_and_seconds(lab, raw):
    network = change(push(make_network(lab)), mtu=9000)
    revision = latest(network)
    assert (revision.what, revision.result) == ("changed", "done")
    assert revision.steps == ["Define net1 again", "Restart net1, because libvirt cannot change this live: MTU"]
    assert 0 <= revision.seconds < 5


def test_the_history_gets_what_failed_and_how_far_it_came(lab, raw, monkeypatch):
    network = push(make_network(lab))

    def refuse(host, uuid, name):
        raise Refused(Message.external(f"Could not start network {name}: its block is taken"))

    monkeypatch.setattr(Networks, "start", refuse)
    network = change(network, mtu=9000)
    assert network.state == State.FAILED
    revision = latest(network)
    assert (str(revision.error), revision.steps) == (
        *("Could not start network net1: its block is taken", ["Define net1 again"]),
    )
    assert revision.seconds is not None


def test_each_change_of_a_row_of_changes_gets_its_result(lab, raw):
    network = push(make_network(lab))
    network.change(Event.CHANGED, document=edit(network.full_document, replace(network.spec, mtu=9000)))
    network.change(Event.CHANGED, document=edit(network.full_document, replace(network.spec, domain="lab.test")))
    network = push(network)
    assert not [revision.what for revision in network.revisions.all() if not revision.result]


def test_adopting_changes_nothing_in_libvirt(lab, raw, writes):
    raw.networkDefineXML(OTHERS).create()
    observe(lab.pk)
    before = raw.networkLookupByName("others").XMLDesc()
    writes.clear()
    network = Network.objects.shown().get(name="others")
    network.adopt()
    assert push(network).state == State.READY
    assert writes == []
    assert raw.networkLookupByName("others").XMLDesc() == before
    assert latest(network).result == "done"


def test_what_was_released_is_only_looked_at(lab, raw, writes):
    network = push(make_network(lab))
    writes.clear()
    network.release()
    raw.networkLookupByName("net1").setAutostart(False)
    observe(lab.pk)
    assert again(network).state == State.UNMANAGED
    assert writes == ["setAutostart"]


def test_restoring_brings_back_host_entries_in_libvirt_too(lab, raw):
    network = push(make_network(lab))
    host = make_host(network, "52:54:00:00:00:08", "10.255.0.8").spec()
    network = change(network, subnets=subnet_with(network, hosts=(host,)))
    earlier = latest(network).document
    network = change(network, subnets=subnet_with(network, hosts=()))
    assert "<host" not in stored(raw)
    assert not network.hosts.exists()
    network.change(Event.CHANGED, document=earlier)
    push(network)
    assert "<host mac='52:54:00:00:00:08' ip='10.255.0.8'/>" in stored(raw)


def test_an_entry_that_is_wished_again_while_it_is_being_removed_is_not_lost(lab, raw, monkeypatch):
    network = push(make_network(lab))
    host = make_host(network, "52:54:00:00:00:08", "10.255.0.8").spec()
    network = change(network, subnets=subnet_with(network, hosts=(host,)))
    earlier, update, calls = latest(network).document, libvirt.virNetwork.update, []

    def desired_again(*args: object) -> int:
        calls.append(args)
        if len(calls) == 1:
            again(network).change(Event.CHANGED, document=earlier)
        return update(*args)

    monkeypatch.setattr(libvirt.virNetwork, "update", desired_again)
    network = change(network, subnets=subnet_with(network, hosts=()))
    assert len(calls) == 2
    assert [str(entry) for entry in network.hosts.all()] == ["52:54:00:00:00:08 10.255.0.8"]
    assert "<host mac='52:54:00:00:00:08' ip='10.255.0.8'/>" in stored(raw)


# A change is pushed beside what others have changed


LIVE, CONFIG = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE, libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
OUTSIDE = {
    "their DNS host": ("<ip ", "<dns><host ip='10.255.0.9'><hostname>theirs</hostname></host></dns><ip "),
    "their domain": ("<ip ", "<domain name='theirs'/><ip "),
    "their port group": ("</network>", "<portgroup name='theirs'/></network>"),
    "their DHCP reservation": ("</dhcp>", "<host mac='52:54:00:aa:00:01' ip='10.255.0.77'/></dhcp>"),
    "their MTU": ("<ip ", "<mtu size='1400'/><ip "),
    "their range": ("end='10.255.0.254'", "end='10.255.0.200'"),
}


def changes_of(network: Network) -> dict[str, Callable[[], object]]:
    """Every partial change, by name, with what it is to have done in libvirt's document."""
    edited = {
        "title": {"title": "T"},
        "MTU": {"mtu": 9000},
        "DNS host": {"dns_hosts": (DNSHostSpec(ip="10.255.0.5", names=("ours",)),)},
        "port group": {"port_groups": (PortGroupSpec(name="ours"),)},
    }
    return {
        "reservation": lambda: hosts.reserve(network, [HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")], None),
        "IDs": lambda: network.reserve_ids(8, 1),
        "autostart": lambda: network.change(Event.AUTOSTART, autostart=False),
        **{name: partial(change_in_form, network, **values) for name, values in edited.items()},
    }


def change_in_form(network: Network, **fields: object) -> None:
    network.change(Event.CHANGED, document=edit(network.full_document, replace(network.spec, **fields)))


@pytest.mark.parametrize("what", ["reservation", "IDs", "autostart", "title", "MTU", "DNS host", "port group"])
@pytest.mark.parametrize("outside", OUTSIDE)
def test_a_change_pushes_what_it_changes_and_leaves_drift(lab, raw, what, outside):
    # The test driver takes no new definition while it runs.
    network = push(make_network(lab, active=what != "MTU"))
    redefine(raw, *OUTSIDE[outside], active=what != "MTU")
    before = stored(raw)
    observe(lab.pk)
    changes_of(again(network))[what]()
    network = push(network)
    assert str(network.status.error) == ""
    expected = {
        "reservation": ["DHCP reservation of 10.255.0.1/24 52:54:00:00:00:08 10.255.0.8 was added outside the portal"],
        "MTU": [f"MTU: found 9000, expected {'1400' if outside == 'their MTU' else 'none'}"],
        "DNS host": ["DNS host 10.255.0.5 ours was added outside the portal"],
        "port group": ["Port group ours was added outside the portal"],
    }
    expected["IDs"] = expected["reservation"]
    assert [str(one) for one in differences(before, stored(raw))] == expected.get(what, [])
    assert raw.networkLookupByName("net1").autostart() == (what != "autostart")
    ours = what == "MTU" and outside == "their MTU"  # the last word is ours
    assert network.state == (State.READY if ours else State.DRIFTED)


def test_what_others_removed_is_not_put_back_by_the_way(lab, raw):
    network = push(make_network(lab))
    network.reserve_ids(13, 1)
    push(network)
    theirs = raw.networkLookupByName("net1")
    theirs.update(2, 4, -1, "<host mac='52:54:00:00:00:0d' ip='10.255.0.13'/>", LIVE | CONFIG)
    for number in (14, 15):
        again(network).reserve_ids(number, 1)
        network = push(network)
        assert "10.255.0.13" not in stored(raw)
        assert "DHCP reservation of 10.255.0.1/24 52:54:00:00:00:0d 10.255.0.13 is missing" in network.status.drifts
    network.reserve_ids(13, 1)  # yet it is when somebody asks for it
    assert push(network).state == State.READY
    assert "10.255.0.13" in stored(raw)


def test_what_others_removed_of_anothers_network_is_not_put_back_either(lab, raw):
    raw.networkDefineXML(OTHERS).create()
    observe(lab.pk)
    network = Network.objects.get(name="others")
    network.reserve_ids(5, 1)
    push(network)
    theirs = raw.networkLookupByName("others")
    theirs.update(2, 4, -1, "<host mac='52:54:00:00:00:05' ip='10.5.0.5'/>", LIVE | CONFIG)
    again(network).reserve_ids(6, 1)
    push(network)
    document = theirs.XMLDesc()
    assert "10.5.0.6" in document
    assert "10.5.0.5" not in document


def test_an_id_is_reserved_once_also_while_a_worker_carries_it_out(lab, raw, monkeypatch):
    network = push(make_network(lab))
    network.reserve_ids(8, 1)
    tried = []
    agree = apply._agree

    def reserve_meanwhile(*given) -> None:
        agree(*given)
        with pytest.raises(ValueError, match="ID 8 has the DHCP reservation already"):
            again(network).reserve_ids(8, 1)
        tried.append(8)

    monkeypatch.setattr(apply, "_agree", reserve_meanwhile)
    push(network)
    assert tried == [8]


def test_several_changes_before_a_worker_comes_are_pushed_beside_drift(lab, raw):
    network = push(make_network(lab))
    redefine(raw, *OUTSIDE["their domain"])
    observe(lab.pk)
    for what in ("reservation", "port group", "DNS host", "autostart"):
        changes_of(again(network))[what]()
    network = push(network)
    document = stored(raw)
    assert all(each in document for each in ("10.255.0.8", "'ours'", ">ours<", "<domain name='theirs'/>"))
    assert network.status.drifts == ["Domain: found theirs, expected none"]


def test_a_push_that_was_killed_half_way_is_finished_beside_drift(lab, raw, monkeypatch):
    network = push(make_network(lab))
    redefine(raw, *OUTSIDE["their domain"])
    observe(lab.pk)
    changes_of(again(network))["port group"]()
    changes_of(again(network))["reservation"]()

    class Killed(BaseException):
        pass

    update, calls = libvirt.virNetwork.update, []

    def killed(*args: object) -> int:
        calls.append(args)
        if len(calls) == 2:
            raise Killed
        return update(*args)

    with monkeypatch.context() as patch:
        patch.setattr(libvirt.virNetwork, "update", killed)
        with pytest.raises(Killed):
            push(network)
    network = push(network)
    document = stored(raw)
    assert all(each in document for each in ("10.255.0.8", "'ours'", "<domain name='theirs'/>"))
    assert network.status.drifts == ["Domain: found theirs, expected none"]


def test_a_restart_that_was_killed_half_way_is_finished(lab, raw, monkeypatch):
    network = push(make_network(lab))

    class Killed(BaseException):
        pass

    def killed(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Networks, "start", killed)
        with pytest.raises(Killed):
            change(network, mtu=9000)
    assert not raw.networkLookupByName("net1").isActive()
    assert str(push(network).status.error) == ""
    assert raw.networkLookupByName("net1").isActive()


def test_only_a_revert_pushes_everything(lab, raw):
    network = push(make_network(lab, active=False))
    redefine(raw, *OUTSIDE["their domain"], active=False)
    observe(lab.pk)
    network.change(Event.REVERTED, exact=True)
    assert push(network).state == State.READY
    assert "theirs" not in stored(raw)


def test_a_reservation_is_made_though_an_earlier_edit_is_refused(lab, raw):
    network = push(make_network(lab))
    raw.createXML(GUEST)
    assert change(network, accepted=False, mtu=9000).state == State.FAILED
    hosts.reserve(again(network), [HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")], None)
    network = push(network)
    assert "10.255.0.8" in stored(raw)
    assert "Restart net1" in str(network.status.error)  # the edit still waits for somebody to look at its plan
    assert "mtu" not in stored(raw)


def test_a_network_that_others_stopped_stays_so_until_it_is_started(lab, raw):
    network = push(make_network(lab))
    raw.networkLookupByName("net1").destroy()
    network.reserve_ids(8, 1)
    network = push(network)
    assert not raw.networkLookupByName("net1").isActive()
    assert network.status.drifts == ["is not active"]
    network.change(Event.STARTED, active=True, asked=("active",))
    assert push(network).state == State.READY
    assert raw.networkLookupByName("net1").isActive()


def test_a_reservation_in_a_block_that_others_took_away_says_so(lab, raw):
    network = push(make_network(lab))
    found = raw.networkLookupByName("net1")
    found.destroy()
    raw.networkDefineXML(f"<network><name>net1</name><uuid>{network.uuid_text}</uuid></network>")
    make_host(network, "52:54:00:00:00:08", "10.255.0.8")
    network.ask_again()
    assert str(push(network).status.error) == (
        "libvirt’s net1 no longer has the block 10.255.0.1/24. "
        "Revert to the saved definition, or accept the changes from libvirt."
    )


# Blocks by netmask


def test_ipv4_blocks_are_defined_by_netmask_as_virter_reads_them(lab, raw):
    defined = raw.networkLookupByName(push(make_network(lab)).name).XMLDesc()
    assert "netmask='255.255.255.0'" in defined
    assert "prefix" not in defined


def test_a_block_by_prefix_is_no_drift_and_is_written_by_netmask_at_the_next_definition(lab, raw):
    network = make_network(lab, active=False)
    old = network.document.replace('netmask="255.255.255.0"', 'prefix="24"')
    Network.objects.filter(pk=network.pk).update(document=old)
    network = push(again(network))
    redefine(raw, "netmask='255.255.255.0'", "prefix='24'", active=False)
    observe(lab.pk)
    assert again(network).state == State.READY
    assert change(again(network), mtu=9000).state == State.READY
    assert "netmask='255.255.255.0'" in stored(raw)
    assert "prefix=" not in stored(raw)


def test_a_revert_that_was_refused_is_not_carried_out_by_a_later_reservation(lab, raw):
    network = push(make_network(lab))
    redefine(raw, *OUTSIDE["their domain"])
    observe(lab.pk)
    again(network).change(Event.REVERTED, exact=True)
    network.status.write(generation=again(network).generation, error=Message.external("refused"))
    hosts.reserve(again(network), [HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")], None)
    network = push(network)
    assert "10.255.0.8" in stored(raw)
    assert "<domain name='theirs'/>" in stored(raw)


def test_a_revert_that_is_on_its_way_stays_on_its_way_with_a_reservation_made_since(lab, raw):
    network = push(make_network(lab))
    redefine(raw, *OUTSIDE["their domain"])
    observe(lab.pk)
    again(network).change(Event.REVERTED, exact=True)
    hosts.reserve(again(network), [HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")], None)
    assert again(network).exact


def test_a_revert_that_was_asked_for_before_the_release_is_over_when_it_is_adopted_again(lab, raw):
    network = push(make_network(lab))
    again(network).change(Event.REVERTED, exact=True)
    again(network).release()
    again(network).adopt()
    redefine(raw, *OUTSIDE["their DHCP reservation"])
    again(network).ask_again()  # as the admin's action does
    push(network)
    assert "10.255.0.77" in stored(raw)


def test_a_network_whose_vms_are_off_the_wire_is_not_removed_without_a_word(lab, raw, monkeypatch):
    network = push(make_network(lab))
    where = {"document": "<interface/>", "plugged": False, "seen": True, "port": "", "half_way": False}
    port = FoundPort(vm_uuid="1", vm="web", mac="52:54:00:00:00:09", **where)
    monkeypatch.setattr(Ports, "of_network", lambda host, uuid: [port])
    again(network).remove(allow_disconnect=["other"])
    assert "this would disconnect web" in str(push(network).status.error)
    assert raw.networkLookupByName("net1").isActive()
