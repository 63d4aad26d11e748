"""One line of text for each part of a network that comes in lists, read back into the part: for forms and flags. Pure.

The lines are those that `str` of the parts gives. A line that cannot be read raises InvalidValue, which says what is
allowed.
"""

import re
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network

from networks.definition.spec import (
    BandwidthSpec,
    DNSHostSpec,
    ForwarderSpec,
    HostSpec,
    PortGroupSpec,
    RangeSpec,
    RouteSpec,
)
from virterweb.messages import InvalidValue, Message

from . import addressing

LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
DNS_NAME = re.compile(rf"{LABEL}(\.{LABEL})*\Z")
LEASE = re.compile(r"infinite|\d+[smhd]")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
VLAN_TAGS = 4095


def address(text: str) -> str:
    """Return an IP address in its usual spelling; an IPv6 address may be in brackets.

    Refused are leading zeros, for some read them as octal, and zones.
    """
    bare = text[1:-1] if re.fullmatch(r"\[.*:.*\]", text) else text
    if _is_address(bare):
        return str(ip_address(bare))
    if "." in bare and _is_address(re.sub(r"(?<![0-9a-fA-F])0+(?=\d)", "", bare)):
        raise InvalidValue(Message("value.ip_octal", text=text))
    raise InvalidValue(Message("value.ip", text=text))


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return "%" not in text and bool(ip_address(text))
    return False


def dns_name(text: str) -> str:
    """Return a DNS name unchanged; refuse one in another script, with its ASCII form in the error."""
    if len(text) > 253 or not DNS_NAME.match(text):
        known = _ascii_form(text)
        raise InvalidValue(Message("value.dns_name", text=text, ascii=known))
    return text


def _ascii_form(text: str) -> str:
    """Return the ASCII form of a name in another script, xn--bcher-kva for bücher; "" if there is none."""
    if text.isascii() or len(text) > 253:
        return ""
    try:
        form = text.encode("idna").decode()
    except UnicodeError:
        return ""
    return form if len(form) <= 253 and DNS_NAME.match(form) else ""


def lease(text: str) -> int:
    """Return the seconds of 300s, 30m, 12h or 1d; 0 for infinite."""
    if text == "infinite":
        return 0
    match = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if not match or (seconds := int(match[1]) * UNITS[match[2]]) < 120:
        raise InvalidValue(Message("value.lease", text=text))
    return seconds


def _lease_at_end(words: list[str]) -> int | None:
    if words and LEASE.fullmatch(words[-1]):
        return lease(words.pop())
    return None


def read_range(line: str) -> RangeSpec:
    """Read START-END [LEASE]."""
    words = line.split()
    expiry = _lease_at_end(words)
    start, dash, end = (words[0] if len(words) == 1 else "").partition("-")
    if not dash:
        raise InvalidValue(Message("value.range", line=line))
    first, last = ip_address(address(start)), ip_address(address(end))
    if first.version != last.version or first > last:
        raise InvalidValue(Message("value.range_order", line=line))
    return RangeSpec(start=str(first), end=str(last), lease=expiry)


def read_host(line: str) -> HostSpec:
    """Read [MAC] [id:DUID] IP [NAME] [LEASE]."""
    words = line.split()
    expiry = _lease_at_end(words)
    found = {"mac": "", "duid": "", "ip": "", "name": ""}
    for word in sorted(words, key=_may_be_mac_or_name):
        key, value = ("name", word) if _is_rather_name(word, words, found) else _host_word(word)
        if found[key]:
            raise InvalidValue(Message("value.host_twice", line=line, one=found[key], other=value))
        found[key] = value
    if not found["ip"] or not (found["mac"] or found["duid"] or found["name"]):
        raise InvalidValue(Message("value.host", line=line))
    if found["duid"] and ":" not in found["ip"]:
        raise InvalidValue(Message("value.host_duid", line=line))
    if found["mac"] and ":" in found["ip"]:
        raise InvalidValue(Message("value.host_mac", line=line))
    return HostSpec(**found, lease=expiry)


def _may_be_mac_or_name(word: str) -> bool:
    """Return whether text such as 525400b372d7 or 5254.00b3.72d7 may be either; containers have such names."""
    return bool(re.fullmatch(r"[0-9A-Fa-f]{12}|([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}", word))


def _is_rather_name(word: str, words: list[str], found: dict[str, str]) -> bool:
    """Return whether what may be MAC or name is the name: it is if the line identifies the guest by something else.

    Yes also if it stands where `str` of an entry has the name, so that every entry is read back from its line;
    but after an IPv4 address the form with dots is a MAC, for routers list their neighbours so.
    """
    if not _may_be_mac_or_name(word):
        return False
    if found["mac"] or found["duid"]:
        return True
    last = bool(found["ip"]) and not found["name"] and word == words[-1]
    return last and ("." not in word or ":" in found["ip"])


def _host_word(word: str) -> tuple[str, str]:
    if word.startswith("id:"):
        return "duid", duid(word[3:])
    if re.fullmatch(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}", word) or _may_be_mac_or_name(word):
        return "mac", addressing.parse_mac(word)
    try:
        return "ip", address(word)
    except ValueError:
        if LEASE.fullmatch(word):
            raise InvalidValue(Message("value.lease_place", text=word)) from None
        if re.fullmatch(r"[\d.:/]+|\[.*", word):
            raise
        return "name", dns_name(word)


