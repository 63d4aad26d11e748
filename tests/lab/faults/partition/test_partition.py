"""A worker that cannot reach the database: another one takes over, and nothing is done twice after the reconnect."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab
from postgresql import private_server

from tests.lab.faults.killed_worker.killed_changes import ADD, done
from tests.lab.state import things
from tests.lab.workers import Workers
from tests.support.portal import Portal
from tests.support.waiting import wait_for

from .network_namespace import NetworkNamespace

pytestmark = pytest.mark.lab

CLAIM = 3  # seconds
MAX_SECONDS = 20  # until a worker works again after the reconnect
ALIVE = "[worker.name for worker in WorkerProcess.objects.all() if worker.seen_at.timestamp() > {}]"


@pytest.fixture
def database() -> Iterator[str]:
    with private_server() as url:
        yield url


@pytest.fixture
def namespace(database: str) -> Iterator[NetworkNamespace]:
    with contextlib.closing(NetworkNamespace(database)) as namespace:
        yield namespace


@pytest.fixture
def portal(lab: Lab, database: str, tmp_path: Path) -> Iterator[Portal]:
    portal = Portal(tmp_path, {"lab": lab.uri}, DATABASE_URL=database, VIRTERWEB_CLAIM_SECONDS=str(CLAIM))
    portal.ask("Hypervisor.objects.update(domain_type='qemu')")  # so that no worker tests KVM with a guest
    yield portal
    portal.stop()


def alive(portal: Portal, since: float) -> list[str]:
    """Return the workers that have recorded a heartbeat since then."""
    return portal.ask(ALIVE.format(since))


def test_another_worker_continues_the_work_of_one_that_cannot_reach_the_database_and_nothing_is_done_twice(
    portal: Portal, namespace: NetworkNamespace, workers: Workers, host: libvirt.virConnect
):
    before = things(host)
    workers.start("remote", held_at=2, prefix=namespace.prefix, DATABASE_URL=namespace.database)
    portal.manage("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24", "--no-wait")
    wait_for(lambda: workers.calls("remote") == ADD[:2], 60, "the remote worker is in the middle of the change")
    (remote,) = alive(portal, 0)
    namespace.disconnect()
    workers.start("local")
    wait_for(lambda: workers.calls("local") == ADD[1:], 60, "the local worker continues")
    assert done(portal, "Network net1") == "ready"
    workers.release()  # the remote worker continues, as it does not know that it has lost its claim
    portal.manage("network", "edit", "net1", "--title", "changed meanwhile")
    history = "[[r.event, r.result] for r in NetworkRevision.objects.order_by('pk')]"
    assert [result for _, result in portal.ask(history)] == ["done", "done"]
    calls = workers.calls("local")

    reconnected = time.time()
    namespace.reconnect()
    wait_for(lambda: remote in alive(portal, reconnected), MAX_SECONDS, "the remote worker works again")
    print(f"works again after {time.time() - reconnected:.1f} s")
    time.sleep(2 * CLAIM)
    assert portal.ask("Network.objects.get(name='net1').state") == "ready"
    assert portal.ask("Network.objects.get(name='net1').spec.title") == "changed meanwhile"
    assert len(portal.ask(history)) == 2
    assert workers.calls("local") == calls
    assert {each: things(host)[each] for each in ("networks", "volumes")} == {
        "networks": sorted([*before["networks"], "net1"]),
        "volumes": before["volumes"],
    }
    workers.running.pop().kill()  # the local worker
    portal.manage("network", "rm", "net1")
    assert things(host) == before


def test_a_worker_works_again_soon_after_the_reconnect(
    portal: Portal, namespace: NetworkNamespace, workers: Workers, host: libvirt.virConnect
):
    """Even if its packets were lost for long: without a timeout, it would wait for an answer for 15 minutes."""
    before = things(host)
    workers.start("remote", prefix=namespace.prefix, DATABASE_URL=namespace.database)
    wait_for(lambda: alive(portal, 0), 60, "it runs")
    namespace.disconnect()
    time.sleep(30)
    namespace.reconnect()
    began = time.monotonic()
    portal.manage("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24", "--no-wait")
    wait_for(lambda: portal.ask("Network.objects.get(name='net1').state") == "ready", MAX_SECONDS, "the change is made")
    print(f"made after {time.monotonic() - began:.1f} s")
    portal.manage("network", "rm", "net1")
    assert things(host) == before
