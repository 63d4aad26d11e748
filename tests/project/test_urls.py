"""Who may call which page by which method: all URLs, all roles. A URL that is not in the table fails."""

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from networks.models import DHCPHost, Network
from tests.project import permissions
from tests.project.every_url import ALL, address
from tests.project.permissions import PAGES
from tests.support.sockets import is_open, session_of
from tests.support.threads import in_threads
from virterweb.people.verbs import ALL as ALL_VERBS
from virterweb.people.verbs import MANAGER, OWNER, USER, VIEWER, Verb
from vms.console.routing import SOCKETS
from vms.models import VM, Image, VMTemplate, Volume

pytestmark = pytest.mark.integration

NOTHING: frozenset[Verb] = frozenset()
# The roles that are tried, with what each may do with an object of the team red and with one of nobody.
ROLES: dict[str, tuple[frozenset[Verb], frozenset[Verb]]] = {
    "anonymous": (NOTHING, NOTHING),
    "staff": (NOTHING, NOTHING),
    "stranger": (NOTHING, NOTHING),
    "other team": (frozenset({Verb.LIST}), frozenset({Verb.LIST})),
    "auditor": (VIEWER, VIEWER),
    "viewer": (VIEWER, NOTHING),
    "user": (USER, NOTHING),
    "owner": (USER | OWNER, NOTHING),
    "manager": (MANAGER, NOTHING),
    "operator": (ALL_VERBS, ALL_VERBS),
    "superuser": (ALL_VERBS, ALL_VERBS),
}
METHODS = ("get", "post", "put", "patch", "delete")
HEADERS = {"Tus-Resumable": "1.0.0"}
OF_NOBODY = ("adopt",)  # pages whose object is one that the portal does not manage
ON_HYPERVISOR = ("bridge_attached", "start_again", "leave_off")  # need a hypervisor that exists for the user
SEES_LAB = set(ROLES) - {"anonymous", "staff", "stranger"}
CREATORS = {"stranger", "other team", "user", "owner", "manager", "operator", "superuser"}


def test_every_url_has_a_rule():
    assert {(space, name) for space, name, _ in ALL} == {(space, name) for space in PAGES for name in PAGES[space]}


def test_the_document_of_permissions_is_that_of_the_table():
    assert permissions.DOCUMENT.read_text() == permissions.document(), "python -m tests.project.permissions"


def test_every_websocket_has_a_rule():
    assert {each.name for each in SOCKETS} == set(permissions.SOCKETS)


@in_threads
@pytest.mark.parametrize("name", permissions.SOCKETS)
def test_each_role_opens_the_websockets_that_the_table_says(people, things, name):
    path = f"/vms/lab/alma-8-8/console/{name}/"
    for role, user in people.items():
        allowed = permissions.SOCKETS[name] in ROLES[role][0]
        assert is_open(session_of(user), path) == allowed, role


def expected(role: str, name: str | None, need: str | Verb) -> int:
    """Return 200 if a role may do something, otherwise the status of the answer."""
    if need == permissions.ANYONE:
        return 200
    if role == "anonymous":
        return 302
    if need == permissions.SIGNED_IN:
        return 200
    if need == permissions.UPLOADER:
        return 200 if role == "owner" else 404
    if need == permissions.CREATOR:
        return 200 if role in CREATORS else 403
    if name in ON_HYPERVISOR:
        return 200 if role in SEES_LAB else 404
    verbs = ROLES[role][1 if name in OF_NOBODY else 0]
    if name == "last_definition":
        return 200 if need in verbs else 404
    return 404 if Verb.LIST not in verbs else 200 if need in verbs else 403


def state() -> list:
    """All that can be changed by people."""
    models = (Network, DHCPHost, VM, VM.nics.rel.related_model, Image, Volume, VMTemplate)
    return [list(model.objects.order_by("pk").values()) for model in models]


def signed_in(user: object) -> Client:
    client = Client()
    if user:
        client.force_login(user)
    return client


def call(user: object, method: str, path: str, **headers: str) -> HttpResponse:
    return getattr(signed_in(user), method)(path, headers=headers)


def methods(role: str) -> tuple[str, ...]:
    """Return the methods to try: what no page takes, only for those who may do least and most."""
    return METHODS if role in ("anonymous", "superuser") else METHODS[:2]


@pytest.mark.parametrize(("space", "name", "pattern"), ALL, ids=[f"{space}-{name}" for space, name, _ in ALL])
def test_each_role_gets_what_the_table_says(people, things, space, name, pattern):
    path, rule = address(space, name, pattern, things), PAGES[space][name]
    before = state()
    for role in ROLES:
        client = signed_in(people[role])
        for method in methods(role):
            if name in ("account_login", "account_logout"):
                client = signed_in(people[role])
            with transaction.atomic():
                answer = getattr(client, method)(path, headers=HEADERS if rule.programs else {})
                unchanged = state() == before
                transaction.set_rollback(True)
            where = (role, method, path, answer.status_code)
            need = {"get": rule.get, "post": rule.post}.get(method)
            status = 405 if need is None else expected(role, name, need)
            status = expected(role, name, permissions.UPLOADER) if method in rule.programs else status
            if role == "anonymous" and permissions.ANYONE not in (rule.get, rule.post):
                assert answer.status_code == (401 if rule.programs else 302), where
                assert answer.get("Location", "/login/?next=").startswith("/login/?next="), where
            elif rule.anything:
                assert answer.status_code in (200, 302, 405, 422), where
            elif status == 200:
                assert answer.status_code in (200, 204, 302, 400, 409, 422), where
                assert not answer.headers.get("Location", "").startswith("/login/?next"), where
                continue
            else:
                assert answer.status_code == status, where
            if answer.status_code == 403:
                assert b"operator" in answer.content, where  # whom to ask
                assert b"<h1>Permission denied</h1>" in answer.content, where
            assert unchanged, where


def test_a_fragment_that_is_refused_is_plain_text_for_the_banner(people, things):
    answer = call(people["viewer"], "post", "/networks/lab/net1/edit/preview/", HX_Request="true")
    assert (answer.status_code, answer["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert answer.content.decode() == "You may not edit net1. Ask owner, who owns it, or an operator."
