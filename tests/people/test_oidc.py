"""Users of an OpenID Connect provider sign in with the groups that it says, and with no account of somebody else."""

import logging
import re
from collections.abc import Iterator

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.urls import reverse

from tests.people.oidc_browser import configured, log_in, name_of, use
from tests.people.test_sign_in import FAIL2BAN
from tests.support.servers.oidc_provider import OIDCProvider, oidc_provider
from virterweb.people.models import GroupRole, Membership, Role, Team
from virterweb.people.sign_in.oidc.configuration import WrongConfiguration, providers, read

pytestmark = pytest.mark.integration


@pytest.fixture
def provider(db) -> Iterator[OIDCProvider]:
    with oidc_provider() as found, use(configured(found)):
        yield found


def groups(name: str = "mara") -> list[str]:
    return sorted(User.objects.get(username=name).groups.values_list("name", flat=True))


def test_a_user_of_a_provider_signs_in_and_gets_an_account(provider, caplog):
    caplog.set_level(logging.INFO, logger="virterweb.people.sign_in")
    client = Client()
    assert "Sign in with Corp" in client.get("/login/").content.decode()
    assert log_in(client, next_page="/vms/")["Location"] == "/vms/"
    assert name_of(client) == "mara"
    user = User.objects.get()
    assert (user.first_name, user.last_name, user.email, user.has_usable_password()) == ("Mara", "Muster", "", False)
    assert not user.is_staff and not user.is_superuser
    assert not SocialToken.objects.exists()
    assert 'sign-in succeeded from 127.0.0.1 for "mara"' in caplog.messages


def test_the_same_user_gets_the_same_account_whatever_the_name_is_now(provider):
    log_in(Client())
    provider.user["preferred_username"] = "mara.muster"
    client = Client()
    log_in(client)
    assert name_of(client) == "mara"
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["ma\u3164ra", "ma\u202era", "", "x" * 200, 7, None, ["mara"]])
def test_a_name_that_no_user_may_have_is_replaced(provider, name):
    provider.user |= {"preferred_username": name, "name": name}
    client = Client()
    log_in(client)
    assert name_of(client) == User.objects.get().username
    assert re.fullmatch(r"[a-z0-9]{1,150}", User.objects.get().username)


@pytest.mark.parametrize("verified", [True, False])
def test_no_account_is_linked_by_an_e_mail_address_or_a_name(provider, verified):
    local = User.objects.create_user("mara", "mara@example.com", "a good one", is_staff=True)
    provider.user |= {"email": "mara@example.com", "email_verified": verified}
    client = Client()
    assert log_in(client)["Location"] == "/"
    assert name_of(client) not in ("mara", "")
    assert User.objects.count() == 2
    assert not SocialAccount.objects.filter(user=local).exists()


def test_groups_are_those_of_the_last_sign_in(provider):
    provider.user["groups"] = ["lab-admins", "lab", "unknown"]
    log_in(Client())
    assert groups() == ["lab users", "operators"]
    provider.user["groups"] = ["lab"]
    log_in(Client())
    assert groups() == ["lab users"]
    del provider.user["groups"]
    log_in(Client())
    assert groups() == []
    assert not Group.objects.filter(name="unknown").exists()


def test_groups_that_an_admin_has_given_stay(provider):
    log_in(Client())
    user = User.objects.get()
    user.groups.add(Group.objects.create(name="operators"), Group.objects.create(name="others"))
    for said in (["lab-admins", "lab"], []):
        provider.user["groups"] = said
        log_in(Client())
    assert groups() == ["operators", "others"]


def test_a_group_that_an_admin_takes_away_comes_back_with_the_next_sign_in(provider):
    provider.user["groups"] = ["lab"]
    log_in(Client())
    User.objects.get().groups.clear()
    log_in(Client())
    assert groups() == ["lab users"]
    provider.user["groups"] = []
    log_in(Client())
    assert groups() == []


def teams(name: str = "mara") -> dict[str, str]:
    return {each.team.name: each.role.name for each in Membership.objects.filter(user__username=name)}


def test_teams_have_roles_for_groups_of_the_provider(provider):
    viewer, manager = (Role.objects.get(name=name) for name in ("viewer", "manager"))
    red, blue = (Team.objects.create(name=name) for name in ("red", "blue"))
    for team, group, role in ((red, "lab", viewer), (red, "lab-admins", manager), (blue, "lab", viewer)):
        GroupRole.objects.create(team=team, group=group, role=role)
    provider.user["groups"] = ["lab", "lab-admins"]
    log_in(Client())
    assert teams() == {"red": "manager", "blue": "viewer"}
    provider.user["groups"] = ["lab"]
    log_in(Client())
    assert teams() == {"red": "viewer", "blue": "viewer"}
    provider.user["groups"] = []
    log_in(Client())
    assert teams() == {}


def test_a_membership_that_an_admin_has_given_stays_with_its_role(provider):
    log_in(Client())
    viewer, manager = (Role.objects.get(name=name) for name in ("viewer", "manager"))
    red = Team.objects.create(name="red")
    Membership.objects.create(team=red, user=User.objects.get(), role=manager)
    GroupRole.objects.create(team=red, group="lab", role=viewer)
    for said in (["lab"], []):
        provider.user["groups"] = said
        log_in(Client())
        assert teams() == {"red": "manager"}


