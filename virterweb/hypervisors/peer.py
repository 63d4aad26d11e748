"""What a local hypervisor's own process tells beyond libvirt: its network namespace, hence the routes of its host."""

import socket
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


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
