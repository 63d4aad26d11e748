"""Networks to copy, and the differences that a copy must name."""

import re
from ipaddress import ip_interface

from networks.definition import addressing
from networks.definition.document.compare import differences
from networks.definition.spec import HostSpec, RangeSpec, SubnetSpec
from tests import DATA

FOLDER = DATA / "networks"
FILES = sorted(path.stem for path in FOLDER.glob("*.xml"))
HOSTILE = [
    "it's",
    '"quoted" \\ back\\slash\\',
    "$(touch made) `touch made` $HOME ${HOME} !! %{x} $${y} %%{z}",
    "a; touch made # & | > made",
    "-leading",
    "--help",
    "END",
    "ü ☃ 🙂",
]


def read(name: str) -> str:
    return (FOLDER / f"{name}.xml").read_text()


def block(cidr: str, dhcp: bool = False, hosts: tuple[HostSpec, ...] = ()) -> SubnetSpec:
    interface = ip_interface(cidr)
    ranges = ()
    if dhcp:
        start, end = addressing.dhcp_range(interface)
        ranges = (RangeSpec(start=str(start), end=str(end)),)
    return SubnetSpec(address=str(interface.ip), prefix=interface.network.prefixlen, ranges=ranges, hosts=hosts)


def generated(cidr: str, mac: str, first_id: int, count: int) -> tuple[HostSpec, ...]:
    made = addressing.generated_hosts(ip_interface(cidr), mac, first_id, count)
    return tuple(HostSpec(mac=mac, ip=str(ip)) for mac, ip in made)


def named_fields(text: str) -> set[str]:
    """Return the fields that the last comment before the command names."""
    found = re.findall(r"^# [^:\n]+: (.+)$", text, re.MULTILINE)
    return set(found[-1].split(", ")) if found else set()


def missing_fields(document: str, made: str) -> set[str]:
    return {str(one.field) for one in differences(document, made)}
