"""Who uses which address, and which is free next: the map and the proposal agree with what the database has."""

from ipaddress import IPv4Interface

import pytest

from networks.addresses.grid import Use
from networks.addresses.usage import blocks, maps, next_free_address, ranges
from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus, Network
from networks.reservations.reservations import remove, reserve
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network, make_running, make_vm
from virterweb.messages import Message
from vms.models import VM

NETWORK = """<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr5'/>
<ip address='10.5.0.1' prefix='28'><dhcp><range start='10.5.0.2' end='10.5.0.5'/>
<range start='10.5.0.8' end='10.5.0.9'/></dhcp></ip>
<ip family='ipv6' address='fd00:5::1' prefix='64'><dhcp><range start='fd00:5::100' end='fd00:5::1ff'/></dhcp></ip>
</network>"""
TWO_BLOCKS = NETWORK.replace("<ip family", "<ip address='10.9.0.1' prefix='29'/><ip family")
WITHOUT_DHCP = """<network><name>net1</name><uuid>{uuid}</uuid><bridge name='virbr5'/>
<ip address='10.5.0.1' prefix='30'/><ip address='10.9.0.1' prefix='29'/></network>"""
WIDE = """<network><name>wide</name><uuid>{uuid}</uuid><bridge name='virbr6'/>
<ip address='10.6.0.1' prefix='16'><dhcp><range start='10.6.0.2' end='10.6.0.99'/></dhcp></ip></network>"""
SIX_ONLY = """<network><name>six</name><uuid>{uuid}</uuid><bridge name='virbr7'/>
<ip family='ipv6' address='fd00:7::1' prefix='64'><dhcp><range start='fd00:7::100' end='fd00:7::1ff'/></dhcp></ip>
</network>"""
MAC, OTHER_MAC, ON_OTHER_NET = "52:54:00:00:00:08", "52:54:00:00:00:09", "52:54:00:80:00:08"


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor()


@pytest.fixture
def net(lab) -> Network:
    return make_foreign_network(lab, NETWORK)


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def found(network: Network, *hosts: HostSpec) -> None:
    """Write down that libvirt was seen to have these entries."""
    DHCPHostStatus.objects.bulk_create(DHCPHostStatus.of(network, host) for host in hosts)


def desired(network: Network, *hosts: HostSpec) -> None:
    reserve(again(network), hosts, None)


def uses(network: Network) -> dict[str, tuple[Use, str]]:
    """Use and user of every address that is taken by a guest."""
    cells = [cell for each in maps(again(network)) for cell in each.cells]
    return {cell.first: (cell.use, cell.who) for cell in cells if cell.use in (Use.LEASED, Use.IN_USE, Use.RESERVED)}


def free(network: Network) -> str:
    """The next free address; the first map says the same."""
    address = next_free_address(again(network))
    assert address == next((each.next_free for each in maps(again(network)) if each.next_free), "")
    return address


def make_reported_address(vm: VM, mac: str, ip: str, source: str = "agent") -> None:
    vm.status.addresses.create(mac=mac, ip=ip, source=source)


def test_nobody_is_on_a_new_network(net):
    assert uses(net) == {}
    assert free(net) == "10.5.0.2"
    assert [each.block for each in maps(net)] == ["10.5.0.0/28"]
    assert maps(net)[0].counts == {
        **{Use.EDGE: 2, Use.HOST: 1, Use.LEASED: 0, Use.IN_USE: 0, Use.RESERVED: 0},
        **{Use.RANGE: 6, Use.FREE: 7},
    }


