"""Connections to hypervisors: one that hangs or fails is reported soon and does not delay the others."""

import socket
import threading
import time

import pytest

from virterweb.hypervisors.connections import pool as connections
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.gateway.found import Busy, Unreachable


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    disconnect()


@pytest.fixture
def silent(tmp_path):
    """The URI of a libvirt that accepts and never answers."""
    path = tmp_path / "silent"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield f"qemu+unix:///system?socket={path}"


def give_up_on(uri: str) -> None:
    with pytest.raises(Unreachable), connected(1, uri):
        pass


def test_a_missing_libvirt_is_reported_immediately():
    with pytest.raises(Unreachable, match="cannot be reached") as problem, connected(1, "qemu+unix:///x?socket=/no"):
        pass
    assert "/no" in problem.value.detail


def test_a_hypervisor_that_never_answers_delays_no_other(silent, monkeypatch):
    monkeypatch.setattr(connections, "OPEN_TIMEOUT", 0.5)
    waiting = threading.Thread(target=give_up_on, args=[silent])
    waiting.start()
    began = time.monotonic()
    with connected(2, "test:///default") as connection:
        assert connection.networks.all()
    assert time.monotonic() - began < 0.5
    waiting.join()
    with pytest.raises(Unreachable, match="does not answer"), connected(1, silent):
        pass


def test_a_connection_is_kept_and_shared_until_the_uri_changes():
    with connected(1, "test:///default") as first, connected(1, "test:///default") as second:
        assert first is second
    with connected(1, "test:///default?other") as third:
        assert third is not first


def test_only_a_few_are_inside_one_hypervisor_at_a_time():
    inside = [connected(1, "test:///default") for _ in range(connections.MAX_CALLERS)]
    for one in inside:
        one.__enter__()
    with pytest.raises(Busy), connected(1, "test:///default"):
        pass
    inside.pop().__exit__(None, None, None)
    with connected(1, "test:///default"):
        pass
