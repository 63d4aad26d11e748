"""Who may call which page by which method: all URLs, all roles. A URL that is not in the table fails."""

from dataclasses import dataclass

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from networks.models import DHCPHost, Network
from tests.project.every_url import ALL, address
from virterweb.urls import admin
from vms.models import VM, Image

pytestmark = pytest.mark.integration

ROLES = ("anonymous", "member", "owner", "staff", "operator", "superuser")
METHODS = ("get", "post", "put", "patch", "delete")
OPERATORS = {"operator", "superuser"}
SIGNED_IN = set(ROLES) - {"anonymous"}


@dataclass(frozen=True)
class Rule:
    """Who may read a page and who may send to it; None: that method is not taken at all."""

    get: set[str] | None
    post: set[str] | None = None
    anything: bool = False  # Django's own page, which does not look at the method


READ = Rule(SIGNED_IN)
FORM = Rule({"owner"} | OPERATORS, {"owner"} | OPERATORS)  # a page with a form for who owns the object
VERB = Rule(None, {"owner"} | OPERATORS)
OPERATE = Rule(None, OPERATORS)
ADD = Rule(SIGNED_IN, SIGNED_IN)  # makes something of one's own
PREVIEW = Rule(None, SIGNED_IN)
RESTORE = Rule(SIGNED_IN, {"owner"} | OPERATORS)  # everybody reads it

PORTAL = ("overview", "hypervisors", "address_problems", "search", "network_problems", "problems")

RULES = {
    "networks": {
        **dict.fromkeys(("list", "detail", "copies", "history", "addresses", "leases", "leases_table"), READ),
        **dict.fromkeys(("hosts", "hosts_table"), READ),
        **dict.fromkeys(("remove", "edit", "plan", "host_add", "host_paste", "host_edit"), FORM),
        **dict.fromkeys(("edit_preview", "accept", "release", "retry", "lease_reserve", "lease_release"), VERB),
        **dict.fromkeys(("host_ids", "host_remove", "discard_draft"), VERB),
        "revision": RESTORE,
        "adopt": OPERATE,
        "adopt_replacement": OPERATE,
        "recreate": Rule(OPERATORS, OPERATORS),
        "persist": VERB,
        "on_drift": OPERATE,
        "xml": Rule(SIGNED_IN, OPERATORS),
        "names": Rule(SIGNED_IN, SIGNED_IN),  # asks the network's dnsmasq, and changes nothing
        "add": ADD,
        "preview": PREVIEW,
        "bulk": PREVIEW,  # says of each network whether it may be changed
    },
    "vms": {
        **dict.fromkeys(("attached", "attached_table", "nic_list"), READ),
        **dict.fromkeys(("nic_table", "bridge_attached", "group_attached", "inventory", "ssh_config"), READ),
        **dict.fromkeys(("known_hosts", "list", "detail", "definition", "guest"), READ),
        **dict.fromkeys(("console", "console_text", "copies", "history"), READ),
        **dict.fromkeys(("remove", "force_off", "size", "nic_add", "nic_edit", "nic_remove"), FORM),
        **dict.fromkeys(("revert", "persist", "accept", "adopt_replacement", "release"), VERB),
        **dict.fromkeys(("power", "guest_rule", "guest_configure", "retry"), VERB),
        **dict.fromkeys(("nic_add_preview", "nic_edit_preview", "nic_keep", "image_remove", "image_convert"), VERB),
        "revision": RESTORE,
        "adopt": OPERATE,
        "images": ADD,
        "run": ADD,
        "many": ADD,  # says of each VM whether it may be changed
        "preview": PREVIEW,
    },
    "operations": dict.fromkeys(("live", "ready", "metrics"), Rule(set(ROLES))),  # for monitoring, which has no account
    "portal": dict.fromkeys(PORTAL, READ) | dict.fromkeys(("start_again", "leave_off"), PREVIEW),
    "": {
        "trouble": READ,
        "hypervisor_options": READ,
        "login": Rule(set(ROLES), set(ROLES), anything=True),
        "logout": Rule(None, SIGNED_IN),
        "password_change": Rule(SIGNED_IN, SIGNED_IN, anything=True),
        "password_change_done": Rule(SIGNED_IN, SIGNED_IN, anything=True),
        None: Rule(set(ROLES), set(ROLES), anything=True),  # the icon's redirect
    },
}


