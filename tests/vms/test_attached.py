"""Rows of list-attached: every NIC with all the leases of its MAC."""

from vms.attached import NIC, Lease, rows

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
