"""The texts for why a DHCP reservation is not possible. Pure: no decision depends on them."""

from networks.addresses.wording import guest
from virterweb.messages import add_wording

CONFLICTS = {
    "reservation.no_block": "{ip} is outside all blocks of this network: {blocks}.",
    "reservation.no_blocks": "{ip} is outside all blocks of this network: it has none.",
    "reservation.other_block": "{ip} is in {block}, but libvirt serves DHCP only in {served} of this network.",
    "reservation.host": "{ip} is the address of the host in {block}.",
    "reservation.block_itself": "{ip} is the address of the block {block} itself.",
    "reservation.broadcast": "{ip} is the broadcast address of {block}.",
    "reservation.guest_taken": "{guest} already has {ip} here.",
    "reservation.repeated": "{value} is already in line {line}.",
    "reservation.mac_of_ipv6": "An IPv6 guest is identified by its DUID or name, not by its MAC.",
    "reservation.duid_of_ipv4": "Only an IPv6 guest is identified by a DUID.",
    "reservation.no_guest": "Enter the MAC of the guest, or the DUID of an IPv6 guest.",
}


#: Why a pasted line is no reservation.
PASTED = {
    "paste.length": "This line has {length} characters. A DHCP reservation may have at most {most}.",
    "paste.option": "{option}= is not supported. Of dnsmasq’s options, only dhcp-host= is a DHCP reservation.",
    "paste.quote": "{line}: a quotation mark is missing.",
    "paste.word": "{word} is not understood. A reservation has a MAC or id:DUID, an address, a name and a lease time.",
    "paste.element": "{text} is not supported. Of libvirt’s elements, only <host …/> can be pasted, one per line.",
    "paste.xml": "{text} is not a complete <host …/>: {problem}.",
    "paste.name": "{name} cannot be the name of a guest, because it has another meaning in such a line.",
}


def _ip_taken(ip: str, known: str, name: str) -> str:
    return IP_TAKEN.format(ip=ip, guest=guest(known, name))


def _name_taken(name: str, known: str, ip: str) -> str:
    return NAME_TAKEN.format(name=name, guest=guest(known, ip))


def _leased(ip: str, known: str, mac: str, until: str) -> str:
    return LEASED["until" if until else "always"].format(ip=ip, guest=guest(known, mac), until=until)


LEASED = {
    "always": "{ip} is leased to {guest}. That guest keeps it until it renews its lease. Another guest gets it "
    "only after that.",
    "until": "{ip} is leased to {guest} until {until}. That guest keeps it until it renews its lease. Another guest "
    "gets it only after that.",
}
IP_TAKEN = "{ip} is already reserved for {guest}."
NAME_TAKEN = "{name} is already the name of {guest}."

add_wording(
    CONFLICTS
    | PASTED
    | {"reservation.ip_taken": _ip_taken, "reservation.name_taken": _name_taken, "reservation.leased": _leased}
)
