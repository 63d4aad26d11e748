"""Polls run on request and at intervals; a busy hypervisor is not unreachable; each part has a time limit."""

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from tests.support.making import make_hypervisor
from virterweb.hypervisors import sync, tasks
from virterweb.hypervisors.connections import pool as connections
from virterweb.hypervisors.connections.limits import within
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Busy, Refused, Unreachable
from virterweb.hypervisors.gateway.nouns.host import HostMachine
from virterweb.hypervisors.gateway.nouns.volumes import Volumes
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, ReadingProblem
from virterweb.messages import Message
from vms.images import sync as image_sync
from vms.models import VM

pytestmark = pytest.mark.integration

polls: list[int] = []
meanwhile: list = []


def remember(hypervisor: Hypervisor, connection: Connection) -> None:
    """An observer that notes each poll, and what is to happen during it."""
    polls.append(hypervisor.pk)
    while meanwhile:
        meanwhile.pop()()


@pytest.fixture
def lab(db, enqueued, settings):
    polls.clear()
    meanwhile.clear()
    settings.OBSERVERS = [f"{__name__}.remember"]
    yield make_hypervisor()
    disconnect()


def status() -> HypervisorStatus:
    return HypervisorStatus.objects.get()


def test_a_poll_that_is_asked_for_during_another_is_due_right_after(lab):
    meanwhile.append(lambda: tasks.poll_soon(lab.pk))
    sync.observe_if_due(lab.pk)
    assert Hypervisor.objects.due().get() == lab
    meanwhile.append(lab.request_poll)
    sync.observe_if_due(lab.pk)
    assert Hypervisor.objects.due().get() == lab
    sync.observe_if_due(lab.pk)
    assert len(polls) == 3
    assert not Hypervisor.objects.due()


def test_a_poll_that_another_worker_is_running_is_not_made_twice(lab):
    with HypervisorStatus.objects.all().claim():
        HypervisorStatus.objects.update(began_at=timezone.now())
        sync.observe_if_due(lab.pk)
        sync.observe(lab.pk)
        assert polls == []


def test_a_poll_that_another_worker_has_just_made_is_not_repeated(lab):
    sync.observe_if_due(lab.pk)
    sync.observe_if_due(lab.pk)
    assert len(polls) == 1


def test_a_clock_that_was_set_back_requests_nothing(lab):
    sync.observe(lab.pk)
    HypervisorStatus.objects.update(asked_at=timezone.now() + timedelta(hours=1))
    assert not Hypervisor.objects.due().exists()


@pytest.mark.parametrize(("uptime", "again"), [(30, True), (3600, False)])
def test_the_poll_after_one_that_could_not_read_all_since_the_restart_finds_it_again(lab, monkeypatch, uptime, again):
    def refuse() -> None:
        raise Refused(Message.external("virtqemud is not running yet"))

    monkeypatch.setattr(HostMachine, "uptime", lambda host: uptime)
    sync.observe(lab.pk)
    HypervisorStatus.objects.update(uptime=36000)
    meanwhile.append(refuse)
    sync.observe(lab.pk)
    for found in (again, False):
        HypervisorStatus.objects.update(restarted_at=None)
        sync.observe(lab.pk)
        assert bool(status().restarted_at) is found


def pause() -> int:
    """Return the seconds until the next poll."""
    return round((status().due_at - timezone.now()).total_seconds())


def test_a_hypervisor_that_nobody_looks_at_is_polled_seldom(lab):
    sync.observe(lab.pk)
    assert pause() == 60


def test_a_hypervisor_that_sends_no_events_is_polled_every_ten_seconds(lab, monkeypatch):
    monkeypatch.setattr(Connection, "_watch", lambda connection, pk: False)
    sync.observe(lab.pk)
    assert pause() == 10


def test_a_hypervisor_is_polled_often_while_something_is_in_progress(lab, monkeypatch):
    monkeypatch.setattr(f"{__name__}.remember", lambda hypervisor, connection: True)
    sync.observe(lab.pk)
    assert pause() == 1


def test_an_open_page_has_its_hypervisor_polled_at_once_and_then_often(lab, page, enqueued):
    other = make_hypervisor("lab-2")
    sync.observe(lab.pk)
    sync.observe(other.pk)
    page.get("/networks/lab-1/add/")
    assert list(Hypervisor.objects.due()) == [lab]
    sync.observe(lab.pk)
    page.get("/trouble/?hypervisor=lab-1", headers={"HX-Request": "true"})
    assert not Hypervisor.objects.due(), "a page that stays open asks for nothing more"
    soon = HypervisorStatus.objects.get(hypervisor=lab).due_at - timezone.now()
    assert round(soon.total_seconds()) == 1


