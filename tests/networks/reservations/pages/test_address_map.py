"""The address map of a network."""

import pytest
from django.urls import reverse

from networks.definition.spec import HostSpec
from networks.reservations.reservations import reserve
from tests.networks.reservations.pages.reservation_pages import (
    DUID,
    HOSTILE,
    MAC,
    NETWORK,
    OTHER_MAC,
    SIX_ONLY,
    WIDE,
    again,
    at,
    filled,
    found,
    pushed,
    reserved,
    said,
    table,
    text,
    tree,
)
from tests.support.making import make_foreign_network, make_lease, make_running, make_vm

SMALL = """<network><name>small</name><uuid>{uuid}</uuid><bridge name='virbr8'/>
<ip address='10.8.0.1' prefix='28'><dhcp><range start='10.8.0.2' end='10.8.0.9'/></dhcp></ip></network>"""


def test_the_map_shows_who_has_each_address(page, lab):
    network = make_foreign_network(lab, SMALL)
    vm = make_vm(lab, "vm-8")
    make_running(vm, ("small", MAC, "vnet8"), ("small", "52:54:00:80:00:01", "vnet9"))
    vm.status.addresses.create(mac="52:54:00:80:00:01", ip="10.8.0.12", source="agent")
    make_lease(network, MAC, "10.8.0.2")
    make_lease(network, OTHER_MAC, "10.8.0.3", "calls-itself")
    found(network, HostSpec(mac=MAC, ip="10.8.0.2"), HostSpec(ip="10.8.0.4", name="four"))
    reserve(again(network), [HostSpec(mac="52:54:00:00:00:05", ip="10.8.0.13")], None)
    shown = tree(page.get(at(network, "addresses")))
    assert shown.xpath("//div[contains(@class, 'map')]/a/@title") == [
        "10.8.0.0: not for guests",
        "10.8.0.1: the host",
        f"10.8.0.2: leased to vm-8 ({MAC}), reserved",
        f"10.8.0.3: leased to calls-itself ({OTHER_MAC})",
        "10.8.0.4: reserved for four",
        *(f"10.8.0.{number}: free, in the DHCP range" for number in range(5, 10)),
        *(f"10.8.0.{number}: free" for number in (10, 11)),
        "10.8.0.12: in use without lease by vm-8 (52:54:00:80:00:01)",
        "10.8.0.13: reserved for 52:54:00:00:00:05",
        "10.8.0.14: free",
        "10.8.0.15: not for guests",
    ]
    links = shown.xpath("//div[contains(@class, 'map')]/a")
    assert [links[number].get("href") for number in (0, 1)] == [None, None]
    assert links[2].get("href") == reverse("portal:search") + "?q=10.8.0.2"
    assert links[14].get("href") == at(network, "host_add") + "?ip=10.8.0.14"
    assert "5 of 13 used" in text(shown)


def test_the_map_links_to_the_next_free_address(page, net):
    make_lease(net, MAC, "10.5.0.2")
    shown = tree(page.get(at(net, "addresses")))
    assert [link.get("href") for link in shown.xpath("//a[@title='Reserve it']")] == [
        at(net, "host_add") + "?ip=10.5.0.3"
    ]
    assert len(shown.xpath("//div[contains(@class, 'map')]/a")) == 256


def test_a_block_that_is_full_says_so(page, lab):
    network = make_foreign_network(lab, SMALL.replace("prefix='28'", "prefix='30'").replace("10.8.0.9", "10.8.0.2"))
    make_lease(network, MAC, "10.8.0.2")
    assert "1 of 1 used · none is free" in text(tree(page.get(at(network, "addresses"))))


def test_a_large_block_is_shown_in_groups_that_can_be_opened(page, lab):
    network = make_foreign_network(lab, WIDE)
    make_lease(network, MAC, "10.6.3.7", "seven")
    whole = tree(page.get(at(network, "addresses")))
    cells = whole.xpath("//div[contains(@class, 'map grouped')]/a")
    assert len(cells) == 256
    assert cells[3].get("title") == "10.6.3.0/24: 1 leased, 255 free"
    assert cells[3].get("href") == at(network, "addresses") + "?block=10.6.3.0/24"
    part = tree(page.get(cells[3].get("href")))
    titles = part.xpath("//div[contains(@class, 'map')]/a/@title")
    assert (len(titles), titles[0]) == (256, "10.6.3.0: free, in the DHCP range")
    assert titles[7] == f"10.6.3.7: leased to seven ({MAC})"
    assert part.xpath("//a[text()='The whole block']/@href") == [at(network, "addresses")]


@pytest.mark.parametrize(
    "block",
    ["nonsense", "10.9.0.0/24", "10.5.0.0/16", "10.5.0.5/24", "10.5.0.0/33", "fd00:5::/64"],
)
def test_an_invalid_part_shows_the_whole_map_and_a_message(page, net, block):
    answer = page.get(at(net, "addresses"), {"block": block})
    assert answer.url == at(net, "addresses")
    assert said(answer).startswith("This part of the address map cannot be shown: ")


def test_the_requested_part_is_escaped(page, net):
    assert HOSTILE not in page.get(at(net, "addresses"), {"block": HOSTILE}, follow=True).content.decode()


def test_a_network_with_two_blocks_has_two_maps(page, lab):
    more = "<ip address='10.9.0.1' prefix='28'/></network>"
    network = make_foreign_network(lab, NETWORK.replace("</network>", more))
    shown = tree(page.get(at(network, "addresses")))
    assert shown.xpath("//header//h2/span/text()") == ["10.5.0.0/24", "10.9.0.0/28"]


def test_a_network_without_ipv4_has_pages_without_a_map(page, post, lab, enqueued):
    network = make_foreign_network(lab, SIX_ONLY)
    assert "six has no IPv4 block." in text(tree(page.get(at(network, "addresses"))))
    assert filled(page.get(at(network, "host_add")))["ip"] == ""
    post(at(network, "host_add"), {"duid": DUID, "ip": "fd00:7::8"})
    assert (reserved(network), enqueued) == ({HostSpec(duid=DUID, ip="fd00:7::8")}, pushed(network))
    assert table(page.get(at(network)), "hosts-table")[0][:2] == ["fd00:7::8", DUID]


def test_htmx_gets_only_the_map(page, net):
    alone = tree(page.get(at(net, "addresses"), headers={"HX-Request": "true"}))
    assert alone.get("id") == "addresses"
