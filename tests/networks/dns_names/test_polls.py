"""When the names of a network are queried, and what is recorded."""

from datetime import timedelta

import pytest
from django.utils import timezone

from networks.dns_names import sync as asking
from networks.leases import sync as leasing
from networks.models import DNSAnswers, Network
from networks.sync import poll as network_poll
from tests.networks.dns_names.named_network import DOCUMENT, row
from tests.support.making import make_foreign_network
from virterweb.hypervisors.connections.pool import disconnect
from virterweb.hypervisors.gateway.found import FoundLease, FoundNetwork, Refused, Unreachable
from virterweb.messages import Message


def in_seconds(network: Network) -> int:
    return round((row(network).due_at - timezone.now()).total_seconds())


def test_answers_are_recorded_and_queried_again_after_a_minute(network, dnsmasq):
    dnsmasq.answers = {"mirror.net1.test": ["10.0.0.5", "10.0.0.6"]}
    asking.ask(network.pk)
    assert dnsmasq.asked == [("10.0.0.1", [("mirror.net1.test", 4)])]
    assert row(network).answers == {"mirror.net1.test": ["10.0.0.5", "10.0.0.6"]}
    assert in_seconds(network) == 60
    asking.ask(network.pk)
    assert len(dnsmasq.asked) == 1
    DNSAnswers.objects.update(due_at=timezone.now())
    asking.ask(network.pk)
    assert len(dnsmasq.asked) == 2


def test_a_clock_that_is_set_back_delays_nothing(network, dnsmasq):
    DNSAnswers.objects.create(network=network, due_at=timezone.now() + timedelta(days=1))
    asking.ask(network.pk)
    assert in_seconds(network) == 60


def test_names_that_change_during_a_query_are_queried_again(network, dnsmasq):
    def change(server: str, questions: list) -> dict:
        asking.query_now(network)
        return {"mirror.net1.test": []}

    dnsmasq.resolve = change
    asking.ask(network.pk)
    assert (row(network).answers, row(network).due_at) == ({"mirror.net1.test": []}, None)


def test_a_network_that_cannot_be_queried_has_the_reason_and_is_retried_later(network, dnsmasq):
    dnsmasq.answers = Refused(Message.external("No dnsmasq answers at 10.0.0.1."))
    asking.ask(network.pk)
    assert str(row(network).error) == "No dnsmasq answers at 10.0.0.1."
    assert in_seconds(network) == 300
    leasing.record(network, [FoundLease(mac="52:54:00:00:00:08", ip="10.0.0.8", prefix=24, **GUEST)])
    assert in_seconds(network) == 300
    dnsmasq.answers = {}
    asking.query_now(network)
    asking.ask(network.pk)
    assert (str(row(network).error), in_seconds(network)) == ("", 60)


GUEST = {"hostname": "guest", "client_id": "", "expires": 0}


def test_an_unreachable_hypervisor_is_queried_again_soon(network, dnsmasq):
    dnsmasq.answers = Unreachable(Message.external("libvirt cannot be reached"))
    asking.ask(network.pk)
    assert (str(row(network).error), row(network).asked_at, in_seconds(network)) == ("", None, 10)


def test_a_portal_on_another_host_cannot_query_names(network):
    asking.ask(network.pk)
    assert str(row(network).error).startswith("Only a portal that runs on the hypervisor itself can query")
    disconnect()


def test_new_names_of_leases_are_due_immediately_and_renewals_are_not(network, dnsmasq):
    asking.ask(network.pk)
    lease = {"mac": "52:54:00:00:00:08", "ip": "10.0.0.8", "prefix": 24, **GUEST}
    leasing.record(network, [FoundLease(**lease)])
    assert row(network).due_at is None
    asking.ask(network.pk)
    assert ("guest.net1.test", 4) in dnsmasq.asked[-1][1]
    leasing.record(network, [FoundLease(**lease | {"expires": 2000000000})])
    assert row(network).due_at
    leasing.record(network, [])
    assert row(network).due_at is None


def test_a_changed_network_is_due_immediately(network, dnsmasq):
    asking.ask(network.pk)
    document = network.status.document.replace("<hostname>mirror<", "<hostname>spiegel<", 1)
    flags = {"active": True, "autostart": True, "persistent": True}
    found = FoundNetwork(uuid=network.uuid_text, name="net1", document=document, stored=document, **flags)
    network_poll._record(network, found, timezone.now(), has_restarted=False)
    assert row(network).due_at is None


@pytest.mark.parametrize(
    ("status", "desired"),
    [({"active": False}, {}), ({"present": False}, {}), ({"ip_range": ""}, {}), ({}, {"generation": 1})],
)
def test_a_network_without_dnsmasq_or_with_a_pending_change_is_not_queried(network, dnsmasq, status, desired):
    network.status.write(**status)
    Network.objects.filter(pk=network.pk).update(**desired)
    assert not asking.due_networks().exists()
    asking.ask(network.pk)
    assert not dnsmasq.asked


def test_networks_with_new_names_are_due_first(network):
    for number in range(10):
        late = make_foreign_network(network.hypervisor, DOCUMENT.replace("net1", f"late{number}"))
        DNSAnswers.objects.create(network=late, due_at=timezone.now() - timedelta(hours=1))
    assert asking.due_networks()[0] == network
