"""The portal answers any URL, and its answers restrict what browsers may do."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client

from tests.support.making import make_foreign_network, make_hypervisor

HTMX = {"HX-Request": "true"}
TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))


@pytest.mark.parametrize(
    "address", ["/vms/lab/a%00b/", "/networks/%00/", "/search/?q=%00x", "/attached/?owner=a%2500&q=%00"]
)
def test_nothing_is_at_an_address_with_a_null_character(page, address):
    answer = page.get(address)
    assert answer.status_code == 404
    assert b"Page not found" in answer.content


def test_a_percent_sign_in_an_address_is_no_null_character(page):
    assert page.get("/search/?q=%2500").status_code == 200


@pytest.mark.parametrize("address", ["/", "/login/", "/nowhere/", "/networks/", "/vms/run/", "/topology.svg"])
def test_every_page_and_download_allows_only_the_portals_own_files(page, address):
    policy = page.get(address).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_anything_that_the_policy_forbids(template):
    text = template.read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=|\shx-on|<style|<script(?![^>]*\ssrc=)|[\"']js:|javascript:", text)
    assert not [trigger for trigger in re.findall(r'hx-trigger="([^"]*)"', text) if "[" in trigger], (
        "a filter is evaluated"
    )


@pytest.mark.parametrize("address", ["/networks/", "/vms/", "/", "/attached/", "/networks/lab-1/default/", "/trouble/"])
def test_a_fragment_asked_for_after_the_session_has_ended_is_refused_without_a_page(client, db, address):
    answer = client.get(address, headers=HTMX)
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/plain")
    assert answer.content == b"You are signed out."


@pytest.mark.parametrize("part", ["", "leases/", "hosts/", "addresses/", "names/", "attached/", "problems/"])
def test_a_fragment_of_a_deleted_network_is_a_404_without_a_redirect(page, part):
    network = make_foreign_network(make_hypervisor())
    assert page.get(f"/networks/lab-1/default/{part}", headers=HTMX).status_code == 200
    network.delete()
    answer = page.get(f"/networks/lab-1/default/{part}", headers=HTMX)
    assert answer.status_code == 404
    assert "HX-Redirect" not in answer.headers


@pytest.mark.parametrize("said", ["http://[", "http://[::1/", "http://a]b/", "http%3A//[", "http://x:y:z/", "\\"])
def test_a_malformed_address_from_htmx_is_ignored(page, said):
    for path in ("/attached/", "/networks/", "/"):
        assert page.get(path, headers={"HX-Request": "true", "HX-Current-URL": said}).status_code == 200


@pytest.mark.parametrize(
    "asked", ["nics=a", "nics=a&nics=b", "disks=x", f"hypervisor={'9' * 5000}", "like=x&hypervisor=²"]
)
def test_unknown_query_parameters_of_a_form_are_ignored(page, asked):
    assert page.get(f"/vms/run/?{asked}").status_code in (200, 404)


def test_a_form_with_a_number_of_any_length_is_answered(page):
    assert page.post("/vms/run/", {"hypervisor": "9" * 5000, "number": "9" * 5000}).status_code == 422


@pytest.mark.parametrize("address", ["/networks/lab-1/net1/retry/", "/vms/lab-1/alma-8-8/start/"])
def test_opening_a_url_that_only_receives_forms_shows_an_explanation(page, address):
    answer = page.get(address)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    shown = answer.content.decode()
    assert "This address only receives forms of the portal." in shown
    assert 'aria-label="Main"' in shown


@pytest.mark.parametrize(
    ("referer", "next_page"),
    [
        ("http://testserver/networks/lab-1/default/?all", "/networks/lab-1/default/?all"),
        ("http://elsewhere.example/networks/", "/"),
        ("", "/"),
    ],
)
def test_sending_a_form_after_sign_out_shows_a_message_and_returns_to_the_form(client, db, referer, next_page):
    answer = client.post("/networks/lab-1/default/retry/", headers={"Referer": referer})
    assert (answer.status_code, unquote(answer["Location"])) == (302, f"/login/?next={next_page}")
    assert "You were signed out, so nothing was saved." in client.get(answer["Location"]).content.decode()


@pytest.fixture
def strict(user):
    """A signed-in browser whose forms the portal checks."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def test_a_form_that_has_expired_says_so_and_keeps_the_navigation(strict):
    answer = strict.post("/vms/run/", {})
    shown = answer.content.decode()
    assert answer.status_code == 403
    assert "<h1>This form has expired</h1>" in shown
    assert "Reload the page and submit it again." in shown
    assert 'aria-label="Main"' in shown
    fragment = strict.post("/vms/run/", {}, headers=HTMX)
    assert fragment.content.decode() == "This form has expired. Reload the page and submit it again."
    assert fragment.headers["Content-Type"].startswith("text/plain")


def test_a_form_from_an_address_that_the_portal_does_not_know_names_it_and_the_setting(strict):
    shown = strict.post("/vms/run/", {}, headers={"Origin": "https://lab.example"}).content.decode()
    assert "The form comes from https://lab.example, which the portal does not know" in shown
    assert "VIRTERWEB_TRUSTED_ORIGINS" in shown


def test_error_pages_keep_the_navigation_for_signed_in_users(page, client):
    assert 'aria-label="Main"' in page.get("/nowhere/").content.decode()
    page.logout()
    shown = client.get("/nowhere/").content.decode()
    assert 'aria-label="Main"' not in shown
    assert "Sign in" in shown


@pytest.mark.parametrize("name", ["500.html", "503.html"])
def test_pages_about_the_portals_own_failures_need_no_database(name):
    assert 'aria-label="Main"' in render_to_string(name)  # without access to one, or even a request
