"""Private hypervisors for the tests: real libvirtd, real guests, nothing left behind."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab, start

from tests.lab.state import clear, left_over, release_leases, remove_leftovers, things
from tests.lab.workers import Workers
from tests.support.portal import Portal
from tests.support.waiting import wait_for


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest file, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: "lab/vms/guests" not in item.nodeid)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A hypervisor with the network `default` and the image `tiny`, shared by all tests."""
    yield from lab_in(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module", autouse=True)
def nothing_left(lab: Lab) -> Iterator[None]:
    """A module leaves the lab as it found it; if a test failed to, the lab is cleared for the next module."""
    with contextlib.closing(libvirt.open(lab.uri)) as host:
        before = things(host)
    yield
    with contextlib.closing(libvirt.open(lab.uri)) as host:
        extra = left_over(things(host), before)
        clear(host, extra)
        release_leases(lab, host)
        if extra:
            remove_leftovers(lab, host)
    assert not extra, f"left in the lab: {extra}"


@pytest.fixture(scope="module")
def portal(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal that knows the lab: web server with somebody logged in, and worker."""
    portal = Portal(tmp_path_factory.mktemp("portal"), {"lab": lab.uri})
    portal.start_web()
    portal.start_worker()
    portal.log_in()
    wait_for(lambda: portal.table("/networks/"), 60, "the first poll")
    yield portal
    portal.stop()


@pytest.fixture
def workers(portal: Portal, tmp_path: Path) -> Iterator[Workers]:
    """Start no worker yet; those that the test starts are killed at its end."""
    workers = Workers(portal, tmp_path)
    yield workers
    workers.kill()


@pytest.fixture
def host(lab: Lab) -> Iterator[libvirt.virConnect]:
    """Return a connection to libvirt that the portal does not use."""
    connection = libvirt.open(lab.uri)
    yield connection
    connection.close()


@pytest.fixture
def second_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Another hypervisor with the same network, for one test; a guest there needs an image of its own."""
    yield from lab_in(tmp_path_factory.mktemp("second"), image=False)


def lab_in(directory: Path, **furniture: bool) -> Iterator[Lab]:
    running = start(directory, **furniture)
    namespace = Path(f"/proc/{running.namespace_pid}/ns/pid").readlink()
    yield running
    running.stop()
    assert not members(namespace), "processes of the lab are left"
    assert str(directory) not in Path("/proc/self/mountinfo").read_text(), "mounts of the lab are left"


def members(namespace: Path) -> list[str]:
    """List the processes in a PID namespace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "ns/pid").readlink() == namespace:
                found.append(process.name)
    return found
