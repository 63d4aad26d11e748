"""What a deactivated user has open ends: each page asks for its news within 30 seconds, and is refused."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client

from tests.support.making import make_hypervisor, make_network, make_vm
from virterweb.activity.models import Entry
from vms.models import VM, ConsoleLog

pytestmark = pytest.mark.integration
HTMX = {"HX-Request": "true"}
OPEN = [
    "/",
    "/networks/",
    "/networks/lab/net1/",
    "/vms/",
    "/vms/lab/vm/",
    "/vms/lab/vm/console/",
    "/activity/",
    "/images/",
]
EVERY = re.compile(r"every (\w+)")


@pytest.fixture
def lab(db, enqueued, member):
    lab = make_hypervisor("lab")
    make_network(lab, "net1", "10.1.0.1/24", owner=member)
    vm = make_vm(lab, "vm", 8, owner=member)
    ConsoleLog.objects.create(hypervisor=lab, vm=vm, name="vm", text="swordfish login:")
    return lab


def deactivate() -> None:
    get_user_model().objects.filter(username="otto").update(is_active=False)


@pytest.mark.parametrize("path", OPEN)
def test_an_open_page_gets_no_news_from_then_on(member_page, lab, path):
    assert member_page.get(path, headers=HTMX).status_code == 200
    deactivate()
    assert member_page.get(path, headers=HTMX).status_code == 401
    assert member_page.get(path)["Location"].startswith("/login/?next=")


@pytest.mark.parametrize("path", ["/vms/lab/vm/console/", "/vms/lab/vm/console.txt"])
def test_the_console_is_read_no_further(member_page, lab, path):
    deactivate()
    answer = member_page.get(path, headers=HTMX)
    assert answer.status_code == 401
    assert "swordfish" not in answer.content.decode()
    assert not Entry.objects.filter(kind="console").exists()


def test_a_form_that_was_open_changes_nothing(member_page, lab):
    deactivate()
    assert member_page.post("/vms/lab/vm/remove/", {"name": "vm"}).status_code == 302
    assert VM.objects.get().removed_at is None


def test_all_sessions_end_and_the_password_no_longer_signs_in(lab, member):
    sent = {"username": "otto", "password": "a good one"}
    clients = [Client(), Client()]
    assert [client.post("/login/", sent).status_code for client in clients] == [302, 302]
    deactivate()
    assert [client.get("/vms/").status_code for client in clients] == [302, 302]
    assert Client().post("/login/", sent).status_code == 422


def test_an_activated_user_uses_the_session_again(member_page, lab):
    deactivate()
    get_user_model().objects.update(is_active=True)
    assert member_page.get("/vms/").status_code == 200


def seconds(text: str) -> float | None:
    """Return an interval of htmx; None if a variable gives it."""
    found = re.fullmatch(r"(\d+)(ms|s|m)", text)
    return int(found[1]) * {"ms": 0.001, "s": 1, "m": 60}[found[2]] if found else None


def test_pages_ask_for_their_news_within_30_seconds():
    found = {}
    for path in sorted(Path(settings.BASE_DIR / "templates").rglob("*.html")):
        for text in EVERY.findall(" ".join(re.findall(r'hx-trigger="([^"]*)"', path.read_text()))):
            found[path.name, text] = seconds(text)
    assert found
    assert {where: each for where, each in found.items() if each is None or each > 30} == {}
