"""A worker takes up what is due: the most urgent first, each row once, and never more of a hypervisor than is good."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from django.utils.module_loading import import_string

from networks.models import Network, NetworkStatus
from tests.support.making import make_hypervisor, make_network
from tests.support.waiting import wait_for
from virterweb.celery import APPS
from virterweb.hypervisors.claims.processes import this_process
from virterweb.hypervisors.connections.pool import MAX_CALLERS, connected, disconnect
from virterweb.hypervisors.dispatch import chores, heartbeat
from virterweb.hypervisors.dispatch.dispatcher import Dispatcher
from virterweb.hypervisors.dispatch.shard import serves
from virterweb.hypervisors.dispatch.work import Work
from virterweb.hypervisors.models import Chore, Hypervisor, HypervisorStatus, WorkerProcess

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


class Runs:
    """Notes the rows that are run, which take until `gate` opens."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.gate = threading.Event()

    def __call__(self, row: int) -> None:
        self.rows.append(row)
        self.gate.wait(10)


@pytest.fixture
def runs() -> Iterator[Runs]:
    runs = Runs()
    yield runs
    runs.gate.set()


@pytest.fixture
def dispatch(runs) -> Iterator[Callable[..., Dispatcher]]:
    made = []

    def make(**options: object) -> Dispatcher:
        values = {"name": "push", "due": Network.objects.overdue, "run": runs, "at_once": 3, "per_hypervisor": 2}
        made.append(Dispatcher([Work(**values | options)]))
        return made[-1]

    yield make
    runs.gate.set()
    for one in made:
        one.stop()
        one._executor.shutdown()


@pytest.fixture
def lab(enqueued) -> Hypervisor:
    return make_hypervisor()


def networks(lab: Hypervisor, count: int) -> list[Network]:
    return [make_network(lab, f"{lab}-{number}", "") for number in range(count)]


def test_a_row_is_taken_once_while_it_is_in_progress(lab, dispatch, runs):
    (network,) = networks(lab, 1)
    dispatcher = dispatch()
    assert [dispatcher.look(), dispatcher.look()] == [1, 0]
    wait_for(lambda: runs.rows, 5, "it runs")
    assert runs.rows == [network.pk]


def test_a_hypervisor_with_much_to_do_leaves_threads_to_the_others(lab, dispatch, runs):
    networks(lab, 5)
    (other,) = networks(make_hypervisor("lab-2"), 1)
    dispatcher = dispatch()
    assert dispatcher.look() + dispatcher.look() == 3
    wait_for(lambda: len(runs.rows) == 3, 5, "three run")
    assert other.pk in runs.rows


def test_what_is_longest_overdue_comes_first_and_the_rest_follows(lab, dispatch, runs):
    late = networks(lab, 3)
    for hours, network in enumerate(late):
        NetworkStatus.objects.filter(desired=network).update(due_at=timezone.now() - timedelta(hours=hours + 1))
    dispatcher = dispatch(at_once=1)
    dispatcher.look()
    wait_for(lambda: runs.rows, 5, "one runs")
    assert runs.rows == [late[2].pk]
    runs.gate.set()
    wait_for(lambda: not dispatcher._running, 5, "it has ended")
    assert dispatcher.look() == 1


def test_nothing_is_taken_that_needs_a_place_in_a_full_hypervisor(lab, dispatch, runs):
    networks(lab, 1)
    inside = [connected(lab.pk, lab.uri) for _ in range(MAX_CALLERS)]
    for one in inside:
        one.__enter__()
    assert dispatch(inside=True).look() == 0
    inside.pop().__exit__(None, None, None)
    assert dispatch(inside=True).look() == 1
    for one in inside:
        one.__exit__(None, None, None)
    disconnect()


def test_a_worker_for_some_hypervisors_leaves_the_others_alone(lab, dispatch, runs, settings):
    networks(lab, 1)
    settings.WORKER_HYPERVISORS = "site-*"
    assert dispatch().look() == 0
    settings.WORKER_HYPERVISORS = "site-*, lab*"
    assert dispatch().look() == 1


