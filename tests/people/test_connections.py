"""A signed-in user connects the account of a provider after a confirmation; nobody gets the account of others."""

from collections.abc import Iterator
from urllib.request import build_opener

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from lxml import html

from tests.people.oidc_browser import NotFollowed, at_provider, back, configured, log_in, name_of, use
from tests.people.test_second_factor import PASSWORD, SECOND, code, confirmed
from tests.support.servers.oidc_provider import OIDCProvider, oidc_provider
from tests.support.teams import make_team, role
from virterweb.activity.models import Entry
from virterweb.people.sign_in.sessions.age import BEGAN

pytestmark = pytest.mark.integration
ACCOUNTS, CONNECT = "/profile/accounts/", "/profile/accounts/corp/connect/"


@pytest.fixture
def provider(db) -> Iterator[OIDCProvider]:
    with oidc_provider() as found, use(configured(found)):
        yield found


def to_provider(client: Client) -> str:
    """Begin to connect; the address with which the provider sends the browser back."""
    (address,) = html.fromstring(client.post(CONNECT).content).xpath("//main//a[@class='button primary']/@href")
    return build_opener(NotFollowed).open(address)


def connect(client: Client) -> HttpResponse:
    return back(client, to_provider(client))


def said(client: Client) -> str:
    """Return the messages of the next page."""
    return client.get(ACCOUNTS).content.decode()


def confirm_again(client: Client, minutes: int) -> None:
    """Let the confirmation of a session be so old."""
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= minutes * 60
    session[BEGAN] -= minutes * 60
    session.save()


def test_a_local_user_connects_an_account_and_logs_in_with_it(provider, member):
    client = confirmed(Client())
    assert html.fromstring(said(client)).xpath("//form[button='Connect with Corp']/@action") == [CONNECT]
    assert connect(client)["Location"] == ACCOUNTS
    assert "Account connected" in said(client)
    assert SocialAccount.objects.get().user == member
    other = Client()
    log_in(other)
    assert name_of(other) == "otto"
    assert User.objects.count() == 1
    assert Entry.objects.filter(event="account connected").get().what == "account mara of corp connected"
    client.post("/logout/")
    assert client.post("/login/", PASSWORD).status_code == 302, "the password stays valid"


def test_the_password_is_asked_for_before(provider, member):
    client = Client()
    client.force_login(member)
    assert client.post(CONNECT)["Location"].startswith("/confirm/?next=")
    assert client.post(ACCOUNTS, {"account": "1"})["Location"].startswith("/confirm/")
    assert Client().post(CONNECT)["Location"].startswith("/login/")
    assert not SocialAccount.objects.exists()


def test_a_confirmation_that_was_long_ago_connects_nothing(provider, member):
    client = confirmed(Client())
    way_back = to_provider(client)
    confirm_again(client, minutes=6)
    assert back(client, way_back)["Location"] == ACCOUNTS
    assert "your confirmation or session has expired" in said(client)
    assert not SocialAccount.objects.exists()


def test_an_account_of_another_user_is_not_taken_over(provider, member):
    log_in(Client())
    client = confirmed(Client())
    assert connect(client)["Location"] == ACCOUNTS
    assert "This account belongs to another user" in said(client)
    assert SocialAccount.objects.get().user.username == "mara"
    assert name_of(client) == "otto"


def test_the_answer_for_one_browser_connects_nothing_in_another(provider, member, user):
    client = confirmed(Client())
    way_back = to_provider(client)
    other = Client()
    other.force_login(user)
    back(other, way_back)
    assert not SocialAccount.objects.exists()
    signed_out = Client()
    back(signed_out, way_back)
    assert name_of(signed_out) == ""
    assert not SocialAccount.objects.exists()


def test_connecting_it_again_changes_nothing(provider, member):
    client = confirmed(Client())
    connect(client)
    assert connect(client)["Location"] == ACCOUNTS
    assert "This account is connected already." in said(client)
    assert SocialAccount.objects.count() == 1
    assert "Connect with Corp" not in said(client)


def test_a_connected_account_is_removed(provider, member):
    client = confirmed(Client())
    connect(client)
    account = SocialAccount.objects.get()
    assert client.post(ACCOUNTS, {"account": account.pk}).status_code == 302
    assert "Account removed" in said(client)
    assert not SocialAccount.objects.exists()
    assert Entry.objects.latest("pk").what == "account mara of corp removed"


def test_the_only_way_to_log_in_is_not_removed(provider):
    client = Client()
    log_in(client)
    account = SocialAccount.objects.get()
    assert client.post(ACCOUNTS, {"account": account.pk}).status_code == 302
    assert "because you have no other way to sign in." in said(client)
    assert SocialAccount.objects.exists()


