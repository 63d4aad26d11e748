"""Who may call which page of the admin: every URL and every role, and objects of others by guessed IDs."""

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.urls import reverse
from lxml import html

from tests.administration.every_page import (
    ANYONE,
    KINDS,
    OF_ALL,
    OPERATOR,
    PAGES,
    SUPERUSER,
    TABLES,
    patterns,
    table_of,
)
from tests.project.test_urls import state
from virterweb.administration.pages import site
from virterweb.hypervisors.models import Hypervisor
from virterweb.people.models import Grant, Membership, Team
from virterweb.people.verbs import Verb

pytestmark = pytest.mark.integration
MEETS = {
    "operator": {ANYONE, OPERATOR},
    "operator of all": {ANYONE, OPERATOR, OF_ALL},
    "superuser": {ANYONE, OPERATOR, OF_ALL, SUPERUSER},
}
ROLES = ("anonymous", "staff", "manager", "auditor", *MEETS)
MODELS = {f"{model._meta.app_label}_{model._meta.model_name}": model for model in site._registry}
WITHOUT_NAME = 1 + len(TABLES)  # Django redirects old addresses of rows, and addresses without the last slash


def test_every_page_of_the_admin_has_a_rule():
    names = [each.name for each in patterns()]
    assert {name for name in names if name and not table_of(name)} == set(PAGES)
    assert {name for name in names if name and table_of(name)} == {
        f"{table}_{kind}" for table in TABLES for kind in KINDS
    }
    assert names.count(None) == WITHOUT_NAME


def rows() -> list:
    return [state(), *(list(model.objects.order_by("pk").values()) for model in (Hypervisor, Team, Grant, Membership))]


def addresses(table: str) -> dict[str, str]:
    """Return the address of each page about a table that has a row."""
    row = MODELS[table].objects.order_by("pk").first()
    return {
        kind: reverse(f"admin:{table}_{kind}", args=[row.pk] if kind in KINDS[2:] else [])
        for kind in KINDS
        if row or kind not in KINDS[2:]
    }


def check(client, method: str, path: str, allowed: bool, role: str) -> None:
    with transaction.atomic():
        before = rows()
        answer = getattr(client, method)(path, {"post": "yes"} if method == "post" else {})
        unchanged = rows() == before
        transaction.set_rollback(True)
    where = (role, method, path, answer.status_code)
    if role not in MEETS:
        assert answer.status_code == 302, where
        assert "/login/?next=/" in answer["Location"], where
        assert unchanged, where
    elif not allowed:
        assert answer.status_code in (403, 404, 405), where
        assert unchanged, where
    else:
        assert answer.status_code in (200, 302, 422), where
        assert "login" not in answer.headers.get("Location", ""), where


@pytest.mark.parametrize("table", TABLES)
def test_each_role_gets_of_a_table_what_the_document_says(page_of, table):
    for role in ROLES:
        client = page_of(role)
        for kind, path in addresses(table).items():
            for method in ("get", "post"):
                need = TABLES[table].need(kind, method)
                check(client, method, path, need in MEETS.get(role, ()), role)


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ("login", "logout", "autocomplete")])
def test_each_role_gets_of_a_page_what_the_document_says(page_of, lab, name):
    arguments = {"hypervisors_hypervisor_test": [lab.pk], "hypervisors_hypervisor_connection": [lab.pk]}
    arguments |= {"auth_user_password_change": [get_user_model().objects.last().pk], "app_list": ["vms"]}
    path = reverse(f"admin:{name}", args=arguments.get(name, []))
    for role in ROLES:
        for method, need in zip(("get", "post"), PAGES[name], strict=True):
            check(page_of(role), method, path, need in MEETS.get(role, ()), role)


def test_staff_and_members_find_nothing_at_any_other_address(page_of, lab):
    paths = ["/admin/", "/admin/x/", "/admin/vms/", "/admin/vms/vm/1/", "/admin/r/1/1/", "/admin/password_change/"]
    paths.append("/admin/autocomplete/?app_label=people&model_name=membership&field_name=user")
    for role in ("staff", "manager", "auditor"):
        for path in paths:
            assert page_of(role).get(path, follow=True).status_code == 403, path


OF_HYPERVISORS = [table for table, rule in TABLES.items() if rule.see == OPERATOR]


@pytest.mark.parametrize("table", OF_HYPERVISORS)
def test_an_operator_does_not_find_rows_of_another_hypervisor_by_guessing(page_of, lab, other, table):
    page, admin = page_of("operator"), site._registry[MODELS[table]]
    at = "pk" if table == "hypervisors_hypervisor" else admin.at
    foreign = MODELS[table].objects.filter(**{at: other.pk})
    before = rows()
    for row in foreign:
        for kind in KINDS[2:]:
            path = reverse(f"admin:{table}_{kind}", args=[row.pk])
            for answer in (page.get(path), page.post(path, {"post": "yes", "typed": other.name})):
                assert answer.status_code in (403, 404), path
                assert "foreign" not in answer.content.decode(), path
    listed = page.get(reverse(f"admin:{table}_changelist")).content.decode()
    assert "foreign" not in listed
    assert "10.66.0" not in listed
    assert rows() == before


def test_it_does_not_test_or_poll_another_hypervisor(page_of, lab, other, enqueued):
    page, before = page_of("operator"), len(enqueued)
    assert page.post(f"/admin/hypervisors/hypervisor/{other.pk}/test/").status_code == 404
    assert page.get(f"/admin/hypervisors/hypervisor/{other.pk}/connection/").status_code == 404
    for path, row in (("hypervisors/hypervisor", other), ("networks/network", other.networks.get())):
        page.post(f"/admin/{path}/", {"action": "request_poll", "_selected_action": [row.pk]})
    assert len(enqueued) == before


@pytest.mark.parametrize(
    "query", ["hypervisor__id__exact={}", "hypervisor={}", "hypervisor__name=foreign-host", "q=foreign"]
)
def test_no_filter_finds_rows_of_another_hypervisor(page_of, lab, other, query):
    page = page_of("operator")
    for table in ("networks/network", "vms/vm", "networks/lease", "vms/volume"):
        answer = page.get(f"/admin/{table}/?{query.format(other.pk)}", follow=True)
        assert "foreign" not in " ".join(html.fromstring(answer.content.decode()).xpath("//main//text()")), table


def test_the_filter_names_only_hypervisors_of_the_operator(page_of, lab, other):
    assert "foreign-host" in page_of("superuser").get("/admin/vms/vm/").content.decode()
    assert "foreign-host" not in page_of("operator").get("/admin/vms/vm/").content.decode()


def test_a_role_that_operates_without_seeing_secrets_has_no_stored_rows(page_of, everybody, lab):
    role = Grant.objects.get(team__name="operators").role
    role.verbs = [Verb.LIST, Verb.ADMINISTER]
    role.save()
    page = page_of("operator")
    assert page.get(f"/admin/hypervisors/hypervisor/{lab.pk}/change/").status_code == 200
    for table in ("networks_network", "vms_vm", "vms_consolelog", "vms_vmstatus"):
        for kind, path in addresses(table).items():
            if kind == "change":
                assert page.get(path).status_code == 404, path


def test_without_the_grant_nothing_is_left(page_of, lab):
    page = page_of("operator")
    assert page.get(f"/admin/hypervisors/hypervisor/{lab.pk}/change/").status_code == 200
    Grant.objects.filter(team__name="operators").delete()
    assert page.get(f"/admin/hypervisors/hypervisor/{lab.pk}/change/", follow=True).status_code == 403