@pytest.mark.parametrize(
    ("claim", "claims"),
    [("groups", {"groups": "lab"}), ("realm.roles", {"realm": {"roles": ["lab"]}}), ("a.b", {"a.b": ["lab", 7]})],
)
def test_the_groups_may_be_in_another_claim(provider, claim, claims):
    provider.user |= claims
    with use(configured(provider, groups_claim=claim)):
        log_in(Client())
    assert groups() == ["lab users"]


@pytest.mark.parametrize("odd", [7, None, {"lab": 1}, [["lab"]], "x"])
def test_a_claim_of_another_form_gives_no_groups(provider, odd):
    provider.user["groups"] = odd
    log_in(Client())
    assert groups() == []


def test_groups_may_be_in_the_user_information_alone(provider):
    provider.more = {"groups": ["lab"]}
    log_in(Client())
    assert groups() == ["lab users"]


def test_two_providers_have_users_of_their_own(provider):
    with oidc_provider() as other, use(configured(provider), configured(other, "uni")):
        other.user["preferred_username"] = "otto"
        page = Client().get("/login/").content.decode()
        assert "Sign in with Corp" in page
        assert "Sign in with Uni" in page
        log_in(Client())
        client = Client()
        log_in(client, "uni")
        assert name_of(client) == "otto"
        assert set(SocialAccount.objects.values_list("provider", "uid")) == {("corp", "1"), ("uni", "1")}


def test_a_provider_whose_users_get_no_account_lets_in_those_who_have_one(provider):
    log_in(Client())
    provider.user["sub"] = "2"
    with use(configured(provider, create_users=False)):
        client = Client()
        assert log_in(client)["Location"] == "/login/"
        assert "You have no account here" in client.get("/login/").content.decode()
        provider.user["sub"] = "1"
        log_in(client)
        assert name_of(client) == "mara"
    assert User.objects.count() == 1


def test_a_long_identifier_is_kept_apart(provider):
    for last in "ab":
        provider.user["sub"] = "x" * 254 + last
        log_in(Client())
    assert User.objects.count() == 2


def test_a_deactivated_user_stays_out(provider):
    client = Client()
    log_in(client)
    User.objects.update(is_active=False)
    assert client.get("/profile/").status_code == 302
    assert log_in(client)["Location"] == reverse("account_inactive")
    assert name_of(client) == ""


@pytest.mark.parametrize(("typed", "page"), [("/vms/", "/vms/"), ("null", "null"), ("//evil.example", "/"), ("", "/")])
def test_whoever_is_signed_in_already_goes_on_to_the_page(provider, typed, page):
    client = Client()
    log_in(client)
    assert client.get("/login/oidc/corp/", {"next": typed})["Location"] == page


def test_whoever_cancels_at_the_provider_is_back_on_the_sign_in_page(provider):
    client = Client()
    state = client.get("/login/oidc/corp/")["Location"].partition("state=")[2].partition("&")[0]
    answer = client.get("/login/oidc/corp/callback/", {"error": "access_denied", "state": state})
    assert answer["Location"] == "/login/"
    assert "was cancelled" in client.get("/login/").content.decode()


def test_attempts_with_a_provider_are_limited_and_logged(provider, caplog):
    client = Client(REMOTE_ADDR="192.0.2.7")
    for _ in range(60):
        client.get("/login/oidc/corp/callback/", {"code": "x", "state": "y"})
    assert client.get("/login/oidc/corp/").status_code == 429
    lines = [record.getMessage() for record in caplog.records if record.name == "virterweb.people.sign_in"]
    assert len(lines) == 61
    assert {re.match(FAIL2BAN, line)["HOST"] for line in lines} == {"192.0.2.7"}


GOOD = 'name = "Corp"\nissuer = "https://id.example"\nclient_id = "a"\nclient_secret = "b"\n'


def test_the_file_names_the_providers(tmp_path):
    file = tmp_path / "oidc.toml"
    file.write_text(f'[corp]\n{GOOD}groups = {{ "admins" = "operators" }}\n[uni]\n{GOOD}create_users = false\n')
    found = read(str(file))
    assert list(found) == ["corp", "uni"]
    assert found["corp"].groups_for({"groups": ["admins"]}) == {"operators"}
    assert "'b'" not in repr(found["corp"])
    assert read("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"[Corp]\n{GOOD}", "lower-case"),
        ("[corp]\n" + GOOD.replace("issuer", "isuer"), "has no issuer"),
        (f"[corp]\n{GOOD}group = 1\n", "unknown setting group"),
        (f"[corp]\n{GOOD}groups = 1\n", "groups must be of the type dict"),
        (f"[corp]\n{GOOD}key = 'x'\n", "unknown setting key"),
        ("[corp\n", "oidc.toml"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path, text, said):
    file = tmp_path / "oidc.toml"
    file.write_text(text)
    with pytest.raises(WrongConfiguration, match=said):
        read(str(file))
    with pytest.raises(WrongConfiguration, match="nowhere"):
        read(str(tmp_path / "nowhere"))


def test_a_wrong_file_does_not_keep_people_with_passwords_out(tmp_path, settings, member):
    settings.OIDC_FILE = str(tmp_path / "nowhere")
    settings.OIDC_PROVIDERS = providers(settings.OIDC_FILE)
    with pytest.raises(SystemCheckError, match=r"VIRTERWEB_OIDC_FILE: .*nowhere"):
        call_command("check")
    assert Client().post("/login/", {"username": "otto", "password": "a good one"}).status_code == 302
