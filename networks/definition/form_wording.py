"""The product's words for what the form of a network does not accept. Pure: nothing is decided by them.

The placeholder `about` names one or several things that a problem is about.
"""

from virterweb.messages import Message, add_wording

FREE = " Free is, for example, {free}."
SOME = "{names} and {count} more"

#: What uses a block.
BLOCKS = {
    "block.network": "{block} of the network {holder}",
    "block.inactive network": "{block} of the network {holder}, which does not run",
    "block.route": "{block} of the host, which routes it through {holder}",
}

PROBLEMS = {
    "form.host_bridge": "None on the host’s own bridge: that is set up elsewhere.",
    "form.host_stp": "STP of the host’s own bridge is set up elsewhere; leave it ticked.",
    "form.mode_block": "Forward mode {mode} needs an IPv4 or IPv6 block.",
    "form.nat_only": "Only with forward mode nat.",
    "form.ipv6_mtu": "IPv6 needs an MTU of at least 1280.",
    "form.bridge_taken": "The bridge {bridge} belongs to the network {network}.",
    "form.no_bridge": "Name the host’s bridge that this network shall use.",
    "form.bridge_and_devices": "Either the host’s bridge or devices of the host: libvirt takes only one of the two.",
    "form.one_device": "With this forward mode libvirt takes 1 device.",
    "form.no_device": "With this forward mode libvirt takes no device.",
    "form.own_overlap": "{block} overlaps {other} of this network itself.",
    "form.dhcp_block": "DHCP needs a block to give addresses from.",
    "form.dhcp_ipv6": "dnsmasq serves DHCP in IPv6 blocks of /64 or smaller.",
    "form.dhcp_no_address": "{block} leaves no address for DHCP: the range begins after the host’s address.",
    "form.dhcp_blocks": "libvirt serves DHCP in one IPv{version} block of a network, so not in {about} as well. "
    "Untick DHCP, and give ranges and DHCP reservations of one of them.",
    "form.stray": "In no block of this network: {about}.",
    "form.stray_movable": "In no block of this network: {about}. Tick “Move … along” to keep their places.",
    "form.ranges_overlap": "Two ranges overlap.",
    "form.long_range": "libvirt takes ranges of at most {most} addresses: {about}.",
    "form.host_in_range": "The host’s own address {ip} cannot be in a range: {about}.",
    "form.range_end": "The first and last address of {block} are no guest’s: {about}.",
    "form.two_entries": "{what} has two entries: {about}.",
    "form.entry_of_host": "{about}: this is the host’s own address.",
    "form.entry_at_end": "{about}: this is no guest’s address, but the block’s first or last.",
    "form.gateway": "The gateway of a route is a guest’s address in a block of this network: {about}.",
    "form.dns_only": "Only where DNS is on.",
    "form.records": "The XML has TXT or SRV records, which need DNS.",
    "form.boot_dhcp": "Network boot needs DHCP.",
    "form.boot_file": "A boot server needs a boot file.",
    "form.boot_block": "Network boot needs an IPv4 block.",
    "form.same_groups": "Two port groups have the same name: {about}.",
    "form.default_groups": "Only one port group is the default, not {names}.",
    "form.vlan": "libvirt takes VLAN tags only for Open vSwitch, passthrough and host devices, not on this network: "
    "{about}.",
    "form.device_bandwidth": "libvirt does not limit networks on devices of the host.",
    "form.floor": "libvirt takes a floor for a VM’s NIC only, not for a network.",
    "form.group_floor": "libvirt takes a floor for a VM’s NIC only, not for a port group: {about}.",
}


def _overlap(block: str, other: Message, free: str) -> str:
    return OVERLAP.format(block=block, other=other) + (FREE.format(free=free) if free else "")


OVERLAP = "{block} overlaps {other}."


def some(names: list[str], most: int) -> str:
    """Return the first of several names, and how many more there are."""
    shown = ", ".join(names[:most])
    return SOME.format(names=shown, count=len(names) - most) if len(names) > most else shown


add_wording(BLOCKS | PROBLEMS | {"form.overlap": _overlap})
