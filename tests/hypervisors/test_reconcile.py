"""What wishes and observations have in common: states, generations, claims, and what becomes of an attempt."""

from datetime import timedelta

import pytest
from django.utils import timezone

from networks.models import Network, NetworkStatus
from tests.making import make_hypervisor, make_network
from virterweb.hypervisors import reconcile
from virterweb.hypervisors.connections import CROWDED, PLACES
from virterweb.hypervisors.found import Busy, Refused
from virterweb.hypervisors.reconcile import State, Waiting, carry_out, claim_as, claimed


@pytest.fixture
def network(db) -> Network:
    return make_network(make_hypervisor())


def again(network: Network) -> Network:
    return Network.objects.select_related("hypervisor", "status").get(pk=network.pk)


@pytest.mark.parametrize(
    ("wish", "status", "state"),
    [
        ({}, {}, State.PENDING),
        ({}, {"generation": 1}, State.READY),
        ({}, {"generation": 1, "drift": "is not active"}, State.DRIFTED),
        ({}, {"generation": 1, "error": "no"}, State.FAILED),
        ({"generation": 2}, {"generation": 1, "error": "no"}, State.PENDING),
        ({"removed_at": timezone.now()}, {"generation": 1}, State.REMOVING),
        ({"managed": False}, {"generation": 1}, State.UNMANAGED),
        ({"managed": False}, {"generation": 1, "error": "no"}, State.FAILED),
    ],
)
def test_the_state_follows_from_the_wish_and_what_was_seen(network, wish, status, state):
    Network.objects.filter(pk=network.pk).update(**wish)
    network.status.write(**status)
    assert again(network).state == state


def test_each_save_is_a_new_generation_and_touches_no_observation(network):
    NetworkStatus.objects.update(bridge="virbr3", generation=1)
    network.domain = "lab.test"
    network.save()
    assert (again(network).generation, again(network).status.bridge) == (2, "virbr3")
    network.ask_again()
    network.remove()
    assert again(network).generation == 4


def test_a_fulfilled_wish_says_since_when(network):
    carry_out(Network, network.pk, lambda wish, host: {"bridge": "virbr1"})
    status = again(network).status
    assert (status.generation, status.bridge, status.error) == (1, "virbr1", "")
    assert status.made_at and status.claimed_until is None


def test_a_refused_wish_has_failed_and_is_not_tried_again(network):
    tries = []

    def refuse(wish, host):
        tries.append(wish)
        raise Refused("Could not start net1: it may not", "libvirt: no")

    carry_out(Network, network.pk, refuse)
    carry_out(Network, network.pk, refuse)
    status = again(network).status
    assert len(tries) == 1
    assert (again(network).state, status.error, status.detail) == (
        State.FAILED,
        "Could not start net1: it may not",
        "libvirt: no",
    )
    assert status.made_at is None


@pytest.mark.parametrize("reason", [Busy("libvirt is busy"), Waiting("the guest shuts down")])
def test_what_can_succeed_later_stays_pending_and_comes_round(network, reason):
    def not_yet(wish, host):
        raise reason

    carry_out(Network, network.pk, not_yet)
    found = again(network)
    assert (found.state, found.status.progress) == (State.PENDING, reason.args[0])
    assert not Network.objects.overdue().exists()
    NetworkStatus.objects.update(retry_at=timezone.now())
    assert Network.objects.overdue().get() == network


def test_trying_again_becomes_less_often(network):
    def busy(wish, host):
        raise Busy("libvirt is busy")

    waits = []
    for _ in range(6):
        carry_out(Network, network.pk, busy)
        waits.append(round((again(network).status.retry_at - timezone.now()).total_seconds()))
    assert waits == [2, 4, 8, 16, 30, 30]


def test_those_that_found_no_place_are_let_in_when_one_is_free_and_no_more_than_there_are(network):
    def crowded(wish, host):
        raise Busy(CROWDED)

    others = [make_network(network.hypervisor, f"other{number}", "") for number in range(PLACES + 1)]
    elsewhere = make_network(make_hypervisor("lab-2"))
    for wish in (*others, elsewhere):
        carry_out(Network, wish.pk, crowded)
    assert list(Network.objects.overdue()) == [network]
    carry_out(Network, network.pk, lambda wish, host: {})
    assert list(Network.objects.overdue().order_by("pk")) == others[:PLACES]


def test_what_is_wished_during_an_attempt_is_done_in_the_same_go(network):
    seen = []

    def push(wish, host):
        seen.append(wish.generation)
        if len(seen) == 1:
            again(network).ask_again()
        return {}

    carry_out(Network, network.pk, push)
    assert seen == [1, 2]
    assert again(network).state == State.READY


def test_a_lost_hypervisor_leaves_the_wish_pending(db):
    network = make_network(make_hypervisor(uri="qemu+unix:///system?socket=/nowhere"))
    carry_out(Network, network.pk, lambda wish, host: {})
    found = again(network)
    assert (found.state, found.status.progress) == (State.PENDING, "libvirt cannot be reached")


def test_a_claimed_wish_is_left_to_its_worker_until_the_claim_ends(network):
    rows = NetworkStatus.objects.filter(wish=network)
    with claimed(rows):
        carry_out(Network, network.pk, lambda wish, host: pytest.fail("two at a time"))
        assert not Network.objects.overdue().exists()
        rows.update(claimed_until=timezone.now() - timedelta(seconds=1))  # its worker died long ago
        with claimed(rows) as second:
            assert second


def test_a_worker_that_starts_drops_what_its_killed_predecessor_claimed(network, monkeypatch):
    monkeypatch.setattr(reconcile, "WORKER", "worker@lab")
    NetworkStatus.objects.update(claimed_by="worker@lab", claimed_until=timezone.now() + timedelta(seconds=50))
    claim_as("worker@elsewhere")
    assert not Network.objects.overdue().exists()
    claim_as("worker@lab")
    assert Network.objects.overdue().get() == network


def test_a_programming_error_is_not_swallowed_and_frees_the_claim(network):
    with pytest.raises(ZeroDivisionError):
        carry_out(Network, network.pk, lambda wish, host: 1 / 0)
    assert Network.objects.overdue().get() == network
