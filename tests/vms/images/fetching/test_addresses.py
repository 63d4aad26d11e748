"""A URL reaches nothing that only the worker's machine can reach, unless an operator allows the host."""

import socket
from ipaddress import ip_address

import pytest

from virterweb.hypervisors.gateway.found import Refused
from vms.images.fetching import addresses
from vms.images.fetching.unavailable import Unavailable

HOSTILE = (
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.122.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.170",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:a00:1::",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
)
PUBLIC = ("8.8.8.8", "151.101.2.132", "2a04:4e42::644", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1")


@pytest.mark.parametrize("address", HOSTILE)
def test_an_address_that_is_not_public_is_refused(address):
    assert not addresses.is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_accepted(address):
    assert addresses.is_public(ip_address(address))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "::1", "0"])
def test_no_spelling_of_the_own_machine_is_reached(host):
    with pytest.raises(Refused, match="not public") as problem:
        addresses.resolve(host, 80, frozenset())
    assert "An operator of all hypervisors can allow this host" in str(problem.value.message)


def test_a_host_that_an_operator_allows_may_have_any_address():
    assert addresses.resolve("127.0.0.1", 80, {"127.0.0.1"}) == ["127.0.0.1"]
    assert "127.0.0.1" in addresses.resolve("LOCALHOST", 80, {"localhost"})
    with pytest.raises(Refused):
        addresses.resolve("127.0.0.2", 80, {"127.0.0.1"})


def test_of_a_name_with_several_addresses_only_public_ones_are_used(monkeypatch):
    found = [(2, 1, 6, "", (address, 80)) for address in ("10.0.0.1", "8.8.8.8", "169.254.169.254", "8.8.8.8")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: found)
    assert addresses.resolve("mixed.example", 80, frozenset()) == ["8.8.8.8"]


def test_a_name_that_cannot_be_resolved_is_tried_again():
    with pytest.raises(Unavailable, match="cannot be resolved"):
        addresses.resolve("nowhere.invalid", 80, frozenset())