def test_a_page_that_was_closed_counts_no_longer(lab, page):
    page.get("/networks/lab-1/add/")
    HypervisorStatus.objects.update(watched_at=timezone.now() - timedelta(seconds=16))
    sync.observe(lab.pk)
    assert pause() == 60


@pytest.mark.parametrize(
    ("before", "took", "expected"), [(0.01, 0.01, 1), (0.5, 0.5, 5), (40, 40, 10), (0.1, 40, 1), (40, 0.1, 1)]
)
def test_the_pause_grows_with_the_length_of_polls_unless_one_alone_is_slow(lab, monkeypatch, before, took, expected):
    Hypervisor.objects.watch()
    HypervisorStatus.objects.update(seconds=before)
    clock = iter([0.0, took])
    monkeypatch.setattr(sync, "monotonic", lambda: next(clock))
    sync.observe(lab.pk)
    assert pause() == expected


def test_work_on_a_hypervisor_never_keeps_its_poll_out(lab):
    inside = [connected(lab.pk, lab.uri) for _ in range(connections.MAX_CALLERS)]
    for one in inside:
        one.__enter__()
    sync.observe(lab.pk)
    assert len(polls) == 1
    for one in inside:
        one.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("problem", "error", "unreachable"),
    [
        (Busy(Message.external("libvirt is busy")), "", False),
        (Refused(Message.external("libvirt refuses")), "libvirt refuses", False),
        (Unreachable(Message.external("libvirt cannot be reached")), "libvirt cannot be reached", True),
    ],
)
def test_only_an_unreachable_hypervisor_is_called_unreachable(lab, page, monkeypatch, problem, error, unreachable):
    def fail(connection: Connection) -> None:
        raise problem

    monkeypatch.setattr(HostMachine, "routes", fail)
    sync.observe(lab.pk)
    assert (str(status().error), bool(status().unreachable_since)) == (error, unreachable)
    assert not Hypervisor.objects.due().exists()
    shown = page.get("/").content.decode()
    assert ("unreachable since" in shown) == unreachable


def test_a_poll_during_which_the_database_was_lost_is_repeated_soon_and_shows_no_error(lab, monkeypatch):
    def lose(connection: Connection) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(HostMachine, "routes", lose)
    with pytest.raises(OperationalError):
        sync.observe(lab.pk)
    assert (str(status().error), status().due_at) == ("", None)
    assert status().claimed_until - timezone.now() < timedelta(seconds=1)


def test_a_hypervisor_counts_as_reachable_as_soon_as_a_poll_has_connected(lab):
    HypervisorStatus.objects.update(unreachable_since=timezone.now(), error=Message("hypervisor.lost"))
    during = []
    meanwhile.append(lambda: during.append((status().unreachable_since, str(status().error))))
    sync.observe(lab.pk)
    assert during == [(None, "")]


def test_a_call_that_hangs_is_abandoned_and_not_repeated_until_it_ends():
    gate, asked = threading.Event(), []

    def hang() -> str:
        asked.append(1)
        gate.wait(10)
        return "late"

    for _ in range(2):
        with pytest.raises(Busy, match="reading the pool takes longer"):
            within(0.05, "pool", hang, "reading the pool")
    assert len(asked) == 1
    assert within(1, "another pool", lambda: "at once", "reading") == "at once"
    gate.set()
    assert within(1, "pool", lambda: "again", "reading the pool") == "again"


def test_an_error_of_a_call_reaches_its_caller():
    def fail() -> None:
        raise Refused(Message.external("no"))

    with pytest.raises(Refused, match="no"):
        within(1, "pool", fail, "reading the pool")


def test_a_pool_that_hangs_delays_nothing_else(db, enqueued, monkeypatch):
    lab, gate = make_hypervisor(), threading.Event()
    monkeypatch.setattr(image_sync, "READ_TIMEOUT", 0.1)
    monkeypatch.setattr(Volumes, "all", lambda host, pool, guard: gate.wait(10) and [])
    sync.observe(lab.pk)
    gate.set()
    assert VM.objects.filter(name="test", status__present=True).exists()
    assert [str(each) for each in ReadingProblem.objects.all()] == [
        "Pool default cannot be read: reading the pool default takes longer than 0.1 s"
    ]
    assert str(status().error) == ""
    disconnect()
