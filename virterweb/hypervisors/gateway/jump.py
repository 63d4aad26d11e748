"""Connections to guests through the SSH server of their hypervisor, with the login of libvirt's own connection."""

import re
import shlex
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from typing import IO
from urllib.parse import parse_qs, urlsplit

from virterweb.messages import Message

from .found import Refused, Silent

LOGIN_TIMEOUT = 5  # seconds until the hypervisor must have answered
END_WITH_WORKER = ["setpriv", "--pdeathsig", "KILL"]  # the thread that opened a connection also closes it
IMPOSSIBLE = ("tcp.jump_refused", "tcp.jump_forbidden")  # codes of why a hypervisor carries no connections
# What ssh writes if the hypervisor could not connect to the guest: `channel 0: open failed: connect failed: …`.
FAILED = re.compile(r"open failed: (?P<kind>[a-z ]+): ?(?P<reason>.*)")


def is_jump(uri: str) -> bool:
    """Return whether libvirt runs `ssh` to reach a hypervisor; libssh has its own known hosts and no configuration."""
    return urlsplit(uri).scheme == "qemu+ssh"


def command(uri: str, address: str, port: int) -> list[str]:
    """Return the command that connects its input and output to a guest."""
    target = f"[{address}]" if ":" in address else address
    *words, host = _login(uri)
    return [*words, "-W", f"{target}:{port}", "--", host]


def run_command(uri: str, words: Sequence[str]) -> list[str]:
    """Return the command that runs a program on the hypervisor's host."""
    *options, host = _login(uri)
    return [*options, "--", host, shlex.join(words)]


def _login(uri: str) -> list[str]:
    """Return ssh with its options, then the host.

    The options are those of libvirt's own connection, but ssh never asks for a password.
    """
    parts = urlsplit(uri)
    # Not `hostname`, which is in lower case: ssh_config may have settings for the name as it is written.
    host = re.sub(r":\d*$", "", parts.netloc.rpartition("@")[2]).strip("[]")
    words = [*END_WITH_WORKER, "ssh", "-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={LOGIN_TIMEOUT}"]
    words += ["-o", "StrictHostKeyChecking=no"] if parse_qs(parts.query).get("no_verify") == ["1"] else []
    words += ["-p", str(parts.port)] if parts.port else []
    words += ["-l", parts.username] if parts.username else []
    return [*words, host or "localhost"]


class Tunnel(socket.socket):
    """A connection that an `ssh` process carries; closing it ends the process."""

    process: subprocess.Popen[bytes]

    def close(self) -> None:
        super().close()
        self.process.kill()
        self.process.wait()


def open_tunnel(uri: str, address: str, port: int, seconds: float) -> Tunnel:
    """Return a connection to a server of a guest that speaks first, as SSH servers do.

    Raises:
        Refused: Nothing listens there, or the hypervisor does not allow such connections.
        Silent: The guest does not answer.
    """
    ours, its = socket.socketpair()
    with ours, its, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command(uri, address, port), stdin=its, stdout=its, stderr=errors)
        its.close()
        tunnel = Tunnel(fileno=ours.detach())
        tunnel.process = process
        tunnel.settimeout(LOGIN_TIMEOUT + seconds)
        try:
            # The end of ssh without a failure means that the guest accepted the connection and closed it.
            if tunnel.recv(1, socket.MSG_PEEK) or process.wait(1) == 0:
                return tunnel
        except TimeoutError as problem:
            tunnel.close()
            said = Message("tcp.jump_silent", address=address, seconds=f"{LOGIN_TIMEOUT + seconds:g}")
            raise Silent(said) from problem
        except (OSError, subprocess.TimeoutExpired):
            pass
        tunnel.close()
        raise _failure(_text_of(errors), address, port)


def _text_of(errors: IO[bytes]) -> str:
    errors.seek(0)
    return errors.read(10_000).decode(errors="replace").strip()


def _failure(text: str, address: str, port: int) -> Refused:
    """Return the exception for what ssh wrote."""
    found = FAILED.search(text)
    if found is None:
        return Refused(Message("tcp.jump_refused", problem=text.splitlines()[-1] if text else "ssh ended"), text)
    if found["kind"] != "connect failed":
        return Refused(Message("tcp.jump_forbidden", problem=found["kind"]), text)
    if "refused" in found["reason"].lower():
        return Refused(Message("tcp.refused", address=address, port=port), text)
    return Silent(Message("tcp.silent", address=address), text)
