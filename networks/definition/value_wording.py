"""The texts for why a value of a network is not valid. Pure: no decision depends on them."""

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
    "value.id_of_host": "ID {number} would have the address of the host, {ip}.",
    "value.ipv4": "“{text}” is not an IPv4 address, for example 10.255.0.8.",
    "value.outside": "{block} is not in {whole}.",
    "value.part": "{part} is not a part of {whole}.",
    "value.dhcp_room": "{interface} leaves no address for DHCP, because the range begins after the address of the "
    "host.",
    "value.hosts_room": "{block} has room for {room} DHCP reservations after {ip}.",
}

#: Reservations by IDs, without full stop.
IDS = {
    "value.ids_block": "{network} has no IPv4 block for DHCP reservations",
    "value.ids_first": "IDs begin at 1, and the count must be at least 1",
    "value.id_reserved": "ID {number} already has a DHCP reservation: {mac}",
    "value.id_taken": "ID {number}: {ip} is already taken",
}

#: Fields of the forms.
FIELDS = {
    "value.name_length": "A name has at most {most} characters.",
    "value.name_control": "A name cannot contain control characters.",
    "value.name_slash": "A name cannot contain “/”, because libvirt uses it as a file name.",
    "value.name_empty": "A name needs at least one character that is neither a space nor a dot.",
    "value.name_space": "A name cannot begin or end with a space.",
    "value.bridge": "A bridge name can have letters, digits, dots and dashes.",
    "value.bridge_length": "A bridge name can have at most {most} bytes, the limit of Linux.",
    "value.device": "{name} is not a valid device name. Linux allows at most {most} letters, digits, dots and dashes.",
    "value.path": "Enter the full path of a folder on the host, for example /srv/tftp.",
    "value.domain": "Enter a DNS name: labels of letters, digits and dashes, separated by dots, for example lab.test.",
    "value.hostname": "The name is also the host name of the guest. Use letters, digits, dashes and dots, for example "
    "alma-8-8.",
    "value.mtu": "An MTU is at least {least} and at most {most}.",
    "value.cidr": "This is not an address with a prefix length, for example {example}.",
    "value.cidr_length": "Enter the address of the host with the prefix length, for example {example}.",
    "value.cidr_version": "This is an IPv{found} block. Enter an IPv{version} block.",
    "value.cidr_zone": "An address of a network cannot have a zone (%…).",
    "value.block_small": "A /{length} has no room for guests; the smallest block is a /{smallest}.",
    "value.block_itself": "This is the address of the block. Enter the address of the host in it, for example "
    "{example}.",
    "value.block_broadcast": "This is the broadcast address. Enter the address of the host, for example {example}.",
    "value.block_unusable": "Guests cannot use this block, because it is loopback, link-local, multicast or the whole "
    "address space.",
    "value.block_reserved": "Guests cannot use this block, because it is reserved.",
    "value.dhcp_block": "dnsmasq serves DHCP in IPv6 blocks of /64 or smaller.",
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
    "value.group_word": "{line}: {word} is unknown. Possible words are default, vlan=, trunk, native=, in= and out=.",
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

#: Why a text is no document of a network.
DOCUMENTS = {
    "value.xml": "This is not well-formed XML: {text}",
    "value.xml_doctype": "The XML of a network cannot have a DOCTYPE.",
    "value.xml_root": "This is a <{tag}>, not a <network>.",
}

#: Why a block is none of a route, without full stop.
ROUTE_BLOCKS = {
    "value.route_invalid": "'{text}' does not appear to be an IPv4 or IPv6 network",
    "value.route_host_bits": "{block} has host bits set",
}


def _dns_name(text: str, ascii: str) -> str:
    return (DNS_NAME_ASCII if ascii else DNS_NAME).format(text=text, ascii=ascii)


DNS_NAME = "{text} is not a DNS name. A DNS name has labels of letters, digits and dashes, separated by dots."
DNS_NAME_ASCII = (
    "{text} is not a DNS name. A DNS name has labels of letters, digits and dashes, separated by dots; in ASCII it is "
    "{ascii}."
)

add_wording(ADDRESSES | IDS | FIELDS | LINES | TEXTS | DOCUMENTS | ROUTE_BLOCKS | {"value.dns_name": _dns_name})
