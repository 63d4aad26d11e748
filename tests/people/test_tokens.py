"""Tokens: programs act for a user with them, with no more rights than the token has and than the user has left."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from networks.models import Network
from tests.support.making import everyone, make_hypervisor, make_network, make_running, make_vm
from tests.support.teams import make_team, role
from virterweb.people.models import Membership, Team, Token
from virterweb.people.verbs import VIEWER, Verb
from vms.models import VM

pytestmark = pytest.mark.integration
READ = sorted(VIEWER)


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor("lab")
    make_network(lab, "net1", "10.1.0.1/24")
    make_running(make_vm(lab, "vm", 8), ("net1", "52:54:00:00:00:08", "vnet0"))
    return lab


def program(secret: str) -> Client:
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {secret}"})


def make_token(user, verbs=READ, hypervisors=(), teams=(), **values) -> str:
    token = Token(user=user, name=f"token-{Token.objects.count()}", verbs=verbs, **values)
    secret = token.make_secret()
    token.save()
    token.hypervisors.set(hypervisors)
    token.teams.set(teams)
    return secret


def names(secret: str) -> set[str]:
    """Return the VMs of the inventory that a program gets."""
    answer = program(secret).get("/inventory.json")
    assert answer.status_code == 200
    return set(answer.json()["_meta"]["hostvars"])


def test_a_user_makes_a_token_that_is_shown_once_and_reads_the_inventory(member_page, member, lab):
    sent = {"name": "inventory", "verbs": READ, "lasts": "90"}
    made = member_page.post("/profile/tokens/", sent)
    secret = made.context["secret"]
    assert secret in made.content.decode()
    assert secret not in member_page.get("/profile/tokens/").content.decode()
    token = Token.objects.get()
    assert secret not in str(token.__dict__)
    assert timedelta(days=89) < token.ends_at - timezone.now() < timedelta(days=91)
    assert names(secret) == {"vm"}
    assert Token.objects.get().used_at
    assert "You already have a token inventory." in member_page.post("/profile/tokens/", sent).content.decode()
    assert member_page.post("/profile/tokens/", {"delete": token.pk}).status_code == 302
    assert program(secret).get("/inventory.json").status_code == 401


def test_nobody_deletes_the_token_of_another(member_page, user, lab):
    secret = make_token(user)
    member_page.post("/profile/tokens/", {"delete": Token.objects.get().pk})
    assert names(secret) == {"vm"}


def test_a_token_that_reads_changes_nothing(member, lab):
    answer = program(make_token(member)).post("/networks/lab/net1/remove/")
    assert answer.status_code == 403
    assert "You may not delete net1." in answer.content.decode()
    assert Network.objects.get(name="net1").removed_at is None


def test_a_token_does_what_its_verbs_say(member, lab):
    secret = make_token(member, [*READ, "power"])
    assert program(secret).post("/vms/lab/vm/shutdown/").status_code == 302
    assert not VM.objects.get().running
    assert program(secret).get("/vms/lab/vm/nics/add/").status_code == 403


def test_a_token_has_no_right_that_its_user_has_lost(member, lab):
    secret = make_token(member, [*READ, "delete"])
    Membership.objects.create(team=everyone(), user=member, role=role("viewer"))
    assert names(secret) == {"vm"}
    assert program(secret).post("/networks/lab/net1/remove/").status_code == 403
    everyone().grants.all().delete()
    assert names(secret) == set()
    assert program(secret).get("/networks/lab/net1/").status_code == 404


@pytest.mark.parametrize("reason", ["ended", "deactivated", "unknown", "empty", "deleted"])
def test_an_invalid_token_is_refused_with_401(member, lab, reason):
    ends_at = timezone.now() - timedelta(seconds=1) if reason == "ended" else None
    secret = make_token(member, ends_at=ends_at)
    if reason == "deactivated":
        get_user_model().objects.update(is_active=False)
    if reason == "deleted":
        Token.objects.all().delete()
    answer = program({"unknown": "virterweb_x", "empty": ""}.get(reason, secret)).get("/inventory.json")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_the_token_of_a_superuser_has_only_its_verbs_hypervisors_and_teams(operator, lab):
    other, red = make_hypervisor("other"), make_team("red")
    make_running(make_vm(other, "elsewhere", 9), ("default", "52:54:00:00:00:09", "vnet1"))
    make_running(make_vm(lab, "reds", 10, team=red), ("default", "52:54:00:00:00:0a", "vnet2"))
    assert names(make_token(operator)) == {"vm", "elsewhere", "reds"}
    assert names(make_token(operator, hypervisors=[other])) == {"elsewhere"}
    assert names(make_token(operator, teams=[red])) == {"reds"}
    assert names(make_token(operator, hypervisors=[other], teams=[red])) == set()
    assert names(make_token(operator, [Verb.CONSOLE])) == set()
    assert program(make_token(operator)).post("/networks/lab/net1/remove/").status_code == 403


@pytest.mark.parametrize("path", ["/admin/", "/profile/tokens/", "/profile/password/"])
def test_a_token_opens_neither_the_admin_nor_the_profile(operator, lab, path):
    answer = program(make_token(operator, [*Verb])).get(path)
    assert answer.status_code == 403
    answer = program(make_token(operator, [*Verb])).post("/profile/tokens/", {"name": "x", "verbs": READ})
    assert answer.status_code == 403
    assert Token.objects.count() == 2


def test_a_token_does_not_sign_in(member, lab):
    client = program(make_token(member))
    assert client.get("/inventory.json").status_code == 200
    assert not client.cookies.get("sessionid")
    assert Client().get("/inventory.json").status_code == 302


def limited(page: Client, **chosen: object) -> Token:
    """Make a token by the form."""
    answer = page.post("/profile/tokens/", {"name": "t", "verbs": READ, "lasts": "90", **chosen})
    assert "secret" in answer.context
    return Token.objects.get(name="t")


def test_the_only_hypervisor_can_be_chosen_so_that_a_later_one_is_not_included(member_page, member, lab):
    token = limited(member_page, hypervisors=[lab.pk])
    secret = token.make_secret()
    token.save()
    make_vm(make_hypervisor("later"), "elsewhere", 9)
    assert names(secret) == {"vm"}
    assert "all, also later ones" not in member_page.get("/profile/tokens/").content.decode()


def test_a_token_of_all_hypervisors_says_that_later_ones_are_included(member_page, member, lab):
    assert "none chosen: all, also those that are added later" in member_page.get("/profile/tokens/").content.decode()
    token = limited(member_page)
    secret = token.make_secret()
    token.save()
    elsewhere = make_vm(make_hypervisor("later"), "elsewhere", 9)
    elsewhere.status.write(present=True)
    assert "all, also later ones" in member_page.get("/profile/tokens/").content.decode()
    make_running(elsewhere, ("net1", "52:54:00:00:00:09", "vnet0"))
    assert names(secret) == {"vm", "elsewhere"}


def test_the_only_team_of_a_user_can_be_chosen_once_there_are_several(member_page, member, lab):
    assert "teams" not in member_page.get("/profile/tokens/").context["form"].fields
    Team.objects.update(role_of_all=None)
    red = make_team("red", {member: "user"}, on=lab)
    make_team("blue")
    form = member_page.get("/profile/tokens/").context["form"]
    assert list(form.fields["teams"].queryset) == [red]
    assert list(limited(member_page, teams=[red.pk]).teams.all()) == [red]
    later = make_team("later", {member: "user"}, on=lab)
    assert list(Token.objects.get().teams.all()) == [red]
    assert later in member_page.get("/profile/tokens/").context["form"].fields["teams"].queryset


@pytest.mark.parametrize("chosen", ["hidden", "0", "x", "99999999999999999999", "'"])
@pytest.mark.parametrize("field", ["hypervisors", "teams"])
def test_what_does_not_exist_for_a_user_cannot_be_chosen(member_page, member, lab, field, chosen):
    Team.objects.update(role_of_all=None)
    make_team("red", {member: "user"}, on=lab)
    hidden = {"hypervisors": make_hypervisor("hidden"), "teams": make_team("hidden")}[field]
    value = hidden.pk if chosen == "hidden" else chosen
    answer = member_page.post("/profile/tokens/", {"name": "t", "verbs": READ, field: [value]})
    assert field in answer.context["form"].errors
    assert "hidden" not in member_page.get("/profile/tokens/").context["form"].as_p()
    assert not Token.objects.exists()


def test_a_superuser_chooses_among_all_teams(client, operator, lab):
    red = make_team("red")
    client.force_login(operator)
    assert red in client.get("/profile/tokens/").context["form"].fields["teams"].queryset


def test_a_token_gets_no_stream_of_pages_which_have_all_rights_of_the_user(member, lab):
    assert program(make_token(member)).get("/events/?f=/networks/").status_code == 403
