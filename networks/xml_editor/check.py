"""Checks of a typed network document before it is saved: XML, libvirt's schema, the portal's rules.

Pure except for the schema file of libvirt's package; without it, only libvirt checks the document, on definition.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import IPv4Interface, IPv6Interface, ip_address
from pathlib import Path

from django.core.exceptions import ValidationError
from lxml import etree

from networks.definition import addressing, lines, rules
from networks.definition.document.parse import DocumentError, number, parse_host, read, readable
from virterweb.messages import InvalidValue, Message
from virterweb.pages.xml_check import Problem, at, by_schema, identity

from . import wording as _wording  # noqa: F401, adds the texts of the messages

SCHEMA = Path("/usr/share/libvirt/schemas/network.rng")
NEWER = ("title", "description")  # libvirt 9.7 has them; an older schema does not, and an older libvirt drops them
LONGEST_NAME, LONGEST_DUID = 253, 400  # characters


def problems(document: str, name: str, uuid: str, before: str = "") -> list[Problem]:
    """Return all problems of a document for the network of this name and UUID.

    Problems that the document had before are not reported to those who change something else.
    """
    try:
        root = read(document)
    except DocumentError as problem:
        return [Problem(line=problem.line, message=problem.message)]
    known = {problem.message for problem in _all(read(before), name, uuid)} if before else set()
    return [problem for problem in _all(root, name, uuid) if problem.message not in known]


def _all(root: etree._Element, name: str, uuid: str) -> Iterator[Problem]:
    yield from by_schema(root, SCHEMA, NEWER)
    yield from identity(root, name, uuid, "xml.")
    yield from _blocks(root)
    for path, check in CHECKS:
        for each in root.findall(path):
            for message in check(each):
                yield at(each, message)


def _blocks(root: etree._Element) -> Iterator[Problem]:
    seen: list[IPv4Interface | IPv6Interface] = []
    for ip in root.findall("ip"):
        if not ip.get("address"):
            continue
        if ip.get("prefix") and ip.get("netmask"):
            yield at(ip, Message("xml.prefix_and_netmask"))
        length = ip.get("prefix") or ip.get("netmask")
        if not readable(ip):
            text = f"{ip.get('address')}/{length}" if length else ip.get("address")
            yield at(ip, Message("xml.block", text=text))
            continue
        if not length:
            continue
        try:
            interface = rules.read_cidr(f"{ip.get('address')}/{length}")
        except ValidationError as problem:
            yield at(ip, problem.message)
            continue
        for other in seen:
            if other.version == interface.version and other.network.overlaps(interface.network):
                yield at(ip, Message("xml.own_overlap", block=interface.network, other=other.network))
        seen.append(interface)
        yield from _addresses_without_mac(ip)


def _addresses_without_mac(ip: etree._Element) -> Iterator[Problem]:
    """Yield addresses of two guests, one of them without a MAC: libvirt's dnsmasq serves only one of them."""
    seen: dict[str, str] = {}
    for each in ip.findall("dhcp/host"):
        host = parse_host(each)
        other = seen.setdefault(host.ip, host.guest)
        if other != host.guest and not host.mac:
            yield at(each, Message("xml.ip_taken", ip=host.ip, guest=other))


def _bridge(bridge: etree._Element) -> Iterator[Message]:
    if name := bridge.get("name"):
        yield from _refusal(rules.validate_bridge, name)


def _mtu(mtu: etree._Element) -> Iterator[Message]:
    text = mtu.get("size", "")
    if text:
        yield from _refusal(rules.validate_mtu, int(text) if text.isdecimal() and len(text) < 9 else 0)


def _refusal(check: Callable[..., object], value: object) -> Iterator[Message]:
    try:
        check(value)
    except (InvalidValue, ValidationError) as problem:
        yield problem.message


def _host(element: etree._Element) -> Iterator[Message]:
    host = parse_host(element)
    if not _is_address(host.ip):
        yield Message("xml.host_ip", text=host.ip)
    if not host.guest:
        yield Message("xml.no_guest")
    if host.mac:
        for reason in _refusal(addressing.parse_mac, host.mac):
            yield Message("xml.mac", reason=reason, mac=host.mac)
    if len(host.name) > LONGEST_NAME:
        yield Message("xml.name_length", most=LONGEST_NAME)
    if len(host.duid) > LONGEST_DUID:
        yield Message("xml.duid_length", most=LONGEST_DUID)


def _range(element: etree._Element) -> Iterator[Message]:
    ends = [element.get("start", ""), element.get("end", "")]
    for text in ends:
        if not _is_address(text):
            yield Message("xml.range_ip", text=text)
            return
    first, last = map(ip_address, ends)
    if first.version != last.version or first > last:
        yield Message("xml.range_order", first=first, last=last)


def _lease(element: etree._Element) -> Iterator[Message]:
    expiry = number(element, "expiry")
    if expiry is None or expiry < 0:
        yield Message("xml.lease", text=element.get("expiry", ""))


def _route(element: etree._Element) -> Iterator[Message]:
    address, length = element.get("address", ""), element.get("prefix") or element.get("netmask")
    if not readable(element):
        yield Message("xml.route", text=f"{address}/{length}")
    else:
        with_length = f"{address}/{length}" if length else address
        yield from _refusal(lines.route_block, with_length)
    if not _is_address(element.get("gateway", "")):
        yield Message("xml.gateway", text=element.get("gateway", ""))


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return "%" not in text and bool(ip_address(text))
    return False


CHECKS: tuple[tuple[str, Callable[[etree._Element], Iterator[Message]]], ...] = (
    ("bridge", _bridge),
    ("mtu", _mtu),
    ("ip/dhcp/host", _host),
    ("ip/dhcp/range", _range),
    ("ip/dhcp/*/lease", _lease),
    ("route", _route),
)
