"""One line of text for each part of a network that comes in lists, read back into the part: for forms and flags. Pure.

The lines are those that `str` of the parts gives. A line that cannot be read raises ValueError with what is allowed.
"""

import re
from contextlib import suppress
from ipaddress import ip_address, ip_interface, ip_network

from . import addressing
from .network_xml import (
    BandwidthSpec,
    DNSHostSpec,
    ForwarderSpec,
    HostSpec,
    PortGroupSpec,
    RangeSpec,
    RouteSpec,
)

LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
DNS_NAME = re.compile(rf"{LABEL}(\.{LABEL})*\Z")
LEASE = re.compile(r"infinite|\d+[smhd]")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
VLAN_TAGS = 4095


def address(text: str) -> str:
    """An IP address in its usual spelling; leading zeros are refused, for some read them as octal, and zones."""
    with suppress(ValueError):
        if "%" not in text:
            return str(ip_address(text))
    raise ValueError(f"{text} is no IP address.")


def dns_name(text: str) -> str:
    if len(text) > 253 or not DNS_NAME.match(text):
        raise ValueError(f"{text} is no DNS name: labels of letters, digits and dashes, with dots between.")
    return text


def lease(text: str) -> int:
    """Seconds of 300s, 30m, 12h, 1d; 0 of infinite."""
    if text == "infinite":
        return 0
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if not match or (seconds := int(match[1]) * UNITS[match[2]]) < 120:
        raise ValueError(f"{text} is no lease time: one looks like 12h, 30m or infinite; dnsmasq’s shortest is 2m.")
    return seconds


def _lease_at_end(words: list[str]) -> int | None:
    if words and LEASE.fullmatch(words[-1]):
        return lease(words.pop())
    return None


def read_range(line: str) -> RangeSpec:
    """START-END [LEASE]"""
    words = line.split()
    expiry = _lease_at_end(words)
    start, dash, end = (words[0] if len(words) == 1 else "").partition("-")
    if not dash:
        raise ValueError(f"{line}: a range looks like 10.255.0.2-10.255.0.99 or 10.255.0.2-10.255.0.99 12h.")
    first, last = ip_address(address(start)), ip_address(address(end))
    if first.version != last.version or first > last:
        raise ValueError(f"{line}: a range begins with its lower address.")
    return RangeSpec(start=str(first), end=str(last), lease=expiry)


def read_host(line: str) -> HostSpec:
    """[MAC] [id:DUID] IP [NAME] [LEASE]"""
    words = line.split()
    expiry = _lease_at_end(words)
    found = {"mac": "", "duid": "", "ip": "", "name": ""}
    for word in words:
        key, value = _host_word(word)
        if found[key]:
            raise ValueError(f"{line}: there are two of {found[key]} and {value}.")
        found[key] = value
    if not found["ip"] or not (found["mac"] or found["duid"] or found["name"]):
        raise ValueError(f"{line}: an entry looks like 52:54:00:00:00:08 10.255.0.8, then perhaps a name.")
    if found["duid"] and ":" not in found["ip"]:
        raise ValueError(f"{line}: only IPv6 guests are known by a DUID.")
    if found["mac"] and ":" in found["ip"]:
        raise ValueError(f"{line}: IPv6 guests are known by a DUID (id:…) or a name, not by a MAC.")
    return HostSpec(**found, lease=expiry)


def _host_word(word: str) -> tuple[str, str]:
    if word.startswith("id:"):
        duid = word[3:].lower()
        if not re.fullmatch(r"[0-9a-f]{1,2}(:[0-9a-f]{1,2})+", duid):
            raise ValueError(f"{word} is no DUID; one looks like id:00:04:58:fd:e4:15.")
        return "duid", duid
    if re.fullmatch(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}", word):
        return "mac", addressing.parse_mac(word)
    try:
        return "ip", address(word)
    except ValueError:
        if LEASE.fullmatch(word):
            raise ValueError(f"{word} is a lease time; it stands last, and once.") from None
        return "name", _name_not_address(word)


def _name_not_address(word: str) -> str:
    """A DNS name, unless it rather looks like an address that has a mistake."""
    if re.fullmatch(r"[\d.:/]+", word):
        raise ValueError(f"{word} is no IP address.")
    return dns_name(word)


def read_forwarder(line: str) -> ForwarderSpec:
    """ADDRESS, or DOMAIN, or DOMAIN ADDRESS"""
    words = line.split()
    if len(words) not in (1, 2):
        raise ValueError(f"{line}: a forwarder is an address, a domain, or a domain and an address.")
    if len(words) == 2:
        return ForwarderSpec(domain=dns_name(words[0]), address=address(words[1]))
    try:
        return ForwarderSpec(address=address(words[0]))
    except ValueError:
        return ForwarderSpec(domain=_name_not_address(words[0]))


