"""Leases are recorded when a poll finds them and end when it no longer does."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db.models import prefetch_related_objects
from django.test.utils import CaptureQueriesContext

from networks.leases import sync as leases
from networks.models import Lease
from tests.networks.leases.polled_leases import (
    HOUR,
    IP,
    MAC,
    OTHER_MAC,
    START,
    Clock,
    DHCPServers,
    again,
    found,
    listed,
    poll,
)
from tests.support.making import make_foreign_network, make_running, make_vm
from virterweb.hypervisors.gateway.found import FoundLease, Refused
from virterweb.hypervisors.models import ReadingProblem
from virterweb.messages import Message

pytestmark = pytest.mark.usefixtures("clock")


NO_DHCP = """<network><name>plain</name><uuid>{uuid}</uuid><bridge name='virbr9'/>
<ip address='10.9.0.1' netmask='255.255.255.0'/></network>"""


def test_a_lease_that_is_gone_ends_at_the_previous_poll(lab, network, record):
    make_running(make_vm(lab), ("default", MAC, "vnet0"))
    record(found())
    seen = record(found())[0]
    before = Clock.at
    assert record(after=HOUR) == []
    lease = Lease.objects.get()
    assert (lease.pk, lease.last_seen) == (seen.pk, before)
    assert (lease.ip, lease.hostname, lease.vm) == (IP, "alma", "alma-8-8")
    assert (lease.first_seen, lease.expires_at) == (START + timedelta(seconds=10), START + HOUR)


def test_a_renewal_changes_only_the_expiry(record):
    first = record(found())[0]
    (renewed,) = record(found(expires=START + 2 * HOUR), after=HOUR)
    assert (renewed.pk, renewed.first_seen) == (first.pk, first.first_seen)
    assert (renewed.expires_at, renewed.last_seen) == (START + 2 * HOUR, None)
    (endless,) = record(found(expires=None))
    assert (endless.pk, endless.expires_at) == (first.pk, None)


def test_unchanged_leases_cause_no_query(record):
    two = (found(), found("192.168.122.8", OTHER_MAC))
    record(*two)
    with CaptureQueriesContext(database) as queries:
        leases.record(record.network, list(reversed(two)), record.last)
    assert len(queries) == 0


def test_a_poll_that_finds_nothing_new_writes_only_when_it_read(network):
    host = DHCPServers(held={network.uuid_text: [found()]})
    poll(network, host)
    leases.read_at_next_poll([network.pk])
    network = again(network)
    prefetch_related_objects([network.hypervisor], "reading_problems")  # once a poll
    with CaptureQueriesContext(database) as queries:
        leases.poll(network.hypervisor, host.connection, [(network, listed(network))])
    assert [query["sql"].split()[0] for query in queries] == ["UPDATE", "UPDATE"], "of all networks at once"
    assert len(host.asked) == 2


def test_a_poll_that_finds_one_new_lease_among_many_makes_a_few_queries(record):
    many = [found(f"192.168.122.{number}", f"52:54:00:00:00:{number:02x}", f"vm-{number}") for number in range(2, 202)]
    record(*many)
    with CaptureQueriesContext(database) as queries:
        assert len(record(*many, found("192.168.122.250", MAC))) == 201
    assert len(queries) <= 10


def test_leases_are_polled_every_few_seconds_and_immediately_on_request(lab, network):
    host = DHCPServers()
    plain = make_foreign_network(lab, NO_DHCP)

    def both() -> list:
        return [(again(each), listed(each)) for each in (network, plain)]

    leases.poll(lab, host.connection, both())
    leases.poll(lab, host.connection, both())
    assert host.asked == [network.uuid_text]  # it is too early again, and the other has no DHCP
    leases.read_at_next_poll([network.pk])
    leases.poll(lab, host.connection, both())
    assert host.asked == [network.uuid_text] * 2


@pytest.mark.parametrize(
    "problem", [Refused(Message.external("Could not read DHCP leases: no such file")), ValueError("odd")]
)
def test_leases_that_cannot_be_read_are_kept_and_shown_with_their_age(network, page, problem):
    class Broken(DHCPServers):
        def of_network(self, uuid: str) -> list[FoundLease]:
            raise problem

    host = DHCPServers(held={network.uuid_text: [found()]})
    poll(network, host)
    poll(network, Broken())
    assert [lease.ip for lease in Lease.objects.current()] == [IP]
    assert ReadingProblem.objects.get().subject == "DHCP leases of network default"
    shown = " ".join(page.get(f"{network.get_absolute_url()}leases/").content.decode().split())
    assert "Last read <time" in shown
    assert (
        "DHCP leases of network default cannot be read since" in page.get(network.get_absolute_url()).content.decode()
    )
    poll(network, host)
    assert not ReadingProblem.objects.exists()
    host.held.clear()
    poll(network, host)
    assert not Lease.objects.current().exists()


def test_an_invalid_lease_is_logged_and_the_others_are_recorded(network, record):
    odd = [found("not an address"), found("192.168.122.9", "m" * 40)]
    record(*odd, replace(found("192.168.122.10"), expires=2**63), found())
    assert sorted(lease.ip for lease in Lease.objects.current()) == ["192.168.122.10", IP]
    assert ReadingProblem.objects.count() == 2
    record(*odd, found())
    assert ReadingProblem.objects.count() == 2, "they are as odd as before"
    assert [lease.ip for lease in Lease.objects.current()] == [IP]
    record(found())
    assert not ReadingProblem.objects.exists()
