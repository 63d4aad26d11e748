"""DHCP reservations as pasted text: how to read them, and their conflicts. Pure: no ORM, no libvirt.

Formats: CSV with or without a header, dnsmasq's dhcp-host and its hostsfile (dnsmasq(8)), libvirt's <host …/>
(formatnetwork.html), and the portal's own line `MAC IP NAME LEASE`.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address

from lxml import etree

from networks.definition import addressing, lines
from networks.definition.document.parse import PARSER, parse_host
from networks.definition.spec import HostSpec, SubnetSpec, lease_text
from virterweb.messages import InvalidValue, Message

from . import wording as _wording  # noqa: F401, adds the texts of the messages

SEPARATORS = (",", ";", "\t")
HEADINGS = {
    "mac": "mac",
    "mac address": "mac",
    "duid": "duid",
    "id": "duid",
    "ip": "ip",
    "ip address": "ip",
    "name": "name",
    "hostname": "name",
    "lease": "lease",
}
DIRECTIVE = re.compile(r"(?:--)?([a-z][a-z0-9-]*)\s*=\s*")
NO_ERROR = Message()
MAX_LENGTH = 2000  # an entry is shorter: a DUID has at most 389 characters, a name 253


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a pasted text, counted from 1, with its entry or its error."""

    number: int
    text: str
    host: HostSpec | None = None
    error: Message = NO_ERROR


class Outcome(StrEnum):
    NEW = "new"
    SAME = "unchanged"
    CHANGED = "changed"
    WRONG = "wrong"


@dataclass(frozen=True, kw_only=True)
class Row:
    """The effect of a pasted line; `was` is the present entry that it changes."""

    line: Line
    verb: Outcome
    was: HostSpec | None = None
    errors: tuple[str, ...] = ()


# reading


@dataclass(frozen=True, kw_only=True)
class _Header:
    """The columns of a CSV, with the fields of an entry that they hold."""

    separator: str
    columns: dict[str, int]


def read(text: str) -> tuple[Line, ...]:
    """Return the lines of a pasted text, each recognised on its own; blank lines and comments are left out.

    The header of a CSV determines the columns of all later lines with its separator.
    """
    every = enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), 1)
    numbered = [(number, line) for number, line in every if line.strip() and not line.lstrip().startswith("#")]
    header = _header(numbered[0][1]) if numbered else None
    return tuple(_line(number, line, header) for number, line in numbered[1 if header else 0 :])


def _header(line: str) -> _Header | None:
    """Return the header of a line with at least two headings; `duid` precedes `id`, and `name` precedes others."""
    for separator in SEPARATORS:
        columns: dict[str, int] = {}
        for index, cell in enumerate(line.split(separator)):
            word = " ".join(re.split(r"[\s_-]+", cell.strip(' "').lower()))
            field = HEADINGS.get(word)
            if field and (field == word or field not in columns):
                columns[field] = index
        if len(columns) > 1:
            return _Header(separator=separator, columns=columns)
    return None


def _line(number: int, line: str, header: _Header | None) -> Line:
    try:
        return Line(number=number, text=line.strip(), host=_entry(line, header))
    except InvalidValue as problem:
        return Line(number=number, text=line.strip(), error=problem.message)


def _entry(line: str, header: _Header | None) -> HostSpec:
    text = line.strip()
    if len(text) > MAX_LENGTH:
        raise InvalidValue(Message("paste.length", length=len(text), most=MAX_LENGTH - 1))
    if text.startswith("<"):
        return _of_xml(text)
    if directive := DIRECTIVE.match(text):
        if directive[1] != "dhcp-host":
            raise InvalidValue(Message("paste.option", option=directive[1]))
        return _of_words(text[directive.end() :].split(","))
    if header and header.separator in line:
        return _of_columns(_cells(line, header.separator), header)
    separator = next((separator for separator in SEPARATORS if separator in text), "")
    return _of_words(_cells(text, separator)) if separator else lines.read_host(text)