def read_dns_host(line: str) -> DNSHostSpec:
    """IP NAME …"""
    ip, *names = line.split() or [""]
    if not names:
        raise ValueError(f"{line}: an address and at least one name, like 10.255.0.5 mirror mirror.lab.")
    return DNSHostSpec(ip=address(ip), names=tuple(map(dns_name, names)))


def read_route(line: str) -> RouteSpec:
    """BLOCK via GATEWAY [metric N]"""
    match = re.fullmatch(r"(\S+/\d+) via (\S+)(?: metric ([1-9]\d{0,8}))?", " ".join(line.split()))
    if not match:
        raise ValueError(f"{line}: a route looks like 10.8.0.0/16 via 10.255.0.7 or … metric 5.")
    try:
        block = ip_network(match[1])
    except ValueError as problem:
        raise ValueError(f"{line}: {problem}.") from None
    gateway = ip_address(address(match[2]))
    if gateway.version != block.version:
        raise ValueError(f"{line}: block and gateway are of two address families.")
    return RouteSpec(destination=str(block), gateway=str(gateway), metric=int(match[3]) if match[3] else None)


def read_bandwidth(line: str) -> BandwidthSpec:
    """AVERAGE[,PEAK[,BURST[,FLOOR]]], in KiB/s and (burst) KiB, as virsh has it"""
    values = line.replace(" ", "").split(",")
    if len(values) > 4 or not all(re.fullmatch(r"([1-9]\d{0,9})?", value) for value in values) or not any(values):
        raise ValueError(f"{line}: average,peak,burst,floor in KiB/s (burst in KiB), like 1000 or 1000,5000,1024.")
    numbers = [int(value) if value else None for value in values] + [None] * (4 - len(values))
    if not numbers[0] and not numbers[3]:
        raise ValueError(f"{line}: the average comes first.")
    return BandwidthSpec(average=numbers[0], peak=numbers[1], burst=numbers[2], floor=numbers[3])


def read_port_group(line: str) -> PortGroupSpec:
    """NAME [default] [vlan=TAG,…] [trunk] [native=TAG] [in=BANDWIDTH] [out=BANDWIDTH]"""
    if not line.split():
        raise ValueError("A port group has at least a name.")
    name, *words = line.split()
    values: dict[str, object] = {}
    for word in words:
        key, _, value = word.partition("=")
        match key:
            case "default" | "trunk" if not value:
                values[key] = True
            case "vlan":
                values["tags"] = tuple(_tag(tag) for tag in value.split(","))
            case "native":
                values["native"] = _tag(value)
            case "in" | "out":
                values[f"{key}bound"] = read_bandwidth(value)
            case _:
                raise ValueError(f"{line}: {word} is not known; there are default, vlan=, trunk, native=, in=, out=.")
    tags = values.get("tags", ())
    if values.get("native") is not None and values["native"] not in tags:
        raise ValueError(f"{line}: the native tag is one of vlan=.")
    if len(tags) != len(set(tags)):
        raise ValueError(f"{line}: a VLAN tag stands there twice.")
    if values.get("trunk") and not tags:
        raise ValueError(f"{line}: a trunk has VLAN tags: vlan=.")
    if len(tags) > 1:
        values["trunk"] = True
    return PortGroupSpec(name=name, **values)


def _tag(text: str) -> int:
    if not text.isdecimal() or int(text) > VLAN_TAGS:
        raise ValueError(f"{text} is no VLAN tag; they go from 0 to {VLAN_TAGS}.")
    return int(text)


def read_span(text: str, kind: str) -> str:
    """FIRST-LAST of addresses or ports, in normal spelling."""
    first, dash, last = (part.strip() for part in text.partition("-"))
    last = last if dash else first
    if kind == "port":
        if not (first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) < 65536):
            raise ValueError(f"{text}: ports look like 1024-65535, the lower first.")
        return f"{int(first)}-{int(last)}"
    ends = [ip_address(address(each)) for each in (first, last)]
    if ends[0].version != 4 or ends[1].version != 4 or ends[0] > ends[1]:
        raise ValueError(f"{text}: IPv4 addresses, the lower first, like 203.0.113.8-203.0.113.9.")
    return f"{ends[0]}-{ends[1]}"


def read_block(line: str) -> str:
    """The host's own address with its prefix length, in normal spelling."""
    with suppress(ValueError):
        if "/" in line and "%" not in line:
            return str(ip_interface(line.strip()))
    raise ValueError(f"{line} is no address with a prefix length; one looks like 10.255.0.1/24.")
