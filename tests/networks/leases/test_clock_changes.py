"""Leases stay in order when the clock of the host is changed."""

from datetime import timedelta

import pytest

from networks.models import Lease, Network
from networks.sync import poll as network_poll
from tests.networks.leases.polled_leases import DAY, HOUR, MAC, OTHER_MAC, OTHERS, Clock, found, spans
from tests.support.making import make_hypervisor
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.hypervisors.sync import observe

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("clock")]


def test_a_lease_is_never_last_seen_before_it_was_first_seen(look):
    look(found())
    begun = Clock.at
    look(found(), after=-HOUR)
    look()
    assert spans() == [(MAC, begun, begun)]


def test_after_the_clock_was_put_back_no_lease_was_last_seen_in_the_future(look):
    """Else two would have had the address in the hour to come."""
    look(found())
    look(found(), after=DAY)
    look(found(mac=OTHER_MAC), after=-HOUR)
    ended, begun = Lease.objects.order_by("pk")
    assert ended.first_seen <= ended.last_seen <= begun.first_seen == Clock.at


def test_an_observation_in_the_future_does_not_block_later_ones(empty_lab, raw):
    others = raw.networkDefineXML(OTHERS)
    Clock.at += DAY
    observe(empty_lab.pk)
    assert not Network.objects.get().status.active
    Clock.at -= DAY
    others.create()
    observe(empty_lab.pk)
    status = Network.objects.get().status
    assert (status.active, status.observed_at) == (True, Clock.at)


def test_a_look_does_not_overwrite_what_a_push_has_seen_since_it_began(network):
    began = Clock.at
    Clock.at += timedelta(seconds=2)
    network.status.write(observed_at=Clock.at - timedelta(seconds=1))
    assert not network_poll._write(network, began, {"active": False})
    assert network_poll._write(network, Clock.at, {"active": False})


def test_a_hypervisor_that_was_looked_at_in_the_future_is_due(lab):
    HypervisorStatus.objects.update(observed_at=Clock.at, due_at=Clock.at + timedelta(seconds=1))
    assert not Hypervisor.objects.due()
    Clock.at -= DAY
    assert Hypervisor.objects.due().get() == lab


def test_a_hypervisor_that_could_not_be_reached_in_the_future_is_due(db, pokes, tmp_path):
    """At boot: libvirt does not run yet, and the clock is not set yet."""
    lab = make_hypervisor(uri=f"test://{tmp_path}/none.xml")
    Clock.at += 365 * DAY
    observe(lab.pk)
    assert HypervisorStatus.objects.get().unreachable_since == Clock.at
    assert not Hypervisor.objects.due()
    Clock.at -= 365 * DAY - HOUR
    assert Hypervisor.objects.due().get() == lab
