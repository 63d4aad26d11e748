"""Packets at a device of a hypervisor's host, which tcpdump captures there: locally, or by SSH."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from virterweb.messages import Message

from . import jump, peer
from .found import Refused

CHECK_TIMEOUT = 15  # seconds: a filter may have names to resolve
MARGIN = 10  # seconds after the end of a capture until tcpdump ends by itself
SNAPSHOT_LENGTH = 262144  # bytes of a packet: all of it
NOT_FOUND = 127  # exit status of timeout(1) if there is no such program
NO_CONNECTION = 255  # exit status of ssh
# tcpdump gives up root's rights, with which the kernel forgets the signal at its parent's death; timeout keeps them
# and passes the signal on.
END_WITH_WORKER = ["setpriv", "--pdeathsig", "TERM"]
# The end of the SSH connection ends the program.
END_WITH_INPUT = 'exec 3<&0; { cat <&3; kill "$$"; } >/dev/null 2>&1 & exec "$@" 3<&- </dev/null'


@dataclass(frozen=True, kw_only=True)
class CaptureHost:
    """Where tcpdump runs: `pid` is the process of a local hypervisor, whose network it captures in."""

    name: str
    uri: str
    pid: int | None

    def command(self, words: list[str], seconds: int) -> list[str]:
        """Return the command that runs a program there for so long at most; Refused if the host cannot be reached."""
        limited = ["timeout", "--kill-after=2", str(seconds), *words]
        if self.pid:
            inside = [] if peer.is_same_network(self.pid) else ["nsenter", "-t", str(self.pid), "-n"]
            return [*END_WITH_WORKER, *inside, *limited]
        if not jump.is_jump(self.uri):
            raise Refused(Message("capture.remote"))
        return jump.run_command(self.uri, ["sh", "-c", END_WITH_INPUT, "sh", *limited])

    def failure(self, code: str, status: int, errors: str, **about: object) -> Refused:
        """Return the exception for what a program wrote."""
        if status == NOT_FOUND:
            return Refused(Message("capture.no_tcpdump", hypervisor=self.name), errors)
        lines = errors.splitlines() or [f"exit status {status}"]
        if status == NO_CONNECTION and not self.pid:
            return Refused(Message("capture.no_connection", hypervisor=self.name, reason=lines[-1].rstrip(".")), errors)
        own = [line for line in lines if line.startswith("tcpdump: ") and "listening on" not in line]
        reason = own[0].removeprefix("tcpdump: ") if own else lines[-1]
        return Refused(Message(code, reason=reason.rstrip("."), **about), errors)


class Tcpdump:
    """A running tcpdump: `file` has its output in the pcap format."""

    def __init__(self, host: CaptureHost, tap: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        self.host, self.tap = host, tap
        self.file = process.stdout.fileno()
        self._process, self._errors = process, errors

    def failure(self, code: str) -> Refused:
        """Return why it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(MARGIN)
        return self.host.failure(code, self._process.poll() or 0, _text_of(self._errors), tap=self.tap)


def check_filter(host: CaptureHost, text: str) -> None:
    """Have tcpdump compile a filter; Refused with its message if it cannot, or there is no tcpdump."""
    words = ["tcpdump", "-y", "EN10MB", "-d", "--", *([text] if text else [])]
    with tempfile.TemporaryFile() as errors:
        command = host.command(words, CHECK_TIMEOUT)
        # The input stays open until it ends, because its end would end a remote one.
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            status = process.wait(CHECK_TIMEOUT + MARGIN)
        except subprocess.TimeoutExpired:
            status = 124
        finally:
            _end(process)
        if status:
            raise host.failure("capture.filter", status, _text_of(errors))


@contextmanager
def capturing(host: CaptureHost, tap: str, text: str, *, seconds: int, packets: int) -> Iterator[Tcpdump]:
    """Run tcpdump as long as the context lasts, at most for these seconds and packets."""
    words = ["tcpdump", "-i", tap, "-w", "-", "-U", "--immediate-mode", "-s", str(SNAPSHOT_LENGTH)]
    words += ["-c", str(packets), "--", *([text] if text else [])]
    with tempfile.TemporaryFile() as errors:
        command = host.command(words, seconds + MARGIN)
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        try:
            yield Tcpdump(host, tap, process, errors)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.stdin.close()
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()


def _text_of(errors: IO[bytes]) -> str:
    errors.seek(0)
    return errors.read(10_000).decode(errors="replace").strip()
