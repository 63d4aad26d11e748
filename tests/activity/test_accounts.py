"""Changes of second factors, sessions, invitations and passwords leave entries, with the address and no secret."""

from io import StringIO
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.core.management import call_command
from django.test import Client

from tests.people.oidc_browser import configured, log_in, use
from tests.people.test_second_factor import PASSWORD, SECOND, after_password, code, confirmed, enter
from tests.support.servers.oidc_provider import oidc_provider
from virterweb.activity.choices import Result, Via
from virterweb.activity.models import Entry

pytestmark = pytest.mark.integration

ADDRESS = "192.0.2.7"


@pytest.fixture
def client() -> Client:
    return Client(REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT="Firefox/1 Linux")


def entries(*without: str) -> list[Entry]:
    """Return the entries in their order, without those about sign-in."""
    found = Entry.objects.order_by("pk").exclude(event__in=("signed in", "signed out", *without))
    return list(found)


def said() -> list[tuple[str, str, str, str]]:
    """Return who did what from which address, and with which result."""
    return [(each.who, each.what, each.address, each.result) for each in entries()]


def by_otto(*texts: str) -> list[tuple[str, str, str, str]]:
    return [("otto", text, ADDRESS, Result.DONE) for text in texts]


def stored() -> str:
    """Return everything that the log has stored, as one text."""
    return str(list(Entry.objects.values()))


def test_an_authenticator_app_is_recorded_when_it_is_added_and_removed(
    client, member, django_capture_on_commit_callbacks
):
    confirmed(client)
    client.get(f"{SECOND}app/add/")
    secret = client.session["mfa.totp.secret"]
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(f"{SECOND}app/add/", {"code": code(secret)}).status_code == 302
    assert sorted(said()) == sorted(by_otto("authenticator app added", "recovery codes created"))
    codes = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()
    assert client.post(f"{SECOND}app/remove/").status_code == 302
    assert said()[2:] == by_otto("authenticator app removed", "recovery codes removed")
    assert not [text for text in (secret, *codes) if text in stored()]


def test_new_recovery_codes_and_the_use_of_one_are_recorded(client, member, django_capture_on_commit_callbacks):
    confirmed(client)
    TOTP.activate(member, generate_totp_secret())
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"{SECOND}codes/new/")
    first = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()[0]
    other = after_password(REMOTE_ADDR=ADDRESS)
    assert enter(other, first).status_code == 302
    assert said() == by_otto("recovery codes created", "recovery code used")
    assert first not in stored()
    assert [each.what for each in Entry.objects.order_by("pk")][-2:] == ["recovery code used", "signed in"]


def test_the_code_of_an_app_is_part_of_the_sign_in(client, member):
    secret = generate_totp_secret()
    TOTP.activate(member, secret)
    assert enter(after_password(), code(secret)).status_code == 302
    assert [each.what for each in Entry.objects.all()] == ["signed in"]


def test_wrong_codes_are_recorded_and_one_refusal_after_too_many(member):
    TOTP.activate(member, generate_totp_secret())
    for _ in range(13):
        enter(after_password(REMOTE_ADDR=ADDRESS), "000000")
    wrong = ("", "wrong second factor of otto", ADDRESS, Result.FAILED)
    refused = ("", "sign-in as otto refused after too many failures", ADDRESS, Result.FAILED)
    assert said() == [*10 * [wrong], refused]


def test_a_passkey_of_nobody_leaves_no_entry_because_anybody_may_send_it(client, db):
    client.get("/login/passkey/", headers={"Accept": "application/json"})
    for _ in range(3):
        assert client.post("/login/passkey/", {"credential": "{}"}).status_code == 302
    assert said() == []


def test_a_removed_passkey_is_recorded_by_its_name(client, member):
    confirmed(client)
    data = {"name": "phone <b>", "credential": {"id": "private"}}
    passkey = Authenticator.objects.create(user=member, type="webauthn", data=data)
    assert client.post(f"{SECOND}passkeys/{passkey.pk}/remove/").status_code == 302
    assert said() == by_otto("passkey phone <b> removed")
    assert "private" not in stored()
    assert "phone &lt;b&gt;" in client.get("/activity/").content.decode()


def test_a_factor_that_was_not_confirmed_changes_nothing_and_is_not_recorded(client, member):
    TOTP.activate(member, generate_totp_secret())
    client.force_login(member)
    client.post(f"{SECOND}app/remove/")
    client.post(f"{SECOND}app/add/", {"code": "000000"})
    assert said() == []