def _cells(line: str, separator: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True))]
    except csv.Error:
        raise InvalidValue(Message("paste.quote", line=line.strip())) from None


def _of_words(words: Iterable[str]) -> HostSpec:
    """Return an entry of parts recognised by their form, as dnsmasq does; a final number is a lease in seconds."""
    words = [word.strip() for word in words if word.strip()]
    for word in words:
        if word == "ignore" or word.startswith(("set:", "tag:", "net:")):
            raise InvalidValue(Message("paste.word", word=word))
    if words and re.fullmatch(r"\d{1,9}", words[-1]):
        words[-1] += "s"
    return lines.read_host(" ".join(words))


def _of_columns(cells: list[str], header: _Header) -> HostSpec:
    values = {field: cells[index] for field, index in header.columns.items() if index < len(cells)}
    expiry = values.pop("lease", "")
    return _of_fields(HostSpec(**values), expiry + "s" if expiry.isdecimal() else expiry)


def _of_xml(text: str) -> HostSpec:
    if not re.match(r"<host[\s/>]", text):
        raise InvalidValue(Message("paste.element", text=text))
    try:
        host = parse_host(etree.fromstring(text.encode(), PARSER))
    except etree.XMLSyntaxError as problem:
        raise InvalidValue(Message("paste.xml", text=text, problem=problem.msg)) from None
    return _of_fields(host, f"{host.lease}s" if host.lease else lease_text(host.lease))


def _of_fields(fields: HostSpec, expiry: str) -> HostSpec:
    """Return an entry of parts named by column or attribute, so that each is only what its name says."""
    mac, duid, ip, name = (part.strip() for part in (fields.mac, fields.duid, fields.ip, fields.name))
    words = [
        mac and addressing.parse_mac(mac),
        duid and f"id:{lines.duid(duid.lower().removeprefix('id:'))}",
        ip and lines.address(ip),
        name and lines.dns_name(name),
    ]
    host = lines.read_host(" ".join(filter(None, words)))
    if host.name != name:
        raise InvalidValue(Message("paste.name", name=name))
    return replace(host, lease=lines.lease(expiry) if expiry else None)


def as_dnsmasq(host: HostSpec) -> str:
    """Return the equivalent line of dnsmasq's configuration."""
    ip = f"[{host.ip}]" if ":" in host.ip else host.ip
    parts = (host.mac, host.duid and f"id:{host.duid}", ip, host.name, lease_text(host.lease))
    return f"dhcp-host={','.join(filter(None, parts))}"


# checking


class Index:
    """The entries and blocks of a network, built once to check many entries."""

    def __init__(self, hosts: Iterable[HostSpec], subnets: Iterable[SubnetSpec]) -> None:
        subnets = list(subnets)
        self._blocks = [subnet.interface for subnet in subnets]
        four = (subnet.interface.network for subnet in subnets if subnet.family == 4 and subnet.ranges)
        self._served = next(four, None)
        self._held: dict[tuple[str, str], HostSpec] = {}
        for host in hosts:
            self.add(host)

    def add(self, host: HostSpec) -> None:
        for key in _keys(host):
            self._held.setdefault(key, host)

    def entry_of(self, host: HostSpec) -> HostSpec | None:
        """Return the entry of the same guest: with the same MAC or DUID, or, if both have neither, the same name."""
        field = "mac" if host.mac else "duid" if host.duid else "name"
        found = next((self._held.get(key) for key in _keys(host) if key[0] == field), None)
        return None if found and field == "name" and (found.mac or found.duid) else found

    def conflicts(self, host: HostSpec, was: HostSpec | None = None) -> tuple[tuple[str, Message], ...]:
        """Return objections to an entry that replaces `was`, as pairs of field (mac, duid, ip, name) and reason.

        A name is one guest's in each address family, so a guest may have the same one for IPv4 and IPv6.
        """
        holders = ((key[0], self._held.get(key)) for key in _keys(host))
        found = [(field, _held_by(field, host, other)) for field, other in holders if other not in (None, was)]
        return (*found, *(("ip", reason) for reason in self._misplaced(host.ip)))

    def _misplaced(self, text: str) -> Iterator[Message]:
        with suppress(ValueError):
            ip = ip_address(text)
            block = next((block for block in self._blocks if ip in block.network), None)
            if block is None:
                blocks = ", ".join(str(block.network) for block in self._blocks)
                code = "reservation.no_block" if blocks else "reservation.no_blocks"
                yield Message(code, ip=ip, blocks=blocks)
            elif ip.version == 4 and self._served not in (None, block.network):
                yield Message("reservation.other_block", ip=ip, block=block.network, served=self._served)
            elif ip == block.ip:
                yield Message("reservation.host", ip=ip, block=block.network)
            elif ip == block.network.network_address:
                yield Message("reservation.block_itself", ip=ip, block=block.network)
            elif ip.version == 4 and ip == block.network.broadcast_address:
                yield Message("reservation.broadcast", ip=ip, block=block.network)


