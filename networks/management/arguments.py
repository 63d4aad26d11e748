"""Flags of `manage.py network` that stand for fields of the network form."""

import argparse

from django import forms
from django.core.management.base import CommandParser

from networks.changes.forms.fields import LinesField
from networks.changes.forms.network import NetworkForm
from networks.changes.merge import as_text

REPEATED = "can be repeated; one empty value clears the list"
Subparsers = argparse._SubParsersAction

# Virter's flags, whose names differ from the form's fields. The others are --field-name, in the singular for lists.
FLAGS = {
    "forward_mode": ("--forward-mode", "-m"),
    "ipv4": ("--network-cidr", "-n"),
    "ipv6": ("--network-v6-cidr", "-6"),
    "dhcp": ("--dhcp", "-p"),
    "domain": ("--domain", "-d"),
    "host_mac": ("--dhcp-mac",),
    "host_first_id": ("--dhcp-id",),
    "host_count": ("--dhcp-count",),
}


def flags(name: str, field: forms.Field) -> tuple[str, ...]:
    listed = isinstance(field, LinesField)
    return FLAGS.get(name) or (f"--{name.removesuffix('s') if listed else name}".replace("_", "-"),)


HELP = {  # by form field: the labels and help texts of the form are not clear without the form
    "forward_mode": "forward mode: nat, route, open or bridge; empty: isolated",
    "ipv4": "IPv4 address of the host with its prefix length, for example 10.255.0.1/24",
    "ipv6": "IPv6 address of the host with its prefix length, for example fd00:255::1/64",
    "dhcp": "enable DHCP in every block",
    "move_along": "move DHCP ranges, reservations and gateways with a changed block",
    "host_mac": "first MAC of generated DHCP reservations; the MAC of reservation number i is this MAC + first ID + i",
    "host_first_id": "first ID of generated DHCP reservations",
    "dns": "whether the network has a DNS server: yes or no; empty: if it has a domain or a forward mode, as in Virter",
    "local_only": "answer queries for the domain only from this network",
    "boot_file": "boot file for network boot (PXE)",
    "boot_server": "boot server for network boot (PXE); empty: the host",
    "nat_ipv6": "enable NAT for IPv6 as well",
    "bridge": "name of the bridge, with forward mode bridge an existing bridge of the host; empty: libvirt chooses it",
    "stp": "enable the spanning tree protocol (STP) on the bridge",
    "autostart": "start the network with the host",
    "inbound": "inbound bandwidth limit: average,peak,burst,floor in KiB/s (burst in KiB)",
    "outbound": "outbound bandwidth limit: average,peak,burst in KiB/s (burst in KiB)",
    "domain": "domain of the network; guests find each other as NAME.DOMAIN",
    "blocks": "further block, for example 10.8.0.1/24",
    "ranges": "DHCP range with an optional lease time, for example '10.255.0.2-10.255.0.99 12h'; a block without one "
    "gets its whole range",
    "hosts": "DHCP reservation: 'MAC IP [NAME] [LEASE-TIME]', for IPv6 guests 'id:DUID IP' or 'NAME IP'",
    "host_count": "number of generated DHCP reservations, which start after the IPv4 address of the host",
    "forward_devices": "device of the host through which traffic may leave; without one: all",
    "nat_ports": "ports to use for NAT, for example 1024-65535",
    "nat_addresses": "addresses of the host to use for NAT, for example 203.0.113.8",
    "dns_hosts": "DNS host: address and names, for example '10.255.0.5 mirror www.lab'",
    "forwarders": "DNS forwarder: an address, a domain, or a domain and an address",
    "tftp_root": "folder on the host to serve by TFTP",
    "routes": "static route of the host through a guest, for example '10.8.0.0/16 via 10.255.0.7'",
    "mtu": "MTU, 68 to 65535; default: 1500",
    "isolated_ports": "isolate the ports: guests can reach the host, but not each other",
    "port_groups": "port group: NAME, optionally default, vlan=10,20, trunk, native=10, in=1000 and out=1000",
    "dnsmasq_options": "dnsmasq option, in addition to those of the hypervisor; only for operators, because options "
    "can run programs on the host",
    "title": "title of the network",
    "description": "description of the network",
}

NAMES = {name: flags(name, field)[0] for name, field in NetworkForm.base_fields.items()} | {"name": "NAME"}


def add_fields(parser: CommandParser, leave_out: tuple[str, ...]) -> None:
    """Add one flag for each field of the form."""
    for name, field in NetworkForm.base_fields.items():
        if name in ("hypervisor", "name", *leave_out):
            continue
        options: dict = {"dest": name, "help": HELP[name]}
        if isinstance(field, LinesField):
            options |= {"action": "append", "help": f"{HELP[name]}; {REPEATED}"}
        elif isinstance(field, forms.BooleanField):
            options["action"] = argparse.BooleanOptionalAction
        parser.add_argument(*flags(name, field), **options)


def add_plan_flags(parser: CommandParser) -> None:
    """Add the flags of a verb that plans before it writes."""
    parser.add_argument("--dry-run", action="store_true", help="print the steps and do nothing")
    parser.add_argument("--json", action="store_true", help="print the steps as JSON and do nothing")
    parser.add_argument(
        "--yes", action="store_true", help="confirm that running VMs may be disconnected or interrupted"
    )


def values_of(form: NetworkForm, options: dict) -> dict[str, object]:
    """Return the initial values of the form, replaced by those of the flags that were given."""
    data: dict[str, object] = dict(as_text(form))
    for name, field in form.fields.items():
        value = options.get(name)
        if isinstance(field, forms.BooleanField):
            value = data[name] == "True" if value is None else value
        if isinstance(value, list):
            value = "\n".join(value)
        if value is not None:
            data[name] = value
    return data