def test_ended_sessions_are_recorded_with_browser_and_address(client, member):
    client.post("/login/", PASSWORD)
    for agent in ("Chrome/1 Linux", "x" * 500):
        Client(REMOTE_ADDR="192.0.2.9", HTTP_USER_AGENT=agent).post("/login/", PASSWORD)
    other = UserSession.objects.get(user_agent__startswith="Chrome")
    assert client.post("/profile/sessions/", {"session": other.pk}).status_code == 302
    assert client.post("/profile/sessions/", {"session": "others"}).status_code == 302
    keys = [each.session_key for each in UserSession.objects.all()]
    assert said() == by_otto(
        "session of otto ended: Chrome on Linux at 192.0.2.9", f"session of otto ended: {'x' * 40} at 192.0.2.9"
    )
    assert not [key for key in keys if key in stored()]


@pytest.mark.parametrize("chosen", ["0", "-1", "'", "99999999999999999999999"])
def test_a_session_that_there_is_not_leaves_no_entry(client, member, chosen):
    client.post("/login/", PASSWORD)
    assert client.post("/profile/sessions/", {"session": chosen}).status_code == 404
    assert said() == []


def test_the_session_of_another_user_is_neither_ended_nor_recorded(client, member, user):
    Client().post("/login/", {"username": "mira", "password": "a good one"})
    client.post("/login/", PASSWORD)
    of_mira = UserSession.objects.get(user=user)
    assert client.post("/profile/sessions/", {"session": of_mira.pk}).status_code == 404
    assert said() == []


def test_the_end_of_the_own_session_is_a_sign_out(client, member):
    client.post("/login/", PASSWORD)
    client.post("/profile/sessions/", {"session": UserSession.objects.get().pk})
    assert [each.what for each in Entry.objects.order_by("pk")] == ["signed in", "signed out"]


def test_a_changed_password_is_recorded_and_a_refused_one_is_not(client, member):
    client.post("/login/", PASSWORD)
    new = {"password1": "walk the lab", "password2": "walk the lab"}
    assert client.post("/profile/password/", {"oldpassword": "wrong", **new}).status_code == 422
    assert said() == []
    assert client.post("/profile/password/", {"oldpassword": "a good one", **new}).status_code == 302
    assert said() == by_otto("password changed")
    assert "walk the lab" not in stored()


def test_invitations_are_recorded_when_they_are_created_and_used(client, db):
    out = StringIO()
    call_command("invite", "mara", stdout=out)
    path = urlsplit(out.getvalue().strip()).path
    chosen = {"new_password1": "walk the lab", "new_password2": "walk the lab"}
    form = client.get(path, follow=True).request["PATH_INFO"]
    assert client.post(form, {**chosen, "new_password2": "other"}).status_code == 422
    assert client.post(form, chosen).status_code == 302
    created, used = entries()
    assert (created.name, created.what, created.result) == ("mara", "invitation created", Result.DONE)
    assert (used.who, used.what, used.address) == ("mara", "password set by an invitation", ADDRESS)
    assert not [text for text in (path.split("/")[-2], "walk the lab") if text in stored()]


def test_an_invitation_from_the_admin_names_who_has_invited(client, operator, db):
    invited = type(operator).objects.create_user("mara")
    client.force_login(operator)
    chosen = {"action": "invite", "_selected_action": invited.pk}
    assert client.post("/admin/auth/user/", chosen).status_code == 302
    (entry,) = entries()
    assert (entry.who, entry.via, entry.name, entry.address) == ("admin", Via.ADMIN, "mara", ADDRESS)


def test_users_see_the_entries_of_their_own_account_alone(client, member, user):
    other = type(member).objects.create_user("ann", password="a good one")
    client.force_login(other)
    new = {"oldpassword": "a good one", "password1": "walk the lab", "password2": "walk the lab"}
    client.post("/profile/password/", new)
    assert "password changed" in client.get("/activity/").content.decode()
    client.force_login(member)
    assert "password changed" not in client.get("/activity/").content.decode()


def test_the_first_sign_in_with_a_provider_connects_the_account(db):
    with oidc_provider() as provider, use(configured(provider)):
        provider.user["preferred_username"] = "mara"
        log_in(Client())
        log_in(Client())
    assert [(each.who, each.what) for each in entries()] == [("mara", "account mara of corp connected")]
