"""The consequences of blocks that are typed or proposed: host address, DHCP range and number of addresses."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface

from django.core.exceptions import ValidationError

from networks.definition import rules
from networks.definition.spec import RangeSpec, SubnetSpec


@dataclass(frozen=True, kw_only=True)
class BlockFacts:
    """The consequences of a typed block, shown beside its field."""

    host: str
    start: str
    end: str
    count: int
    dhcp: bool
    guests_do: str


def facts_of(blocks: Mapping[str, IPv4Interface | IPv6Interface | None], dhcp: bool) -> dict[str, BlockFacts]:
    """Return the facts of those blocks that have a range, by the names of their fields."""
    facts = {}
    for field, interface in blocks.items():
        if not interface:
            continue
        try:
            start, end = rules.dhcp_range(interface)
        except ValidationError:
            continue
        count = int(end) - int(start) + 1
        subnet = SubnetSpec(address=str(interface.ip), prefix=interface.network.prefixlen)
        subnet = replace(subnet, ranges=(RangeSpec(start=str(start), end=str(end)),) if dhcp else ())
        facts[field] = BlockFacts(
            host=str(interface.ip),
            start=str(start),
            end=str(end),
            count=count,
            dhcp=dhcp,
            guests_do=subnet.guests_do if interface.version == 6 else "",
        )
    return facts
