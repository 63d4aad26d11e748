"""The texts for what the form of a network does not accept. Pure: no decision depends on them.

The placeholder `about` names one or several things that a problem is about.
"""

from virterweb.messages import Message, add_wording

FREE = " For example, {free} is free."
SOME = "{names} and {count} more"

#: The users of a block.
BLOCKS = {
    "block.network": "{block} of the network {holder}",
    "block.inactive network": "{block} of the network {holder}, which is inactive",
    "block.route": "{block} of the host, which routes it through {holder}",
}

PROBLEMS = {
    "form.host_bridge": "Leave this empty: an existing bridge of the host is configured outside libvirt.",
    "form.host_stp": "Leave this selected: STP of an existing bridge of the host is configured outside libvirt.",
    "form.mode_block": "Forward mode {mode} needs an IPv4 or IPv6 block.",
    "form.nat_only": "This needs the forward mode nat.",
    "form.ipv6_mtu": "IPv6 needs an MTU of at least 1280.",
    "form.bridge_in_use": "The bridge {bridge} is taken.",
    "form.bridge_taken": "The bridge {bridge} belongs to the network {network}.",
    "form.no_bridge": "Enter the bridge of the host that this network uses.",
    "form.bridge_and_devices": "Choose either a bridge or devices of the host: libvirt accepts only one of the two.",
    "form.one_device": "With this forward mode, libvirt accepts 1 device.",
    "form.no_device": "With this forward mode, libvirt accepts no device.",
    "form.own_overlap": "{block} overlaps {other} of the same network.",
    "form.dhcp_block": "DHCP needs a block.",
    "form.dhcp_ipv6": "dnsmasq serves DHCP in IPv6 blocks of /64 or smaller.",
    "form.dhcp_no_address": "{block} leaves no address for DHCP, because the range begins after the address of the "
    "host.",
    "form.dhcp_blocks": "libvirt serves DHCP in only one IPv{version} block of a network, not also in {about}. "
    "Turn DHCP off, and enter the ranges and reservations of only one block.",
    "form.stray": "This is outside all blocks of this network: {about}.",
    "form.stray_movable": "This is outside all blocks of this network: {about}. Select “Move … along” to keep their "
    "positions.",
    "form.ranges_overlap": "Two ranges overlap.",
    "form.long_range": "libvirt accepts ranges of at most {most} addresses: {about}.",
    "form.host_in_range": "A range cannot contain the address of the host, {ip}: {about}.",
    "form.range_end": "Guests cannot have the first and last address of {block}: {about}.",
    "form.two_entries": "{what} has two reservations: {about}.",
    "form.entry_of_host": "{about}: this is the address of the host.",
    "form.entry_at_end": "{about}: guests cannot have the first or last address of a block.",
    "form.gateway": "The gateway of a route must be the address of a guest in a block of this network: {about}.",
    "form.dns_only": "This needs DNS.",
    "form.records": "The XML has TXT or SRV records, which need DNS.",
    "form.boot_dhcp": "Network boot needs DHCP.",
    "form.boot_file": "A boot server needs a boot file.",
    "form.boot_block": "Network boot needs an IPv4 block.",
    "form.same_groups": "Two port groups have the same name: {about}.",
    "form.default_groups": "Only one port group can be the default, not both {names}.",
    "form.vlan": "libvirt accepts VLAN tags only for Open vSwitch, passthrough and host devices, not here: {about}.",
    "form.device_bandwidth": "libvirt does not limit the bandwidth of networks on devices of the host.",
    "form.floor": "libvirt accepts a floor only for the NIC of a VM, not for a network.",
    "form.group_floor": "libvirt accepts a floor only for the NIC of a VM, not for a port group: {about}.",
}


def _overlap(block: str, other: Message, free: str) -> str:
    return OVERLAP.format(block=block, other=other) + (FREE.format(free=free) if free else "")


def _taken(block: str, free: str) -> str:
    return TAKEN.format(block=block) + (FREE.format(free=free) if free else "")


OVERLAP = "{block} overlaps {other}."
TAKEN = "{block} is taken."  # by a network that the user may not see


def some(names: list[str], most: int) -> str:
    """Return the first of several names, and how many more there are."""
    shown = ", ".join(names[:most])
    return SOME.format(names=shown, count=len(names) - most) if len(names) > most else shown


add_wording(BLOCKS | PROBLEMS | {"form.overlap": _overlap, "form.block_taken": _taken})
