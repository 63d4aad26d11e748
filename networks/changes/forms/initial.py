"""Values of the form's fields for a definition."""

from networks.changes.forms.checks import FAMILIES
from networks.definition import addressing
from networks.definition.spec import NetworkSpec, RangeSpec, SubnetSpec

# Fields that are a definition's of the same name, and those that all together make its blocks.
PLAIN = ("forward_mode", "forward_devices", "nat_ipv6", "bridge", "stp", "mtu", "isolated_ports", "domain")
PLAIN += ("forwarders", "dns_hosts", "routes", "inbound", "outbound", "port_groups", "title", "description")
PLAIN += ("dnsmasq_options",)


def default_range(interface: object) -> RangeSpec:
    """Return the DHCP range that Virter gives a block."""
    start, end = addressing.dhcp_range(interface)
    return RangeSpec(start=str(start), end=str(end))


def initial_of(spec: NetworkSpec) -> dict[str, object]:
    """Return the values of the fields for a definition; DHCP is ticked if every block has a range."""
    first, further = first_blocks(spec)
    boot = first[4] or SubnetSpec(address="", prefix=0)
    dhcp = bool(spec.subnets) and all(subnet.ranges for subnet in spec.subnets)
    ranges = [
        each for subnet in spec.subnets for each in subnet.ranges if not (dhcp and subnet.ranges == (_whole(subnet),))
    ]
    same = (*PLAIN, "name", "nat_ports", "nat_addresses", "hosts")
    return {
        **{name: getattr(spec, name) for name in same},
        **{name: subnet.cidr if (subnet := first[family]) else "" for name, family in FAMILIES.items()},
        "blocks": tuple(subnet.cidr for subnet in further),
        "dhcp": dhcp,
        "ranges": tuple(ranges),
        "dns": "yes" if spec.dns else "no",
        "local_only": spec.local_only if spec.domain else True,
        **{name: getattr(boot, name) for name in ("tftp_root", "boot_file", "boot_server")},
    }


def first_blocks(spec: NetworkSpec) -> tuple[dict[int, SubnetSpec | None], list[SubnetSpec]]:
    """Return the first block of each family, which have their own fields, and the further blocks."""
    first: dict[int, SubnetSpec | None] = {4: None, 6: None}
    further = []
    for subnet in spec.subnets:
        if first[subnet.family] is None:
            first[subnet.family] = subnet
        else:
            further.append(subnet)
    return first, further


def known_values(spec: NetworkSpec, shown: dict[str, object]) -> dict[str, object]:
    """Return the cleaned values of the fields as they are shown, even if the form would refuse them."""
    first = {name: spec.block(family) for name, family in FAMILIES.items()}
    further = tuple(subnet.interface for subnet in first_blocks(spec)[1])
    return {**shown, **first, "blocks": further, "move_along": False}


def _whole(subnet: SubnetSpec) -> RangeSpec | None:
    try:
        return default_range(subnet.interface)
    except ValueError:
        return None