def duid(text: str) -> str:
    """Return a DUID of 2 to 130 bytes in lower case, without the prefix id: of a line."""
    if not re.fullmatch(r"[0-9a-f]{1,2}(:[0-9a-f]{1,2}){1,129}", text.lower()):
        raise InvalidValue(Message("value.duid", text=text))
    return text.lower()


def _name_not_address(word: str) -> str:
    """Return a DNS name, unless it looks like an address with a mistake."""
    if re.fullmatch(r"[\d.:/]+", word):
        raise InvalidValue(Message("value.ip", text=word))
    return dns_name(word)


def read_forwarder(line: str) -> ForwarderSpec:
    """Read ADDRESS, or DOMAIN, or DOMAIN ADDRESS."""
    words = line.split()
    if len(words) not in (1, 2):
        raise InvalidValue(Message("value.forwarder", line=line))
    if len(words) == 2:
        return ForwarderSpec(domain=dns_name(words[0]), address=address(words[1]))
    try:
        return ForwarderSpec(address=address(words[0]))
    except ValueError:
        return ForwarderSpec(domain=_name_not_address(words[0]))


def read_dns_host(line: str) -> DNSHostSpec:
    """Read IP NAME …."""
    ip, *names = line.split() or [""]
    if not names:
        raise InvalidValue(Message("value.dns_host", line=line))
    return DNSHostSpec(ip=address(ip), names=tuple(map(dns_name, names)))


def read_route(line: str) -> RouteSpec:
    """Read BLOCK via GATEWAY [metric N]."""
    match = re.fullmatch(r"(\S+/\d+) via (\S+)(?: metric ([1-9]\d{0,8}))?", " ".join(line.split()))
    if not match:
        raise InvalidValue(Message("value.route", line=line))
    try:
        block = route_block(match[1])
    except InvalidValue as problem:
        raise InvalidValue(Message("value.route_block", line=line, reason=problem.message)) from None
    gateway = ip_address(address(match[2]))
    if gateway.version != block.version:
        raise InvalidValue(Message("value.route_family", line=line))
    return RouteSpec(destination=str(block), gateway=str(gateway), metric=int(match[3]) if match[3] else None)


def route_block(text: str) -> IPv4Network | IPv6Network:
    """Return the block of a route; refuse the address of a host in it."""
    try:
        interface = ip_interface(text)
    except ValueError:
        raise InvalidValue(Message("value.route_invalid", text=text)) from None
    if int(interface.ip) != int(interface.network.network_address):
        raise InvalidValue(Message("value.route_host_bits", block=interface))
    return ip_network(text)


def read_bandwidth(line: str) -> BandwidthSpec:
    """Read AVERAGE[,PEAK[,BURST[,FLOOR]]], in KiB/s and (burst) KiB, as virsh does."""
    values = line.replace(" ", "").split(",")
    if len(values) > 4 or not all(re.fullmatch(r"([1-9]\d{0,9})?", value) for value in values) or not any(values):
        raise InvalidValue(Message("value.bandwidth", line=line))
    numbers = [int(value) if value else None for value in values] + [None] * (4 - len(values))
    if not numbers[0] and not numbers[3]:
        raise InvalidValue(Message("value.bandwidth_average", line=line))
    return BandwidthSpec(average=numbers[0], peak=numbers[1], burst=numbers[2], floor=numbers[3])


def read_port_group(line: str) -> PortGroupSpec:
    """Read NAME [default] [vlan=TAG,…] [trunk] [native=TAG] [in=BANDWIDTH] [out=BANDWIDTH]."""
    if not line.split():
        raise InvalidValue(Message("value.group_name"))
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
                raise InvalidValue(Message("value.group_word", line=line, word=word))
    tags = values.get("tags", ())
    if values.get("native") is not None and values["native"] not in tags:
        raise InvalidValue(Message("value.group_native", line=line))
    if len(tags) != len(set(tags)):
        raise InvalidValue(Message("value.group_tags", line=line))
    if values.get("trunk") and not tags:
        raise InvalidValue(Message("value.group_trunk", line=line))
    if len(tags) > 1:
        values["trunk"] = True
    return PortGroupSpec(name=name, **values)


def _tag(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) > VLAN_TAGS:
        raise InvalidValue(Message("value.vlan", text=text, most=VLAN_TAGS))
    return int(text)


def read_span(text: str, kind: str) -> str:
    """Return FIRST-LAST of addresses or ports, in normal spelling."""
    first, dash, last = (part.strip() for part in text.partition("-"))
    last = last if dash else first
    if kind == "port":
        numbers = [each.isdecimal() and len(each) <= 5 and int(each) for each in (first, last)]
        if not 0 < numbers[0] <= numbers[1] < 65536:
            raise InvalidValue(Message("value.ports", text=text))
        return f"{numbers[0]}-{numbers[1]}"
    ends = [ip_address(address(each)) for each in (first, last)]
    if ends[0].version != 4 or ends[1].version != 4 or ends[0] > ends[1]:
        raise InvalidValue(Message("value.span", text=text))
    return f"{ends[0]}-{ends[1]}"


def read_block(line: str) -> str:
    """Return the host's own address with its prefix length, in normal spelling."""
    with suppress(ValueError):
        if "/" in line and "%" not in line:
            return str(ip_interface(line.strip()))
    raise InvalidValue(Message("value.block", text=line))
