"""The address plan: blocks in numeric order, how full they are, overlaps, free ranges, and the next free block."""

import re
from html import unescape

import pytest
from django.contrib.auth import get_user_model

from networks.addresses.usage import maps
from tests.support.making import make_foreign_network, make_host, make_hypervisor, make_lease, make_network
from tests.support.shown import queries_of
from tests.support.teams import make_team
from virterweb.hypervisors.claims.clock import Now
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.people.models import Team

DOCUMENT = """<network><name>{name}</name><uuid>{{uuid}}</uuid><bridge name='br-{name}'/>
<ip address='{ip}' prefix='{prefix}'/>{more}</network>"""
SIX = "<ip family='ipv6' address='fd00:5:0:{n:x}::1' prefix='64'/>"


def network(lab, name: str, cidr: str, more: str = ""):
    ip, prefix = cidr.split("/")
    return make_foreign_network(lab, DOCUMENT.format(name=name, ip=ip, prefix=prefix, more=more))


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor()


@pytest.fixture
def other(lab):
    return make_hypervisor("lab-2")


def plan(page, query: str = "") -> list[dict]:
    return page.get(f"/addresses.json{query}").json()


def blocks(rows: list[dict], kind: str = "network") -> list[str]:
    return [row["block"] for row in rows if row["type"] == kind]


def text(page, query: str = "") -> str:
    answer = page.get(f"/addresses/{query}")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(answer.content.decode()))


def test_blocks_are_in_numeric_order_with_the_free_blocks_between_them(page, lab):
    network(lab, "ten", "10.255.10.1/24")
    network(lab, "nine", "10.255.9.1/24")
    network(lab, "six", "10.255.12.1/24", SIX.format(n=1))
    rows = plan(page)
    order = [row["block"] for row in rows]
    assert blocks(rows) == ["10.255.9.0/24", "10.255.10.0/24", "10.255.12.0/24", "fd00:5:0:1::/64"]
    assert order[order.index("10.255.10.0/24") + 1 :][:2] == ["10.255.11.0/24", "10.255.12.0/24"]
    assert "10.255.11.0/24" in blocks(rows, "free")
    assert "fd00:5::/64" in blocks(rows, "free")
    assert {row["block"] for row in plan(page, "?family=6") if row["type"] == "network"} == {"fd00:5:0:1::/64"}
    shown = text(page)
    assert shown.index(">nine<") < shown.index(">ten<")
    assert "10.255.11.0 – 10.255.11.255" in shown


def test_blocks_sort_by_other_columns_without_the_free_blocks(page, lab):
    for number in (2, 10):
        network(lab, f"net{number}", f"10.255.{20 - number}.1/24")
    full = network(lab, "full", "10.255.20.1/30")
    make_lease(full, "52:54:00:00:00:08", "10.255.20.2")
    for key, first, last in (("network", "full", "net10"), ("-used", "full", "net2"), ("block", "net10", "full")):
        shown = text(page, f"?sort={key}")
        assert shown.index(f">{first}<") < shown.index(f">{last}<"), key
        assert ("Show blocks in numeric order" in shown) == (key != "block")
        assert ("10.255.19.0 – 10.255.19.255" in shown) == (key == "block")


def test_a_block_is_as_full_as_the_address_map_of_its_network(page, lab):
    net = network(lab, "net1", "10.5.0.1/28", SIX.format(n=5))
    make_lease(net, "52:54:00:00:00:08", "10.5.0.3")
    make_lease(net, "52:54:00:00:00:09", "fd00:5:0:5::9")
    make_host(net, "52:54:00:00:00:08", "10.5.0.3")
    make_host(net, "52:54:00:00:00:0a", "10.5.0.4")
    (four, six) = (row for row in plan(page) if row["type"] == "network")
    (drawn,) = maps(net)
    assert (four["used"], four["usable"]) == (drawn.used, drawn.usable) == (2, 13)
    assert (six["used"], six["usable"]) == (1, None)
    assert '/networks/lab-1/net1/addresses/"' in text(page)


