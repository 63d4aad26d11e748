"""After too many failed sign-ins, users must wait, on all pages and processes, and the log names their address."""

import logging
import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from virterweb.people.models import MAX_OF_ADDRESS, MAX_OF_BOTH, MAX_OF_NAME, WINDOW, SignInAttempt

pytestmark = pytest.mark.integration

FAIL2BAN = r"sign-in (failed|refused) from (?P<HOST>\S+) for"
PAGES = ("/login/", "/admin/login/")
REFUSED = "Too many sign-in attempts have failed. Wait 10 minutes, then try again."


def tried(page: str, name: str, password: str, address: str = "192.0.2.1"):
    return Client(REMOTE_ADDR=address).post(page, {"username": name, "password": password})


@pytest.mark.parametrize("page", PAGES)
def test_a_name_is_tried_from_an_address_a_few_times_only(operator, page):
    for _ in range(MAX_OF_BOTH):
        assert REFUSED not in tried(page, "admin", "wrong").content.decode()
    answer = tried(page, "ADMIN", "a good one")  # not even the right password is looked at
    assert REFUSED in answer.content.decode()
    assert "_auth_user_id" not in answer.wsgi_request.session
    for other in PAGES:
        assert REFUSED in tried(other, "admin", "a good one").content.decode()
        assert tried(other, "admin", "a good one", "192.0.2.2").status_code == 302


@pytest.mark.parametrize("page", PAGES)
def test_each_page_says_so_by_its_status_too(operator, page):
    assert Client().get(page).status_code == 200
    assert [tried(page, "admin", "wrong").status_code for _ in range(MAX_OF_BOTH + 1)][-2:] == [422, 429]
    assert tried(page, "", "").status_code == 422


def test_the_admin_has_the_sign_in_page_of_the_portal(client, operator):
    answer = client.get("/admin/system/", follow=True)
    assert next(template.name for template in answer.templates) == "people/sign_in/sign_in.html"
    answer = client.post("/login/", {"username": "admin", "password": "a good one", "next": "/admin/system/"})
    assert answer["Location"] == "/admin/system/"
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/admin/"


def test_the_admin_says_to_users_without_access_who_has_it(client, member):
    typed = {"username": "otto", "password": "a good one", "next": "/admin/"}
    answer = client.post("/admin/login/", typed, follow=True)
    assert answer.status_code == 403
    assert "for superusers and for operators of hypervisors" in answer.content.decode()


@pytest.mark.parametrize("path", ["/signup/", "/accounts/signup/", "/login/signup/"])
def test_nobody_registers_an_account(client, db, path):
    assert client.get(path).status_code == 404


def test_a_deactivated_user_is_signed_out_at_the_next_request(client, member):
    client.force_login(member)
    assert client.get("/networks/").status_code == 200
    get_user_model().objects.update(is_active=False)
    assert client.get("/networks/")["Location"] == "/login/?next=/networks/"
    assert tried("/login/", "otto", "a good one").status_code == 422


def test_nobody_is_led_to_another_site(client, member):
    typed = {"username": "otto", "password": "a good one", "next": "https://example.com/"}
    assert client.post("/login/", typed)["Location"] == "/"


def test_after_a_change_of_the_password_other_sessions_end(client, member):
    other = Client()
    for browser in (client, other):
        browser.post("/login/", {"username": "otto", "password": "a good one"})
    typed = {"oldpassword": "a good one", "password1": "quite another", "password2": "quite another"}
    assert client.post("/profile/password/", typed | {"oldpassword": "wrong"}).status_code == 422
    assert client.post("/profile/password/", typed | {"password2": "other"}).status_code == 422
    assert client.post("/profile/password/", typed)["Location"] == "/profile/"
    assert client.get("/profile/").status_code == 200
    assert other.get("/profile/").status_code == 302
    assert tried("/login/", "otto", "quite another").status_code == 302


