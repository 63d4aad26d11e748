"""Entries and networks for the tests of pasted text."""

from networks.definition.spec import HostSpec, SubnetSpec
from networks.reservations.pasted import read

MAC, DUID = "52:54:00:00:00:08", "00:03:00:01:52:54:00:00:00:08"
EIGHT = HostSpec(mac=MAC, ip="10.255.0.8", name="eight")
NINE = HostSpec(mac="52:54:00:00:00:09", ip="10.255.0.9", name="nine", lease=43200)
SIX = HostSpec(duid=DUID, ip="fd00::8", name="six")
NAMED = HostSpec(ip="10.255.0.7", name="seven")
HELD = (EIGHT, NINE, SIX, NAMED)
BLOCKS = (SubnetSpec(address="10.255.0.1", prefix=24), SubnetSpec(address="fd00::1", prefix=64))


def hosts(text: str) -> list[HostSpec | None]:
    return [line.host for line in read(text)]
