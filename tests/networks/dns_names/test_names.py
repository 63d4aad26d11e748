"""The DNS names that a network serves, and the answers that are expected."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from networks.definition.spec import DNSHostSpec, HostSpec, NetworkSpec, SubnetSpec
from networks.dns_names.names import Source, State, names, questions

FIXED = HostSpec(mac="52:54:00:00:00:77", ip="10.0.0.77", name="fixed")
SPEC = NetworkSpec(
    name="net1",
    domain="Net1.test",
    dns_hosts=(DNSHostSpec(ip="10.0.0.5", names=("mirror", "a.other.test")),),
    subnets=(
        SubnetSpec(address="10.0.0.1", prefix=24, hosts=(FIXED,)),
        SubnetSpec(address="fd00::1", prefix=64, hosts=(HostSpec(name="six.elsewhere", ip="fd00::6"),)),
    ),
)


def state(*leases: tuple[str, str], answers: Mapping[str, list[str]] | None = None, **spec: object) -> dict[str, State]:
    return {f"{one.name} {one.ip}": one.state for one in names(replace(SPEC, **spec), leases, answers)}


def test_names_have_the_domain_as_in_dnsmasq():
    assert [(one.name, one.source, one.ip) for one in names(SPEC, [("10.0.0.8", "Guest")])] == [
        ("a.other.test", Source.DNS_HOST, "10.0.0.5"),
        ("fixed.net1.test", Source.HOST_ENTRY, "10.0.0.77"),
        ("guest.net1.test", Source.LEASE, "10.0.0.8"),
        ("mirror.net1.test", Source.DNS_HOST, "10.0.0.5"),
        ("six.net1.test", Source.HOST_ENTRY, "fd00::6"),
    ]


def test_names_of_a_network_without_a_domain_have_no_suffix():
    found = names(replace(SPEC, domain=""), [("10.0.0.8", "guest")])
    assert [one.name for one in found] == ["a.other.test", "fixed", "guest", "mirror", "six"]


def test_the_lease_of_a_reserved_address_adds_no_second_name():
    found = [one for one in names(SPEC, [("10.0.0.77", "fixed")]) if one.name == "fixed.net1.test"]
    assert [(one.source, one.served, one.duplicate) for one in found] == [(Source.HOST_ENTRY, True, False)]


def test_a_guest_without_a_host_name_has_no_name():
    assert len(names(SPEC, [("10.0.0.8", "")])) == len(names(SPEC, []))


def test_a_name_with_several_addresses_lists_the_duplicates():
    found = names(SPEC, [("10.0.0.8", "mirror"), ("10.0.0.9", "mirror"), ("10.0.0.10", "other")])
    mirrors = [one for one in found if one.name == "mirror.net1.test"]
    assert [(one.ip, one.tag) for one in mirrors] == [(f"10.0.0.{last}", "3 times") for last in (5, 8, 9)]
    assert mirrors[0].others == ("10.0.0.8", "10.0.0.9")
    assert [one.tag for one in found if one.name == "other.net1.test"] == [""]


def test_a_guest_with_an_address_of_each_family_is_no_duplicate():
    found = names(SPEC, [("10.0.0.8", "both"), ("fd00::8", "both")])
    assert [one.duplicate for one in found if one.name == "both.net1.test"] == [False, False]


@pytest.mark.parametrize("spec", [{"dns": False}, {"subnets": ()}])
def test_a_network_without_a_dnsmasq_serves_no_names(spec):
    assert names(replace(SPEC, **spec), [("10.0.0.8", "guest")]) == ()
    assert questions(replace(SPEC, **spec), [("10.0.0.8", "guest")]) == []


def test_only_served_names_are_queried_in_the_families_of_their_addresses():
    assert questions(SPEC, [("10.0.0.8", "both"), ("fd00::8", "both"), ("fd00::6", "six")]) == [
        ("a.other.test", 4),
        ("both.net1.test", 4),
        ("both.net1.test", 6),
        ("mirror.net1.test", 4),
        ("six.net1.test", 6),
    ]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (None, State.NOT_ASKED),
        ({"other.test": ["10.0.0.5"]}, State.NOT_ASKED),
        ({"mirror.net1.test": []}, State.NO_ANSWER),
        ({"mirror.net1.test": ["fd00::5"]}, State.NO_ANSWER),
        ({"mirror.net1.test": ["10.0.0.5"]}, State.AS_EXPECTED),
        ({"mirror.net1.test": ["10.0.0.5", "fd00::5"]}, State.AS_EXPECTED),
        ({"mirror.net1.test": ["10.0.0.6"]}, State.DIFFERS),
        ({"mirror.net1.test": ["10.0.0.5", "10.0.0.6"]}, State.DIFFERS),
    ],
)
def test_an_answer_is_compared_with_the_expected_addresses(answers, said):
    assert state(answers=answers)["mirror.net1.test 10.0.0.5"] == said


def test_both_addresses_of_a_name_are_expected_where_both_are_answered():
    hosts = (*SPEC.dns_hosts, DNSHostSpec(ip="10.0.0.6", names=("mirror",)))
    both = {"mirror.net1.test": ["10.0.0.5", "10.0.0.6"]}
    found = state(dns_hosts=hosts, answers=both)
    assert {found[f"mirror.net1.test 10.0.0.{last}"] for last in (5, 6)} == {State.AS_EXPECTED}
    found = state(("10.0.0.8", "mirror"), answers={"mirror.net1.test": ["10.0.0.5"]})
    assert found["mirror.net1.test 10.0.0.8"] == State.DIFFERS  # the DNS host has the name


def test_the_name_of_a_reservation_waits_for_the_lease_of_its_guest():
    key = "fixed.net1.test 10.0.0.77"
    assert state()[key] == State.NO_LEASE
    assert state(("10.0.0.77", ""))[key] == State.NOT_ASKED
    assert state(("10.0.0.77", "fixed"), answers={"fixed.net1.test": ["10.0.0.77"]})[key] == State.AS_EXPECTED
    assert state(answers={"fixed.net1.test": ["10.0.0.5"]})[key] == State.NO_LEASE
