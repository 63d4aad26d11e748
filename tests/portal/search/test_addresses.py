"""Search for an address."""

from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import html

from networks.models import DHCPHost
from tests.portal.search.search_results import MAC, NOBODY, OTHER, entry, free, ips, rows, said
from tests.support.making import make_lease, make_network
from vms.models import NICAddress, Power, VMStatus


def test_an_address_is_shown_with_vm_mac_network_device_and_source(ask, default, vm):
    make_lease(default, MAC, "192.168.122.8", "alma", expires_at=timezone.now() + timedelta(hours=1))
    entry(default, "192.168.122.8", MAC)
    NICAddress.objects.create(vm=vm.status, mac=MAC, ip="192.168.122.8", source="agent")
    answer = ask("192.168.122.8")
    ((*row, says),) = rows(answer)
    assert row == ["192.168.122.8", "alma-8-8", MAC, "alma", "default", "vnet1"]
    assert says.startswith("lease reserved agent until ")
    (heading,) = html.fromstring(answer.content).xpath("//main/header//*[@class='answer']")
    assert heading.text_content().strip() == "alma-8-8"
    for link in (vm.get_absolute_url(), default.get_absolute_url()):
        assert f'href="{link}"' in answer.content.decode()


@pytest.mark.parametrize(("source", "label"), [("agent", "agent"), ("arp", "ARP")])
def test_an_address_without_a_lease_is_known_from_agent_or_arp(ask, vm, source, label):
    NICAddress.objects.create(vm=vm.status, mac=OTHER, ip="10.255.0.207", source=source)
    assert rows(ask("10.255.0.207")) == [["10.255.0.207", "alma-8-8", OTHER, "", "net1", "vnet2", label]]
    VMStatus.objects.update(power=Power.OFF)
    assert rows(ask("10.255.0.207")) == []


def test_an_address_of_two_guests_is_shown_for_both(ask, default, net1, vm):
    make_lease(net1, OTHER, "10.255.0.207")
    entry(net1, "10.255.0.207", NOBODY, "printer")
    assert rows(ask("10.255.0.207")) == [
        ["10.255.0.207", "no VM has this MAC", NOBODY, "printer", "net1", "", "reserved"],
        ["10.255.0.207", "alma-8-8", OTHER, "", "net1", "vnet2", "lease"],
    ]


def test_an_ipv6_address_is_found_in_any_spelling(ask, net1, vm):
    make_lease(net1, OTHER, "fd00:1::8")
    for text in ("fd00:1::8", "FD00:0001:0:0::0008", "[fd00:1::8]", "fd00:1::8/128"):
        assert ips(ask(text)) == ["fd00:1::8"]


def test_a_free_address_is_shown_as_free_and_can_be_reserved(page, ask, net1, vm):
    answer = ask("10.255.0.207")
    assert "10.255.0.207 is free on net1, as far as the portal knows." in said(answer)
    (link,) = free(answer)
    assert link == "/networks/lab-1/net1/hosts/add/?ip=10.255.0.207"
    assert 'value="10.255.0.207"' in page.get(link).content.decode()


@pytest.mark.parametrize(("text", "ip"), [("[fd00:1::8]", "fd00%3A1%3A%3A8"), ("10.255.0.207/32", "10.255.0.207")])
def test_the_link_to_reserve_an_address_has_its_normal_form(ask, net1, text, ip):
    assert free(ask(text)) == [f"/networks/lab-1/net1/hosts/add/?ip={ip}"]


@pytest.mark.parametrize("ip", ["10.255.0.0", "10.255.0.255"])
def test_addresses_that_no_guest_can_have_are_not_shown_as_free(ask, net1, ip):
    assert free(ask(ip)) == []


def test_an_address_with_a_pending_reservation_is_not_shown_as_free(ask, lab):
    network = make_network(lab)
    network.status.write(present=True, ip_range="10.255.0.1/24")
    DHCPHost.objects.create(network=network, mac=MAC, ip="10.255.0.207")
    assert free(ask("10.255.0.207")) == []


def test_the_address_of_the_host_is_shown_as_such(ask, net1):
    for ip in ("10.255.0.1", "fd00:1::1"):
        answer = ask(ip)
        assert rows(answer) == [[ip, "", "", "", "net1", "", "the host"]]
        assert free(answer) == []


def test_an_address_outside_all_networks_has_no_owner(ask, net1):
    answer = ask("172.16.0.1")
    assert "Nothing found for “172.16.0.1”, now or in the lease history. No network has it in its IP range." in said(
        answer
    )
    assert free(answer) == []
