"""Queries of the address search: how a text is interpreted, and which leases match it."""

from collections.abc import Callable
from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from networks.addresses.query import Question
from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus, Lease, Network
from tests.support.examples import examples
from tests.support.making import make_foreign_network, make_hypervisor, make_lease

MAC, OTHER_MAC, SIX_MAC = "52:54:00:b3:72:d7", "52:54:00:00:00:08", "02:ab:cd:ef:01:23"


@pytest.fixture
def network(db, enqueued) -> Network:
    return make_foreign_network(make_hypervisor())


@pytest.fixture
def three(network) -> None:
    """Three leases: 207, 8 and, of IPv6, six."""
    make_lease(network, MAC, "10.255.0.207", "alma-8-207", vm="web")
    make_lease(network, OTHER_MAC, "10.255.10.8", "debian")
    make_lease(network, SIX_MAC, "fd00:255::6", "beef-farm")


@pytest.fixture
def entries(network) -> Callable[[str], list[str]]:
    """Two DHCP reservations; called with a text, the IPs of those that answer it."""
    hosts = (HostSpec(mac=MAC, ip="10.255.0.207", name="alma"), HostSpec(mac=OTHER_MAC, ip="10.255.0.8"))
    DHCPHostStatus.objects.bulk_create(DHCPHostStatus.of(network, host) for host in hosts)

    def answering(text: str) -> list[str]:
        return list(DHCPHostStatus.objects.filter(Question(text=text).hosts()).values_list("ip", flat=True))

    return answering


def answering(text: str) -> list[str]:
    """The IPs of the leases that answer it."""
    return list(Lease.objects.filter(Question(text=text).leases()).order_by("sort_key").values_list("ip", flat=True))


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("10.255.0.207", "10.255.0.207/32"),
        ("10.255.0.0/24", "10.255.0.0/24"),
        ("10.255.0.207/24", "10.255.0.0/24"),
        ("10.255.0.0/255.255.255.0", "10.255.0.0/24"),
        ("10.", "10.0.0.0/8"),
        ("10.255", "10.255.0.0/16"),
        ("10.255.", "10.255.0.0/16"),
        ("10.255.0", "10.255.0.0/24"),
        ("10.255.0.", "10.255.0.0/24"),
        ("10.255.0.*", "10.255.0.0/24"),
        ("10.*", "10.0.0.0/8"),
        ("fd00:255::6", "fd00:255::6/128"),
        ("FD00:0255:0:0:0:0:0:6", "fd00:255::6/128"),
        ("fd00:0255:0000:0000:0000:0000:0000:0006", "fd00:255::6/128"),
        ("[fd00:255::6]", "fd00:255::6/128"),
        ("fd00:255::/64", "fd00:255::/64"),
        ("fd00:255::6/64", "fd00:255::/64"),
    ],
)
def test_addresses_are_asked_for_singly_by_block_or_as_far_as_they_are_typed(text, block):
    assert Question(text=text).block == ip_network(block)


@pytest.mark.parametrize(
    "text",
    ["", "10", "255", "300.", "10.300.0", "10.255.0.300", "10.255.0.0/33", "10..", "b3:72", "525400b372d7", "alma-8-8"],
)
def test_text_that_is_not_an_address_matches_no_block(text):
    assert Question(text=text).block is None


@pytest.mark.parametrize(
    "text",
    ["52:54:00:b3:72:d7", "52:54:00:B3:72:D7", "52-54-00-b3-72-d7", "5254.00b3.72d7", "5254.00B3.72D7", "525400b372d7"],
)
def test_a_whole_mac_is_known_in_every_spelling(text, three):
    assert Question(text=text).mac == MAC
    assert answering(text) == ["10.255.0.207"]


@pytest.mark.parametrize(
    "text",
    [
        "b3:72",
        "B3:72",
        "b3-72",
        "3:72",
        "3:72:d",
        ":b3",
        "00:b3:",
        "b372d7",
        "372d",
        "5254.00b3",
        "5254:00:b3",
        "54-00-b3",
    ],
)
def test_a_part_of_a_mac_is_found_wherever_its_colons_are(text, three, entries):
    assert answering(text) == ["10.255.0.207"]
    assert entries(text) == ["10.255.0.207"]


