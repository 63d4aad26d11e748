"""The product's words for why a value of a network is not valid. Pure: nothing is decided by them."""

from virterweb.messages import add_wording

#: MACs, IDs and ranges, by Virter's rules.
ADDRESSES = {
    "value.mac": "This is not a MAC address, for example 52:54:00:b3:72:d7.",
    "value.mac_zero": "The MAC address of zeros is not allowed.",
    "value.mac_multicast": "This is a multicast MAC address. The second digit of the MAC address of a guest must be "
    "even.",
    "value.mac_beyond": "There is no MAC {number} after {base}.",
    "value.id": "ID {number} is not possible. IDs must be between 1 and {most}.",
    "value.id_address": "ID {number} has no address in {block}.",
    "value.dhcp_room": "{interface} leaves no address for DHCP, because the range begins after the address of the "
    "host.",
    "value.hosts_room": "{block} has room for {room} DHCP reservations after {ip}.",
}

#: Lines of text that stand for parts of a network.
LINES = {
    "value.ip": "{text} is not an IP address.",
    "value.ip_octal": "{text} has a leading zero, which some programs read as octal. Remove it.",
    "value.lease": "{text} is not a lease time, for example 12h, 30m or infinite. The shortest lease time is 2m.",
    "value.lease_place": "{text} is a lease time. Enter it once, at the end.",
    "value.range": "{line}: enter a range like 10.255.0.2-10.255.0.99 or 10.255.0.2-10.255.0.99 12h.",
    "value.range_order": "{line}: the first address of a range must be the lower one.",
    "value.host": "{line}: enter a reservation like 52:54:00:00:00:08 10.255.0.8, optionally followed by a name.",
    "value.host_twice": "{line}: {one} and {other} are of the same kind; enter only one.",
    "value.host_duid": "{line}: only IPv6 guests can be identified by a DUID.",
    "value.host_mac": "{line}: IPv6 guests are identified by a DUID (id:…) or a name, not by a MAC.",
    "value.duid": "id:{text} is not a DUID, for example id:00:04:58:fd:e4:15.",
    "value.forwarder": "{line}: enter an address, a domain, or a domain and an address.",
    "value.dns_host": "{line}: enter an address and at least one name, for example 10.255.0.5 mirror mirror.lab.",
    "value.route": "{line}: enter a route like 10.8.0.0/16 via 10.255.0.7 or 10.8.0.0/16 via 10.255.0.7 metric 5.",
    "value.route_block": "{line}: {reason}.",
    "value.route_family": "{line}: block and gateway must have the same address family.",
    "value.bandwidth": "{line}: enter average,peak,burst,floor in KiB/s (burst in KiB), for example 1000 or "
    "1000,5000,1024.",
    "value.bandwidth_average": "{line}: enter the average first.",
    "value.group_name": "A port group needs a name.",
    "value.group_word": "{line}: {word} is unknown. Known are default, vlan=, trunk, native=, in= and out=.",
    "value.group_native": "{line}: the native tag must be one of the tags of vlan=.",
    "value.group_tags": "{line}: a VLAN tag is listed twice.",
    "value.group_trunk": "{line}: a trunk needs VLAN tags. Enter them with vlan=.",
    "value.vlan": "{text} is not a VLAN tag. Tags are numbers from 0 to {most}.",
    "value.ports": "{text}: enter ports like 1024-65535, the lower one first.",
    "value.span": "{text}: enter IPv4 addresses, the lower one first, for example 203.0.113.8-203.0.113.9.",
    "value.block": "{text} is not an address with a prefix length, for example 10.255.0.1/24.",
}

#: Characters and lines of any field.
TEXTS = {
    "value.hidden": "Control characters and invisible characters are not allowed: {hidden}.",
    "value.repeated": "{part} is already in line {line}.",
}

#: Why a block is none of a route, without full stop.
ROUTE_BLOCKS = {
    "block.invalid": "'{text}' does not appear to be an IPv4 or IPv6 network",
    "block.host_bits": "{block} has host bits set",
}


def _dns_name(text: str, ascii: str) -> str:
    return (DNS_NAME_ASCII if ascii else DNS_NAME).format(text=text, ascii=ascii)


DNS_NAME = "{text} is not a DNS name. A DNS name has labels of letters, digits and dashes, separated by dots."
DNS_NAME_ASCII = (
    "{text} is not a DNS name. A DNS name has labels of letters, digits and dashes, separated by dots; in ASCII it is "
    "{ascii}."
)

add_wording(ADDRESSES | LINES | TEXTS | ROUTE_BLOCKS | {"value.dns_name": _dns_name})
