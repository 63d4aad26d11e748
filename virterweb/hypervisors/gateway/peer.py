"""The network namespace of a local hypervisor's process, which tells more than libvirt: the routes of its host.

The dnsmasq processes of the networks answer DNS queries from inside that namespace.
"""

import ctypes
import random
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path
from time import monotonic
from urllib.parse import parse_qs, urlsplit

import dns.exception
import dns.message
import dns.rdatatype

CLONE_NEWNET = 0x40000000  # of <linux/sched.h>
KINDS = {4: dns.rdatatype.A, 6: dns.rdatatype.AAAA}
MAX_PENDING = 64  # questions in progress: as many as the queue of a socket certainly holds
SILENCE_TIMEOUT = 1.0  # seconds without an answer until the questions in progress count as not answered
TOTAL_TIMEOUT = 3.0  # seconds for all questions, however many stay without an answer


def peer_pid(uri: str) -> int | None:
    """Return the process behind a local hypervisor's socket; its network namespace is that of the virtual networks."""
    parts = urlsplit(uri)
    if parts.netloc or parts.scheme.split("+")[-1] not in ("qemu", "unix"):
        return None
    named = parse_qs(parts.query).get("socket")
    for path in named or ["/run/libvirt/virtqemud-sock", "/run/libvirt/libvirt-sock"]:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(path)
            return int.from_bytes(client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little") or None
    return None


def routes(pid: int) -> list[list[str]]:
    """Return the routes of a process's network namespace, as /proc/net/route and /proc/net/ipv6_route list them."""
    found = []
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/net/route").read_text().splitlines()[1:]:
            device, target, _gateway, _flags, _count, _use, _metric, mask = line.split()[:8]
            address = int.from_bytes(bytes.fromhex(target), "little")
            prefix = int.from_bytes(bytes.fromhex(mask), "little").bit_count()
            if prefix:
                found.append([str(ip_network((address, prefix))), device])
        for line in Path(f"/proc/{pid}/net/ipv6_route").read_text().splitlines():
            target, prefix, *_, device = line.split()
            block = ip_network((bytes.fromhex(target), int(prefix, 16)))
            if 0 < block.prefixlen < 128 and not (block.is_link_local or block.is_multicast or device == "lo"):
                found.append([str(block), device])
    return sorted(found)


def devices(pid: int) -> list[str] | None:
    """Return the network devices of a process's network but for taps, sorted; None where they cannot be seen."""
    with suppress(OSError):
        return sorted(each.name for each in _devices(pid).iterdir() if not each.joinpath("tun_flags").exists())
    return None


def bridge_of(pid: int, tap: str, mac: str) -> str | None:
    """Return the bridge that the tap of a NIC is on, "" if it is on none, and None where that cannot be seen.

    Devices of that name that are not the tap of the NIC, as on another host, do not count, and only Linux bridges do.
    `pid` is a process of the hypervisor.
    """
    try:
        device = _devices(pid) / tap
        # libvirt gives a tap the MAC of its NIC with another first byte.
        if not tap or device.joinpath("address").read_text().strip()[2:] != mac.lower()[2:]:
            return None
        if not device.joinpath("master").is_symlink():
            return ""
        bridge = device.joinpath("master").readlink().name
        return bridge if device.parent.joinpath(bridge, "bridge").is_dir() else None
    except OSError:
        return None


def taps_on(pid: int, bridge: str) -> set[str] | None:
    """Return the devices that are on a bridge, None where they cannot be seen."""
    with suppress(OSError):
        return {port.name for port in (_devices(pid) / bridge / "brif").iterdir()}
    return None


def _devices(pid: int) -> Path:
    """Return the folder of the devices of a process's network, which only root can read in a foreign network."""
    return Path("/sys/class/net" if is_same_network(pid) else f"/proc/{pid}/root/sys/class/net")


def is_same_network(pid: int) -> bool:
    """Return whether a process is in the portal's network namespace; everybody may read the inode numbers of both."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/net/dev").stat().st_ino == Path("/proc/self/net/dev").stat().st_ino
    return False


def open_socket(
    pid: int, family: socket.AddressFamily, kind: socket.SocketKind = socket.SOCK_DGRAM
) -> socket.socket | None:
    """Return a socket in the network namespace of a process; None if it is another one and the portal is not root."""
    with suppress(OSError):
        if is_same_network(pid):
            return socket.socket(family, kind)
        with ThreadPoolExecutor(max_workers=1) as short_lived:
            return short_lived.submit(_socket_inside, pid, family, kind).result()
    return None


def _socket_inside(pid: int, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket | None:
    """Return a socket of a thread that enters the other namespace for good; the process stays in its own."""
    with Path(f"/proc/{pid}/ns/net").open() as namespace:
        if ctypes.CDLL(None).setns(namespace.fileno(), CLONE_NEWNET) == 0:
            return socket.socket(family, kind)
    return None


def resolve(asker: socket.socket, questions: Iterable[tuple[str, int]]) -> dict[str, list[str]]:
    """Ask a DNS server, by a socket connected to it, for the addresses of names, each with an address family (4 or 6).

    Each name's addresses are in order; a name without an answer has none, one that there was no time for is left out.
    Raises TimeoutError if nothing is answered, or another OSError if the server is not there.
    """
    asker.settimeout(SILENCE_TIMEOUT)
    left, answers, heard = list(questions), {}, False
    until = monotonic() + TOTAL_TIMEOUT
    while left and monotonic() < until:
        some, left = left[:MAX_PENDING], left[MAX_PENDING:]
        answers |= {name: [] for name, _ in some if name not in answers}
        for name, addresses in _exchange(asker, some):
            heard = True
            answers[name] += addresses
        if not heard:
            raise TimeoutError
    return {name: sorted(ips, key=_order) for name, ips in answers.items()}


def _exchange(asker: socket.socket, questions: list[tuple[str, int]]) -> Iterable[tuple[str, list[str]]]:
    """Ask all questions at once, and yield each answer when it arrives."""
    waiting = {}
    for (name, family), number in zip(questions, random.sample(range(0x10000), len(questions)), strict=True):
        with suppress(dns.exception.DNSException):  # no name at all, which dnsmasq does not serve either
            # Without flag RD: the servers that dnsmasq forwards unknown names to need not resolve them recursively.
            waiting[number] = name, dns.message.make_query(name, KINDS[family], flags=0, id=number)
    for _, query in waiting.values():
        asker.send(query.to_wire())
    with suppress(TimeoutError):
        while waiting:
            with suppress(dns.exception.DNSException):
                answer = dns.message.from_wire(asker.recv(0x10000))
                if answer.id in waiting and waiting[answer.id][1].is_response(answer):
                    yield waiting.pop(answer.id)[0], _addresses(answer)


def _addresses(answer: dns.message.Message) -> list[str]:
    return [str(record.address) for rrset in answer.answer if rrset.rdtype in KINDS.values() for record in rrset]


def _order(ip: str) -> tuple[int, bytes]:
    address = ip_address(ip)
    return address.version, address.packed
