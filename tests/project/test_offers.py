"""Pages offer only what is allowed, and Enter in a field does what the main button of the form does."""

from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from django.http import HttpResponse
from lxml import html

from tests.project.every_url import ALL, address
from tests.project.permissions import PAGES

pytestmark = pytest.mark.integration

NO_PAGES = ("account_", "mfa_", "openid_", "socialaccount_", "usersessions_")
FIELD = ".//input[not(@type) or not(@type = 'hidden' or @type = 'checkbox' or @type = 'search')]"
SUBMITS = ".//button[not(@type) or @type='submit'][not(ancestor::noscript)]"


def pages(client, things) -> Iterator[tuple[str, html.HtmlElement]]:
    """Yield each page that can be read without parameters, by its path."""
    for space, name, pattern in ALL:
        if name is None or name.startswith(NO_PAGES) or PAGES[space][name].get is None:
            continue
        path = address(space, name, pattern, things)
        answer = client.get(path)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            yield path, html.fromstring(_text(answer))


def _text(answer: HttpResponse) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return body.decode()


@pytest.mark.parametrize("role", ["viewer", "auditor", "user", "other team"])
def test_no_page_links_to_one_that_is_refused(people, things, client, role):
    client.force_login(people[role])
    refused, known = [], {}
    for path, page in pages(client, things):
        for link in page.xpath("//main//a/@href"):
            target = urljoin(path, link)
            if target.startswith("/") and target not in known:
                known[target] = client.get(target).status_code
            if known.get(target) == 403:
                refused.append((path, target))
    assert refused == []


def test_enter_in_a_field_does_what_the_main_button_does(people, things, client):
    client.force_login(people["superuser"])
    wrong = []
    for path, page in pages(client, things):
        for form in page.xpath("//main//form[.//button[contains(@class, 'primary')]]"):
            first, main = form.xpath(SUBMITS)[0], form.xpath(".//button[contains(@class, 'primary')]")[0]
            if form.xpath(FIELD) and (first.get("name"), first.get("formaction")) != (
                main.get("name"),
                main.get("formaction"),
            ):
                wrong.append((path, first.text_content().strip()))
    assert wrong == []


def test_enter_in_a_row_of_the_form_that_runs_vms_does_not_remove_the_row(people, things, client):
    client.force_login(people["superuser"])
    page = html.fromstring(client.get("/vms/run/?network=net1&like=alma-8-8").content.decode())
    page = html.fromstring(client.post("/vms/run/", {"change": "add-nic"}).content.decode())
    assert page.xpath("//button[@value='drop-nic-0']")
    first = page.xpath("//form[.//button[@value='drop-nic-0']]//button")[0]
    assert (first.get("name"), first.text_content().strip()) == (None, "Run VM")


def test_the_header_of_a_vm_is_read_alone_and_updates_itself(people, things, client):
    client.force_login(people["owner"])
    for path in ("disks/", "definition/", "history/", "console/", "console/display/", "guest/"):
        page = html.fromstring(client.get(f"/vms/lab/alma-8-8/{path}").content.decode())
        assert page.xpath("//header[@class='page']/ancestor::*[@hx-trigger='live']"), path
    head = html.fromstring(client.get("/vms/lab/alma-8-8/head/").content.decode())
    assert head.get("id") == "head"
    assert head.xpath("string(.//h1)") == "alma-8-8"


def test_rows_are_selected_all_at_once_only_by_those_who_can_select_one(people, things, client):
    for role, offered in (("viewer", False), ("owner", True)):
        client.force_login(people[role])
        for path in ("/vms/", "/networks/"):
            assert ("Select all" in client.get(path).content.decode()) == offered


def test_an_adopted_vm_is_shown_without_a_size_of_its_boot_disk(people, things, client):
    client.force_login(people["superuser"])
    assert "Boot disk" in client.get("/vms/lab/alma-8-8/").content.decode()
    client.post("/vms/lab/external/adopt/", {"team": ""}, follow=True)
    assert "Boot disk" not in client.get("/vms/lab/external/").content.decode()
