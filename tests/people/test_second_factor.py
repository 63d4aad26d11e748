"""With a second factor, a password alone opens nothing; its codes are limited and logged like passwords."""

import logging
import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters
from django.contrib.auth.models import AbstractUser
from django.http import HttpResponse
from django.test import Client
from lxml import html

from tests.people.test_sign_in import FAIL2BAN
from virterweb.people.models import MAX_OF_BOTH

pytestmark = pytest.mark.integration

SECOND = "/profile/second-factor/"
PASSWORD = {"username": "otto", "password": "a good one"}


def code(secret: str) -> str:
    """Return what an authenticator app shows now."""
    return format_hotp_value(hotp_value(secret, next(counters())))


@pytest.fixture
def secret(member: AbstractUser) -> str:
    """Give the member an authenticator app, and recovery codes."""
    secret = generate_totp_secret()
    TOTP.activate(member, secret)
    RecoveryCodes.activate(member)
    return secret


def after_password(**options: str) -> Client:
    client = Client(**options)
    assert client.post("/login/", {**PASSWORD, "next": "/vms/"})["Location"].startswith("/login/code/")
    return client


def enter(client: Client, text: str) -> HttpResponse:
    return client.post("/login/code/", {"code": text})


def confirmed(client: Client) -> Client:
    """Sign in, and confirm the password once more."""
    client.post("/login/", PASSWORD)
    assert client.post("/confirm/", {"password": "a good one"}).status_code == 302
    return client


def test_an_authenticator_app_is_added_with_recovery_codes(client, member):
    assert client.post("/login/", PASSWORD).status_code == 302
    assert client.get(f"{SECOND}app/add/")["Location"].startswith("/confirm/?next=")
    assert client.post("/confirm/", {"password": "wrong"}).status_code == 422
    answer = client.post("/confirm/", {"password": "a good one", "next": f"{SECOND}app/add/"}, follow=True)
    page = html.fromstring(answer.content)
    assert page.xpath("//img[starts-with(@src, 'data:image/svg+xml;base64,')]")
    shown = page.xpath("string(//dd)")
    assert client.post(f"{SECOND}app/add/", {"code": "000000"}).status_code == 422
    answer = client.post(f"{SECOND}app/add/", {"code": code(client.session["mfa.totp.secret"])}, follow=True)
    assert shown
    assert answer.redirect_chain[-1][0] == f"{SECOND}codes/"
    codes = html.fromstring(answer.content).xpath("string(//pre)").split()
    assert len(codes) == 10
    client.post("/logout/")
    other = after_password()
    assert enter(other, codes[0])["Location"] == "/vms/"
    assert enter(after_password(), codes[0]).status_code == 422, "each code is valid once"


def test_the_password_alone_opens_nothing(secret):
    client = after_password()
    for path in ("/", "/networks/", "/admin/", "/profile/"):
        assert client.get(path).status_code == 302
    assert enter(client, "123").status_code == 422
    assert enter(client, code(secret))["Location"] == "/vms/"
    assert client.get("/networks/").status_code == 200


def test_the_admin_asks_for_the_second_factor_too(operator):
    secret = generate_totp_secret()
    TOTP.activate(operator, secret)
    client = Client()
    answer = client.post("/admin/login/", {"username": "admin", "password": "a good one", "next": "/admin/"})
    assert answer["Location"].startswith("/login/code/")
    assert client.get("/admin/")["Location"] == "/admin/login/?next=/admin/"
    assert enter(client, code(secret))["Location"] == "/admin/"


def test_a_code_is_valid_once(secret):
    now = code(secret)
    assert enter(after_password(), now).status_code == 302
    assert enter(after_password(), now).status_code == 422


def test_codes_are_tried_a_few_times_only_from_whatever_address(secret, caplog):
    caplog.set_level(logging.WARNING, logger="virterweb.people.sign_in")
    for number in range(MAX_OF_BOTH):
        assert enter(after_password(REMOTE_ADDR=f"192.0.2.{number + 1}"), "000000").status_code == 422
    assert enter(after_password(REMOTE_ADDR="192.0.2.99"), code(secret)).status_code == 429
    lines = [record.getMessage() for record in caplog.records if record.name == "virterweb.people.sign_in"]
    found = [re.match(FAIL2BAN, line) for line in lines]
    assert [each["HOST"] for each in found] == [*(f"192.0.2.{number + 1}" for number in range(10)), "192.0.2.99"]
    assert lines[-1] == 'sign-in refused from 192.0.2.99 for "otto": second factor'


def test_somebody_else_can_sign_in_after_the_password_was_entered(secret):
    client = after_password()
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/login/").status_code == 200


def test_an_app_is_removed_with_the_recovery_codes_after_the_password_is_confirmed(client, member):
    confirmed(client)
    TOTP.activate(member, generate_totp_secret())
    RecoveryCodes.activate(member)
    assert client.post(f"{SECOND}app/remove/")["Location"] == SECOND
    assert not Authenticator.objects.exists()


def test_settings_of_a_second_factor_need_the_password_again(secret, member):
    client = Client()
    client.force_login(member)
    assert client.get(f"{SECOND}codes/")["Location"].startswith("/confirm/")
    for path in ("app/remove/", "codes/new/", "passkeys/add/", "passkeys/1/remove/"):
        assert client.post(f"{SECOND}{path}")["Location"].startswith("/confirm/"), path
    assert Authenticator.objects.count() == 2


def test_new_recovery_codes_replace_the_earlier_ones(client, member):
    confirmed(client)
    TOTP.activate(member, generate_totp_secret())
    RecoveryCodes.activate(member)
    before = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert client.post(f"{SECOND}codes/new/")["Location"] == f"{SECOND}codes/"
    assert enter(after_password(), before[0]).status_code == 422


def test_a_user_of_another_service_is_asked_to_log_in_there_again(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("mara"))
    answer = client.get(f"{SECOND}app/add/")
    assert (answer.status_code, "the other service" in answer.content.decode()) == (403, True)


def test_a_superuser_deletes_a_lost_second_factor_in_the_admin_and_sees_no_secret(client, operator, secret):
    client.force_login(operator)
    lost = Authenticator.objects.get(type="totp")
    path = f"/admin/auth/user/{lost.user_id}/change/"
    page = client.get(path)
    assert "TOTP Authenticator" in page.content.decode()
    assert secret not in page.content.decode()
    form = next(each for each in html.fromstring(page.content.decode()).forms if each.get("id") == "user_form")
    client.post(path, {**dict(form.form_values()), "authenticator_set-0-DELETE": "on"})
    assert not Authenticator.objects.filter(type="totp").exists()


PASSKEYS = [
    "",
    "null",
    "[]",
    "[1]",
    "{}",
    '{"id": "x", "response": {}}',
    '{"id": 1, "rawId": 2, "response": 3}',
    "x" * 1000,
]


@pytest.mark.parametrize("credential", PASSKEYS)
def test_a_passkey_that_is_none_is_refused_when_it_is_added(client, member, credential):
    confirmed(client)
    client.get(f"{SECOND}passkeys/add/")
    answer = client.post(f"{SECOND}passkeys/add/", {"credential": credential})
    assert answer.status_code == 422
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("credential", PASSKEYS)
def test_a_passkey_that_is_none_is_refused_when_it_is_to_sign_in(client, member, credential):
    assert client.get("/login/passkey/", headers={"Accept": "application/json"}).json()["request_options"]
    assert client.post("/login/passkey/", {"credential": credential}).status_code == 302
    assert client.get("/networks/").status_code == 302
