"""Rows of list-attached: every NIC with all the leases of its MAC, and what else tells its addresses."""

from datetime import UTC, datetime

from vms.observed.attached import NIC, Address, Lease, Seen, Source, rows

MAC = "52:54:00:00:00:08"


def test_a_nic_without_a_lease_has_its_row():
    (row,) = rows((NIC(vm="alma-8-8", mac=MAC, target="vnet1"),), ())
    assert (row.vm, row.mac, row.ips, row.hostname, row.host_device) == ("alma-8-8", MAC, (), "", "vnet1")


def test_all_leases_of_a_mac_are_shown_ipv4_first():
    leases = (
        Lease(mac=MAC, ip="fd00::8", hostname=""),
        Lease(mac=MAC.upper(), ip="192.168.122.10", hostname="alma"),
        Lease(mac=MAC, ip="192.168.122.9", hostname="other"),
        Lease(mac="52:54:00:00:00:09", ip="192.168.122.7", hostname="stranger"),
    )
    (row,) = rows((NIC(vm="alma-8-8", mac=MAC, target=""),), leases)
    assert row.ips == ("192.168.122.9", "192.168.122.10", "fd00::8")
    assert row.hostname == "alma"


def test_rows_keep_the_order_of_the_nics():
    nics = tuple(NIC(vm=vm, mac=f"52:54:00:00:00:0{number}", target="") for number, vm in enumerate("bab"))
    assert [row.vm for row in rows(nics, ())] == ["b", "a", "b"]


def test_what_the_agent_says_comes_before_leases_and_those_before_arp_each_address_once():
    nic = NIC(vm="alma-8-8", mac=MAC, target="")
    leases = tuple(Lease(mac=MAC, ip=ip, hostname="") for ip in ("fd00::9", "10.0.0.9", "192.168.122.8"))

    def seen(source: Source, *ips: str) -> tuple[Seen, ...]:
        return tuple(Seen(vm="alma-8-8", mac=MAC.upper(), ip=ip, source=source) for ip in ips)

    arp = seen(Source.ARP, "192.168.122.8", "10.0.0.2", "10.0.0.1")
    agent = seen(Source.AGENT, "fd00::8", "10.0.0.2", "10.0.0.10", "192.168.122.8")
    (row,) = rows((nic,), leases, arp + agent)
    assert row.addresses == (
        Address(ip="192.168.122.8", source=Source.AGENT, also=(Source.LEASE, Source.ARP)),
        Address(ip="10.0.0.2", source=Source.AGENT, also=(Source.ARP,)),
        Address(ip="10.0.0.10", source=Source.AGENT),
        Address(ip="fd00::8", source=Source.AGENT),
        Address(ip="10.0.0.9", source=Source.LEASE),
        Address(ip="fd00::9", source=Source.LEASE),
        Address(ip="10.0.0.1", source=Source.ARP),
    )
    assert row.ips == ("192.168.122.8", "10.0.0.2", "10.0.0.10", "fd00::8", "10.0.0.9", "fd00::9", "10.0.0.1")
    assert [address.tag for address in row.addresses] == ["", "agent", "agent", "agent", "", "", "ARP"]
    assert row.addresses[0].hint == "told by the guest’s agent and a lease and the host’s ARP table"


def test_an_address_is_as_old_as_the_first_word_of_it():
    early, late = datetime(2026, 5, 1, 9, tzinfo=UTC), datetime(2026, 5, 1, 10, tzinfo=UTC)
    leases = (Lease(mac=MAC, ip="10.0.0.1", hostname="", since=early), Lease(mac=MAC, ip="10.0.0.3", hostname=""))
    seen = tuple(
        Seen(vm="a", mac=MAC, ip=ip, source=source, since=late)
        for ip, source in (("10.0.0.1", Source.AGENT), ("10.0.0.2", Source.ARP))
    )
    (row,) = rows((NIC(vm="a", mac=MAC, target=""),), leases, seen)
    assert {address.ip: address.since for address in row.addresses} == {
        "10.0.0.1": early,
        "10.0.0.2": late,
        "10.0.0.3": None,
    }


def test_an_address_stays_with_its_own_nic_even_where_two_vms_have_the_same_mac():
    nics = (
        NIC(vm="a", mac=MAC, target=""),
        NIC(vm="b", mac=MAC, target=""),
        NIC(vm="a", mac=MAC[:-1] + "9", target=""),
    )
    seen = (Seen(vm="b", mac=MAC, ip="10.0.0.1", source=Source.AGENT),)
    assert [row.ips for row in rows(nics, (), seen)] == [(), ("10.0.0.1",), ()]
