"""The texts for the problems of a network's document. Pure: no decision depends on them."""

from virterweb.messages import add_wording

DOCUMENT = {
    "xml.no_name": "A network needs a name.",
    "xml.name": "The name must stay {name}, because libvirt cannot rename a network.",
    "xml.uuid": "The UUID must stay {uuid}, because libvirt cannot change the UUID of a network.",
}

BLOCKS = {
    "xml.prefix_and_netmask": "A block can have a prefix or a netmask, but not both.",
    "xml.block": "“{text}” is not an address with a prefix length, for example 10.255.0.1/24.",
    "xml.own_overlap": "{block} overlaps {other} of the same network.",
    "xml.block_taken": "{block} is taken.",
    "xml.overlap": "{block} overlaps {other}.",
}

RESERVATIONS = {
    "xml.ip_taken": "{ip} is already reserved for {guest}.",
    "xml.host_ip": "“{text}” is not an IP address. Correct the attribute ip= of <host>.",
    "xml.no_guest": "<host> needs mac=, name= or, for IPv6, id=, which identifies the guest.",
    "xml.mac": "{reason} ({mac})",
    "xml.name_length": "A name can have at most {most} characters.",
    "xml.duid_length": "A DUID can have at most {most} characters.",
}

RANGES = {
    "xml.range_ip": "“{text}” is not an IP address. A range needs a start and an end.",
    "xml.range_order": "{first}-{last}: the first address of a range must be the lower one.",
    "xml.lease": "“{text}” is not a lease time. The attribute expiry= is a number; 0 means infinite.",
}

ROUTES = {
    "xml.route": "“{text}” is not a block for a route, for example address='10.8.0.0' prefix='16'.",
    "xml.gateway": "“{text}” is not an IP address. A route needs a gateway.",
}

add_wording(DOCUMENT | BLOCKS | RESERVATIONS | RANGES | ROUTES)
