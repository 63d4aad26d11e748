"""A guest of a hypervisor that is reached by SSH is connected to through the hypervisor."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.servers.sshd import sshd
from tests.support.waiting import wait_for
from virterweb.hypervisors.gateway import jump
from virterweb.hypervisors.gateway.found import Refused, Silent
from virterweb.hypervisors.gateway.nouns.host import HostMachine

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0 or not Path("/usr/sbin/sshd").exists(), reason="needs root and sshd"),
]
OPENER = """
import sys
from virterweb.hypervisors.gateway import jump
jump.open_tunnel(sys.argv[1], "127.0.0.1", int(sys.argv[2]), 60)
"""


@contextmanager
def hypervisor(folder: Path, monkeypatch: pytest.MonkeyPatch, query: str = "?no_verify=1", **values) -> Iterator[str]:
    """Yield the URI of a hypervisor that the portal can log in to."""
    with sshd(folder, **values) as (port, agent):
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        yield f"qemu+ssh://root@127.0.0.1:{port}/system{query}"


@contextmanager
def serving(greeting: bytes) -> Iterator[int]:
    """Yield the port of a guest's server that says this to the first client and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                connection.sendall(greeting)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def processes(text: str) -> list[str]:
    found = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in found if line.startswith("ssh ") and text in line]


def test_a_guest_is_connected_to_and_closing_leaves_no_process(tmp_path, monkeypatch):
    with hypervisor(tmp_path, monkeypatch) as uri, serving(b"SSH-2.0-guest") as port:
        with jump.open_tunnel(uri, "127.0.0.1", port, 5) as tunnel:
            assert tunnel.recv(100) == b"SSH-2.0-guest"
        assert not processes(f"127.0.0.1:{port}")


def test_a_guest_where_nothing_listens_refuses(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as guest:
        port = guest.getsockname()[1]
    expected = pytest.raises(Refused, match=rf"nothing listens at 127\.0\.0\.1 port {port}")
    with hypervisor(tmp_path, monkeypatch) as uri, expected:
        jump.open_tunnel(uri, "127.0.0.1", port, 5)


def test_a_guest_that_says_nothing_is_silent_and_leaves_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(jump, "LOGIN_TIMEOUT", 1)
    with hypervisor(tmp_path, monkeypatch) as uri, socket.create_server(("127.0.0.1", 0)) as guest:
        port = guest.getsockname()[1]
        with pytest.raises(Silent, match=r"neither 127\.0\.0\.1 nor the SSH server of the hypervisor answered"):
            jump.open_tunnel(uri, "127.0.0.1", port, 0.5)
        assert not processes(f"127.0.0.1:{port}")


def test_a_guest_that_closes_the_connection_is_not_a_failed_login(tmp_path, monkeypatch):
    with (
        hypervisor(tmp_path, monkeypatch) as uri,
        serving(b"") as port,
        jump.open_tunnel(uri, "127.0.0.1", port, 5) as tunnel,
    ):
        assert tunnel.recv(1) == b""


def test_a_killed_worker_leaves_no_ssh_process(tmp_path, monkeypatch):
    with hypervisor(tmp_path, monkeypatch) as uri, socket.create_server(("127.0.0.1", 0)) as guest:
        port = guest.getsockname()[1]
        worker = subprocess.Popen([sys.executable, "-c", OPENER, uri, str(port)])
        connection, _ = guest.accept()
        assert processes(f"127.0.0.1:{port}")
        worker.kill()
        worker.wait()
        wait_for(lambda: not processes(f"127.0.0.1:{port}"), 5, "ssh ends")
        connection.close()


def test_a_hypervisor_that_does_not_allow_forwarding_is_named(tmp_path, monkeypatch):
    expected = pytest.raises(Refused, match="whose SSH server does not allow TCP forwarding")
    with hypervisor(tmp_path, monkeypatch, forwarding=False) as uri, expected:
        jump.open_tunnel(uri, "127.0.0.1", 1, 5)


def test_a_guest_is_connected_to_directly_if_the_hypervisor_does_not_allow_forwarding(tmp_path, monkeypatch):
    with (
        hypervisor(tmp_path, monkeypatch, forwarding=False) as uri,
        serving(b"SSH-2.0-guest") as port,
        HostMachine(SimpleNamespace(uri=uri, pid=None)).tcp_socket("127.0.0.1", port, 2) as direct,
    ):
        assert direct.recv(100) == b"SSH-2.0-guest"


def test_a_hypervisor_that_refuses_the_login_is_named(tmp_path, monkeypatch):
    with hypervisor(tmp_path, monkeypatch) as uri:
        monkeypatch.setenv("SSH_AUTH_SOCK", "")
        with pytest.raises(Refused, match=r"the SSH connection to the hypervisor failed: .*Permission denied"):
            jump.open_tunnel(uri, "127.0.0.1", 1, 5)


def test_a_hypervisor_with_an_unknown_host_key_is_not_logged_in_to(tmp_path, monkeypatch):
    expected = pytest.raises(Refused, match="the SSH connection to the hypervisor failed: Host key verification failed")
    with hypervisor(tmp_path, monkeypatch, query="") as uri, expected:
        jump.open_tunnel(uri, "127.0.0.1", 1, 5)


def test_the_name_of_the_hypervisor_stays_as_it_is_and_is_never_an_option():
    assert jump.command("qemu+ssh://Lab7/system", "fd00::8", 22)[-4:] == ["-W", "[fd00::8]:22", "--", "Lab7"]
    assert jump.command("qemu+ssh://[fd00::7]:2222/system", "10.0.0.8", 22)[-1] == "fd00::7"
    assert jump.command("qemu+ssh://-oProxyCommand=x/system", "10.0.0.8", 22)[-2:] == ["--", "-oProxyCommand=x"]
    assert not jump.is_jump("qemu+libssh2://lab7/system"), "it has its own known hosts"