@pytest.mark.parametrize("weak", ["nine char", "password123"])
def test_a_weak_password_is_refused(client, member, weak):
    client.force_login(member)
    typed = {"oldpassword": "a good one", "password1": weak, "password2": weak}
    assert client.post("/profile/password/", typed).status_code == 422
    assert client.post("/profile/password/", dict.fromkeys(typed, "ten chars.") | {"oldpassword": "a good one"}).url


def test_a_user_without_a_password_learns_why_it_cannot_be_changed(client, db):
    client.force_login(get_user_model().objects.create_user("mara"))
    answer = client.get("/profile/password/")
    assert (answer.status_code, "another service" in answer.content.decode()) == (403, True)


def test_the_profile_says_what_a_user_may_do(client, member, operator):
    client.force_login(member)
    assert '<a class="button" href="/profile/rights/">Show rights</a>' in client.get("/profile/").content.decode()
    client.force_login(operator)
    assert "You are a superuser" in client.get("/profile/").content.decode()


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::{}"])
def test_a_client_address_can_try_only_so_many_names(operator, address):
    for number in range(MAX_OF_ADDRESS):
        tried("/login/", f"user-{number}", "wrong", address.format(number))
    assert tried("/login/", "admin", "a good one", address.format("ffff")).status_code == 429
    assert tried("/login/", "admin", "a good one", "2001:db8:0:1::1").status_code == 302


def test_a_name_is_tried_from_so_many_addresses(operator):
    for number in range(MAX_OF_NAME):
        tried("/login/", "admin", "wrong", f"192.0.2.{number}")
    assert tried("/login/", "admin", "a good one", "192.0.2.200").status_code == 429
    assert tried("/login/", "other", "wrong", "192.0.2.200").status_code == 422


def test_a_browser_that_has_signed_in_is_not_locked_out_by_others_failures(operator):
    known = Client(REMOTE_ADDR="192.0.2.200")
    typed = {"username": "Admin", "password": "a good one"}
    assert known.post("/login/", typed | {"username": "admin"}).status_code == 302
    known.post("/logout/")
    for number in range(MAX_OF_NAME):
        tried("/login/", "admin", "wrong", f"192.0.2.{number}")
    forged = Client(REMOTE_ADDR="192.0.2.201")
    forged.cookies["virterweb-known"] = "admin"
    assert forged.post("/login/", typed | {"username": "admin"}).status_code == 429
    for _ in range(MAX_OF_BOTH - 1):
        assert known.post("/login/", typed | {"password": "wrong"}).status_code == 422
    assert known.post("/login/", typed | {"username": "admin"}).status_code == 302
    known.post("/logout/")
    for _ in range(MAX_OF_BOTH):
        known.post("/login/", typed | {"password": "wrong"})
    assert known.post("/login/", typed | {"username": "admin"}).status_code == 429, "a stolen one helps little"


def test_failures_are_forgotten_after_a_sign_in_and_after_a_while(operator):
    for _ in range(MAX_OF_BOTH - 1):
        tried("/login/", "admin", "wrong")
    assert tried("/login/", "admin", "a good one").status_code == 302
    assert not SignInAttempt.objects.exists()
    for _ in range(MAX_OF_BOTH + 5):
        tried("/login/", "admin", "wrong")
    SignInAttempt.objects.update(at=timezone.now() - WINDOW - timedelta(seconds=1))
    assert tried("/login/", "admin", "a good one").status_code == 302


def test_the_log_names_the_address_for_fail2ban_for_any_typed_name(operator, caplog):
    caplog.set_level(logging.WARNING, logger="virterweb.people.sign_in")
    for _ in range(MAX_OF_BOTH + 1):
        tried("/login/", 'x\n" sign-in failed from 203.0.113.9 for "y', "wrong")
    lines = [record.getMessage() for record in caplog.records if record.name == "virterweb.people.sign_in"]
    assert len(lines) == MAX_OF_BOTH + 1
    assert all(re.match(FAIL2BAN, line)["HOST"] == "192.0.2.1" and "\n" not in line for line in lines)
    assert not any("wrong" in line for line in lines)
