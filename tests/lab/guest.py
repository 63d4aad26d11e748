"""Access to guests without libvirt: the shell on their console, and their taps on the host's bridges."""

import json
import os
import re
import select
import signal
import subprocess
import time
import tty
from types import TracebackType
from typing import Self

import libvirt
from lab import Lab
from lxml import etree


def bridges(lab: Lab, host: libvirt.virConnect, network: str) -> dict[str, str]:
    """Return the bridge that the tap of each running NIC of a network is on, as the kernel says; "" for none."""
    xpath = f"devices/interface[source/@network='{network}']/target/@dev"
    taps = [tap for domain in host.listAllDomains(1) for tap in etree.fromstring(domain.XMLDesc()).xpath(xpath)]
    said = lab.run("sh", "-c", "".join(f"echo {tap} $(readlink /sys/class/net/{tap}/master);" for tap in taps))
    words = (line.split() for line in said.splitlines())
    return {tap: bridge[0].rsplit("/", 1)[-1] if bridge else "" for tap, *bridge in words}


class Console:
    """The shell of a guest of the image `tiny`, by its serial port."""

    def __init__(self, domain: libvirt.virDomain) -> None:
        path = re.search(r"<serial type='pty'>\s*<source path='([^']+)'", domain.XMLDesc())[1]
        self.port = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.port)
        os.write(self.port, b"\n")  # wakes the shell
        self._expect("# ")

    def run(self, command: str, seconds: float = 20) -> str:
        """Run a command in the guest and return what it printed."""
        os.write(self.port, f"echo b''egin; {command}; echo; echo e''nd $?\n".encode())
        said = self._expect(r"begin\r*\n[^$]*\nend \d+\r*\n", seconds).replace("\r", "")
        return said.rsplit("begin\n", 1)[-1].rsplit("end ", 1)[0].strip()

    def _expect(self, pattern: str, seconds: float = 20) -> str:
        said, deadline = "", time.monotonic() + seconds
        while not re.search(pattern, said):
            ready = select.select([self.port], [], [], max(0.0, deadline - time.monotonic()))[0]
            assert ready, f"the guest did not say {pattern!r}, but {said!r}"
            said += os.read(self.port, 4096).decode(errors="replace")
        return said

    def close(self) -> None:
        os.close(self.port)


WATCH = """
import json, os, signal, sys, time
taps, gone, silent, longest = sys.argv[1:], {}, {}, {tap: [0.0, 0.0] for tap in sys.argv[1:]}
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
print("watching", flush=True)
def state(tap):
    try:
        with open(f"/sys/class/net/{tap}/brport/state") as file:
            return file.read().strip()
    except OSError:
        return ""
while not ended:
    now = time.monotonic()
    for tap in taps:
        found = state(tap)
        for index, (since, good) in enumerate(((gone, found != ""), (silent, found == "3"))):
            if good:
                since.pop(tap, None)
            else:
                longest[tap][index] = max(longest[tap][index], now - since.setdefault(tap, now))
    time.sleep(0.002)
print(json.dumps(longest))
"""


class Wire:
    """Watches taps in a lab: for each the longest time off its bridge, and the longest without forwarding, in s."""

    def __init__(self, lab: Lab, taps: list[str]) -> None:
        command = ["nsenter", "-t", str(lab.namespace_pid), "-n", "-m", "python3", "-c", WATCH, *taps]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.gaps: dict[str, tuple[float, float]] = {}

    def __enter__(self) -> Self:
        assert self.process.stdout.readline() == "watching\n"
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.send_signal(signal.SIGTERM)
        said, _ = self.process.communicate(timeout=10)
        self.gaps = {tap: tuple(gaps) for tap, gaps in json.loads(said).items()}
