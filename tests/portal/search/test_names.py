"""Search for names of VMs, networks and guests."""

import pytest

from tests.portal.search.search_results import MAC, NOBODY, OTHER, entry, ips, named, rows
from tests.support.making import make_hypervisor, make_lease, make_running, make_vm
from virterweb.portal.search import MAX_ROWS
from vms.models import NICAddress


def test_a_host_name_is_found_in_leases_and_reservations_in_any_case(ask, net1, vm):
    make_lease(net1, OTHER, "10.255.0.207", "Db-Main")
    entry(net1, "10.255.0.9", NOBODY, "db-spare")
    assert rows(ask("DB-")) == [
        ["10.255.0.9", "no VM has this MAC", NOBODY, "db-spare", "net1", "", "reserved"],
        ["10.255.0.207", "alma-8-8", OTHER, "Db-Main", "net1", "vnet2", "lease"],
    ]


def test_a_part_of_a_vm_name_lists_the_vm_with_all_nics_and_addresses(ask, default, net1, vm):
    make_lease(default, MAC, "192.168.122.8", vm="alma-8-8")
    NICAddress.objects.create(vm=vm.status, mac=OTHER, ip="10.255.0.207", source="agent")
    answer = ask("alma")
    assert [row[:3] for row in rows(answer)] == [
        ["10.255.0.207", "alma-8-8", OTHER],
        ["192.168.122.8", "alma-8-8", MAC],
    ]
    assert named(answer) == ["vm alma-8-8 on lab-1, running"]


def test_a_lease_that_began_before_its_vm_was_seen_is_found_by_the_name_of_the_vm(ask, default, vm):
    make_lease(default, MAC, "192.168.122.8")
    assert "192.168.122.8" in ips(ask("alma"))


@pytest.mark.parametrize("text", ["alma-8-8", "ALMA-8-8", " alma-8-8 "])
def test_the_name_of_a_vm_leads_to_it(ask, vm, text):
    assert ask(text)["Location"] == vm.get_absolute_url()


def test_the_name_of_a_network_leads_to_it(ask, net1):
    assert ask("net1")["Location"] == net1.get_absolute_url()
    assert named(ask("net")) == ["network net1 10.255.0.1/24,fd00:1::1/64 on lab-1"]


def test_a_name_with_several_matches_lists_them(ask, lab, net1, vm):
    make_vm(lab, "net1", 9)
    make_vm(make_hypervisor("lab-2"), "alma-8-8")
    assert named(ask("net1")) == ["network net1 10.255.0.1/24,fd00:1::1/64 on lab-1", "vm net1 on lab-1, off"]
    assert named(ask("alma-8-8")) == ["vm alma-8-8 on lab-1, running", "vm alma-8-8 on lab-2, off"]


def test_the_nics_of_a_common_name_are_those_of_the_vms_that_are_listed(ask, lab, default):
    for number in range(MAX_ROWS + 5):
        vm = make_vm(lab, f"web-{99 - number}", None)
        make_running(vm, ("default", f"52:54:00:00:01:{number:02x}", f"vnet{number}"))
    answer = ask("web-")
    listed = {text.split()[1] for text in named(answer)}
    assert len(listed) == MAX_ROWS
    assert {row[1] for row in rows(answer)} == listed


def test_all_results_of_a_name_are_shown_on_request(ask, default, vm):
    make_lease(default, MAC, "192.168.122.8", "alma-8-8")
    assert [row[:2] for row in rows(ask("alma-8-8", "&all=1"))] == [
        ["192.168.122.8", "alma-8-8"],
        ["", "alma-8-8"],
    ]