@pytest.mark.parametrize("text", ["b3:73", "b372d8", "b3.72.d7.00", "52:54:00:b3:72:d7:00", "72:b3", "g3:72"])
def test_a_text_that_no_mac_contains_finds_none(text, three, entries):
    assert answering(text) == entries(text) == []


def test_a_few_bare_digits_are_of_a_name_not_of_a_mac(network, entries):
    """They are in too many MACs: db is a name, although 52:54:00:00:db:07 has it."""
    make_lease(network, "52:54:00:00:db:07", "10.255.0.7", "alma")
    make_lease(network, "52:54:00:00:00:09", "10.255.0.9", "db")
    assert answering("db") == ["10.255.0.9"]
    assert answering("b07") == entries("b37") == []


@pytest.mark.parametrize(
    ("text", "ips"),
    [
        ("10.255.0.207", ["10.255.0.207"]),
        ("10.255.0.20", []),  # a whole address is that one
        ("10.255.0", ["10.255.0.207"]),
        ("10.255.1", []),  # no address begins with 10.255.1., although 10.255.10.8 does with its digits
        ("10.255.", ["10.255.0.207", "10.255.10.8"]),
        ("10.0.0.0/8", ["10.255.0.207", "10.255.10.8"]),
        ("10.255.0.208/28", []),
        ("0.0.0.0/0", ["10.255.0.207", "10.255.10.8"]),
        ("::/0", ["fd00:255::6"]),
        ("FD00:0255::0006", ["fd00:255::6"]),
        ("fd00:255::/32", ["fd00:255::6"]),
        ("b3:72", ["10.255.0.207"]),
        ("3:72", ["10.255.0.207"]),
        ("b372d7", ["10.255.0.207"]),
        ("52-54", ["10.255.0.207", "10.255.10.8"]),
        ("525400", ["10.255.0.207", "10.255.10.8"]),
        ("02:ab", ["fd00:255::6"]),
        ("beef", ["fd00:255::6"]),  # could be of a MAC too
        ("debian", ["10.255.10.8"]),
        ("ALMA", ["10.255.0.207"]),
        ("web", ["10.255.0.207"]),
        ("nobody", []),
        ("52:54:00:b3:72:d8", []),
        ("%", []),
        ("' OR 1=1", []),
    ],
)
def test_leases_answer_by_address_mac_host_name_and_vm(text, ips, three):
    assert answering(text) == ips


def test_leases_of_the_past_answer_too(network):
    make_lease(network, MAC, "10.255.0.207", last_seen="2026-11-24T22:00Z")
    assert answering("10.255.0.207") == answering(MAC) == ["10.255.0.207"]


def test_host_entries_answer_by_address_mac_and_name(entries):
    assert entries("10.255.0.207") == entries(MAC) == entries("525400b372d7") == entries("ALM") == ["10.255.0.207"]
    assert entries("10.255.0") == ["10.255.0.207", "10.255.0.8"]
    assert entries("debian") == []


macs = st.integers(1, 2**48 - 1).map(lambda number: (number & ~(1 << 40)) or 1)  # no multicast


@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(macs, min_size=1, max_size=3, unique=True))
def test_any_four_or_more_digits_of_a_mac_find_only_its_leases(network, numbers):
    Lease.objects.all().delete()
    held = {f"10.255.0.{place}": f"{number:012x}" for place, number in enumerate(numbers, 2)}
    for ip, digits in held.items():
        make_lease(network, ":".join(digits[at : at + 2] for at in range(0, 12, 2)), ip)
    digits = held["10.255.0.2"]
    for length in range(4, 13):
        for at in range(13 - length):
            text = digits[at : at + length]
            assert answering(text) == [ip for ip, whole in held.items() if text in whole], text
