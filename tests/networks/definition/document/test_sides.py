"""A difference between the desired, stored and running documents says which of them has it."""

import pytest

from networks.definition.document.compare import drifts
from tests.networks.definition.document.compared_documents import dhcp, network


def sides(saved: str, stored: str, running: str = "") -> list[tuple[str, str, str, str | None]]:
    return [(one.title, one.saved, one.stored, one.running) for one in drifts(saved, stored, running)]


ENTRY = "<host mac='52:54:00:00:00:08' ip='10.0.0.8'/>"
AN_ENTRY = "52:54:00:00:00:08 10.0.0.8"
OF_BLOCK = "DHCP reservation of 10.0.0.1/24"
DOMAIN = network("<domain name='x'/>")
SIDES = {
    "all the same": (network(""), network(""), network(""), [], []),
    "an entry runs alone": (
        *(dhcp(""), dhcp(""), dhcp(ENTRY)),
        [(OF_BLOCK, "", "", AN_ENTRY)],
        [f"{OF_BLOCK} {AN_ENTRY} was added outside the portal, only in the running network"],
    ),
    "an entry is stored alone": (
        *(dhcp(""), dhcp(ENTRY), dhcp("")),
        [(OF_BLOCK, "", AN_ENTRY, "")],
        [f"{OF_BLOCK} {AN_ENTRY} was added outside the portal, only in the stored definition"],
    ),
    "an entry was added to both": (
        *(dhcp(""), dhcp(ENTRY), dhcp(ENTRY)),
        [(OF_BLOCK, "", AN_ENTRY, AN_ENTRY)],
        [f"{OF_BLOCK} {AN_ENTRY} was added outside the portal"],
    ),
    "an entry was taken from what runs": (
        *(dhcp(ENTRY), dhcp(ENTRY), dhcp("")),
        [(OF_BLOCK, AN_ENTRY, AN_ENTRY, "")],
        [f"{OF_BLOCK} {AN_ENTRY} is missing in the running network"],
    ),
    "an entry was taken from both": (
        *(dhcp(ENTRY), dhcp(""), dhcp("")),
        [(OF_BLOCK, AN_ENTRY, "", "")],
        [f"{OF_BLOCK} {AN_ENTRY} is missing"],
    ),
    "an entry of an inactive one": (
        *(dhcp(""), dhcp(ENTRY), ""),
        [(OF_BLOCK, "", AN_ENTRY, None)],
        [f"{OF_BLOCK} {AN_ENTRY} was added outside the portal"],
    ),
    "a field is stored otherwise than it runs": (
        *(network(""), DOMAIN, network("")),
        [("Domain", "", "x", "")],
        ["Domain: stored x, running none, expected none"],
    ),
    "three values of one field": (
        *(network("<mtu size='1'/>"), network("<mtu size='2'/>"), network("<mtu size='3'/>")),
        [("MTU", "1", "2", "3")],
        ["MTU: stored 2, running 3, expected 1"],
    ),
    "a title, which a running network does not learn": (
        *(network("<title>a</title>"), network("<title>b</title>"), network("<title>a</title>")),
        [("Title", "a", "b", "b")],
        ["Title: found b, expected a"],
    ),
}


@pytest.mark.parametrize("case", SIDES)
def test_each_difference_says_which_side_has_it(case):
    saved, stored, running, expected, said = SIDES[case]
    assert sides(saved, stored, running) == expected
    assert [str(one) for one in drifts(saved, stored, running)] == said
