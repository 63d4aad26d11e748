"""Leases of networks that are stopped, deleted or recreated."""

import pytest

from networks import sync
from networks.models import Lease, Network
from networks.sync import poll as network_poll
from tests.networks.leases.polled_leases import (
    DAY,
    HOUR,
    MAC,
    OTHERS,
    START,
    Clock,
    DHCPServers,
    again,
    found,
    poll,
    spans,
)
from tests.support.making import make_lease, make_network
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.hypervisors.sync import observe

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("clock")]


def test_stopping_a_network_ends_its_leases_and_starting_it_begins_new_ones(network):
    host = DHCPServers(held={network.uuid_text: [found()]})
    poll(network, host)
    begun = Clock.at
    poll(network, host, active=False)
    assert spans() == [(MAC, begun, begun)]
    poll(network, host)
    assert spans() == [(MAC, begun, begun), (MAC, Clock.at, None)]


def test_the_history_of_a_deleted_network_is_kept(empty_lab, raw):
    network = make_network(empty_lab)
    carry_out(Network, network.pk, sync.push)
    make_lease(network, MAC, "10.255.0.207", "alma")
    Clock.at += HOUR
    Network.objects.get().remove()
    carry_out(Network, network.pk, sync.push)
    lease = Lease.objects.get()
    assert not Network.objects.exists()
    assert (lease.network, lease.network_name, lease.hostname) == (None, "net1", "alma")
    assert (lease.hypervisor, lease.last_seen) == (empty_lab, Clock.at)


def test_the_history_of_a_network_that_was_deleted_outside_the_portal_is_kept(empty_lab, raw):
    others = raw.networkDefineXML(OTHERS)
    observe(empty_lab.pk)
    make_lease(Network.objects.get(), MAC, "10.5.0.7", "alma")
    others.undefine()
    Clock.at += HOUR
    observe(empty_lab.pk)
    lease = Lease.objects.get()
    assert (lease.network, lease.network_name, lease.hostname) == (None, "others", "alma")
    assert not Lease.objects.current()


@pytest.mark.parametrize("managed", [True, False])
def test_leases_of_a_network_that_disappeared_between_polls_end_at_the_last_poll(empty_lab, raw, managed):
    others = raw.networkDefineXML(OTHERS)
    observe(empty_lab.pk)
    network = again(Network.objects.get())
    if managed:
        network.adopt()
    make_lease(network, MAC, "10.5.0.7")
    last = HypervisorStatus.objects.get().observed_at
    others.undefine()
    Clock.at += DAY  # the hypervisor could not be reached so long
    observe(empty_lab.pk)
    assert spans() == [(MAC, START, min(last, Clock.at))]


def test_a_poll_that_is_older_than_a_push_ends_no_lease(network, record):
    """The poll began while the network did not exist. A push has created it since, so its observation counts."""
    began = Clock.at
    record(found())
    Network.objects.update(managed=True)
    network.status.write(observed_at=Clock.at)
    network_poll._record_gone(again(network), began, began)
    assert again(network).status.present
    assert Lease.objects.current().exists()
