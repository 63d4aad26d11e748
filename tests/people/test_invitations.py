"""A new user sets the password by a link, once, within seven days."""

from datetime import datetime, timedelta
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client

from virterweb.people.sign_in.invitations import Tokens

pytestmark = pytest.mark.integration

CHOSEN = {"new_password1": "walk the lab", "new_password2": "walk the lab"}


def invited(name: str = "mara", **options: str) -> str:
    """Return the address that the command prints."""
    out = StringIO()
    call_command("invite", name, stdout=out, **options)
    return out.getvalue().strip()


def follow(address: str) -> tuple[Client, HttpResponse]:
    """Open a link in a browser without an account."""
    client = Client()
    return client, client.get(urlsplit(address).path, follow=True)


def set_password(client: Client, answer: HttpResponse, **typed: str) -> HttpResponse:
    return client.post(answer.request["PATH_INFO"], CHOSEN | typed)


def log_in(password: str = "walk the lab") -> bool:
    return Client().post("/login/", {"username": "mara", "password": password}).status_code == 302


def test_an_invited_user_sets_the_password_and_logs_in(db):
    client, answer = follow(invited(url="https://lab.example"))
    assert "Welcome, mara" in answer.content.decode()
    assert not log_in()
    assert set_password(client, answer, new_password2="other").status_code == 422
    assert set_password(client, answer, new_password1="mara", new_password2="mara").status_code == 422
    assert set_password(client, answer)["Location"] == "/login/"
    assert log_in()


def test_a_link_works_once(db):
    address = invited()
    client, answer = follow(address)
    other, late = follow(address)
    set_password(client, answer)
    assert "not valid" in set_password(other, late, new_password1="another one").content.decode()
    assert "not valid" in follow(address)[1].content.decode()
    assert log_in()


@pytest.mark.parametrize(("days", "valid"), [(6.9, True), (7.1, False)])
def test_a_link_ends_after_seven_days(db, monkeypatch, days, valid):
    address = invited()
    monkeypatch.setattr(Tokens, "_now", lambda self: datetime.now() + timedelta(days=days))
    assert ("Welcome" in follow(address)[1].content.decode()) == valid


def test_a_changed_link_is_not_valid(db):
    of_otto, of_mara = (invited(name).split("/") for name in ("otto", "mara"))
    for changed in ([*of_otto[:-2], *of_mara[-2:]], [*of_mara[:-2], f"{of_mara[-2]}0", ""]):
        assert "not valid" in follow("/".join(changed))[1].content.decode()
    assert "Welcome, mara" in follow("/".join(of_mara))[1].content.decode()


def test_nobody_is_invited_who_has_a_password_or_was_deactivated(db, member):
    with pytest.raises(CommandError, match="otto has a password already"):
        invited("otto")
    address = invited()
    User.objects.filter(username="mara").update(is_active=False)
    assert "not valid" in follow(address)[1].content.decode()
    with pytest.raises(CommandError, match="valid username"):
        invited("a b")
    with pytest.raises(CommandError, match="invisible characters"):
        invited("adm\u3164in")
    assert User.objects.count() == 2


def test_superusers_invite_in_the_admin(client, operator, member):
    new = User.objects.create_user("mara")
    client.force_login(operator)
    typed = {"action": "invite", "_selected_action": [new.pk, member.pk]}
    page = client.post("/admin/auth/user/", typed, follow=True).content.decode()
    assert page.count("http://testserver/invitation/") == 1
    assert "User otto has a password already" in page


def test_staff_with_the_permissions_of_django_invite_nobody(client, user):
    user.user_permissions.add(*Permission.objects.filter(codename__in=("view_user", "change_user")))
    User.objects.filter(pk=user.pk).update(is_staff=True)
    client.force_login(user)
    typed = {"action": "invite", "_selected_action": [User.objects.create_user("mara").pk]}
    assert client.post("/admin/auth/user/", typed).status_code == 403