@pytest.mark.parametrize("chosen", ["", "0", "x", "-1", "99999999999999999999", "other", "ldap"])
def test_no_other_account_is_removed(provider, member, chosen):
    log_in(Client())
    values = {"other": SocialAccount.objects.get().pk}
    values["ldap"] = SocialAccount.objects.create(user=member, provider="ldap", uid="7").pk
    client = confirmed(Client())
    assert client.post(ACCOUNTS, {"account": values.get(chosen, chosen)}).status_code == 404
    assert SocialAccount.objects.count() == 2


@pytest.mark.parametrize("key", ["absent", "ldap", "7"])
def test_an_unknown_provider_connects_nothing(provider, member, key):
    client = confirmed(Client())
    assert client.post(f"/profile/accounts/{key}/connect/").status_code == 302
    assert not SocialAccount.objects.exists()


def test_without_providers_nothing_is_offered(db, member):
    client = confirmed(Client())
    assert ACCOUNTS not in client.get("/profile/").content.decode()
    assert "Connect with" not in said(client)


def test_the_profile_links_to_the_accounts(provider, member):
    client = Client()
    client.force_login(member)
    assert ACCOUNTS in client.get("/profile/").content.decode()


def test_a_user_of_a_provider_adds_a_second_factor_just_after_the_sign_in(provider):
    client = Client()
    log_in(client)
    assert client.get(f"{SECOND}app/add/").status_code == 200
    secret = client.session["mfa.totp.secret"]
    assert client.post(f"{SECOND}app/add/", {"code": code(secret)}).status_code == 302
    assert client.get(f"{SECOND}codes/").status_code == 200
    other = Client()
    assert back(other, at_provider(other))["Location"].startswith("/login/code/")
    assert name_of(other) == ""
    (first, *_) = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert other.post("/login/code/", {"code": first}).status_code == 302
    assert name_of(other) == "mara"


def test_later_the_user_of_a_provider_is_asked_to_log_in_again(provider):
    client = Client()
    log_in(client)
    confirm_again(client, minutes=6)
    answer = client.get(f"{SECOND}app/add/")
    assert answer.status_code == 403
    assert "Sign out and sign in again" in answer.content.decode()
    assert client.post(CONNECT).status_code == 403


def test_a_sign_in_does_not_replace_the_password_of_those_who_have_one(provider, member):
    client = Client()
    client.post("/login/", PASSWORD)
    assert client.get(f"{SECOND}app/add/")["Location"].startswith("/confirm/")


def test_a_link_connects_nothing_even_by_a_confirmation(provider, member):
    client = confirmed(Client())
    assert client.get(CONNECT)["Location"] == ACCOUNTS
    assert "To connect an account, choose it here." in said(client)
    client.post("/confirm/", {"password": PASSWORD["password"], "next": CONNECT}, follow=True)
    client.get(f"/confirm/?next={CONNECT}", follow=True)
    Client().get(f"/login/?next={CONNECT}", follow=True)
    assert "socialaccount_states" not in client.session, "no way to the provider began"
    assert not SocialAccount.objects.exists()


def test_a_form_of_another_site_connects_nothing(provider, member):
    client = confirmed(Client())
    client.handler.enforce_csrf_checks = True
    assert client.post(CONNECT).status_code == 403


def test_the_page_goes_on_to_the_provider_by_itself(provider, member):
    page = html.fromstring(confirmed(Client()).post(CONNECT).content)
    (refresh,) = page.xpath("//meta[@http-equiv='refresh']/@content")
    assert refresh.startswith(f"0; url={provider.issuer}")


def test_after_the_confirmation_the_form_goes_on(provider, member):
    client = Client()
    client.force_login(member)
    asked = client.post(CONNECT)["Location"]
    answer = client.post(asked, {"password": PASSWORD["password"]}, follow=True)
    assert "Continue to Corp" in answer.content.decode()


def test_an_account_at_a_service_that_is_no_longer_configured_is_no_other_way_to_log_in(provider):
    client = Client()
    log_in(client)
    account = SocialAccount.objects.get()
    for former in ("former", "ldap"):
        SocialAccount.objects.create(user=account.user, provider=former, uid="7")
    client.post(ACCOUNTS, {"account": account.pk})
    assert "you have no other way to sign in" in said(client)
    assert SocialAccount.objects.filter(pk=account.pk).exists()


def test_with_the_account_the_user_loses_the_groups_and_teams_that_it_gave(provider, member):
    provider.user["groups"] = ["lab-admins"]
    team = make_team("admins")
    team.groups.create(group="lab-admins", role=role("manager"))
    client = confirmed(Client())
    connect(client)
    log_in(Client())
    assert member.groups.exists()
    assert member.memberships.filter(team=team).exists()
    client.post(ACCOUNTS, {"account": SocialAccount.objects.get().pk})
    assert not member.groups.exists()
    assert not member.memberships.filter(team=team).exists()
