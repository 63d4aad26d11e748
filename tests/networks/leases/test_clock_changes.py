"""Leases stay in order when the clock of the host is changed."""

from datetime import UTC, datetime, timedelta

import pytest

from networks.models import Lease, Network
from networks.sync import poll as network_poll
from tests.networks.leases.polled_leases import DAY, HOUR, MAC, OTHER_MAC, OTHERS, Clock, found, spans
from tests.support.making import make_hypervisor
from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.hypervisors.sync import observe

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("clock")]


def test_a_lease_is_never_last_seen_before_it_was_first_seen(record):
    record(found())
    begun = Clock.at
    record(found(), after=-HOUR)
    record()
    assert spans() == [(MAC, begun, begun)]


def test_no_lease_ends_in_the_future_after_the_clock_was_set_back(record):
    """Otherwise two holders would have had the address in the following hour."""
    record(found())
    record(found(), after=DAY)
    record(found(mac=OTHER_MAC), after=-HOUR)
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


def test_a_poll_does_not_overwrite_a_newer_observation_of_a_push(network):
    began = Clock.at
    Clock.at += timedelta(seconds=2)
    network.status.write(observed_at=Clock.at - timedelta(seconds=1))
    assert not network_poll._write(network, began, {"active": False})
    assert network_poll._write(network, Clock.at, {"active": False})


def test_a_hypervisor_that_was_polled_in_the_future_is_due(lab):
    HypervisorStatus.objects.update(due_at=datetime.now(UTC) + timedelta(seconds=60))
    assert not Hypervisor.objects.due()
    HypervisorStatus.objects.update(due_at=datetime.now(UTC) + DAY)
    assert Hypervisor.objects.due().get() == lab


def test_a_hypervisor_that_could_not_be_reached_in_the_future_is_due(db, enqueued, tmp_path):
    """At boot, libvirt does not run yet and the clock is not set yet."""
    lab = make_hypervisor(uri=f"test://{tmp_path}/none.xml")
    Clock.at += 365 * DAY
    observe(lab.pk)
    assert abs(HypervisorStatus.objects.get().unreachable_since - database_time()) < timedelta(seconds=20)
    assert not Hypervisor.objects.due(), "the database's clock says when it is tried again"
