"""Pools and volumes of any name, as libvirt allows them: each link leads to its pool, and no page fails."""

from urllib.parse import urljoin, urlsplit

import pytest
from django.core.management import CommandError
from django.utils import timezone
from lxml import html

from tests.project.commands.running_commands import run
from tests.support.making import make_hypervisor, record_volume
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from vms.models import StoragePool

pytestmark = pytest.mark.integration

NAMES = (
    *(
        "..",
        ".",
        "...",
        "a/b",
        "/",
        "//",
        "../x",
        "a/../b",
        "#",
        "?",
        "a?b#c",
        "a b",
        " a ",
        "%",
        "%2e%2e",
        "%2F",
        "&lt;",
    ),
    *(
        "\u202egpj.exe",
        "\u200b",
        "ö",
        "💥",
        "'",
        '"',
        "<b>",
        "{{ 7*7 }}",
        "volumes.json",
        "refresh",
        "a\\b",
        "-",
        ";",
        ":",
    ),
    *("a\nb", "a\tb", "x" * 255, "=1+1"),
)


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    lab = make_hypervisor("lab")
    for name in ("default", *NAMES):
        lab.pools.create(name=name, kind="dir", active=True, seen_at=timezone.now(), capacity=10**9)
    return lab


def link_of(page, pool: StoragePool) -> str:
    """Return the path that a browser requests for the link in the list to a pool."""
    rows = []
    for number in (1, 2):
        shown = html.fromstring(page.get(f"/pools/?page={number}").content.decode())
        rows += shown.xpath(f"//tr[@id='pool-{pool.pk}']//a/@href")
    return browsed("/pools/", rows[0])


def browsed(base: str, href: str) -> str:
    """Return the path and query of a link as browsers resolve them: also %2e%2e goes up a folder."""
    return urljoin(f"http://portal{base}", _without_dots(href)).removeprefix("http://portal")


def _without_dots(href: str) -> str:
    parts = urlsplit(href)
    return href.replace(parts.path, "/".join(_dots(each) for each in parts.path.split("/")), 1)


def _dots(part: str) -> str:
    return part.lower().replace("%2e", ".") if part.lower().replace("%2e", ".") in (".", "..") else part


@pytest.mark.parametrize("name", NAMES)
def test_each_link_leads_to_its_pool(page, lab, name):
    pool = StoragePool.objects.get(name=name)
    pool.volumes.create(name="data", path="/x/data", capacity=1)
    path = link_of(page, pool)
    answer = page.get(path)
    assert answer.status_code == 200, path
    assert answer.context["pool"] == pool
    shown = html.fromstring(answer.content.decode())
    for suffix, link in (("csv", "CSV"), ("json", "JSON")):
        (href,) = shown.xpath(f"//a[text()='Download {link}']/@href")
        file = page.get(browsed(path, href))
        assert (file.status_code, "data" in file.content.decode()) == (200, True), (suffix, href)
    (action,) = shown.xpath("//form[.//button[contains(., 'Refresh')]]/@action")
    answer = page.post(browsed(path, action))
    assert answer.status_code == 302
    assert browsed(path, answer["Location"]) == path
    assert StoragePool.objects.get(pk=pool.pk).refresh_asked_at
    (update,) = shown.xpath("//div[@id='pool']/@hx-get")
    assert page.get(browsed(path, update), headers={"HX-Request": "true"}).context["pool"] == pool


@pytest.mark.parametrize("name", NAMES)
def test_the_unused_volumes_of_each_pool_are_listed_exported_and_deleted(page, lab, name):
    pool = StoragePool.objects.get(name=name)
    volume = record_volume(lab, name, pool=name, unused_since=timezone.now())
    StoragePool.objects.update(read_at=timezone.now())
    link = linked(page, pool.get_absolute_url(), "//a[contains(., '1 unused')]/@href")
    assert page.get(link).context["pool"] == pool
    for text in ("CSV", "JSON"):
        assert page.get(linked(page, link, f"//a[text()='Download {text}']/@href")).status_code == 200
    update = linked(page, link, "//div[@id='unused-volumes']/@hx-get")
    assert page.get(update, headers={"HX-Request": "true"}).context["pool"] == pool
    action = linked(page, link, "//form[@id='of-volumes']/@action")
    chosen = {"volume": volume.pk}
    answer = page.post(action, chosen | {"token": page.post(action, chosen).context["token"]})
    assert browsed(action, answer["Location"]) == link
    volume.refresh_from_db()
    assert volume.delete_asked_at
    shown = html.fromstring(page.get("/leftovers/").content.decode())
    hrefs = shown.xpath("//section[.//h2='Unused volumes']//tbody//a[text()='1']/@href")
    assert [browsed("/leftovers/", href) for href in hrefs] == [link]


def linked(page, path: str, xpath: str) -> str:
    """Return the path of the one link that a page has at this place, as browsers request it."""
    (href,) = html.fromstring(page.get(path).content.decode()).xpath(xpath)
    return browsed(path, href)


@pytest.mark.parametrize("name", NAMES)
def test_volumes_of_any_name_are_listed_and_exported(page, lab, name):
    pool = StoragePool.objects.get(name="a b")
    used = Message("volume.used_by_overlay", user=name)
    pool.volumes.create(name=name, path=f"/pool/{name}", capacity=1, used_by=used)
    record_volume(lab, name, path=f"/pool/{name}", capacity=1, format="raw", used_by=used)
    for path in (pool.get_absolute_url(), "/pools/lab/default/", "/pools/lab/default/unused/"):
        assert page.get(path).status_code == 200, path
        assert page.get(f"{path}?sort=-name").status_code == 200
    (row,) = page.get("/pools/lab/default/volumes.json").json()
    assert row["name"] == name
    assert page.get("/pools/lab/default/volumes.csv").status_code == 200
    assert pool.volumes.get().name == name


@pytest.mark.parametrize("name", NAMES)
def test_commands_take_any_name(lab, name):
    assert run("pool", "ls")
    try:
        shown = run("pool", "show", "--", name)
    except (CommandError, SystemExit) as problem:
        pytest.fail(f"{name!r}: {problem}")
    assert "dir" in shown