def test_every_url_has_a_rule():
    assert {(space, name) for space, name, _ in ALL} == {(space, name) for space in RULES for name in RULES[space]}


def state() -> list:
    """All that can be changed by people."""
    models = (Network, DHCPHost, VM, VM.nics.rel.related_model, Image)
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
    path, rule = address(space, name, pattern, things), RULES[space][name]
    before = state()
    for role in ROLES:
        client = signed_in(people[role])
        for method in methods(role):
            if name in ("login", "logout"):
                client = signed_in(people[role])
            with transaction.atomic():
                answer = getattr(client, method)(path)
                unchanged = state() == before
                transaction.set_rollback(True)
            where = (role, method, path, answer.status_code)
            allowed = rule.get if method == "get" else rule.post if method == "post" else set()
            if role == "anonymous" and "anonymous" not in (rule.get or set()) | (rule.post or set()):
                assert answer.status_code == 302, where
                assert answer["Location"].startswith("/login/?next="), where
            elif rule.anything:
                assert answer.status_code in (200, 302, 405, 422), where
            elif allowed is None or method not in ("get", "post") or (method == "post" and rule.post is None):
                assert answer.status_code == 405, where
            elif role in allowed:
                assert answer.status_code in (200, 204, 302, 409, 422), where
                assert not answer.headers.get("Location", "").startswith("/login/?next"), where
                continue
            else:
                assert answer.status_code == 403, where
                assert b"operators" in answer.content, where  # who may
                assert b"<h1>Permission denied</h1>" in answer.content, where
            assert unchanged, where


def test_a_fragment_that_is_refused_is_plain_text_for_the_banner(people, things):
    answer = call(people["member"], "post", "/networks/lab/net1/edit/preview/", HX_Request="true")
    assert (answer.status_code, answer["Content-Type"]) == (403, "text/plain; charset=utf-8")
    assert answer.content.decode() == "net1 belongs to owner. Only its owner and operators may change it."


APPS = ("hypervisors", "networks", "vms")


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model._meta.label)
def test_the_admin_is_for_operators_and_superusers(people, things, model):
    """Staff without permissions can do nothing, and other users have no access."""
    base, row = f"admin:{model._meta.app_label}_{model._meta.model_name}", model.objects.first()
    paths = {kind: reverse(f"{base}_{kind}") for kind in ("changelist", "add")}
    if row:
        paths |= {kind: reverse(f"{base}_{kind}", args=[row.pk]) for kind in ("change", "delete", "history")}
    may = OPERATORS if model._meta.app_label in APPS else {"superuser"}
    before = state()
    for role in ROLES:
        client = signed_in(people[role])
        for kind, path in paths.items():
            for method in ("get", "post"):
                with transaction.atomic():
                    answer = getattr(client, method)(path)
                    unchanged = role in may or state() == before
                    transaction.set_rollback(True)
                where = (role, method, path, answer.status_code)
                if role in ("anonymous", "member", "owner"):
                    assert answer.status_code == 302, where
                    assert "login" in answer["Location"], where
                elif role not in may:
                    assert answer.status_code == 403, where
                elif kind in ("changelist", "history") or (kind == "change" and method == "get"):
                    assert answer.status_code in (200, 302), where
                if role not in may:
                    assert unchanged, where


def test_staff_without_permissions_see_no_models_of_the_portal_in_the_admin(people, things):
    index = call(people["staff"], "get", "/admin/").content.decode()
    assert "Networks" not in index.partition('id="content"')[2]
    assert call(people["staff"], "get", "/admin/networks/").status_code == 404
    assert call(people["operator"], "get", "/admin/networks/").status_code == 200
