"""The index of the admin: about ten entries by task, and each role has its own."""

import pytest
from lxml import html

pytestmark = pytest.mark.integration
OF_OPERATORS = ["Hypervisors", "Networks", "VMs", "Images", "Observed data"]
OF_ALL = [*OF_OPERATORS[:-1], "Image catalogue", "Observed data", "Activity log", "Notifications", "System"]
OF_SUPERUSERS = ["Hypervisors", "Teams", "Roles", "Users", "Groups", *OF_ALL[1:]]


def entries(page) -> list[str]:
    found = html.fromstring(page.get("/admin/").content.decode()).xpath("//*[@class='tasks']//dt/a[not(@class)]")
    return [link.text_content() for link in found]


@pytest.mark.parametrize(
    ("role", "expected"),
    [("superuser", OF_SUPERUSERS), ("operator of all", OF_ALL), ("operator", OF_OPERATORS)],
)
def test_each_role_has_its_entries(page_of, role, expected):
    assert entries(page_of(role)) == expected


@pytest.mark.parametrize("role", ["staff", "stranger", "viewer", "manager", "auditor"])
def test_others_have_no_access_and_are_told_who_has(page_of, role):
    answer = page_of(role).get("/admin/", follow=True)
    assert answer.status_code == 403
    assert "for superusers and for operators of hypervisors" in answer.content.decode()


@pytest.mark.parametrize(
    ("role", "links"), [("operator", 1), ("operator of all", 1), ("superuser", 1), ("manager", 0), ("staff", 0)]
)
def test_the_sidebar_links_to_it_for_those_who_have_access(page_of, role, links):
    assert page_of(role).get("/").content.decode().count('href="/admin/"') == links


def test_it_is_in_the_shell_of_the_portal(page_of):
    found = html.fromstring(page_of("superuser").get("/admin/people/team/").content.decode())
    assert found.xpath("string(//a[@class='brand']/@href)") == "/"
    assert found.xpath("//nav[@aria-label='Main']")
    assert not found.xpath("//link[contains(@href, 'admin/css/base') or contains(@href, 'dark_mode')]")
    assert found.xpath("string(//h1)").strip() == "Teams"


def test_every_entry_leads_to_a_page(page_of):
    page = page_of("superuser")
    for link in html.fromstring(page.get("/admin/").content.decode()).xpath("//*[@class='tasks']//a/@href"):
        assert page.get(link).status_code == 200, link


def test_an_app_has_no_page_of_its_own(page_of):
    assert page_of("superuser").get("/admin/networks/")["Location"] == "/admin/"
