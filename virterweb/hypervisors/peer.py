"""What a local hypervisor's own process tells beyond libvirt: its network namespace, hence the routes of its host.

And what is found there: the networks' dnsmasqs answer whoever asks from inside.
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
AT_ONCE = 64  # questions under way: what a socket's queue surely holds
SILENCE = 1.0  # seconds in which nothing comes, until what is under way counts as not answered
PATIENCE = 3.0  # seconds for all questions, however many stay without an answer


def peer_pid(uri: str) -> int | None:
    """The process behind a local hypervisor's socket: its network namespace is the one that the networks live in."""
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
    """The routes of a process's network namespace, as /proc/net/route and /proc/net/ipv6_route list them."""
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


def open_socket(
    pid: int, family: socket.AddressFamily, kind: socket.SocketKind = socket.SOCK_DGRAM
) -> socket.socket | None:
    """A socket in the network namespace of a process; None if that is another one than ours and we are not root."""
    with suppress(OSError):
        # Only root may read ns/net of another's process, yet everybody the numbers of the files that a namespace has.
        if Path(f"/proc/{pid}/net/dev").stat().st_ino == Path("/proc/self/net/dev").stat().st_ino:
            return socket.socket(family, kind)
        with ThreadPoolExecutor(max_workers=1) as short_lived:
            return short_lived.submit(_socket_inside, pid, family, kind).result()
    return None


def _socket_inside(pid: int, family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket | None:
    """The same for a thread that goes into the other namespace for good: the thread alone, not its process."""
    with Path(f"/proc/{pid}/ns/net").open() as namespace:
        if ctypes.CDLL(None).setns(namespace.fileno(), CLONE_NEWNET) == 0:
            return socket.socket(family, kind)
    return None


def resolve(asker: socket.socket, questions: Iterable[tuple[str, int]]) -> dict[str, list[str]]:
    """Ask a DNS server, by a socket connected to it, for the addresses of names, each with an address family (4 or 6).

    Each name's addresses are in order; a name without an answer has none, one that there was no time for is left out.
    Raises TimeoutError if nothing is answered, or another OSError if the server is not there.
    """
    asker.settimeout(SILENCE)
    left, answers, heard = list(questions), {}, False
    until = monotonic() + PATIENCE
    while left and monotonic() < until:
        some, left = left[:AT_ONCE], left[AT_ONCE:]
        answers |= {name: [] for name, _ in some if name not in answers}
        for name, addresses in _exchange(asker, some):
            heard = True
            answers[name] += addresses
        if not heard:
            raise TimeoutError
    return {name: sorted(ips, key=_order) for name, ips in answers.items()}


def _exchange(asker: socket.socket, questions: list[tuple[str, int]]) -> Iterable[tuple[str, list[str]]]:
    """Ask all at once, and give each answer as it comes."""
    waiting = {}
    for (name, family), number in zip(questions, random.sample(range(0x10000), len(questions)), strict=True):
        with suppress(dns.exception.DNSException):  # no name at all, which dnsmasq does not serve either
            # No flag RD: whom dnsmasq asks in turn for what it does not know need not search for it.
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
