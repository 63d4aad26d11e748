"""Virter's address rules: what an ID decides, DHCP ranges, generated DHCP reservations. Pure: no ORM, no libvirt."""

import re
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

from virterweb.messages import InvalidValue, Message

from . import value_wording as _wording  # noqa: F401, adds the texts of the messages

ACCESS_MAC = "52:54:00:00:00:00"
LARGEST_RANGE = 2**16


def _number(mac: str) -> int:
    return int(mac.replace(":", "").replace("-", ""), 16)


def _text(number: int) -> str:
    return ":".join(f"{byte:02x}" for byte in number.to_bytes(6, "big"))


def parse_mac(text: str) -> str:
    """Return a guest's MAC as lower-case aa:bb:cc:dd:ee:ff; raise InvalidValue if it is not valid.

    It may be typed as 52:54:00:b3:72:d7, 52-54-00-B3-72-D7, 5254.00b3.72d7 or 525400b372d7.
    """
    two, four = "[0-9a-fA-F]{2}", "[0-9a-fA-F]{4}"
    if not re.fullmatch(rf"{two}([:-]{two}){{5}}|{four}\.{four}\.{four}|{two * 6}", text.strip()):
        raise InvalidValue(Message("value.mac"))
    number = int(re.sub("[:.-]", "", text.strip()), 16)
    if number == 0:
        raise InvalidValue(Message("value.mac_zero"))
    if number >> 40 & 1:
        raise InvalidValue(Message("value.mac_multicast"))
    return _text(number)


def may_be_in_mac(text: str) -> bool:
    """Return whether a part of a MAC may be this text; a search for other text need not read all MACs."""
    return re.fullmatch("[0-9A-Fa-f:]*", text) is not None


def mac_plus(base: str, number: int) -> str:
    """Add a number to a MAC, with carry over its 48 bits; raise InvalidValue beyond the last MAC."""
    total = _number(base) + number
    if not 0 <= total < 2**48:
        raise InvalidValue(Message("value.mac_beyond", number=number, base=base))
    return _text(total)


def mac_of_id(number: int) -> str:
    """Return the MAC of an ID on the access network: 8 is 52:54:00:00:00:08."""
    if not 0 < number < 2**24:
        raise InvalidValue(Message("value.id", number=number, most=2**24 - 1))
    return mac_plus(ACCESS_MAC, number)


def id_of_mac(mac: str) -> int | None:
    """Return the ID of a MAC on the access network, or None; reservations by name or DUID have no MAC."""
    if not mac:
        return None
    number = _number(mac) - _number(ACCESS_MAC)
    return number if 0 < number < 2**24 else None


def ip_of_id(interface: IPv4Interface, number: int) -> IPv4Address:
    """Return network address + ID; raise InvalidValue if a guest of the block cannot have that address."""
    block = interface.network
    if not 0 < number < block.num_addresses - 1:
        raise InvalidValue(Message("value.id_address", number=number, block=block))
    return block.network_address + number


def dhcp_range(
    interface: IPv4Interface | IPv6Interface,
) -> tuple[IPv4Address, IPv4Address] | tuple[IPv6Address, IPv6Address]:
    """Return the DHCP range: host address + 1 to broadcast − 1, also for IPv6, up to network address + 65535."""
    block = interface.network
    last = block.broadcast_address - 1
    if block.num_addresses > LARGEST_RANGE:
        last = block.network_address + LARGEST_RANGE - 1
    start = interface.ip + 1
    if start > last:
        raise InvalidValue(Message("value.dhcp_room", interface=interface))
    return start, last


def generated_hosts(
    interface: IPv4Interface, base_mac: str, first_id: int, count: int
) -> tuple[tuple[str, IPv4Address], ...]:
    """Return entries with MAC base + first ID + i and IP host address + 1 + i; raise InvalidValue outside the block."""
    last = interface.network.broadcast_address - 1
    if interface.ip + count > last:
        room = int(last) - int(interface.ip)
        raise InvalidValue(Message("value.hosts_room", block=interface.network, room=room, ip=interface.ip))
    return tuple((mac_plus(base_mac, first_id + index), interface.ip + 1 + index) for index in range(count))
