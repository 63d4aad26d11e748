"""tcpdump captures packets in the network of a hypervisor, local or reached by SSH, and ends with its worker."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers.sshd import sshd
from tests.support.waiting import wait_for
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.gateway.packets import CaptureHost, capturing, check_filter

MISSING = os.geteuid() != 0 or not shutil.which("tcpdump") or not Path("/usr/sbin/sshd").exists()
pytestmark = [pytest.mark.integration, pytest.mark.skipif(MISSING, reason="needs root, tcpdump and sshd")]
WORKER = """
import os, sys
from virterweb.hypervisors.gateway.packets import CaptureHost, capturing
uri, pid, text = sys.argv[1:]
host = CaptureHost(name="lab", uri=uri, pid=int(pid) or None)
with capturing(host, "lo", text, seconds=300, packets=9) as tcpdump:
    os.read(tcpdump.file, 1)
    print("begun", flush=True)
    sys.stdin.read()
"""
SENDER = """
import socket
for _ in range(3):
    socket.socket(type=socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.5", 9))
"""


@pytest.fixture
def network() -> Iterator[int]:
    """Return the PID of a process in a network of its own."""
    holder = subprocess.Popen(["unshare", "-n", "sleep", "600"])
    own = Path("/proc/self/ns/net").readlink()
    wait_for(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != own, 10, "the network")
    subprocess.run(["nsenter", "-t", str(holder.pid), "-n", "ip", "link", "set", "lo", "up"], check=True)
    yield holder.pid
    holder.kill()
    holder.wait()


@pytest.fixture(params=["local", "ssh"])
def host(request, network, tmp_path, monkeypatch) -> Iterator[CaptureHost]:
    if request.param == "local":
        yield CaptureHost(name="lab", uri="qemu:///system", pid=network)
        return
    with sshd(tmp_path, "nsenter", "-t", str(network), "-n") as (port, agent):
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        yield CaptureHost(name="lab", uri=f"qemu+ssh://root@127.0.0.1:{port}/system?no_verify=1", pid=None)


def running(text: str) -> list[str]:
    found = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in found if line.startswith("tcpdump ") and text in line]


def test_packets_are_captured_and_nothing_is_left_running(host, network):
    with capturing(host, "lo", "udp and host 127.0.0.5", seconds=60, packets=2) as tcpdump:
        assert len(os.read(tcpdump.file, 24)) == 24
        subprocess.run(["nsenter", "-t", str(network), "-n", sys.executable, "-c", SENDER], check=True)
        found = b""
        while data := os.read(tcpdump.file, 65536):
            found += data
        assert found.count(b"hello") == 2, "tcpdump has ended after two of three packets"
    assert running("127.0.0.5") == []


def test_a_capture_that_is_left_ends_tcpdump(host):
    with capturing(host, "lo", "host 127.0.0.6", seconds=60, packets=2) as tcpdump:
        os.read(tcpdump.file, 24)
        assert running("127.0.0.6")
    wait_for(lambda: not running("127.0.0.6"), 10, "the end of tcpdump")


def test_tcpdump_ends_with_a_killed_worker(host):
    text = "host 127.0.0.7"
    command = [sys.executable, "-c", WORKER, host.uri, str(host.pid or 0), text]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert worker.stdout.readline() == b"begun\n"
        assert running(text)
    finally:
        worker.kill()
        worker.wait()
    wait_for(lambda: not running(text), 10, "the end of tcpdump")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("port", "tcpdump refuses the filter: .*syntax error"),
        ("host 10.0.0.1; touch /tmp/virterweb-owned", "tcpdump refuses the filter"),
        ("$(touch /tmp/virterweb-owned)", "tcpdump refuses the filter"),
        ("-w /tmp/virterweb-owned", "tcpdump refuses the filter"),
        ("'", "tcpdump refuses the filter"),
    ],
)
def test_a_wrong_filter_is_refused_with_tcpdumps_message_and_runs_nothing(host, text, reason):
    with pytest.raises(Refused, match=reason):
        check_filter(host, text)
    assert not Path("/tmp/virterweb-owned").exists()


def test_a_valid_filter_is_accepted(host):
    check_filter(host, "arp or (udp port 67 and not host 10.0.0.1)")
    check_filter(host, "")


def test_a_device_that_does_not_exist_is_said_in_tcpdumps_words(host):
    with capturing(host, "vnet99", "", seconds=5, packets=2) as tcpdump:
        assert os.read(tcpdump.file, 24) == b""
        assert "could not capture on vnet99: vnet99: No such device" in str(tcpdump.failure("capture.refused"))


def test_a_host_without_tcpdump_is_named(network, tmp_path, monkeypatch):
    for name in ("setpriv", "nsenter", "timeout"):
        (tmp_path / name).symlink_to(shutil.which(name))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="tcpdump is not installed on the host of lab"):
        check_filter(CaptureHost(name="lab", uri="qemu:///system", pid=network), "")


def test_a_hypervisor_that_cannot_be_logged_in_to_is_named(tmp_path, monkeypatch):
    with sshd(tmp_path) as (port, _):
        monkeypatch.setenv("SSH_AUTH_SOCK", "")
        host = CaptureHost(name="lab", uri=f"qemu+ssh://root@127.0.0.1:{port}/system?no_verify=1", pid=None)
        with pytest.raises(Refused, match=r"The SSH connection to the host of lab failed: .*Permission denied"):
            check_filter(host, "")


def test_a_hypervisor_that_is_reached_by_tls_is_refused():
    with pytest.raises(Refused, match="on hypervisors with a qemu"):
        check_filter(CaptureHost(name="lab", uri="qemu+tls://lab7/system", pid=None), "")
