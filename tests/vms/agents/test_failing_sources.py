"""Guests and ARP tables that cannot be read."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.making import make_lease
from tests.vms.agents.asked_guests import BRIDGED, MAC, PLAIN, ask, seen
from virterweb.hypervisors.gateway.found import Refused, Silent, Unreachable
from virterweb.hypervisors.models import HypervisorStatus, ReadingProblem
from virterweb.messages import Message
from vms.agents import asking
from vms.agents import sync as addresses
from vms.attached.rows import nic_rows
from vms.models import AddressRound, NICAddress, VMStatus
from vms.observed.addresses import Source


def test_a_guest_that_does_not_answer_delays_no_other(vm, guests, monkeypatch):
    monkeypatch.setattr(asking, "AGENT_TIMEOUT", 0.1)
    monkeypatch.setattr(asking, "SLOW_AFTER", 0.05)
    guests.answers[Source.AGENT] = [(BRIDGED, "10.0.0.8")]
    guests.answers[Source.ARP] = [(PLAIN, "10.1.0.8")]
    guests.gate.clear()
    ask(vm)
    ask(vm)
    assert guests.asked == ["arp", "agent", "arp"]
    assert seen() == [(PLAIN, "10.1.0.8", "arp")]
    (question,) = addresses._questions[vm.hypervisor_id].values()
    guests.gate.set()
    question.result(5)
    ask(vm)
    assert guests.asked.count("agent") == 1, "it was slow, so it is not asked again soon"
    VMStatus.objects.update(agent_due_at=None)
    ask(vm)
    assert (BRIDGED, "10.0.0.8", "agent") in seen()


def test_a_guest_that_forbids_the_query_has_no_addresses(vm, guests):
    guests.answers[Source.AGENT] = Refused(
        Message.external("Could not ask"), "guest-network-get-interfaces has been disabled"
    )
    guests.answers[Source.ARP] = [(PLAIN, "10.1.0.8")]
    ask(vm)
    assert seen() == [(PLAIN, "10.1.0.8", "arp")]


def test_guests_are_asked_even_if_libvirt_cannot_read_the_arp_table(vm, guests):
    guests.answers[Source.ARP] = Refused(Message.external("Could not ask"), "internal error: wrong nlmsg len")
    guests.answers[Source.AGENT] = [(BRIDGED, "10.0.0.8")]
    ask(vm)
    assert seen() == [(BRIDGED, "10.0.0.8", "agent")]


@pytest.mark.parametrize("source", [Source.AGENT, Source.ARP])
@pytest.mark.parametrize(
    "problem", [Refused(Message.external("no")), Silent(Message.external("no answer")), KeyError("of our own")]
)
def test_addresses_of_a_source_that_cannot_be_read_are_kept_with_their_age(vm, guests, page, source, problem):
    other = Source.ARP if source == Source.AGENT else Source.AGENT
    guests.answers = {source: [(BRIDGED, "10.0.0.8")], other: [(PLAIN, "10.1.0.8")]}
    ask(vm)
    guests.answers[source] = problem
    ask(vm)
    ask(vm)
    assert (BRIDGED, "10.0.0.8", str(source)) in seen()
    ages = dict(NICAddress.objects.values_list("ip", "as_of"))
    if isinstance(problem, Refused):
        assert ages["10.0.0.8"] and ages["10.1.0.8"] is None
        shown = " ".join(page.get(vm.get_absolute_url()).content.decode().split())
        assert f"{source.label}, last seen {ages['10.0.0.8'].astimezone():%H:%M}" in shown
    else:
        assert "addresses" in ReadingProblem.objects.get().kind
    guests.answers[source] = [(BRIDGED, "10.0.0.8")]
    ask(vm)
    assert not NICAddress.objects.exclude(as_of=None).exists()
    assert not ReadingProblem.objects.exists()


def test_addresses_of_an_unreadable_source_are_not_preferred(vm):
    NICAddress.objects.create(vm=vm.status, mac=MAC, ip="10.9.0.1", source=Source.AGENT, as_of=timezone.now())
    make_lease(vm.hypervisor.networks.get(name="default"), MAC, "192.168.122.8")
    assert [address.ip for address in nic_rows(vm)[0].known.addresses] == ["192.168.122.8", "10.9.0.1"]


def test_an_unreachable_hypervisor_ends_the_round_and_addresses_are_kept(vm, guests):
    guests.answers[Source.ARP] = [(PLAIN, "10.1.0.8")]
    ask(vm)
    guests.answers[Source.ARP] = Unreachable(Message.external("the connection to libvirt was lost"))
    ask(vm)
    assert seen() == [(PLAIN, "10.1.0.8", "arp")]
    assert AddressRound.objects.get().due_at > timezone.now()


def test_a_round_is_started_once_and_again_after_a_pause(vm, guests, enqueued):
    assert addresses.due_hypervisors().get() == vm.hypervisor
    addresses.ask(vm.hypervisor_id)
    addresses.ask(vm.hypervisor_id)
    assert guests.asked == ["arp", "agent"]
    assert not addresses.due_hypervisors()
    AddressRound.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    HypervisorStatus.objects.update(unreachable_since=timezone.now())
    assert not addresses.due_hypervisors(), "nobody is there to be asked"
