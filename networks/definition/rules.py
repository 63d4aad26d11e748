"""Validation of a network's fields for form, admin and command line. Pure except for ValidationError."""

import re
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network

from django.core.exceptions import ValidationError

from virterweb.messages import InvalidValue, Message
from virterweb.pages.characters import hidden_in

from . import addressing, lines

SMALLEST_MTU, LARGEST_MTU = 68, 65535


def _invalid(code: str, **params: object) -> ValidationError:
    """Return a ValidationError whose `message` is a code with parameters; forms show its words."""
    return ValidationError(Message(f"value.{code}", **params))


def validate_mtu(mtu: int) -> None:
    if not SMALLEST_MTU <= mtu <= LARGEST_MTU:
        raise _invalid("mtu", least=SMALLEST_MTU, most=LARGEST_MTU)


def validate_name(name: str) -> None:
    """Check that libvirt accepts a name and that a URL can contain it."""
    if len(name) > 50:
        raise _invalid("name_length", most=50)
    if re.search(r"[\x00-\x1f\x7f\ufffe\uffff]", name):
        raise _invalid("name_control")
    validate_printable(name)
    if "/" in name:
        raise _invalid("name_slash")
    if name.strip() in ("", ".", ".."):
        raise _invalid("name_empty")
    if name != name.strip():
        raise _invalid("name_space")


def validate_bridge(name: str) -> None:
    if len(name.encode()) > 15:
        raise _invalid("bridge_length", most=15)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise _invalid("bridge")


def read_device(name: str) -> str:
    """Return the name of one of the host's network devices; raise InvalidValue if it is not valid."""
    if len(name.encode()) > 15 or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]*", name):
        raise InvalidValue(Message("value.device", name=name, most=15))
    return name


def read_server(text: str) -> str:
    """Read a host by its address; InvalidValue. libvirt does not accept a name for a boot server."""
    return lines.address(text)


def validate_path(text: str) -> None:
    if not text.startswith("/") or hidden_in(text):
        raise _invalid("path")


def validate_printable(text: str) -> None:
    if hidden := hidden_in(text):
        raise _invalid("hidden", hidden=hidden)


def validate_domain(name: str) -> None:
    if len(name) > 253 or not lines.DNS_NAME.match(name):
        raise _invalid("domain")


def validate_hostname(name: str) -> None:
    """Check the name of a VM, which is its host name too."""
    if not lines.DNS_NAME.match(name):
        raise _invalid("hostname")


def validate_mac(text: str) -> None:
    try:
        addressing.parse_mac(text)
    except InvalidValue as problem:
        raise ValidationError(problem.message) from problem


def validate_cidr(text: str) -> None:
    read_cidr(text)


def read_cidr(text: str, version: int | None = None) -> IPv4Interface | IPv6Interface:
    """Return the host's own address with its block, from text like 10.255.0.1/24 or fd00:255::1/64."""
    example = {4: "10.255.0.1/24", 6: "fd00:255::1/64", None: "10.255.0.1/24 or fd00:255::1/64"}[version]
    if "/" not in text:
        raise _invalid("cidr_length", example=example)
    try:
        interface = ip_interface(text.strip())
    except ValueError:
        raise _invalid("cidr", example=example) from None
    if version and interface.version != version:
        raise _invalid("cidr_version", found=interface.version, version=version)
    if getattr(interface, "scope_id", None):
        raise _invalid("cidr_zone")
    _check_host_address(interface)
    return interface


def _check_host_address(interface: IPv4Interface | IPv6Interface) -> None:
    block = interface.network
    if block.num_addresses < 4:
        raise _invalid("block_small", length=block.prefixlen, smallest=block.max_prefixlen - 2)
    if interface.ip == block.network_address:
        raise _invalid("block_itself", example=_first(block))
    if interface.version == 4 and interface.ip == block.broadcast_address:
        raise _invalid("block_broadcast", example=_first(block))
    ip = interface.ip
    if ip.is_multicast or ip.is_loopback or ip.is_link_local or ip.is_unspecified or block.prefixlen < 3:
        raise _invalid("block_unusable")
    if ip.version == 4 and (ip.is_reserved or ip in ip_network("0.0.0.0/8")):
        raise _invalid("block_reserved")


def _first(block: object) -> str:
    return f"{block.network_address + 1}/{block.prefixlen}"


def dhcp_range(interface: IPv4Interface | IPv6Interface) -> tuple:
    """Return the first and last address of the DHCP range, by Virter's rule."""
    if interface.version == 6 and interface.network.prefixlen < 64:
        raise _invalid("dhcp_block")
    try:
        return addressing.dhcp_range(interface)
    except InvalidValue as problem:
        raise ValidationError(problem.message) from problem
