"""Leases that a user asks to be released."""

from datetime import timedelta

import pytest

from networks.leases import sync as leases
from networks.models import Lease, Network
from tests.networks.leases.polled_leases import HOUR, IP, MAC, OTHER_MAC, Clock, DHCPServers, again, found
from tests.support.making import make_lease
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message

pytestmark = pytest.mark.usefixtures("clock")


def test_a_lease_that_dnsmasq_releases_is_ended(network, asked):
    host = DHCPServers(held={network.uuid_text: [found(), found("192.168.122.8", OTHER_MAC)]})
    assert list(leases.to_release()) == [network]
    leases.release(again(network), host.connection)
    lease = Lease.objects.get(pk=asked.pk)
    assert (lease.last_seen, lease.release_asked_at, str(lease.release_problem)) == (Clock.at, None, "")
    assert not leases.to_release()
    assert [lease.ip for lease in Lease.objects.current()] == ["192.168.122.8"]


def test_a_lease_that_cannot_be_released_has_the_reason_and_is_not_tried_again(network, asked):
    host = DHCPServers(held={network.uuid_text: [found()]}, refusal="Not released: run “dhcp_release” as root")
    leases.release(again(network), host.connection)
    lease = Lease.objects.get()
    assert (str(lease.release_problem), lease.last_seen) == (host.refusal, None)
    assert not leases.to_release()
    host.refusal = ""
    leases.release(again(network), host.connection)
    assert Lease.objects.current().exists()


@pytest.mark.parametrize(
    ("problem", "said"),
    [(Refused(Message.external("Not released")), "Not released"), (KeyError("x"), "internal error (KeyError)")],
)
def test_a_lease_that_cannot_be_released_does_not_delay_others(network, record, problem, said):
    class Half(DHCPServers):
        def release(self, uuid: str, ip: str, mac: str, client_id: str) -> None:
            if ip == IP:
                raise problem
            super().release(uuid, ip, mac, client_id)

    two = [found(), found("192.168.122.8", OTHER_MAC)]
    record(*two)
    Lease.objects.update(release_asked_at=Clock.at)
    leases.release(again(network), Half(held={network.uuid_text: two}).connection)
    (kept,) = Lease.objects.current()
    assert str(kept.release_problem).startswith(said)
    assert Lease.objects.exclude(last_seen=None).get().ip == "192.168.122.8"
    assert not leases.to_release()


def test_dnsmasq_has_some_seconds_to_release_a_lease(network, asked):
    host = DHCPServers(held={network.uuid_text: [found()]}, stubborn=True)
    for seconds in (0, 5, 5):
        Clock.at += timedelta(seconds=seconds)
        leases.release(again(network), host.connection)
        assert str(Lease.objects.get().release_problem) == ""
        assert list(leases.to_release()) == [network]
    Clock.at += timedelta(seconds=1)
    leases.release(again(network), host.connection)
    assert str(Lease.objects.get().release_problem) == "dnsmasq of the network did not release the lease."
    assert not leases.to_release()


def test_a_late_release_succeeds_if_dnsmasq_releases_the_lease(network, asked):
    host = DHCPServers(held={network.uuid_text: [found()]})
    Clock.at += HOUR
    leases.release(again(network), host.connection)
    lease = Lease.objects.get()
    assert (lease.last_seen, str(lease.release_problem)) == (Clock.at, "")


def test_only_leases_whose_release_was_requested_are_released(network, record):
    record(found())
    host = DHCPServers(held={network.uuid_text: [found()]})
    assert not leases.to_release()
    leases.release(again(network), host.connection)
    assert Lease.objects.current().exists()


def test_leases_that_have_ended_or_have_no_network_are_not_released(network, asked, record):
    record()
    assert not leases.to_release()
    make_lease(network, MAC, IP, release_asked_at=Clock.at)
    Network.objects.all().delete()
    assert not leases.to_release()
