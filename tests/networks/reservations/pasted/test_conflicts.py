"""An entry that conflicts with another one has an error message."""

import pytest

from networks.definition.spec import HostSpec
from networks.reservations.pasted import Index
from tests.networks.reservations.pasted.pasted_entries import BLOCKS, DUID, EIGHT, HELD, MAC
from tests.support.rewording import reworded  # noqa: F401


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (HostSpec(mac=MAC, ip="10.255.0.20"), [("mac", f"{MAC} already has 10.255.0.8 here.")]),
        (HostSpec(duid=DUID, ip="fd00::20"), [("duid", f"{DUID} already has fd00::8 here.")]),
        (
            HostSpec(mac="52:54:00:00:00:20", ip="10.255.0.8"),
            [("ip", f"10.255.0.8 is already reserved for {MAC} (eight).")],
        ),
        (HostSpec(name="a", ip="10.255.0.7"), [("ip", "10.255.0.7 is already reserved for seven.")]),
        (HostSpec(name="a", ip="fd00::8"), [("ip", f"fd00::8 is already reserved for id:{DUID} (six).")]),
        (
            HostSpec(mac="52:54:00:00:00:20", ip="10.255.0.20", name="Eight"),
            [("name", f"Eight is already the name of {MAC} (10.255.0.8).")],
        ),
        (HostSpec(name="SEVEN", ip="10.255.0.20"), [("name", "SEVEN is already the name of 10.255.0.7.")]),
        (
            HostSpec(name="a", ip="10.9.0.1"),
            [("ip", "10.9.0.1 is outside all blocks of this network: 10.255.0.0/24, fd00::/64.")],
        ),
        (HostSpec(name="a", ip="10.255.0.0"), [("ip", "10.255.0.0 is the address of the block 10.255.0.0/24 itself.")]),
        (HostSpec(name="a", ip="10.255.0.255"), [("ip", "10.255.0.255 is the broadcast address of 10.255.0.0/24.")]),
        (HostSpec(name="a", ip="10.255.0.1"), [("ip", "10.255.0.1 is the address of the host in 10.255.0.0/24.")]),
        (HostSpec(name="a", ip="fd00::"), [("ip", "fd00:: is the address of the block fd00::/64 itself.")]),
        (HostSpec(name="a", ip="fd00::1"), [("ip", "fd00::1 is the address of the host in fd00::/64.")]),
        (HostSpec(name="a", ip="fd00::ffff:ffff:ffff:ffff"), []),
        (HostSpec(name="a", ip="10.255.0.254"), []),
        (HostSpec(name="eight", ip="fd00::20"), []),
        (
            HostSpec(mac=MAC, ip="10.255.0.9", name="seven"),
            [
                ("mac", f"{MAC} already has 10.255.0.8 here."),
                ("ip", "10.255.0.9 is already reserved for 52:54:00:00:00:09 (nine)."),
                ("name", "seven is already the name of 10.255.0.7."),
            ],
        ),
    ],
)
def test_a_conflict_names_the_field_and_the_other_entry(host, said):
    assert [(field, str(reason)) for field, reason in Index(HELD, BLOCKS).conflicts(host)] == said


def test_a_network_without_blocks_accepts_no_entry():
    ((field, reason),) = Index((), ()).conflicts(EIGHT)
    assert (field, str(reason)) == ("ip", "10.255.0.8 is outside all blocks of this network: it has none.")


def test_an_entry_does_not_conflict_with_the_one_that_it_replaces():
    moved = HostSpec(mac=MAC, ip="10.255.0.20", name="eight")
    assert Index(HELD, BLOCKS).conflicts(moved, was=EIGHT) == ()


def test_an_added_entry_conflicts_with_later_ones():
    index = Index((), BLOCKS)
    index.add(EIGHT)
    assert [field for field, _ in index.conflicts(EIGHT)] == ["mac", "ip", "name"]


def test_different_spellings_conflict():
    """Documents from outside the portal keep their own spelling."""
    held = (HostSpec(duid="0:3:0:1:52:54:0:0:0:8", ip="FD00:0:0::8"), HostSpec(mac="52:54:0:0:0:8", ip="10.255.0.8"))
    index = Index(held, BLOCKS)
    assert [field for field, _ in index.conflicts(HostSpec(duid=DUID, ip="fd00::8"))] == ["duid", "ip"]
    assert [field for field, _ in index.conflicts(HostSpec(mac=MAC, ip="10.255.0.20"))] == ["mac"]


def test_conflicts_are_codes_independent_of_the_wording(reworded):  # noqa: F811
    reworded()
    found = Index(HELD, BLOCKS).conflicts(HostSpec(mac=MAC, ip="10.255.0.9", name="seven"))
    assert [(field, reason.code) for field, reason in found] == [
        ("mac", "reservation.guest_taken"),
        ("ip", "reservation.ip_taken"),
        ("name", "reservation.name_taken"),
    ]
    assert {str(reason) for _, reason in found} == {"XXXX"}
