"""Two workers of one portal: neither repeats the work of the other, unless the other was killed."""

import contextlib
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.lab.faults.killed_worker.killed_changes import ADD, done, upload
from tests.lab.state import things
from tests.lab.workers import Workers
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

CLAIM = 2  # seconds
UNTIL = "[s.claimed_until.timestamp() for s in {}.objects.exclude(claimed_until=None)]"


@pytest.fixture(scope="module")
def portal(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"), {"lab": lab.uri})
    portal.start_worker()
    wait_for(lambda: portal.ask("Image.objects.count()"), 60, "the first poll")
    portal.ask("Hypervisor.objects.update(domain_type='qemu')")  # so that no worker tests KVM with a guest
    portal.stop()
    yield portal
    portal.stop()


def await_claim(portal: Portal, status: str) -> None:
    """Wait until a claim was held for three times as long as it lasts."""
    (first,) = portal.ask(UNTIL.format(status))
    wait_for(lambda: portal.ask(UNTIL.format(status))[0] > first + 3 * CLAIM, 60, "the claim is kept")


def test_a_call_that_takes_longer_than_a_claim_stays_with_its_worker(
    portal: Portal, host: libvirt.virConnect, workers: Workers
):
    before = things(host)
    portal.manage("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24", "--no-wait")
    short = {"VIRTERWEB_CLAIM_SECONDS": str(CLAIM)}
    workers.start("slow", 1, **short)
    workers.await_call("slow", 1)
    workers.start("other", **short)
    await_claim(portal, "NetworkStatus")
    assert workers.calls("other") == []
    workers.release()
    assert done(portal, "Network net1") == "ready"
    assert (workers.calls("slow"), workers.calls("other")) == (ADD, [])
    portal.manage("network", "rm", "net1")
    assert things(host) == before


def test_an_image_whose_upload_takes_longer_than_a_claim_is_loaded_once(
    portal: Portal, host: libvirt.virConnect, workers: Workers, tmp_path: Path
):
    before = things(host)
    upload(portal, tmp_path)
    short = {"VIRTERWEB_CLAIM_SECONDS": str(CLAIM)}
    workers.start("slow", 3, **short)  # the copy of what was uploaded
    workers.await_call("slow", 3)
    workers.start("other", **short)
    await_claim(portal, "ImageStatus")
    assert workers.calls("other") == []
    workers.release()
    assert done(portal, "Image disk") == "ready"
    portal.ask("Image.objects.get(name='disk').remove()")
    assert done(portal, "Image disk") == "gone"
    assert things(host) == before


def test_the_work_of_a_killed_worker_is_done_by_the_other_within_seconds(
    portal: Portal, host: libvirt.virConnect, workers: Workers
):
    before = things(host)
    portal.manage("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24", "--no-wait")
    slow = workers.start("slow", 2)
    workers.await_call("slow", 2)
    workers.start("other")
    wait_for(lambda: "ready." in portal.worker_log().rpartition("celery@")[2], 30, "the other is ready")
    assert workers.calls("other") == []
    slow.send_signal(signal.SIGKILL)
    wait_for(lambda: workers.calls("other") == ADD[1:], 10, "the other goes on")
    slow.wait()
    assert done(portal, "Network net1") == "ready"
    portal.manage("network", "rm", "net1")
    assert things(host) == before


MAC = "52:54:00:aa:00:02"
NIC = ("tiny-8", MAC)
VERBS = (
    ("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24"),
    ("network", "edit", "net1", "--domain", "lab.test", "--yes"),
    ("network", "edit", "net1", "--title", "The lab"),
    ("network", "host", "add", "--id", "9"),
    ("vm", "run", "tiny", "--id", "8", "--memory", "32M"),
    ("vm", "nic", "add", "tiny-8", f"type=network,source=net1,mac={MAC}"),
    ("vm", "nic", "change", *NIC, "--link-up", "no"),
    ("vm", "nic", "change", *NIC, "--network", "default"),
    ("vm", "nic", "rm", *NIC, "--at-shutdown"),
    ("vm", "rm", "tiny-8"),
    ("network", "host", "rm", "--id", "9"),
    ("network", "stop", "net1", "--yes"),
    ("network", "start", "net1"),
    ("network", "release", "net1"),
    ("network", "adopt", "net1"),
    ("network", "rm", "net1"),
)


@pytest.fixture
def calls_of(portal: Portal, tmp_path: Path) -> Iterator[Callable[[int], list[Counter[str]]]]:
    """Carry out all verbs with so many workers; the calls that changed something in libvirt, for each verb."""
    started = contextlib.ExitStack()

    def run(count: int) -> list[Counter[str]]:
        logs = [tmp_path / f"worker {number} of {count}" for number in range(count)]
        with started:
            for log in logs:
                log.touch()
                portal.start_worker("tests.lab.killing", KILL_LOG=str(log), KILL_AT="0", KILL_SIDE="before")
                started.callback(stop, portal.worker)
            seen, found = Counter(), []
            for verb in VERBS:
                portal.manage(*verb)
                wait_for(lambda: not portal.ask(PENDING), 30, f"nothing is left of {verb}")
                now = Counter(call for log in logs for call in log.read_text().splitlines())
                found.append(now - seen)
                seen = now
        return found

    def stop(worker: subprocess.Popen) -> None:
        worker.send_signal(signal.SIGTERM)
        worker.wait()

    with started:
        yield run


PENDING = "[w.name for m in (VM, Network, Image) for w in m.objects.all() if w.state in ('pending', 'removing')]"


def test_two_workers_carry_out_each_verb_once(portal: Portal, host: libvirt.virConnect, calls_of):
    before = things(host)
    alone = calls_of(1)
    assert things(host) == before
    together = calls_of(2)
    assert dict(zip(VERBS, together, strict=True)) == dict(zip(VERBS, alone, strict=True))
    assert things(host) == before
