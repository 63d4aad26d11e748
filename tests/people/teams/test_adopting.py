"""What somebody adopts belongs to him and to a team of his, as what he creates does."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from lxml import html

from tests.support.making import make_foreign_network, make_hypervisor, make_vm
from tests.support.teams import make_team, role
from virterweb.people.models import Grant, Role, Team
from virterweb.people.verbs import USER, Verb

FOUND = "<domain type='qemu'><name>old</name><memory unit='MiB'>512</memory><vcpu>1</vcpu><devices/></domain>"


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor("lab")


@pytest.fixture
def red(lab, member):
    """Return the team of a member who may adopt and create on the hypervisor."""
    Team.objects.update(role_of_all=None)
    Role.objects.create(name="adopter", verbs=sorted({*USER, Verb.ADOPT}))
    Role.objects.create(name="finder", verbs=[Verb.LIST, Verb.ADOPT])
    return make_team("red", {member: "adopter"}, on=lab, others="finder")


@pytest.fixture(params=["vm", "network"])
def found(request, lab):
    """Return what libvirt has and the portal does not manage."""
    if request.param == "network":
        return make_foreign_network(lab)
    vm = make_vm(lab, "old", None, managed=False, host_key="", owner=None, team=None)
    vm.status.write(present=True, document=FOUND, stored=FOUND)
    return vm


def again(thing):
    return type(thing).objects.get(pk=thing.pk)


def adopt(page, thing, **fields):
    return page.post(f"{thing.get_absolute_url()}adopt/", fields, follow=True)


def teams_offered(page, thing) -> list[str]:
    return html.fromstring(page.get(thing.get_absolute_url()).content).xpath("//select[@name='team']/option/text()")


def test_it_gets_the_only_team_of_the_user_without_a_question(member_page, member, red, found):
    assert teams_offered(member_page, found) == []
    adopt(member_page, found)
    assert (again(found).managed, again(found).team, again(found).owner) == (True, red, member)


def test_with_several_teams_the_page_asks_for_which_one(member_page, member, lab, red, found):
    blue = make_team("blue", {member: "adopter"}, on=lab, others="")
    make_team("viewers", {member: "viewer"}, on=lab, others="")
    make_team("strangers", on=lab, others="")
    assert teams_offered(member_page, found) == ["red", "blue"]
    adopt(member_page, found, team=blue.pk)
    assert again(found).team == blue


@pytest.mark.parametrize("sent", ["strangers", "0", "9" * 30, "x", "٣"])
def test_it_goes_to_no_other_team(member_page, lab, red, found, sent):
    strangers = make_team("strangers", on=lab, others="")
    answer = adopt(member_page, found, team=strangers.pk if sent == "strangers" else sent)
    assert answer.status_code == 403
    assert "You may not create anything for this team on lab." in answer.content.decode()
    assert not again(found).managed


def test_an_operator_gives_it_to_any_team(page, user, lab, red, found):
    assert {"everyone", "red"} <= set(teams_offered(page, found))
    adopt(page, found, team=red.pk)
    assert (again(found).team, again(found).owner) == (red, user)


def test_a_user_who_may_create_nothing_owns_it_without_a_team(member_page, member, lab, red, found):
    red.memberships.update(role=role("viewer"))
    adopt(member_page, found)
    assert (again(found).managed, again(found).team, again(found).owner) == (True, None, member)


def test_it_gets_the_default_end_date_of_the_team(member_page, red, found):
    Team.objects.filter(pk=red.pk).update(end_days=7)
    adopt(member_page, found)
    assert abs(again(found).ends_at - timezone.now() - timedelta(days=7)) < timedelta(minutes=1)


def test_it_counts_towards_the_limits_of_the_team(member_page, red, found):
    Grant.objects.filter(team=red).update(max_vms=0, max_networks=0)
    answer = adopt(member_page, found)
    assert "This would be 1 of 0" in answer.content.decode()
    assert (again(found).managed, again(found).team) == (False, None)


def test_many_networks_at_once_count_as_well(member_page, lab, red):
    network = make_foreign_network(lab)
    Grant.objects.filter(team=red).update(max_networks=0)
    sent = {"network": [network.pk], "action": "adopt"}
    token = html.fromstring(member_page.post("/networks/bulk/", sent).content).xpath(
        "string(//input[@name='token']/@value)"
    )
    answer = member_page.post("/networks/bulk/", {**sent, "token": token}, follow=True)
    assert "This would be 1 of 0 networks" in answer.content.decode()
    assert not again(network).managed


def test_a_vm_in_a_pool_that_the_team_may_not_use_is_not_adopted(member_page, lab, red):
    disk = "<disk type='volume' device='disk'><source pool='fast' volume='a'/><target dev='vda'/></disk>"
    vm = make_vm(lab, "old", None, managed=False, host_key="", owner=None, team=None)
    document = FOUND.replace("<devices/>", f"<devices>{disk}</devices>")
    vm.status.write(present=True, document=document, stored=document)
    Grant.objects.filter(team=red).update(pools="default")
    assert adopt(member_page, vm).status_code == 403
    assert not again(vm).managed


def run(kind: str, *arguments: str) -> None:
    call_command(kind, "adopt", *arguments, "--user", "otto", "--no-wait", stdout=StringIO())


def test_the_command_names_the_team(member, lab, red, found):
    blue = make_team("blue", {member: "adopter"}, on=lab, others="")
    run(found._meta.model_name, found.name, "--team", "blue")
    assert (again(found).team, again(found).owner) == (blue, member)


@pytest.mark.parametrize("name", ["strangers", "nobody"])
def test_the_command_says_the_same_of_a_foreign_and_an_unknown_team(lab, red, found, name):
    make_team("strangers", on=lab, others="")
    with pytest.raises(CommandError, match="You may not create anything for this team on lab"):
        run(found._meta.model_name, found.name, "--team", name)
    assert not again(found).managed
