"""What all desired and observed objects share: states, generations and results of attempts."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from networks.models import Network, NetworkStatus
from tests.support.making import make_hypervisor, make_image, make_network, make_running, make_vm
from virterweb.hypervisors.connections.pool import CROWDED, MAX_CALLERS
from virterweb.hypervisors.desired.carry_out import Waiting, carry_out
from virterweb.hypervisors.desired.models import Desired
from virterweb.hypervisors.desired.refusals import InvalidTransition, Refusal, Superseded
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Busy, NotConnected, Refused
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message


@pytest.fixture
def network(db) -> Network:
    return make_network(make_hypervisor())


def again(network: Network) -> Network:
    return Network.objects.select_related("hypervisor", "status").get(pk=network.pk)


@pytest.mark.parametrize(
    ("desired", "status", "state"),
    [
        ({}, {}, State.PENDING),
        ({}, {"generation": 1}, State.READY),
        ({}, {"generation": 1, "drift": "is not active"}, State.DRIFTED),
        ({}, {"generation": 1, "error": Message.external("no")}, State.FAILED),
        ({"generation": 2}, {"generation": 1, "error": Message.external("no")}, State.PENDING),
        ({"removed_at": timezone.now()}, {"generation": 1}, State.REMOVING),
        ({"managed": False}, {"generation": 1}, State.UNMANAGED),
        ({"managed": False}, {"generation": 1, "error": Message.external("no")}, State.FAILED),
    ],
)
def test_the_state_follows_from_desired_and_observed_values(network, desired, status, state):
    Network.objects.filter(pk=network.pk).update(**desired)
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


def test_an_applied_configuration_shows_since_when(network):
    carry_out(Network, network.pk, lambda desired, host: {"bridge": "virbr1"})
    status = again(network).status
    assert (status.generation, status.bridge, str(status.error)) == (1, "virbr1", "")
    assert status.made_at and status.claimed_until is None


def test_a_refused_configuration_has_failed_and_is_not_tried_again(network):
    tries = []

    def refuse(desired, host):
        tries.append(desired)
        raise Refused(Message.external("Could not start net1: it may not"), "libvirt: no")

    carry_out(Network, network.pk, refuse)
    carry_out(Network, network.pk, refuse)
    status = again(network).status
    assert len(tries) == 1
    assert (again(network).state, str(status.error), status.detail) == (
        State.FAILED,
        "Could not start net1: it may not",
        "libvirt: no",
    )
    assert status.made_at is None


@pytest.mark.parametrize(
    "reason", [Busy(Message.external("libvirt is busy")), Waiting(Message.external("the guest shuts down"))]
)
def test_an_attempt_that_can_succeed_later_stays_pending_and_is_retried(network, reason):
    def not_yet(desired, host):
        raise reason

    carry_out(Network, network.pk, not_yet)
    found = again(network)
    assert (found.state, str(found.status.progress)) == (State.PENDING, str(reason.message))
    assert not Network.objects.overdue().exists()
    NetworkStatus.objects.update(due_at=timezone.now())
    assert Network.objects.overdue().get() == network


def test_trying_again_becomes_less_often(network):
    def busy(desired, host):
        raise Busy(Message.external("libvirt is busy"))

    waits = []
    for _ in range(6):
        carry_out(Network, network.pk, busy)
        waits.append(round((again(network).status.due_at - timezone.now()).total_seconds()))
    assert waits == [2, 4, 8, 16, 30, 30]


@pytest.mark.parametrize(
    "reason",
    [Busy(CROWDED), NotConnected(Message("hypervisor.silent")), Waiting(Message.external("shutting down"), seconds=2)],
)
def test_what_could_not_be_attempted_yet_is_tried_again_as_soon_as_at_first(network, reason):
    def fail(desired, host):
        raise reason

    for _ in range(6):
        carry_out(Network, network.pk, fail)
        assert round((again(network).status.due_at - timezone.now()).total_seconds()) == 2


def test_changes_on_an_unreachable_hypervisor_are_due_as_soon_as_a_poll_reaches_it(network):
    HypervisorStatus.objects.update(unreachable_since=timezone.now())
    assert not Network.objects.overdue().exists()
    HypervisorStatus.objects.update(unreachable_since=None)
    assert Network.objects.overdue().get() == network


def test_a_change_during_which_the_database_was_lost_has_not_failed_and_is_tried_again_soon(network):
    def lose(desired, host):
        raise OperationalError("deadlock detected")

    with pytest.raises(OperationalError):
        carry_out(Network, network.pk, lose)
    found = again(network)
    assert (found.state, str(found.status.error), found.status.tries) == (State.PENDING, "", 0)
    assert found.status.claimed_until - timezone.now() < timedelta(seconds=1)


def test_waiting_calls_are_admitted_up_to_the_limit_when_others_end(network):
    def crowded(desired, host):
        raise Busy(CROWDED)

    others = [make_network(network.hypervisor, f"other{number}", "") for number in range(MAX_CALLERS + 1)]
    elsewhere = make_network(make_hypervisor("lab-2"))
    for desired in (*others, elsewhere):
        carry_out(Network, desired.pk, crowded)
    assert list(Network.objects.overdue()) == [network]
    carry_out(Network, network.pk, lambda desired, host: {})
    assert list(Network.objects.overdue().order_by("pk")) == others[:MAX_CALLERS]


def test_a_change_during_an_attempt_is_applied_in_the_same_task(network):
    seen = []

    def push(desired, host):
        seen.append(desired.generation)
        if len(seen) == 1:
            again(network).ask_again()
        return {}

    carry_out(Network, network.pk, push)
    assert seen == [1, 2]
    assert again(network).state == State.READY


def test_a_lost_hypervisor_leaves_the_change_pending(db):
    network = make_network(make_hypervisor(uri="qemu+unix:///system?socket=/nowhere"))
    carry_out(Network, network.pk, lambda desired, host: {})
    found = again(network)
    assert (found.state, str(found.status.progress)) == (State.PENDING, "libvirt cannot be reached")


def test_an_internal_error_is_shown_logged_once_and_retried_with_growing_delays(network, caplog):
    def crash(desired, host):
        raise KeyError("bridge")

    waits = []
    for _ in range(3):
        carry_out(Network, network.pk, crash)
        found = again(network)
        assert (found.state, str(found.status.error)) == (
            State.FAILED,
            "internal error (KeyError), see the worker’s log",
        )
        assert not Network.objects.overdue().exists()
        waits.append(round((found.status.due_at - timezone.now()).total_seconds()))
    assert waits == [2, 4, 8]
    assert len([record for record in caplog.records if record.exc_info]) == 1
    carry_out(Network, network.pk, lambda desired, host: {})
    assert (again(network).state, str(again(network).status.error)) == (State.READY, "")


# Adoption, release and deletion exclude each other


@pytest.fixture
def kinds(network) -> list[Desired]:
    """A managed object of each kind that libvirt has, as pages read them."""
    vm, image = make_vm(network.hypervisor), make_image(network.hypervisor)
    make_running(vm)
    network.status.write(present=True, made_at=timezone.now(), document=network.full_document)
    return [network, vm, image]


def read_again(desired: Desired) -> Desired:
    return type(desired).objects.select_related("hypervisor", "status").get(pk=desired.pk)


def test_an_object_that_is_being_deleted_cannot_be_released_adopted_or_changed(kinds):
    for desired in kinds:
        stale = read_again(desired)
        desired.remove()
        for managed in (True, False, None):
            with pytest.raises(InvalidTransition) as problem, stale.transition(managed=managed):
                pytest.fail("the verb was carried out")
            assert problem.value.refusal == Refusal.BEING_DELETED
        assert read_again(desired).removed_at


def test_saving_a_stale_object_does_not_restore_its_earlier_state(kinds):
    for desired in kinds:
        stale = read_again(desired)
        desired.remove()
        stale.save()
        assert read_again(desired).removed_at
        type(desired).objects.filter(pk=desired.pk).update(removed_at=None, managed=False)
        stale.save()
        assert (read_again(desired).removed_at, read_again(desired).managed) == (None, False)


def test_deleting_a_meanwhile_released_object_is_refused(kinds):
    for desired in kinds:
        stale = read_again(desired)
        type(desired).objects.filter(pk=desired.pk).update(managed=False)
        with pytest.raises(InvalidTransition) as problem:
            stale.remove()
        assert problem.value.refusal == Refusal.UNMANAGED
        assert read_again(desired).removed_at is None


def test_a_worker_that_read_a_deletion_does_not_delete_what_was_released_since(kinds):
    for desired in kinds:
        desired.remove()
        stale = read_again(desired)
        type(desired).objects.filter(pk=desired.pk).update(removed_at=None, managed=False)
        with pytest.raises(Superseded):
            stale.confirm()


def test_the_result_of_an_attempt_on_a_released_object_is_dropped(network):
    network.status.write(present=True)

    def push(desired, host):
        again(network).release()
        return {"bridge": "virbr1"}

    carry_out(Network, network.pk, push)
    found = again(network)
    assert (found.state, found.status.made_at, found.status.generation) == (State.UNMANAGED, None, 0)


@pytest.mark.parametrize(
    "end",
    [
        None,
        Waiting(Message.external("later")),
        Refused(Message.external("no")),
        Busy(Message.external("busy")),
        RuntimeError("the database was away"),
    ],
)
def test_the_result_of_an_attempt_that_another_worker_has_taken_over_is_dropped(network, end):
    def end_late(desired, host) -> dict:
        NetworkStatus.objects.update(claimed_by="another worker", generation=1, bridge="virbr2")
        if end:
            raise end
        return {"bridge": "virbr1"}

    carry_out(Network, network.pk, end_late)
    status = again(network).status
    assert (status.bridge, str(status.error), status.tries) == ("virbr2", "", 0)
    assert status.claimed_by == "another worker"


def test_a_row_is_not_forgotten_once_it_was_adopted(kinds):
    for desired in kinds:
        type(desired).objects.filter(pk=desired.pk).update(managed=False)
        stale = read_again(desired)
        type(desired).objects.filter(pk=desired.pk).update(managed=True)
        stale.forget()
        assert read_again(desired).managed


def test_changing_a_deleted_object_is_refused(kinds):
    for desired in kinds:
        stale = read_again(desired)
        type(desired).objects.filter(pk=desired.pk).delete()
        for verb in (stale.remove, stale.ask_again, stale.save):
            with pytest.raises(InvalidTransition) as problem:
                verb()
            assert problem.value.refusal == Refusal.GONE