def test_leases_take_addresses_while_they_hold(lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    make_lease(net, MAC, "10.5.0.2", "calls-itself")
    make_lease(net, OTHER_MAC, "10.5.0.3", "calls-itself")
    make_lease(net, "52:54:00:00:00:0a", "10.5.0.4")
    make_lease(net, OTHER_MAC, "10.5.0.5", last_seen=net.created_at)
    assert uses(net) == {
        "10.5.0.2": (Use.LEASED, f"vm-8 ({MAC})"),
        "10.5.0.3": (Use.LEASED, f"calls-itself ({OTHER_MAC})"),
        "10.5.0.4": (Use.LEASED, "52:54:00:00:00:0a"),
    }
    assert free(net) == "10.5.0.5"


def test_entries_that_libvirt_has_take_addresses(lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    found(
        net,
        HostSpec(mac=MAC, ip="10.5.0.2", name="in-dns"),
        HostSpec(mac=OTHER_MAC, ip="10.5.0.3", name="nine"),
        HostSpec(ip="10.5.0.12", name="by-name"),
    )
    assert uses(net) == {
        "10.5.0.2": (Use.RESERVED, f"vm-8 ({MAC})"),
        "10.5.0.3": (Use.RESERVED, f"nine ({OTHER_MAC})"),
        "10.5.0.12": (Use.RESERVED, "by-name"),
    }
    assert free(net) == "10.5.0.4"


def test_requested_addresses_are_taken_until_they_are_applied(net):
    desired(net, HostSpec(mac=MAC, ip="10.5.0.2", name="eight"))
    assert uses(net) == {"10.5.0.2": (Use.RESERVED, f"eight ({MAC})")}
    assert free(net) == "10.5.0.3"


def test_a_failed_request_keeps_its_address(net):
    desired(net, HostSpec(mac=MAC, ip="10.5.0.2", name="eight"))
    net.status.write(generation=again(net).generation, error=Message.external("libvirt refused it"))
    assert uses(net) == {"10.5.0.2": (Use.RESERVED, f"eight ({MAC})")}
    assert free(net) == "10.5.0.3"


def test_a_reservation_being_deleted_keeps_its_address_while_libvirt_has_it(net):
    found(net, HostSpec(mac=MAC, ip="10.5.0.2"))
    desired(net, HostSpec(mac=OTHER_MAC, ip="10.5.0.3"))
    remove(again(net), ["10.5.0.2", "10.5.0.3"], None)
    assert uses(net) == {"10.5.0.2": (Use.RESERVED, MAC)}
    net.found_hosts.all().delete()
    assert free(net) == "10.5.0.2"


def test_an_address_that_is_leased_to_whom_it_is_reserved_for_is_both(net):
    found(net, HostSpec(mac=MAC, ip="10.5.0.2"))
    make_lease(net, MAC, "10.5.0.2")
    (cell,) = (cell for cell in maps(net)[0].cells if cell.first == "10.5.0.2")
    assert (cell.use, cell.reserved) == (Use.LEASED, True)


def test_only_addresses_of_nics_on_this_network_are_reported(lab, net):
    make_foreign_network(lab, NETWORK.replace("net1", "net2").replace("10.5.", "10.6."))
    vm = make_vm(lab, "vm-8")
    make_running(vm, ("net1", MAC, "vnet8"), ("net2", ON_OTHER_NET, "vnet80"))
    make_reported_address(vm, MAC, "10.5.0.2")
    make_reported_address(vm, MAC, "10.5.0.3", "arp")
    make_reported_address(vm, MAC, "fd00:5::2")
    make_reported_address(vm, ON_OTHER_NET, "10.5.0.4")
    assert uses(net) == {
        "10.5.0.2": (Use.IN_USE, f"vm-8 ({MAC})"),
        "10.5.0.3": (Use.IN_USE, f"vm-8 ({MAC})"),
    }
    assert free(net) == "10.5.0.4"


def test_an_agent_reports_addresses_only_of_nics_of_its_own_vm(lab, net):
    first, second = make_vm(lab, "vm-8"), make_vm(lab, "vm-9", 9)
    make_running(first, ("net1", MAC, "vnet8"))
    make_running(second, ("net1", OTHER_MAC, "vnet9"))
    make_reported_address(second, MAC, "10.5.0.2")
    assert uses(net) == {}


def test_reported_addresses_of_a_vm_that_is_off_are_not_counted(lab, net):
    vm = make_vm(lab, "vm-8")
    make_running(vm, ("net1", MAC, "vnet8"))
    make_reported_address(vm, MAC, "10.5.0.2")
    vm.status.write(power="off")
    assert uses(net) == {}


def test_the_first_state_that_holds_is_shown(lab, net):
    vm = make_vm(lab, "vm-8")
    make_running(vm, ("net1", MAC, "vnet8"))
    make_reported_address(vm, MAC, "10.5.0.2")
    make_lease(net, MAC, "10.5.0.2")
    found(net, HostSpec(mac=OTHER_MAC, ip="10.5.0.2", name="other"))
    assert uses(net) == {"10.5.0.2": (Use.LEASED, f"vm-8 ({MAC})")}
    net.leases.all().delete()
    assert uses(net) == {"10.5.0.2": (Use.IN_USE, f"vm-8 ({MAC})")}


def test_ipv6_is_not_on_the_map(net):
    found(net, HostSpec(duid="00:04:77:88", ip="fd00:5::6"))
    desired(net, HostSpec(duid="00:04:77:99", ip="fd00:5::7"))
    make_lease(net, MAC, "fd00:5::8")
    assert uses(net) == {}
    assert blocks(net) == [IPv4Interface("10.5.0.1/28")]
    assert ranges(net) == [(0x0A050002, 0x0A050005), (0x0A050008, 0x0A050009)]
    assert free(net) == "10.5.0.2"


def test_a_network_without_ipv4_has_no_map_and_no_free_address(lab):
    network = make_foreign_network(lab, SIX_ONLY)
    make_lease(network, MAC, "fd00:7::100")
    assert (maps(network), next_free_address(network)) == ([], "")
    with pytest.raises(ValueError, match=r"10\.5\.0\.0/24 is not a part of six"):
        maps(network, "10.5.0.0/24")


def test_each_block_has_a_map(lab):
    network = make_foreign_network(lab, TWO_BLOCKS)
    make_lease(network, MAC, "10.9.0.2")
    assert [(each.block, each.used, each.next_free) for each in maps(network)] == [
        ("10.5.0.0/28", 0, "10.5.0.2"),
        ("10.9.0.0/29", 1, "10.9.0.3"),
    ]
    assert uses(network) == {"10.9.0.2": (Use.LEASED, MAC)}
    assert [each.block for each in maps(network, "10.9.0.4/30")] == ["10.9.0.4/30"]


def test_where_there_is_no_dhcp_the_second_block_is_filled_after_the_first(lab):
    network = make_foreign_network(lab, WITHOUT_DHCP)
    make_lease(network, MAC, "10.5.0.2")
    assert (free(network), network.facts.dhcp) == ("10.9.0.2", "")
    for number in range(2, 7):
        found(network, HostSpec(mac=f"52:54:00:00:00:{number:02x}", ip=f"10.9.0.{number}"))
    assert free(network) == ""


def test_addresses_of_another_network_are_not_counted(lab, net):
    other = make_foreign_network(lab, NETWORK.replace("net1", "net2"))
    make_lease(other, MAC, "10.5.0.2")
    found(other, HostSpec(mac=MAC, ip="10.5.0.3"))
    desired(other, HostSpec(mac=OTHER_MAC, ip="10.5.0.4"))
    assert uses(net) == {}


def test_addresses_outside_the_block_do_no_harm(net):
    make_lease(net, MAC, "10.7.0.2")
    found(net, HostSpec(mac=OTHER_MAC, ip="192.168.0.9"))
    assert uses(net) == {}
    assert free(net) == "10.5.0.2"


def test_a_network_that_libvirt_does_not_have_yet_is_shown_as_desired(lab):
    network = make_network(lab, "net1", "10.5.0.1/28")
    desired(network, HostSpec(mac=MAC, ip="10.5.0.2"))
    assert uses(network) == {"10.5.0.2": (Use.RESERVED, MAC)}
    assert free(network) == "10.5.0.3"
    network.status.write(present=True, ip_range="10.6.0.1/29", dhcp="10.6.0.2-10.6.0.3")
    assert [each.block for each in maps(again(network))] == ["10.6.0.0/29"]


def test_a_part_of_a_block_is_shown(lab, net):
    make_lease(net, MAC, "10.5.0.2")
    (part,) = maps(net, "10.5.0.0/30")
    assert [cell.use for cell in part.cells] == [Use.EDGE, Use.HOST, Use.LEASED, Use.RANGE]
    assert part.next_free == "10.5.0.3"


@pytest.mark.parametrize("zoom", ["10.5.0.0/24", "10.5.0.16/28", "10.5.0.1/28", "fd00:5::/64", "nonsense", " "])
def test_a_part_outside_the_block_is_a_value_error(net, zoom):
    with pytest.raises(ValueError):
        maps(net, zoom)


def test_the_map_of_a_large_network_counts_what_the_database_has(lab):
    network = make_foreign_network(lab, WIDE)
    found(network, *(HostSpec(mac=f"52:54:00:01:00:{number:02x}", ip=f"10.6.7.{number}") for number in range(1, 41)))
    make_lease(network, MAC, "10.6.0.2")
    (whole,) = maps(network)
    assert (whole.counts[Use.RESERVED], whole.counts[Use.LEASED], whole.used) == (40, 1, 41)
    assert next(cell for cell in whole.cells if cell.first == "10.6.7.0").text == "10.6.7.0/24: 40 reserved, 216 free"
    assert free(network) == "10.6.0.3"
