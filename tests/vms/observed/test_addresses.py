"""The addresses of a NIC: all leases of its MAC, and what else reports them."""

from datetime import UTC, datetime

from vms.observed.addresses import Address, Lease, NICAddresses, Source, joined


def test_a_nic_without_a_lease_has_no_address():
    assert joined((), ()) == NICAddresses()


def test_all_leases_of_a_mac_are_shown_ipv4_first():
    leases = (
        Lease(ip="fd00::8"),
        Lease(ip="192.168.122.10", hostname="alma"),
        Lease(ip="192.168.122.9", hostname="other"),
    )
    known = joined(leases, ())
    assert known.ips == known.leased == ("192.168.122.9", "192.168.122.10", "fd00::8")
    assert known.hostname == "alma"


def test_the_end_of_the_ipv4_lease_is_shown():
    four, six = datetime(2026, 5, 1, 9, tzinfo=UTC), datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert joined((Lease(ip="fd00::8", until=six), Lease(ip="10.0.0.8", until=four)), ()).until == four


def test_addresses_are_listed_once_from_the_agent_then_leases_then_arp():
    leases = tuple(Lease(ip=ip) for ip in ("fd00::9", "10.0.0.9", "192.168.122.8"))

    def reported(source: Source, *ips: str) -> list[Address]:
        return [Address(ip=ip, source=source) for ip in ips]

    arp = reported(Source.ARP, "192.168.122.8", "10.0.0.2", "10.0.0.1")
    agent = reported(Source.AGENT, "fd00::8", "10.0.0.2", "10.0.0.10", "192.168.122.8")
    known = joined(leases, arp + agent)
    assert known.addresses == (
        Address(ip="192.168.122.8", source=Source.AGENT, also=(Source.LEASE, Source.ARP)),
        Address(ip="10.0.0.2", source=Source.AGENT, also=(Source.ARP,)),
        Address(ip="10.0.0.10", source=Source.AGENT),
        Address(ip="fd00::8", source=Source.AGENT),
        Address(ip="10.0.0.9", source=Source.LEASE),
        Address(ip="fd00::9", source=Source.LEASE),
        Address(ip="10.0.0.1", source=Source.ARP),
    )
    assert known.leased == ("192.168.122.8", "10.0.0.9", "fd00::9")
    assert [address.tag for address in known.addresses] == ["", "agent", "agent", "agent", "", "", "ARP"]
    assert known.addresses[0].hint == "reported by the guest’s agent and a lease and the host’s ARP table"


def test_an_address_is_as_old_as_its_first_report():
    early, late = datetime(2026, 5, 1, 9, tzinfo=UTC), datetime(2026, 5, 1, 10, tzinfo=UTC)
    leases = (Lease(ip="10.0.0.1", since=early), Lease(ip="10.0.0.3"))
    agent = Address(ip="10.0.0.1", source=Source.AGENT, since=late)
    arp = Address(ip="10.0.0.2", source=Source.ARP, since=late)
    assert {address.ip: address.since for address in joined(leases, (agent, arp)).addresses} == {
        "10.0.0.1": early,
        "10.0.0.2": late,
        "10.0.0.3": None,
    }
