"""The page of the topology shows what its user may see, as its filters say, and as files."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from lxml import etree, html

from networks.models import Network
from tests.support.making import make_hypervisor, make_lease, make_network, make_running, make_vm
from tests.support.teams import make_team
from virterweb.people.models import Grant
from vms.models import VM

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def lab(db):
    """Two VMs, one of them on two networks, a network without VMs, and a host bridge."""
    lab = make_hypervisor("lab")
    for name, cidr in (("net1", "10.255.0.1/24"), ("net2", "10.255.1.1/24"), ("empty", "10.255.2.1/24")):
        make_network(lab, name, cidr)
    one, two = make_vm(lab, "one", 1), make_vm(lab, "two", 2)
    one.nics.create(position=1, source="net2", mac="52:54:00:00:00:02")
    make_running(one, ("net1", "52:54:00:00:00:01", "vnet0"), ("net2", "52:54:00:00:00:02", "vnet1"))
    make_running(two, ("net1", "52:54:00:00:00:03", "vnet2"))
    two.status.nics.create(position=1, kind="bridge", source="br0", mac="52:54:00:00:00:04", link="down")
    return lab


def names(page: bytes) -> list[str]:
    return [text.strip() for text in html.fromstring(page).xpath("//*[local-name()='svg']//*[@class='name']/text()")]


def heads(page: bytes) -> list[str]:
    found = html.fromstring(page).xpath("//*[starts-with(@class, 'vm ')]/@data-find")
    return [each.strip() for each in found]


def test_networks_vms_and_nics_are_there(page, lab):
    content = page.get("/topology/").content
    assert sorted(names(content)) == ["br0", "empty", "net1", "net2"]
    assert sorted(heads(content)) == ["one", "two"]
    assert content.count(b'class="nic') == 4
    assert content.count(b'class="nic down"') == 1
    assert b"52:54:00:00:00:04, link down" in content


@pytest.mark.parametrize(
    ("query", "lines", "vms"),
    [
        ("network=net2&hypervisor=lab", ["net1", "net2"], ["one"]),
        ("vm=two&hypervisor=lab", ["br0", "net1"], ["two"]),
        ("hypervisor=lab", ["br0", "empty", "net1", "net2"], ["one", "two"]),
        ("hypervisor=other", [], []),
        ("q=two", ["br0", "net1"], ["two"]),
        ("tag=web", [], []),
        ("vm=%00&network=%00", [], []),
    ],
)
def test_filters_leave_only_what_is_asked_for(page, lab, query, lines, vms):
    content = page.get(f"/topology/?{query}").content
    assert (sorted(names(content)), sorted(heads(content))) == (lines, vms)


def test_a_member_sees_only_what_the_team_may_see(lab, client):
    user = get_user_model().objects.create_user("eva")
    Grant.objects.all().delete()  # that of the team of everybody
    make_team("red", {user: "user"}, on=lab, others="")
    client.force_login(user)
    assert heads(client.get("/topology/").content) == []
    for suffix in ("svg", "mmd", "dot", "drawio"):
        assert b"net1" not in client.get(f"/topology.{suffix}").content


@pytest.mark.parametrize("suffix", ["svg", "mmd", "dot", "drawio"])
def test_the_topology_can_be_downloaded(page, lab, suffix):
    answer = page.get(f"/topology.{suffix}?hypervisor=lab")
    assert answer["Content-Disposition"] == f'attachment; filename="topology.{suffix}"'
    assert b"net1" in answer.content
    if suffix == "svg":
        root = etree.fromstring(answer.content)
        assert root.tag == f"{SVG}svg"
        assert len(list(root.iter(f"{SVG}circle"))) == 4


@pytest.mark.parametrize("name", ["<b>&x", "a\x01b", "a\u202eb", "x" * 300, "'\"", "\U0001f600"])
def test_any_name_is_only_a_name_in_the_picture(page, lab, name):
    lab.networks.filter(name="net1").update(name=name)
    lab.vms.filter(name="one").update(name=name)
    for suffix in ("svg", "mmd", "dot", "drawio"):
        assert page.get(f"/topology.{suffix}").status_code == 200
    assert etree.fromstring(page.get("/topology.svg").content) is not None
    assert b"<b>&x" not in page.get("/topology/").content


def test_connect_leads_to_the_form_for_a_nic(page, lab):
    vm, network = lab.vms.get(name="two"), lab.networks.get(name="net2")
    answer = page.get("/topology/connect/", {"vm": vm.pk, "network": network.pk})
    assert answer.url == "/vms/lab/two/nics/add/?network=net2"


@pytest.mark.parametrize("query", ["", "vm=1", "vm=x&network=y", "vm=99999&network=99999", "vm=²&network=1"])
def test_connect_without_both_leads_back(page, lab, query):
    assert page.get(f"/topology/connect/?{query}").url == "/topology/"


def test_many_vms_on_the_same_networks_are_one_column(page, lab):
    for number in range(70):
        make_running(make_vm(lab, f"many-{number}", 100 + number), ("net1", f"52:54:00:00:01:{number:02x}", ""))
    content = page.get("/topology/").content
    assert len(heads(content)) == 3
    assert "72 VMs" in content.decode()


def test_nobody_sees_it_without_being_signed_in(db):
    assert Client().get("/topology/").status_code == 302


def test_a_team_has_its_own_topology(page, lab):
    team = make_team("blue", {}, on=lab)
    VM.objects.filter(name="two").update(team=team)
    content = page.get("/topology/?team=blue").content
    assert (sorted(names(content)), heads(content)) == (["br0", "net1"], ["two"])


def links(page: bytes) -> list[str]:
    return html.fromstring(page).xpath("//*[local-name()='svg']//*[starts-with(@class, 'nic')]/@href")


def test_a_nic_leads_to_the_page_that_sets_its_link_down_and_back(page, lab, enqueued):
    make_lease(Network.objects.get(name="net2"), "52:54:00:00:00:02", "10.255.1.7")
    diagram = "/topology/?vm=one"
    content = page.get(diagram).content
    assert b"52:54:00:00:00:02, 10.255.1.7, vnet1" in content
    (url,) = (each for each in links(content) if "00:02" in each)
    shown = page.get(url, headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{diagram}"})
    (form,) = html.fromstring(shown.content).forms
    assert "10.255.1.7" in shown.content.decode()
    answer = page.post(form.action, dict(form.fields))
    assert answer.url == diagram
    assert not VM.objects.get(name="one").desired_nic("52:54:00:00:00:02")[0].link_up


def test_the_page_of_a_link_returns_to_no_other_site(page, lab, enqueued):
    (url,) = (each for each in links(page.get("/topology/?vm=one").content) if "00:02" in each)
    for there in ("https://example.org/", "//example.org/", "javascript:alert(1)"):
        assert page.post(url, {"up": "no", "next": there}).url == "/vms/lab/one/"


def test_who_may_not_change_a_vm_is_led_to_its_nics(lab, client):
    user = get_user_model().objects.create_user("eva")
    Grant.objects.all().delete()
    team = make_team("red", {user: "viewer"}, on=lab)
    VM.objects.update(team=team)
    client.force_login(user)
    found = links(client.get("/topology/").content)
    assert found and all(url.endswith("#nics") for url in found)
