"""Workers and web servers whose clocks are wrong by an hour: the clock of the database counts."""

import signal
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

pytestmark = pytest.mark.lab

CLAIM = 2  # seconds
WRONG = pytest.mark.parametrize("hours", [-1, 1])
ALIVE = "[[w.name, (w.seen_at - database_time()).total_seconds()] for w in WorkerProcess.objects.order_by('pk')]"
IMPORTS = "from virterweb.hypervisors.claims.clock import database_time"


def wrong_clock(hours: int) -> dict[str, str]:
    """Return the environment of a process whose clock is wrong by so many hours; durations are right."""
    return {"PYTHONPATH": str(Path(__file__).parent / "shifted"), "CLOCK_HOURS": str(hours)}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with private_server() as url:
        yield url


@pytest.fixture(scope="module")
def portal(lab: Lab, database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    folder = tmp_path_factory.mktemp("portal")
    portal = Portal(folder, {"lab": lab.uri}, DATABASE_URL=database, VIRTERWEB_CLAIM_SECONDS=str(CLAIM))
    portal.start_worker()
    wait_for(lambda: portal.ask("Image.objects.count()"), 60, "the first poll")
    portal.ask("Hypervisor.objects.update(domain_type='qemu')")  # so that no worker tests KVM with a guest
    portal.stop()
    yield portal
    portal.stop()


@pytest.fixture
def workers(workers: Workers, portal: Portal) -> Iterator[Workers]:
    yield workers
    workers.kill()
    portal.ask("WorkerProcess.objects.all().delete()[0]")


def alive(portal: Portal) -> dict[str, float]:
    """Return the workers and the time of their last heartbeat, in seconds from now by the clock of the database."""
    return dict(portal.ask(ALIVE, IMPORTS))


@WRONG
def test_a_worker_whose_clock_is_wrong_takes_no_claim_of_another_and_carries_out_changes(
    portal: Portal, workers: Workers, host: libvirt.virConnect, hours: int
):
    before = things(host)
    workers.start("right", held_at=1)
    portal.manage("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24", "--no-wait")
    workers.await_call("right", 1)
    workers.start("wrong", **wrong_clock(hours))
    wait_for(lambda: len(alive(portal)) == 2, 60, "both run")
    time.sleep(3 * CLAIM)
    assert workers.calls("wrong") == []
    ages = [-seconds for seconds in alive(portal).values()]
    assert len(ages) == 2 and max(ages) < 20 and min(ages) >= 0
    workers.release()
    assert done(portal, "Network net1") == "ready"
    assert workers.calls("right") == ADD

    workers.running[0].send_signal(signal.SIGKILL)
    began = time.monotonic()
    portal.manage("network", "edit", "net1", "--title", "by the other")  # waits, as it sees that a worker runs
    portal.manage("network", "rm", "net1")
    assert time.monotonic() - began < 20
    assert things(host) == before
    late = "Hypervisor.objects.with_condition().filter(condition='late').count()"
    wait_for(lambda: not portal.ask(late), 10, "its last poll counts as current")


def test_a_guest_has_its_full_time_to_shut_down_although_the_next_worker_is_an_hour_ahead(
    portal: Portal, workers: Workers, host: libvirt.virConnect
):
    before = things(host)
    first = workers.start("right")
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M")
    portal.ask("Hypervisor.objects.update(shutdown_timeout=15)")
    portal.ask("VM.objects.get(name='tiny-8').ask_power('shutdown')")
    asked = "VM.objects.get(name='tiny-8').status.shut_down_at"
    wait_for(lambda: portal.ask(asked), 20, "it is asked to shut down")
    began = time.monotonic()
    first.send_signal(signal.SIGKILL)
    workers.start("ahead", **wrong_clock(1))
    domain = host.lookupByName("tiny-8")
    wait_for(lambda: not domain.isActive(), 40, "it is forced off")
    assert time.monotonic() - began > 10
    portal.manage("vm", "rm", "tiny-8")
    assert things(host) == before


@WRONG
def test_a_change_by_a_web_server_whose_clock_is_wrong_is_carried_out_at_once(
    portal: Portal, workers: Workers, host: libvirt.virConnect, hours: int
):
    before = things(host)
    workers.start("right")
    usual = portal.environment
    portal.environment = {**usual, **wrong_clock(hours)}
    try:
        portal.start_web()
        portal.log_in()
        pk = portal.ask("Hypervisor.objects.get().pk")
        portal.post("/networks/add/", hypervisor=pk, name="net1", forward_mode="", ipv4="10.255.0.1/24", dhcp="on")
        wait_for(lambda: portal.table("/networks/?q=net1")[0]["State"] == "ready", 10, "the network is there")
        portal.post("/networks/lab/net1/hosts/add/", mac="52:54:00:00:11:01", ip="10.255.0.9")
        there = "Network.objects.get(name='net1').found_hosts.count()"
        wait_for(lambda: portal.ask(there), 10, "the reservation is there")
        assert "10.255.0.9" in host.networkLookupByName("net1").XMLDesc()
        portal.post("/networks/lab/net1/remove/")
        wait_for(lambda: not portal.table("/networks/?q=net1"), 10, "the network is deleted")
    finally:
        portal.environment = usual
        portal.web.kill()
        portal.web.wait()
        portal.web = None
    assert things(host) == before
