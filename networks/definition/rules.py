"""What is allowed in a network's fields: one place for form, admin and command line. Pure but for ValidationError."""

import re
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator

from virterweb.pages.characters import hidden_in

from . import addressing, lines

MTU = [
    MinValueValidator(68, "An MTU is at least 68 and at most 65535."),
    MaxValueValidator(65535, "An MTU is at least 68 and at most 65535."),
]


def validate_name(name: str) -> None:
    """Check a name that libvirt accepts and that can stand in a URL."""
    if len(name) > 50:
        raise ValidationError("A name has at most 50 characters.")
    if re.search(r"[\x00-\x1f\x7f\ufffe\uffff]", name):
        raise ValidationError("A name cannot contain control characters.")
    validate_printable(name)
    if "/" in name:
        raise ValidationError("A name cannot contain “/”, because libvirt uses it as a file name.")
    if name.strip() in ("", ".", ".."):
        raise ValidationError("A name needs at least one character that is neither a space nor a dot.")
    if name != name.strip():
        raise ValidationError("A name cannot begin or end with a space.")


def validate_bridge(name: str) -> None:
    if len(name.encode()) > 15:
        raise ValidationError("A bridge name can have at most 15 bytes, the limit of Linux.")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ValidationError("A bridge name can have letters, digits, dots and dashes.")


def read_device(name: str) -> str:
    """Return the name of one of the host's network devices; raise ValueError if it is not valid."""
    if len(name.encode()) > 15 or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:-]*", name):
        raise ValueError(
            f"{name} is not a valid device name. Linux allows at most 15 letters, digits, dots and dashes."
        )
    return name


def read_server(text: str) -> str:
    """Read a host by its address; ValueError. libvirt takes no name of a boot server."""
    return lines.address(text)


def validate_path(text: str) -> None:
    if not text.startswith("/") or hidden_in(text):
        raise ValidationError("Enter the full path of a folder on the host, for example /srv/tftp.")


def validate_printable(text: str) -> None:
    if hidden := hidden_in(text):
        raise ValidationError(f"Control characters and invisible characters are not allowed: {hidden}.")


def validate_domain(name: str) -> None:
    if len(name) > 253 or not lines.DNS_NAME.match(name):
        raise ValidationError(
            "Enter a DNS name: labels of letters, digits and dashes, separated by dots, for example lab.test."
        )


def validate_hostname(name: str) -> None:
    """Check the name of a VM, which is its host name too."""
    if not lines.DNS_NAME.match(name):
        raise ValidationError(
            "The name is also the host name of the guest. Use letters, digits, dashes and dots, for example alma-8-8."
        )


def validate_mac(text: str) -> None:
    try:
        addressing.parse_mac(text)
    except ValueError as problem:
        raise ValidationError(str(problem)) from problem


def validate_cidr(text: str) -> None:
    read_cidr(text)


def read_cidr(text: str, version: int | None = None) -> IPv4Interface | IPv6Interface:
    """Return the host's own address with its block, from text like 10.255.0.1/24 or fd00:255::1/64."""
    example = {4: "10.255.0.1/24", 6: "fd00:255::1/64", None: "10.255.0.1/24 or fd00:255::1/64"}[version]
    if "/" not in text:
        raise ValidationError(f"Enter the address of the host with the prefix length, for example {example}.")
    try:
        interface = ip_interface(text.strip())
    except ValueError:
        raise ValidationError(f"This is not an address with a prefix length, for example {example}.") from None
    if version and interface.version != version:
        raise ValidationError(f"This is an IPv{interface.version} block. Enter an IPv{version} block.")
    if getattr(interface, "scope_id", None):
        raise ValidationError("An address of a network cannot have a zone (%…).")
    _check_host_address(interface)
    return interface


def _check_host_address(interface: IPv4Interface | IPv6Interface) -> None:
    block = interface.network
    if block.num_addresses < 4:
        raise ValidationError(
            f"A /{block.prefixlen} has no room for guests; the smallest block is a /{_smallest(block)}."
        )
    if interface.ip == block.network_address:
        raise ValidationError(
            f"This is the address of the block. Enter the address of the host in it, for example {_first(block)}."
        )
    if interface.version == 4 and interface.ip == block.broadcast_address:
        raise ValidationError(
            f"This is the broadcast address. Enter the address of the host, for example {_first(block)}."
        )
    ip = interface.ip
    if ip.is_multicast or ip.is_loopback or ip.is_link_local or ip.is_unspecified or block.prefixlen < 3:
        raise ValidationError(
            "Guests cannot use this block, because it is loopback, link-local, multicast or the whole address space."
        )
    if ip.version == 4 and (ip.is_reserved or ip in ip_network("0.0.0.0/8")):
        raise ValidationError("Guests cannot use this block, because it is reserved.")


def _smallest(block: object) -> int:
    return block.max_prefixlen - 2


def _first(block: object) -> str:
    return f"{block.network_address + 1}/{block.prefixlen}"


def dhcp_range(interface: IPv4Interface | IPv6Interface) -> tuple:
    """Return the first and last address of the DHCP range, by Virter's rule."""
    if interface.version == 6 and interface.network.prefixlen < 64:
        raise ValidationError("dnsmasq serves DHCP in IPv6 blocks of /64 or smaller.")
    try:
        return addressing.dhcp_range(interface)
    except ValueError as problem:
        raise ValidationError(str(problem)) from problem
