"""Rows of list-attached: every NIC with all the leases of its MAC, and what else tells its addresses."""

from vms.attached import NIC, Address, Lease, Seen, Source, rows

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


def test_leases_come_before_what_the_agent_says_and_that_before_arp_each_address_once():
    nic = NIC(vm="alma-8-8", mac=MAC, target="")
    leases = (Lease(mac=MAC, ip="192.168.122.8", hostname=""),)

    def seen(source: Source, *ips: str) -> tuple[Seen, ...]:
        return tuple(Seen(vm="alma-8-8", mac=MAC.upper(), ip=ip, source=source) for ip in ips)

    arp = seen(Source.ARP, "192.168.122.8", "10.0.0.2", "10.0.0.1")
    agent = seen(Source.AGENT, "fd00::8", "10.0.0.2", "10.0.0.10", "192.168.122.8")
    (row,) = rows((nic,), leases, arp + agent)
    assert row.addresses == (
        Address(ip="192.168.122.8", source=Source.LEASE),
        Address(ip="10.0.0.2", source=Source.AGENT),
        Address(ip="10.0.0.10", source=Source.AGENT),
        Address(ip="fd00::8", source=Source.AGENT),
        Address(ip="10.0.0.1", source=Source.ARP),
    )
    assert row.ips == ("192.168.122.8", "10.0.0.2", "10.0.0.10", "fd00::8", "10.0.0.1")
    assert [address.source.tag for address in row.addresses] == ["", "agent", "agent", "agent", "ARP"]


def test_an_address_stays_with_its_own_nic_even_where_two_vms_have_the_same_mac():
    nics = (
        NIC(vm="a", mac=MAC, target=""),
        NIC(vm="b", mac=MAC, target=""),
        NIC(vm="a", mac=MAC[:-1] + "9", target=""),
    )
    seen = (Seen(vm="b", mac=MAC, ip="10.0.0.1", source=Source.AGENT),)
    assert [row.ips for row in rows(nics, (), seen)] == [(), ("10.0.0.1",), ()]
