"""Search for a MAC address."""

import pytest

from tests.portal.search.search_results import OTHER, rows
from tests.support.making import make_lease, make_running, make_vm
from vms.models import NICAddress, NICStatus


@pytest.mark.parametrize(
    "text",
    [
        *(OTHER, OTHER.upper(), "52-54-00-AB-CD-EF", "5254.00ab.cdef", "525400abcdef"),  # whole
        *("ab:cd:ef", "AB-CD", ":cd:", "00:ab:cd", "abcd", "0abc", "00AB.CDEF", ":ef", "00abcdef"),  # in part
    ],
)
def test_a_mac_is_found_in_any_spelling_and_by_a_part(ask, net1, vm, text):
    make_lease(net1, OTHER, "10.255.0.207")
    assert rows(ask(text)) == [["10.255.0.207", "alma-8-8", OTHER, "", "net1", "vnet2", "lease"]]


@pytest.mark.parametrize("text", ["52:54:00:ab:cd:ee", "cd:ab", "ab", "525400abcdef0", "b:cd:e0"])
def test_another_mac_is_not_found(ask, net1, vm, text):
    make_lease(net1, OTHER, "10.255.0.207")
    assert rows(ask(text)) == []


def test_a_mac_without_an_address_is_shown_with_its_vm(ask, net1, vm):
    assert rows(ask(OTHER)) == [["", "alma-8-8", OTHER, "", "net1", "vnet2", ""]]


def test_a_nic_of_an_unmanaged_vm_on_a_bridge_is_found(ask, lab):
    stranger = make_vm(lab, "stranger", None, managed=False, generation=0)
    make_running(stranger)
    NICStatus.objects.create(vm=stranger.status, position=0, kind="bridge", source="br0", mac=OTHER, target="vnet9")
    assert rows(ask(OTHER)) == [["", "stranger", OTHER, "", "br0", "vnet9", ""]]
    NICAddress.objects.create(vm=stranger.status, mac=OTHER, ip="172.16.0.9", source="arp")
    assert rows(ask("172.16.0.9")) == [["172.16.0.9", "stranger", OTHER, "", "br0", "vnet9", "ARP"]]
    assert ask("stranger")["Location"] == stranger.get_absolute_url()
