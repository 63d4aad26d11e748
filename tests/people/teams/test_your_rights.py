"""The page of the rights of the signed-in user, and what it says without teams."""

import pytest

from tests.support.making import make_hypervisor, make_network, make_vm
from tests.support.shown import queries_of
from tests.support.teams import make_team, role
from virterweb.people.models import Grant, Share, Team

pytestmark = pytest.mark.integration
PATH = "/profile/rights/"


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor("lab")


def text(page) -> str:
    return " ".join(page.get(PATH).content.decode().split())


def test_with_one_team_it_says_what_the_user_may_do_and_nothing_of_teams(member_page, lab):
    page = text(member_page)
    assert "You may run VMs and add networks on all hypervisors." in page
    assert "team" not in page.lower()
    assert "open consoles" in page


def test_it_shows_each_team_with_role_and_hypervisor(member_page, lab, member):
    Team.objects.update(role_of_all=None)
    make_team("red", {member: "manager"}, on=lab, others="auditor")
    make_team("blue", {member: "viewer"}, others="")
    make_team("green", {}, on=lab)
    page = text(member_page)
    assert "You may run VMs and add networks on lab." in page
    for row in (
        "red</a> as manager on lab",
        "blue</a> as viewer on all hypervisors",
        "<td>see names, addresses and states; see definitions and history</td>",  # of the auditor
        "<td>nothing</td>",
    ):
        assert row in page
    assert "green" not in page
    assert "everyone" not in page


def test_it_shows_what_is_shared_with_the_user_and_their_teams(member_page, lab, member):
    Team.objects.update(role_of_all=None)
    red = make_team("red", {member: "viewer"}, on=lab)
    for number, (whom, level) in enumerate([({"user": member}, "viewer"), ({"team": red}, "user")], 1):
        network = make_network(lab, f"net{number}", f"10.{number}.0.1/24", team=make_team(f"team{number}"))
        Share.objects.create(kind="network", object_id=network.pk, level=level, **whom)
    page = text(member_page)
    assert "Viewer: see everything but secrets" in page
    assert "User: also edit, and attach NICs" in page
    assert queries_of(member_page, PATH) <= 12


def test_operators_may_do_everything(page, client, operator, lab):
    assert "because you have the permission" in text(page)
    client.force_login(operator)
    assert "because you are a superuser" in text(client)


def test_who_has_no_rights_is_told_whom_to_ask(member_page, lab):
    Team.objects.update(role_of_all=None)
    assert "You may not use any hypervisor. Ask an administrator." in text(member_page)


def test_a_viewer_may_not_create(member_page, lab):
    Team.objects.update(role_of_all=role("viewer"))
    assert "You may run VMs" not in text(member_page)


def test_it_shows_what_is_used_of_the_limits_on_each_hypervisor(member_page, lab, member):
    Team.objects.update(role_of_all=None)
    red = make_team("red", {member: "user"}, on=lab, max_vms=4, max_networks=1)
    Grant.objects.create(team=red, max_vms=9)
    make_network(lab, "net1", "10.1.0.1/24", team=red)
    for number, place in enumerate((lab, lab, make_hypervisor("lab-2")), 8):
        make_vm(place, f"vm-{number}", number, team=red)
    page = text(member_page)
    assert page.count("In use by the team") == 1
    assert "2 of 4 VMs</div>" in page
    assert '<div class="failed">1 of 1 networks</div>' in page
    assert '3 of 9 VMs <span class="soft">on all hypervisors</span>' in page
    assert "3 of 9 VMs</div>" in page


def test_without_limits_there_is_nothing_about_them(member_page, lab):
    assert "In use" not in text(member_page)
    Grant.objects.update(max_memory=2048)
    assert "0 of 2048 MiB of memory" in text(member_page)


def test_it_says_where_the_members_may_create_something(member_page, lab, member):
    page = text(member_page)
    assert "networks in the blocks: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7" in page
    assert "storage pools" not in page
    assert "bridges:" not in page
    Team.objects.update(role_of_all=None)
    values = {"blocks": "10.1.0.0/16\n10.2.0.0/16", "bridges": "br-*", "devices": "eth1 <b>", "pools": "ssd-*\nmain"}
    make_team("red", {member: "user"}, on=lab, **values)
    make_team("blue", {member: "user"}, pools="")
    make_team("green", {member: "viewer"}, pools="hidden")
    page = text(member_page)
    assert "networks in the blocks: 10.1.0.0/16, 10.2.0.0/16" in page
    assert "NICs also on the bridges: br-*" in page
    assert "NICs also on the host devices: eth1, &lt;b&gt;" in page
    assert "disks and images in the storage pools: ssd-*, main" in page
    assert "disks and images in the storage pools: none" in page
    assert "hidden" not in page.split("<main", 1)[-1].split("storage pools: none", 1)[-1]
