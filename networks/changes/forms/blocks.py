"""The form's blocks with the ranges and reservations that belong to each."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from ipaddress import ip_address

from networks.changes.forms import checks
from networks.definition.document.parse import read
from networks.definition.spec import SubnetSpec


def within(address: object, first: object, last: object) -> bool:
    return address.version == first.version and first <= address <= last


def take_block(subnets: list[SubnetSpec], cidr: str) -> SubnetSpec | None:
    """Remove the first subnet of that block from the list and return it."""
    found = next((subnet for subnet in subnets if subnet.cidr == cidr), None)
    if found:
        subnets.remove(found)
    return found


def placed(
    parts: Iterable[Hashable], where: Callable[[object], str], were: list[tuple], blocks: list[checks.Interface]
) -> list[list]:
    """Return the parts of each block: those that it had, and new ones whose address is in it."""
    left = Counter(parts)
    held = [[part for part in had if left[part] > 0 and not left.subtract([part])] for had in were]
    for part in left.elements():
        index = next((index for index, block in enumerate(blocks) if ip_address(where(part)) in block.network), None)
        if index is not None:
            held[index].append(part)
    return held


def beyond_the_form(document: str) -> dict[str, object]:
    """Return what a document has that the form does not show and that its fields must be compatible with."""
    root = read(document)
    switches = root.xpath("portgroup[virtualport/@type='openvswitch']/@name")
    return {
        "records": bool(root.xpath("dns/txt | dns/srv")),
        "switch": bool(root.xpath("virtualport[@type='openvswitch']")),
        "switch_groups": frozenset(map(str, switches)),
    }
