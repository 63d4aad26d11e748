"""A portal whose worker is killed, and cleanup after a test that failed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.lab.state import clear, left_over, things
from tests.support.portal import Portal
from tests.support.waiting import wait_for


@pytest.fixture(scope="package")
def portal(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"), {"lab": lab.uri})
    portal.start_worker()
    wait_for(lambda: portal.ask("Image.objects.count()"), 60, "the first poll")
    portal.ask("Hypervisor.objects.update(domain_type='qemu')")  # so that no worker tests KVM with a guest
    portal.stop()
    yield portal
    portal.stop()


@pytest.fixture(autouse=True)
def nothing_half_made(request: pytest.FixtureRequest, portal: Portal, lab: Lab) -> Iterator[None]:
    """Clean up after a failed test, so that the next one can run."""
    failed = request.session.testsfailed
    with contextlib.closing(libvirt.open(lab.uri)) as host:
        before = things(host)
    yield
    if request.session.testsfailed == failed:
        return
    portal.kill_worker()
    try:
        lab.libvirtd_pid  # noqa: B018
    except OSError:
        lab.start_libvirtd()
    with contextlib.closing(libvirt.open(lab.uri)) as host:
        clear(host, left_over(things(host), before))
    kept = before["domains"] + before["networks"]
    portal.ask(
        f"[model.objects.exclude(name__in={kept}).filter(managed=True).delete() for model in (VM, Network, Image)]"
    )


@pytest.fixture
def kill(portal: Portal, tmp_path: Path):
    """Run a worker that is killed at a call, then another one. The function returns the calls of the first."""
    log = tmp_path / "calls"

    def run(at: int, side: str, **what: str) -> list[str]:
        log.touch()
        portal.start_worker("tests.lab.killing", KILL_LOG=str(log), KILL_AT=str(at), KILL_SIDE=side, **what)
        assert portal.worker.wait(timeout=60) == -9, "the worker was to be killed"
        calls = log.read_text().splitlines()
        portal.start_worker()
        return calls

    yield run
    portal.kill_worker()


@pytest.fixture(scope="module")
def net1(portal: Portal, lab: Lab) -> Iterator[str]:
    """Yield a network with two running VMs, one of them transient and unmanaged."""
    portal.start_worker()
    portal.manage("network", "add", "net1", "--dhcp", "-n", "10.255.0.1/24")
    nic = ("--nic", "type=network,source=net1")
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M", *nic)
    host = libvirt.open(lab.uri)
    vm = host.createXML(
        "<domain type='qemu'><name>external</name><memory unit='MiB'>16</memory><os><type>hvm</type></os><devices>"
        "<interface type='network'><source network='net1'/><mac address='52:54:00:aa:00:01'/></interface>"
        "</devices></domain>"
    )
    wait_for(lambda: "external" in portal.manage("network", "list-attached", "net1"), 10, "it is seen")
    portal.kill_worker()
    yield "net1"
    portal.start_worker()
    vm.destroy()
    portal.manage("vm", "rm", "tiny-8")
    portal.manage("network", "rm", "net1")
    portal.kill_worker()
    host.close()
