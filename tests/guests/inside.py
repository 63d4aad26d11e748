"""What is seen of a guest: what its agent says from inside, and what it sends to DHCP servers from outside."""

import json
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import libvirt
from lab import Lab

from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.found import Refused, Silent

SCRIPT = """
import json, subprocess
def said(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout
def default(family):
    found = json.loads(said("ip", "-j", family, "route", "show", "default") or "[]")
    # IPv6 lists routers of one rank as the hops of one route
    return [hop["dev"] for route in found for hop in route.get("nexthops", [route])]
try:
    with open("/run/cloud-init/result.json") as file:
        errors = [str(error) for error in json.load(file)["v1"]["errors"]]
except OSError:
    errors = None
names = ["cloud-init", "ifupdown", "isc-dhcp-client", "netplan.io", "systemd", "network-manager"]
print(json.dumps({
    "links": json.loads(said("ip", "-j", "address")),
    "default": {"4": default("-4"), "6": default("-6")},
    "hostname": said("uname", "-n").strip(),
    "errors": errors,
    "boot": open("/proc/sys/kernel/random/boot_id").read().strip(),
    "versions": said("dpkg-query", "-W", *names).split("\\n"),
}))
"""


@dataclass(frozen=True, kw_only=True)
class NIC:
    """A NIC as its guest has it."""

    name: str
    up: bool
    addresses: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A guest as it says that it is. `errors` are cloud-init's, None while it runs; `default` the NICs of routes."""

    cards: dict[str, NIC]
    default: dict[int, list[str]]
    hostname: str
    errors: list[str] | None
    boot: str
    versions: dict[str, str]


def read_guest(lab: Lab, domain: libvirt.virDomain) -> Seen | None:
    """Ask the guest's agent; None while it does not answer."""
    try:
        with connected(-1, lab.uri) as connection:
            said = connection.guest_agent.run(domain.UUIDString(), ["python3", "-c", SCRIPT], 60)
        found = json.loads(said.text)
    except (Silent, Refused, ValueError):
        return None
    cards = {
        link["address"]: NIC(
            name=link["ifname"],
            up="UP" in link["flags"] and link["operstate"] == "UP",
            addresses=frozenset(info["local"] for info in link["addr_info"] if info["scope"] == "global"),
        )
        for link in found["links"]
    }
    return Seen(
        cards=cards,
        default={int(family): devices for family, devices in found["default"].items()},
        hostname=found["hostname"],
        errors=found["errors"],
        boot=found["boot"],
        versions=dict(line.split("\t") for line in found["versions"] if line.count("\t") == 1 and line[-1] != "\t"),
    )


LISTEN = """
import socket, sys, time
ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
print("listening", flush=True)
while True:
    frame = ear.recv(2048)
    kind = frame[12:14]
    if kind == b"\\x08\\x00" and frame[23] == 17:
        start, port, family = 14 + 4 * (frame[14] & 15), 67, 4
    elif kind == b"\\x86\\xdd" and frame[20] == 17:
        start, port, family = 54, 547, 6
    else:
        continue
    if int.from_bytes(frame[start + 2:start + 4], "big") == port:
        print(time.time(), family, frame[6:12].hex(":"), flush=True)
"""


class DHCPListener:
    """Record which NICs in a lab ask for an address, and when."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def __enter__(self) -> Self:
        self.file = tempfile.TemporaryFile("a+")  # whoever reads in it moves no writer
        command = ["nsenter", "-t", str(self.lab.namespace_pid), "-n", "python3", "-c", LISTEN]
        self.process = subprocess.Popen(command, stdout=self.file)
        return self

    def requests(self, mac: str, family: int) -> list[float]:
        """Return when a NIC asked, in seconds since the epoch."""
        self.file.seek(0)
        lines = [line.split() for line in self.file.read().splitlines()]
        return [float(line[0]) for line in lines if line[1:] == [str(family), mac]]

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.file.close()
