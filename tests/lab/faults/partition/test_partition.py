"""A worker that is cut off from the database: another takes over, and nothing is done twice when the network heals."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab
from postgresql import private_server

from tests.lab.faults.killed_worker.killed_changes import ADD, done
from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

from .network_namespace import FarMachine

pytestmark = pytest.mark.lab

CLAIM = 3  # seconds
HEALED = 20  # seconds after which a worker works again, at most
ALIVE = "[worker.name for worker in WorkerProcess.objects.all() if worker.seen_at.timestamp() > {}]"


@pytest.fixture
def database() -> Iterator[str]:
    with private_server() as url:
        yield url


@pytest.fixture
def far(database: str) -> Iterator[FarMachine]:
    with contextlib.closing(FarMachine(database)) as far:
        yield far


@pytest.fixture
def portal(lab: Lab, database: str, tmp_path: Path) -> Iterator[Portal]:
    portal = Portal(tmp_path, {"lab": lab.uri}, DATABASE_URL=database, VIRTERWEB_CLAIM_SECONDS=str(CLAIM))
    portal.ask("Hypervisor.objects.update(domain_type='qemu')")  # so that no worker proves KVM by a guest meanwhile
    yield portal
    portal.stop()


class Workers:
    """Workers whose calls that change libvirt are logged; one of them can be held up in a call."""

    def __init__(self, portal: Portal, folder: Path) -> None:
        self.portal, self.folder, self.hold = portal, folder, folder / "hold"
        self.running: list[subprocess.Popen] = []

    def start(self, name: str, held_at: int = 0, prefix: tuple[str, ...] = (), **environment: str) -> subprocess.Popen:
        (self.folder / name).touch()
        log = {"KILL_LOG": str(self.folder / name), "KILL_AT": str(held_at), "KILL_SIDE": "before"}
        held = {"KILL_HOLD": str(self.hold)}
        self.portal.start_worker("tests.lab.killing", prefix=prefix, **log, **held, **environment)
        self.running.append(self.portal.worker)
        return self.portal.worker

    def calls(self, name: str) -> list[str]:
        return (self.folder / name).read_text().splitlines()


@pytest.fixture
def workers(portal: Portal, tmp_path: Path) -> Iterator[Workers]:
    workers = Workers(portal, tmp_path)
    yield workers
    workers.hold.unlink(missing_ok=True)
    for worker in workers.running:
        worker.send_signal(signal.SIGKILL)
        worker.wait()


def alive(portal: Portal, since: float) -> list[str]:
    """Return the workers that have given a sign of life since then."""
    return portal.ask(ALIVE.format(since))


def test_a_worker_without_database_loses_its_work_to_another_and_does_nothing_twice(
    portal: Portal, far: FarMachine, workers: Workers, host: libvirt.virConnect
):
    before = things(host)
    workers.hold.touch()
    workers.start("far", held_at=2, prefix=far.prefix, DATABASE_URL=far.database)
    portal.manage("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24", "--no-wait")
    wait_for(lambda: workers.calls("far") == ADD[:2], 60, "the far worker is in the middle of the change")
    (cut_off,) = alive(portal, 0)
    far.cut()
    workers.start("near")
    wait_for(lambda: workers.calls("near") == ADD[1:], 60, "the near one goes on")
    assert done(portal, "Network net1") == "ready"
    workers.hold.unlink()  # the far one goes on with what it believes to be its own
    portal.manage("network", "edit", "net1", "--title", "changed meanwhile")
    history = "[[r.event, r.result] for r in NetworkRevision.objects.order_by('pk')]"
    assert [result for _, result in portal.ask(history)] == ["done", "done"]
    near = workers.calls("near")

    healed = time.time()
    far.heal()
    wait_for(lambda: cut_off in alive(portal, healed), HEALED, "the far worker is back")
    print(f"back after {time.time() - healed:.1f} s")
    time.sleep(2 * CLAIM)
    assert portal.ask("Network.objects.get(name='net1').state") == "ready"
    assert portal.ask("Network.objects.get(name='net1').spec.title") == "changed meanwhile"
    assert len(portal.ask(history)) == 2
    assert workers.calls("near") == near
    assert {each: things(host)[each] for each in ("networks", "volumes")} == {
        "networks": sorted([*before["networks"], "net1"]),
        "volumes": before["volumes"],
    }
    workers.running.pop().kill()  # the near one
    portal.manage("network", "rm", "net1")
    assert things(host) == before


def test_a_worker_works_again_soon_after_the_network_has_healed(
    portal: Portal, far: FarMachine, workers: Workers, host: libvirt.virConnect
):
    """Also if what it had sent was given up: otherwise it would wait for the answer for a quarter of an hour."""
    before = things(host)
    workers.start("far", prefix=far.prefix, DATABASE_URL=far.database)
    wait_for(lambda: alive(portal, 0), 60, "it runs")
    far.cut()
    time.sleep(30)
    far.heal()
    began = time.monotonic()
    portal.manage("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24", "--no-wait")
    wait_for(lambda: portal.ask("Network.objects.get(name='net1').state") == "ready", HEALED, "the change is made")
    print(f"made after {time.monotonic() - began:.1f} s")
    portal.manage("network", "rm", "net1")
    assert things(host) == before
