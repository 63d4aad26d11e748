"""A network's document that somebody typed, checked before it is saved: XML, libvirt's schema, the portal's rules.

Pure but for the schema's file, which libvirt's package brings; without it libvirt alone judges, when it is defined.
"""

import copy
import uuid as uuids
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_network
from pathlib import Path

from django.core.exceptions import ValidationError
from lxml import etree

from networks.definition import addressing, rules
from networks.definition.document.parse import DocumentError, number, parse_host, read, readable

SCHEMA = Path("/usr/share/libvirt/schemas/network.rng")
NEWER = ("title", "description")  # libvirt 9.7 has them; an older schema does not, and an older libvirt drops them
LONGEST_NAME, LONGEST_DUID = 253, 400  # characters


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem, and its line of the text; 0 if it has none."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.text}" if self.line else self.text


def problems(document: str, name: str, uuid: str, before: str = "") -> list[Problem]:
    """Return all problems of a document for the network of this name and UUID.

    Problems that the document had before are not reported to those who change something else.
    """
    try:
        root = read(document)
    except DocumentError as problem:
        return [Problem(line=problem.line, text=str(problem))]
    known = {problem.text for problem in _all(read(before), name, uuid)} if before else set()
    return [problem for problem in _all(root, name, uuid) if problem.text not in known]


def _all(root: etree._Element, name: str, uuid: str) -> Iterator[Problem]:
    yield from _by_schema(root)
    yield from _names(root, name, uuid)
    yield from _blocks(root)
    for path, check in CHECKS:
        for each in root.findall(path):
            for text in check(each):
                yield _at(each, text)


def _at(element: etree._Element, text: str) -> Problem:
    return Problem(line=element.sourceline or 0, text=text)


@cache
def _schema() -> etree.RelaxNG | None:
    return etree.RelaxNG(etree.parse(SCHEMA)) if SCHEMA.exists() else None


def _by_schema(root: etree._Element) -> Iterator[Problem]:
    schema = _schema()
    if schema is None:
        return
    judged = copy.deepcopy(root)
    for tag in NEWER:
        for each in judged.findall(tag):
            judged.remove(each)
    if not schema.validate(judged):
        log = list(schema.error_log)
        # libxml2 also reports every parent as wrong, and knows the line of only some of these errors.
        line = next((error.line for error in log if error.line), 0)
        yield Problem(line=line, text=f"{log[0].message} (from libvirt’s schema)")


def _names(root: etree._Element, name: str, uuid: str) -> Iterator[Problem]:
    """Yield changes of name or UUID; libvirt takes another spelling of a name for another network."""
    found = root.find("name")
    if found is None:
        yield _at(root, "A network needs a name.")
    elif root.xpath("string(name)") != name:
        yield _at(found, f"The name must stay {name}, because libvirt cannot rename a network.")
    found = root.find("uuid")
    if found is not None and _uuid(root.xpath("string(uuid)")) != _uuid(uuid):
        yield _at(found, f"The UUID must stay {uuid}, because libvirt cannot change the UUID of a network.")


def _uuid(text: str) -> uuids.UUID | None:
    with suppress(ValueError):
        return uuids.UUID(text.strip())
    return None


def _blocks(root: etree._Element) -> Iterator[Problem]:
    seen: list[IPv4Interface | IPv6Interface] = []
    for ip in root.findall("ip"):
        if not ip.get("address"):
            continue
        if ip.get("prefix") and ip.get("netmask"):
            yield _at(ip, "A block can have a prefix or a netmask, but not both.")
        length = ip.get("prefix") or ip.get("netmask")
        if not readable(ip):
            text = f"{ip.get('address')}/{length}" if length else ip.get("address")
            yield _at(ip, f"“{text}” is not an address with a prefix length, for example 10.255.0.1/24.")
            continue
        if not length:
            continue
        try:
            interface = rules.read_cidr(f"{ip.get('address')}/{length}")
        except ValidationError as problem:
            yield _at(ip, " ".join(problem.messages))
            continue
        for other in seen:
            if other.version == interface.version and other.network.overlaps(interface.network):
                yield _at(ip, f"{interface.network} overlaps {other.network} of the same network.")
        seen.append(interface)
        yield from _addresses_without_mac(ip)


def _addresses_without_mac(ip: etree._Element) -> Iterator[Problem]:
    """Yield addresses of two guests, one of them without a MAC: libvirt's dnsmasq serves only one of them."""
    seen: dict[str, str] = {}
    for each in ip.findall("dhcp/host"):
        host = parse_host(each)
        other = seen.setdefault(host.ip, host.guest)
        if other != host.guest and not host.mac:
            yield _at(each, f"{host.ip} is already reserved for {other}.")


def _bridge(bridge: etree._Element) -> Iterator[str]:
    if name := bridge.get("name"):
        yield from _said(rules.validate_bridge, name)


def _mtu(mtu: etree._Element) -> Iterator[str]:
    text = mtu.get("size", "")
    if text:
        yield from _said(rules.validate_mtu, int(text) if text.isdecimal() and len(text) < 9 else 0)


def _said(check: Callable[[object], object], value: object) -> Iterator[str]:
    try:
        check(value)
    except ValidationError as problem:
        yield from problem.messages
    except ValueError as problem:
        yield str(problem)


def _host(element: etree._Element) -> Iterator[str]:
    host = parse_host(element)
    if not _is_address(host.ip):
        yield f"“{host.ip}” is not an IP address. The attribute ip= of <host> takes one."
    if not host.guest:
        yield "<host> needs mac=, name= or, for IPv6, id=, which identifies the guest."
    if host.mac:
        yield from (f"{text} ({host.mac})" for text in _said(addressing.parse_mac, host.mac))
    if len(host.name) > LONGEST_NAME:
        yield f"A name can have at most {LONGEST_NAME} characters."
    if len(host.duid) > LONGEST_DUID:
        yield f"A DUID can have at most {LONGEST_DUID} characters."


def _range(element: etree._Element) -> Iterator[str]:
    ends = [element.get("start", ""), element.get("end", "")]
    for text in ends:
        if not _is_address(text):
            yield f"“{text}” is not an IP address. A range needs a start and an end."
            return
    first, last = map(ip_address, ends)
    if first.version != last.version or first > last:
        yield f"{first}-{last}: the first address of a range must be the lower one."


def _lease(element: etree._Element) -> Iterator[str]:
    expiry = number(element, "expiry")
    if expiry is None or expiry < 0:
        yield f"“{element.get('expiry', '')}” is not a lease time. The attribute expiry= is a number; 0 means infinite."


def _route(element: etree._Element) -> Iterator[str]:
    address, length = element.get("address", ""), element.get("prefix") or element.get("netmask")
    if not readable(element):
        yield f"“{address}/{length}” is not a block for a route, for example address='10.8.0.0' prefix='16'."
    else:
        with_length = f"{address}/{length}" if length else address
        yield from _said(ip_network, with_length)
    if not _is_address(element.get("gateway", "")):
        yield f"“{element.get('gateway', '')}” is not an IP address. A route needs a gateway."


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return "%" not in text and bool(ip_address(text))
    return False


CHECKS: tuple[tuple[str, Callable[[etree._Element], Iterator[str]]], ...] = (
    ("bridge", _bridge),
    ("mtu", _mtu),
    ("ip/dhcp/host", _host),
    ("ip/dhcp/range", _range),
    ("ip/dhcp/*/lease", _lease),
    ("route", _route),
)
