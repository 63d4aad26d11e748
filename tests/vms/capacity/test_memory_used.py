"""The memory that a host uses: read with polls, and recorded only when it has changed so much that pages show it."""

from collections.abc import Iterator
from datetime import timedelta

import libvirt
import pytest
from django.utils import timezone

from tests.support.making import make_hypervisor
from virterweb.changes.models import ChangeCounter
from virterweb.hypervisors import sync
from virterweb.hypervisors.connections.pool import disconnect
from virterweb.hypervisors.gateway.nouns.host import HostMachine
from virterweb.hypervisors.gateway.session import Session
from virterweb.hypervisors.models import HypervisorStatus

KIB_OF_GIB = 1024**2
ANSWER = {"total": 64 * KIB_OF_GIB, "free": 30 * KIB_OF_GIB, "buffers": KIB_OF_GIB, "cached": 9 * KIB_OF_GIB}


@pytest.fixture
def asked(monkeypatch) -> Iterator[tuple[list[dict], list[int]]]:
    """Return libvirt's answers, the next one last, and its calls; without an answer, it does not have the call."""
    answers: list[dict] = []
    calls: list[int] = []

    def answer(connection: libvirt.virConnect, cells: int) -> dict:
        calls.append(cells)
        return answers.pop() if answers else original(connection, cells)

    original = libvirt.virConnect.getMemoryStats
    monkeypatch.setattr(libvirt.virConnect, "getMemoryStats", answer)
    yield answers, calls
    disconnect()


def test_memory_that_is_neither_free_nor_a_cache_is_used(asked):
    answers, calls = asked
    host = HostMachine(Session("test:///default"))
    answers.append(ANSWER)
    assert host.memory_used() == 24 * 1024
    answers.append({"total": 64 * KIB_OF_GIB, "free": KIB_OF_GIB})
    assert host.memory_used() is None
    assert host.memory_used() is None
    assert len(calls) == 2, "a connection that does not tell is not asked again"


def test_a_driver_without_the_call_is_asked_once_for_each_connection(asked):
    host = HostMachine(Session("test:///default"))
    assert [host.memory_used(), host.memory_used()] == [None, None]
    assert len(asked[1]) == 1


@pytest.mark.parametrize(
    ("used", "before", "total", "recorded"),
    [
        (None, 4096, 65536, None),
        (4000, None, 65536, 3930),  # a step is 655 MiB
        (4500, 3930, 65536, 3930),
        (4600, 3930, 65536, 4585),
        (300, 512, 4096, 512),  # a step is 256 MiB
        (200, 512, 4096, 256),
        (4090, 0, 4096, 4096),
        (100, None, 0, 0),
    ],
)
def test_used_memory_changes_by_a_hundredth_or_256_mebibytes(used, before, total, recorded):
    assert sync.steady(used, before, total) == recorded


@pytest.mark.django_db(transaction=True)
def test_a_small_change_wakes_no_page_and_a_watched_hypervisor_is_read_too(asked, enqueued, settings):
    settings.OBSERVERS = []
    answers, _ = asked
    lab = make_hypervisor()

    def poll(free: int) -> int | None:
        answers.append({**ANSWER, "free": free})
        earlier = timezone.now() - timedelta(seconds=30)  # in another period
        HypervisorStatus.objects.update(observed_at=earlier, watched_at=timezone.now())
        sync.observe(lab.pk)
        return HypervisorStatus.objects.get().memory_used

    first = poll(30 * KIB_OF_GIB)
    before = ChangeCounter.numbers().get(lab.pk)
    assert poll(30 * KIB_OF_GIB - 100 * 1024) == first
    assert ChangeCounter.numbers().get(lab.pk) == before
    assert poll(28 * KIB_OF_GIB) > first
    assert ChangeCounter.numbers()[lab.pk] > (before or 0)
