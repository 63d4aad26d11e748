"""A worker finishes a change whose hypervisor was lost and came back."""

import os
import select
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.lab.faults.killed_worker.killed_changes import MAKE, done
from tests.lab.state import things
from tests.support.portal import Portal

pytestmark = pytest.mark.lab


@pytest.fixture
def lose(portal: Portal, lab: Lab, tmp_path: Path):
    """Run a worker whose libvirtd is killed at a call and started again."""
    log = tmp_path / "calls"

    def run(at: int, side: str) -> None:
        log.touch()
        pid = lab.libvirtd_pid
        watch = os.pidfd_open(pid)
        what = {"KILL_LOG": str(log), "KILL_AT": str(at), "KILL_SIDE": side, "KILL_PID": str(pid)}
        portal.start_worker("tests.lab.killing", **what)
        lost = select.select([watch], [], [], 60)[0]
        os.close(watch)
        assert lost, "libvirtd was to be killed"
        lab.start_libvirtd()

    yield run
    portal.kill_worker()


@pytest.mark.parametrize("at", range(1, len(MAKE) + 1))
def test_running_a_vm_whose_hypervisor_is_lost_in_the_middle(portal: Portal, lab: Lab, lose, at: int):
    host = libvirt.open(lab.uri)
    before = things(host)
    host.close()
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M", "--no-wait")
    lose(at, "before" if at % 2 else "after")
    assert done(portal, "VM tiny-8") == "ready", portal.ask("VM.objects.get(name='tiny-8').status.error")
    host = libvirt.open(lab.uri)
    assert host.lookupByName("tiny-8").isActive()
    portal.manage("vm", "rm", "tiny-8")
    assert things(host) == before
    host.close()