def _held_by(field: str, host: HostSpec, other: HostSpec) -> Message:
    value = getattr(host, field)
    known = other.mac or (other.duid and f"id:{other.duid}")
    match field:
        case "ip":
            return Message("reservation.ip_taken", ip=value, known=known, name=other.name)
        case "name":
            return Message("reservation.name_taken", name=value, known=known, ip=other.ip)
        case _:
            return Message("reservation.guest_taken", guest=value, ip=other.ip)


def _keys(host: HostSpec) -> list[tuple[str, str]]:
    """Return the values that an entry occupies, as (field, normalized value); a name with its address family."""
    ip = host.ip
    with suppress(ValueError):
        ip = str(ip_address(host.ip))
    name = host.name and f"{host.name.lower()} {6 if ':' in ip else 4}"
    keys = (("mac", _octets(host.mac)), ("duid", _octets(host.duid)), ("ip", ip), ("name", name))
    return [(field, value) for field, value in keys if value]


def _octets(text: str) -> str:
    return ":".join(octet.zfill(2) for octet in text.lower().split(":")) if text else ""


def compare(pasted: Iterable[Line], hosts: Iterable[HostSpec], subnets: Iterable[SubnetSpec]) -> tuple[Row, ...]:
    """Return what each pasted line would change in a network that has these entries.

    What an entry has before the paste, it holds for the whole of it: an address or name that one line gives up is free
    for others in the next paste only. So no change waits for another in libvirt, which takes an entry for the one to
    be changed if any of MAC, address and name is the same. Of several lines that want the same, the first that is
    right gets it; a wrong one takes nothing.
    """
    index, rows, wanted = Index(hosts, subnets), [], {}
    for line in pasted:
        row = _row(line, index, wanted)
        if row.verb is not Outcome.WRONG:
            wanted |= dict.fromkeys(_keys(line.host), line.number)
        rows.append(row)
    return tuple(rows)


def _row(line: Line, index: Index, wanted: dict[tuple[str, str], int]) -> Row:
    if line.host is None:
        return Row(line=line, verb=Outcome.WRONG, errors=(str(line.error),))
    was = index.entry_of(line.host)
    same = was is not None and (_keys(was), was.name, was.lease) == (_keys(line.host), line.host.name, line.host.lease)
    errors = {} if same else dict(index.conflicts(line.host, was))
    for key in _keys(line.host):
        if key in wanted:
            errors[key[0]] = Message("reservation.repeated", value=getattr(line.host, key[0]), line=wanted[key])
    if errors:
        return Row(line=line, verb=Outcome.WRONG, errors=tuple(map(str, errors.values())))
    if same:
        return Row(line=line, verb=Outcome.SAME)
    return Row(line=line, verb=Outcome.CHANGED if was else Outcome.NEW, was=was)
