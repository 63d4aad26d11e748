"""Long work says which step is in progress and how many bytes are done, without being slowed down by it."""

import threading

import pytest
from django.db import OperationalError

from networks.models import Network, NetworkStatus
from tests.support.making import make_hypervisor, make_network
from virterweb.activity.models import Entry
from virterweb.hypervisors.desired import progress
from virterweb.hypervisors.desired.carry_out import Waiting, carry_out
from virterweb.hypervisors.desired.progress import Step
from virterweb.hypervisors.gateway.found import FoundJob, Refused
from virterweb.messages import Message

MIB = 2**20
ONE, TWO = (Message("step.copying", volume=name, number=number, count=2) for number, name in ((1, "a"), (2, "b")))
OTHER = Message("step.starting")


@pytest.fixture
def status(db) -> NetworkStatus:
    return make_network(make_hypervisor()).status


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


def stored() -> tuple[str, int, int]:
    return NetworkStatus.objects.values_list("progress", "done_bytes", "total_bytes").get()


def job(done: int, total: int = 10) -> FoundJob:
    return FoundJob(done=done, total=total, ready=False)


@pytest.mark.parametrize(
    ("done", "total", "percent", "amount"),
    [
        (0, 0, None, ""),
        (3 * MIB, 0, None, "3.0 MiB"),
        (0, 8 * MIB, 0, "0.0 MiB of 8.0 MiB"),
        (MIB, 3 * MIB, 33, "1.0 MiB of 3.0 MiB"),
        (9 * MIB, 8 * MIB, 100, "9.0 MiB of 8.0 MiB"),
        (2**63, 2**63, 100, "8589934592.0 GiB of 8589934592.0 GiB"),
    ],
)
def test_the_bytes_of_a_step_are_said_in_percent_if_the_whole_is_known(done, total, percent, amount):
    step = Step(progress=ONE, done_bytes=done, total_bytes=total)
    assert (step.percent, step.amount) == (percent, amount)


def test_work_that_ends_soon_writes_nothing(status, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert status.steps.watch(ONE, lambda: 7) == 7
        status.steps.begin(OTHER, 10)
        status.steps(10)


def test_a_step_is_recorded_once_a_second_if_something_has_changed(status, clock, django_assert_num_queries):
    status.steps.begin(ONE, 10)
    calls = [(0.4, 1, 0), (0.2, 2, 1), (0.5, 3, 0), (0.4, 4, 0), (0.2, 5, 1), (2, 5, 0), (2, 6, 1)]
    for seconds, done, writes in calls:
        clock[0] += seconds
        with django_assert_num_queries(writes):
            status.steps(done)
    assert stored() == (ONE, 6, 10)


def test_a_long_call_shows_how_far_it_is_and_its_result_comes_back(status, monkeypatch):
    monkeypatch.setattr(progress, "LOOK", 0.01)
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    ended, seen, jobs = threading.Event(), [], [None, job(2), job(9), None]

    def look() -> FoundJob | None:
        seen.append(stored())
        if not jobs:
            ended.set()
        return jobs.pop(0) if jobs else None

    assert status.steps.watch(ONE, lambda: ended.wait(30), look) is True
    assert status.steps.moved == 0  # how many it was in the end is not known
    assert seen[:5] == [(Message(), 0, 0), (ONE, 0, 0), (ONE, 2, 10), (ONE, 9, 10), (ONE, 9, 10)]


def test_the_work_goes_on_while_the_database_is_away(status, monkeypatch):
    monkeypatch.setattr(progress, "LOOK", 0.01)
    ended, looks = threading.Event(), []

    def look() -> None:
        looks.append(1)
        if len(looks) > 2:
            ended.set()
        raise OperationalError("the server closed the connection")

    assert status.steps.watch(ONE, lambda: ended.wait(30), look) is True


def test_what_a_call_raises_is_raised(status):
    def refuse() -> None:
        raise Refused(Message.external("no"))

    with pytest.raises(Refused, match="no"):
        status.steps.watch(ONE, refuse)


def test_a_worker_that_has_lost_its_claim_records_no_step(status, clock):
    NetworkStatus.objects.update(claimed_by="another", progress=OTHER)
    status.steps.begin(ONE, 10)
    clock[0] += 5
    status.steps(4)
    assert stored() == (OTHER, 0, 0)


def test_another_worker_starts_anew_and_nothing_stays_when_the_work_has_ended(status):
    NetworkStatus.objects.update(progress=ONE, done_bytes=37, total_bytes=100)
    seen = []
    carry_out(Network, status.desired_id, lambda desired, host: seen.append(stored()) or {})
    assert seen == [(Message(), 0, 0)]
    assert stored() == (Message(), 0, 0)


@pytest.mark.parametrize(
    ("problem", "left"),
    [
        (Refused(Message.external("it is full")), Message()),
        (Waiting(Message.external("a guest")), Message.external("a guest")),
    ],
)
def test_what_failed_or_waits_has_no_bytes_any_more(status, clock, problem, left):
    def push(desired: Network, host: object) -> dict:
        desired.status.steps.begin(ONE, 10)
        clock[0] += 5
        desired.status.steps(4)
        assert stored() == (ONE, 4, 10)
        raise problem

    carry_out(Network, status.desired_id, push)
    assert stored() == (left, 0, 0)


@pytest.mark.parametrize(
    ("steps", "moved"),
    [
        ([], None),
        ([(OTHER, 0)], None),
        ([(ONE, 5), (TWO, 7)], 12),
        ([(ONE, 5), (OTHER, 9)], 9),
        ([(ONE, 5), (OTHER, 9), (TWO, 5)], 10),
    ],
)
def test_the_entry_of_finished_work_says_how_many_bytes_it_has_moved(status, steps, moved):
    network = status.desired
    network.note("changed", None)

    def push(desired: Network, host: object) -> dict:
        for step, done in steps:
            desired.status.steps.begin(step)
            desired.status.steps(done)
        return {}

    carry_out(Network, network.pk, push)
    entry = Entry.objects.get()
    assert (entry.result, entry.moved_bytes) == ("done", moved)
