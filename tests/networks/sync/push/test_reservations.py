"""Reservations are pushed without other changes of the network."""

from dataclasses import replace
from datetime import timedelta

import libvirt
import pytest
from django.utils import timezone

from networks.definition.events import Event
from networks.definition.spec import DNSHostSpec, HostSpec, RangeSpec, SubnetSpec
from networks.models import DHCPHost, Network
from networks.reservations import reservations as hosts
from networks.sync import apply
from tests.networks.sync.push.pushed_networks import (
    GUEST,
    OTHERS,
    again,
    change,
    latest,
    push,
    redefine,
    stored,
    subnet_with,
)
from tests.support.making import make_host, make_network
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.sync import observe

pytestmark = pytest.mark.integration


def test_a_reservation_on_an_unmanaged_network_changes_nothing_else(lab, raw):
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


def test_reserved_ids_are_refused_before_any_change(lab, raw):
    network = push(make_network(lab))
    network.reserve_ids(5, 2)
    with pytest.raises(ValueError, match="ID 5 already has a DHCP reservation: 52:54:00:00:00:05"):
        network.reserve_ids(4, 3)
    assert network.hosts.count() == 2


def test_a_renamed_reservation_remains_one_entry(lab, raw):
    network = push(make_network(lab))
    host = make_host(network, "52:54:00:00:00:08", "10.255.0.8").spec()
    network = change(network, subnets=subnet_with(network, hosts=(replace(host, name="eight"),)))
    assert network.state == State.READY
    assert "<host mac='52:54:00:00:00:08' name='eight' ip='10.255.0.8'/>" in stored(raw)
    network = change(network, subnets=subnet_with(network, hosts=(replace(host, name="acht"),)))
    assert stored(raw).count("<host ") == 1
    assert "name='acht'" in stored(raw)


def test_a_renamed_ipv6_reservation_remains_one_entry(lab, raw):
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


def test_reservations_from_outside_the_portal_are_kept_by_other_changes(lab, raw):
    network = push(make_network(lab))
    others = "<host mac='52:54:00:aa:00:01' ip='10.255.0.77'/>"
    redefine(raw, "</dhcp>", f"{others}</dhcp>")
    network = change(network, dns_hosts=(DNSHostSpec(ip="10.255.0.5", names=("mirror",)),))
    assert others in stored(raw)
    assert "<hostname>mirror</hostname>" in stored(raw)
    assert network.state == State.DRIFTED


def test_a_reservation_that_is_added_again_during_its_deletion_is_not_lost(lab, raw, monkeypatch):
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


def test_an_id_is_reserved_once_while_a_worker_pushes_it(lab, raw, monkeypatch):
    network = push(make_network(lab))
    network.reserve_ids(8, 1)
    tried = []
    agree = apply._agree

    def reserve_meanwhile(*given) -> None:
        agree(*given)
        with pytest.raises(ValueError, match="ID 8 already has a DHCP reservation"):
            again(network).reserve_ids(8, 1)
        tried.append(8)

    monkeypatch.setattr(apply, "_agree", reserve_meanwhile)
    push(network)
    assert tried == [8]


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_a_reservation_that_is_committed_during_a_push_is_carried_out_whatever_its_time(lab, raw, monkeypatch, hours):
    """The web server was paused before the commit, or its clock is wrong."""
    network = push(make_network(lab))
    update = libvirt.virNetwork.update

    def commit_meanwhile(*given: object) -> int:
        if not network.hosts.filter(ip="10.255.0.9").exists():
            late = make_host(network, "52:54:00:00:00:09", "10.255.0.9")
            DHCPHost.objects.filter(pk=late.pk).update(asked_at=timezone.now() + timedelta(hours=hours, seconds=-5))
            again(network).ask_again()
        return update(*given)

    monkeypatch.setattr(libvirt.virNetwork, "update", commit_meanwhile)
    make_host(network, "52:54:00:00:00:08", "10.255.0.8")
    again(network).ask_again()
    network = push(network)
    assert "10.255.0.8" in stored(raw) and "10.255.0.9" in stored(raw)
    assert network.state == State.READY
    assert not network.asked_hosts()


def test_a_reservation_is_pushed_after_a_refused_edit(lab, raw):
    network = push(make_network(lab))
    raw.createXML(GUEST)
    assert change(network, accepted=False, mtu=9000).state == State.FAILED
    hosts.reserve(again(network), [HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")], None)
    network = push(network)
    assert "10.255.0.8" in stored(raw)
    assert "Restart net1" in str(network.status.error)  # the edit still waits for somebody to look at its plan
    assert "mtu" not in stored(raw)