def test_overlaps_are_problems_on_one_hypervisor_and_none_on_different_ones(page, lab, other):
    network(lab, "wide", "10.3.0.1/16")
    network(lab, "narrow", "10.3.7.1/24")
    network(other, "same", "10.3.7.1/24")
    found = {row["network"]: row for row in plan(page) if row["type"] == "network"}
    assert "overlaps 10.3.7.0/24 of the network narrow" in found["wide"]["overlap"]
    assert "overlaps 10.3.0.0/16 of the network wide" in found["narrow"]["overlap"]
    assert found["same"]["overlap"] == ""
    assert found["same"]["elsewhere"] == ["wide on lab-1", "narrow on lab-1"]
    assert {row["network"] for row in plan(page, "?overlaps=yes")} == {"wide", "narrow"}
    assert "(separate hypervisors, no problem)" in text(page)


def test_the_next_free_block_leads_to_the_form_that_adds_networks(page, lab, other):
    network(lab, "net1", "10.255.0.1/24")
    network(other, "net1", "10.255.1.1/24")
    assert "?hypervisor=&ipv4=10.255.2.1%2F24" in text(page)
    assert "ipv4=10.255.4.1%2F22" in text(page, "?size=22")
    link = "/networks/add/?hypervisor=lab-2&ipv4=10.255.0.1%2F24"
    assert link in text(page, "?hypervisor=lab-2")
    form = page.get(link).content.decode()
    assert 'value="10.255.0.1/24"' in form
    assert re.search(rf'<option value="{other.pk}" selected>', form)
    assert "ipv6=fd00%3A5%3A%3A1%2F64" in text(network(lab, "six", "10.9.0.1/24", SIX.format(n=1)) and page)


def test_odd_queries_show_the_plan(page, lab):
    for query in ("?size=99", "?size=x", "?family=5", "?hypervisor=none", "?page=x", "?page=all"):
        text(page, query)
    assert "No address blocks yet" in text(page)
    for query in ("ipv4=%3Cb%3E", "hypervisor=none&ipv4=x", "ipv6=x"):
        assert page.get(f"/networks/add/?{query}").status_code == 200


def test_a_block_that_waits_for_libvirt_and_a_route_of_the_host_are_in_use(page, lab):
    make_network(lab, "waits", "10.255.0.1/24")
    HypervisorStatus.objects.filter(hypervisor=lab).update(routes=[["10.255.1.0/24", "eth<b>0"]])
    rows = plan(page)
    assert (blocks(rows), blocks(rows, "route")) == (["10.255.0.0/24"], ["10.255.1.0/24"])
    shown = page.get("/addresses/").content.decode()
    assert "not carried out yet" in shown
    assert "eth&lt;b&gt;0" in shown
    assert "10.255.2.1/24" in shown


def test_blocks_of_others_are_not_named_but_count_as_used(client, lab):
    Team.objects.update(role_of_all=None)
    red = get_user_model().objects.create_user("red")
    mine = make_team("red", {red: "user"}, on=lab, others="")
    make_network(lab, "mine", "10.255.0.1/24", team=mine, owner=red)
    secret = make_network(lab, "secret", "10.255.1.1/24", team=make_team("blue"))
    HypervisorStatus.objects.filter(hypervisor=lab).update(routes=[["10.254.0.0/24", "eth-secret"]])
    client.force_login(red)
    rows = plan(client)
    assert [row["network"] for row in rows if row["type"] != "free"] == ["mine"]
    assert "10.255.1.0/24" not in blocks(rows, "free")
    shown = text(client)
    assert "secret" not in shown
    assert "ipv4=10.255.2.1%2F24" in shown
    assert secret.name


def test_a_hundred_networks_cost_the_same_queries_as_two(page, lab, other):
    def add(first: int, last: int) -> None:
        for number in range(first, last):
            on = lab if number % 2 else other
            net = network(on, f"net{number}", f"10.{number // 3}.0.1/24", SIX.format(n=number))
            make_lease(net, "52:54:00:00:00:08", f"10.{number // 3}.0.9")
            make_network(on, f"soon{number}", f"172.16.{number}.1/24")

    add(0, 2)
    few = queries_of(page, "/addresses/")
    add(2, 50)
    HypervisorStatus.objects.update(due_at=Now(), observed_at=Now())  # no poll is late, however slow the machine is
    assert queries_of(page, "/addresses/") == few <= 12
    assert len(plan(page)) > 150