@pytest.mark.parametrize(
    ("patterns", "served"),
    [
        ("", ["lab-1", "lab-3", "site"]),
        ("lab*", ["lab-1", "lab-3"]),
        ("lab*,!lab-3", ["lab-1"]),
        ("!lab*", ["site"]),
        ("!lab*,lab-3", ["lab-3", "site"]),
        ("other", []),
    ],
)
def test_the_last_pattern_that_matches_decides(settings, patterns, served):
    settings.WORKER_HYPERVISORS = patterns
    assert [name for name in ("lab-1", "lab-3", "site") if serves(name)] == served


def test_an_error_of_one_row_is_logged_and_the_others_go_on(lab, dispatch, caplog):
    networks(lab, 2)
    done = []

    def fail(row: int) -> None:
        done.append(row)
        raise KeyError(row)

    dispatcher = dispatch(run=fail)
    assert dispatcher.look() == 2
    wait_for(lambda: len(done) == 2 and not dispatcher._running, 5, "both have ended")
    assert [record.message for record in caplog.records] == [f"push {row}" for row in done]


def test_a_lost_database_is_logged_once_and_looked_for_until_it_is_back(lab, dispatch, caplog, monkeypatch):
    away = threading.Event()
    monkeypatch.setattr("virterweb.hypervisors.dispatch.dispatcher.ERROR_PAUSE", 0.01)
    for name in ("heartbeat.beat", "end_claims_of_dead"):  # a thread does not see the transaction of a test
        monkeypatch.setattr(f"virterweb.hypervisors.dispatch.dispatcher.{name}", lambda: None)
    looks = []

    def due() -> None:
        looks.append(1)
        away.set()
        raise OperationalError("the database is away")

    dispatcher = dispatch(due=due)
    dispatcher.start()
    wait_for(lambda: len(looks) > 5, 5, "it goes on")
    assert len([record for record in caplog.records if "the database is away" in record.message]) == 1


def test_a_worker_tells_that_it_runs_until_it_ends():
    assert not heartbeat.worker_runs()
    heartbeat.beat()
    assert heartbeat.worker_runs() and WorkerProcess.objects.get().name == this_process()
    heartbeat.end()
    assert not heartbeat.worker_runs()


def test_all_hypervisors_are_polled_when_a_worker_comes_or_has_died(lab):
    later = timezone.now() + timedelta(seconds=60)
    HypervisorStatus.objects.update(due_at=later)
    heartbeat.beat()
    assert Hypervisor.objects.due().get() == lab, "its events were not received"
    HypervisorStatus.objects.update(due_at=later)
    heartbeat.beat()
    assert not Hypervisor.objects.due()
    WorkerProcess.objects.create(name="another", seen_at=timezone.now() - timedelta(seconds=30))
    heartbeat.beat()
    assert Hypervisor.objects.due().get() == lab and WorkerProcess.objects.count() == 1


def test_a_chore_is_done_at_its_interval(settings, monkeypatch):
    done = []
    monkeypatch.setattr("networks.leases.sync.forget", lambda: done.append(1))
    settings.CHORES = {"networks.leases.sync.forget": 600}
    Chore.objects.create(name="gone")
    chores.register()
    chores.register()
    chore = Chore.objects.get()
    chores.run(chore.pk)
    chores.run(chore.pk)
    assert done == [1] and not chores.due()
    Chore.objects.update(due_at=timezone.now())
    chores.run(chore.pk)
    assert done == [1, 1]


def test_no_chore_is_due_again_before_its_interval_is_over(settings):
    chores.register()
    for chore in Chore.objects.all():
        chores.run(chore.pk)
    assert Chore.objects.count() == len(settings.CHORES) and not chores.due()


@pytest.mark.parametrize(
    "work", [work for app in APPS for work in import_string(f"{app}.tasks.WORK")], ids=lambda work: work.name
)
def test_the_time_in_queries_for_due_work_is_that_of_the_database(work):
    """Such a query is compiled once, and any other time in it would stay the same."""
    _, parameters = work.due().query.sql_with_params()
    assert not [each for each in parameters if isinstance(each, datetime) or re.match(r"20\d\d-", str(each))]
