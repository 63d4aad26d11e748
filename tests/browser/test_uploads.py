"""Images uploaded in a browser: the connection is lost, the page is loaded again, the server restarts."""

import hashlib
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.portal import Portal

pytestmark = pytest.mark.browser

SIZE = 100 * 1024**2
UPLOADS = "**/images/uploads/*/"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    file = tmp_path / "disk.raw"
    file.write_bytes(random.Random(3).randbytes(SIZE))
    return file


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """Return a portal without a worker, so that what has arrived stays where it is."""
    portal = Portal(tmp_path_factory.mktemp("portal"), {"test": "test:///default"})
    portal.start_web()
    portal.log_in()
    yield portal
    portal.stop()


@pytest.fixture(scope="module")
def cookies(portal: Portal) -> dict:
    """Return what the browser of a signed-in user keeps."""
    kept = {each.name: each.value for each in portal._cookies}
    place = {"domain": "127.0.0.1", "path": "/", "expires": -1, "httpOnly": False, "secure": False, "sameSite": "Lax"}
    return {"cookies": [{"name": name, "value": value, **place} for name, value in kept.items()], "origins": []}


@pytest.fixture
def uploading(portal: Portal) -> Iterator[Portal]:
    """Return the portal, and leave nothing of an upload behind."""
    yield portal
    portal.ask("[Image.objects.filter(name='uploaded').delete(), Upload.objects.all().delete()]")
    for path in (portal.data / "uploads").iterdir():
        path.unlink()


def arrived(portal: Portal) -> bytes:
    """Return the digest of the file that waits for the worker."""
    key = portal.ask("Image.objects.get(name='uploaded').upload")
    return hashlib.sha256((portal.data / "uploads" / key).read_bytes()).digest()


def begin(tab: Page, disk: Path) -> None:
    tab.goto("/images/")
    tab.get_by_role("textbox", name="Name").fill("uploaded")
    tab.get_by_label("or file").set_input_files(disk)
    tab.get_by_role("button", name="Add image").click()


def stop_after(tab: Page, pieces: int) -> None:
    """Let some pieces through, and cut the connection from then on."""
    seen = []

    def decide(route: Route) -> None:
        if route.request.method == "PATCH":
            seen.append(route.request)
        if len(seen) > pieces:
            route.abort("connectionreset")
        else:
            route.continue_()

    tab.route(UPLOADS, decide)


def is_added(tab: Page) -> None:
    expect(tab.locator("#images tbody tr", has_text="uploaded")).to_be_visible(timeout=60_000)
    expect(tab.locator("#uploads tr")).to_have_count(0)


@pytest.mark.failing_requests("/images/uploads/")
def test_an_upload_resumes_after_the_connection_was_lost(
    uploading: Portal, disk: Path, tab: Page, picture: Callable[[Page, str], None]
):
    tab.goto("/images/")
    stop_after(tab, 2)
    begin(tab, disk)
    shown = tab.locator(".upload")
    expect(shown.get_by_role("status")).to_have_text("The connection is interrupted. Trying again.")
    expect(shown).to_contain_text(re.compile(r"3\d %, 3\d\.\d MiB of 100\.0 MiB"))
    picture(tab, "image-upload")
    tab.unroute(UPLOADS)
    is_added(tab)
    assert arrived(uploading) == hashlib.sha256(disk.read_bytes()).digest()


@pytest.mark.failing_requests("/images/uploads/")
def test_after_a_reload_the_same_file_continues_the_upload(
    uploading: Portal, disk: Path, open_tab: Callable[..., Page], tmp_path: Path, picture: Callable[[Page, str], None]
):
    tab = open_tab(viewport={"width": 390, "height": 900})
    tab.goto("/images/")
    stop_after(tab, 2)
    begin(tab, disk)
    expect(tab.locator(".upload")).to_contain_text("Trying again")
    tab.get_by_role("button", name="Pause").click()
    expect(tab.locator(".upload")).to_contain_text("Paused.")
    tab.unroute(UPLOADS)
    tab.reload()
    row = tab.locator("#uploads tbody tr")
    expect(row).to_contain_text("32 %, 32.0 MiB of 100.0 MiB")
    row.scroll_into_view_if_needed()
    picture(tab, "unfinished-uploads")
    other = tmp_path / "other.raw"
    other.write_bytes(b"x")
    for file in (other, disk):
        with tab.expect_file_chooser() as chooser:
            tab.get_by_role("button", name="Resume upload of disk.raw").click()
        chooser.value.set_files(file)
        if file == other:
            expect(tab.get_by_role("alert")).to_contain_text("other.raw is not the file of this upload.")
    sent = []
    tab.on("request", lambda request: request.method == "PATCH" and sent.append(request.headers["upload-offset"]))
    is_added(tab)
    assert str(32 * 1024**2) not in sent[1:]
    assert arrived(uploading) == hashlib.sha256(disk.read_bytes()).digest()


@pytest.mark.failing_requests("/images/", "/trouble/", "/events/")
def test_an_upload_survives_a_restart_of_the_portal(uploading: Portal, disk: Path, tab: Page):
    killed = []

    def kill(route: Route) -> None:
        if route.request.method == "PATCH" and not killed:
            killed.append(uploading.web.kill())
            uploading.web.wait()
        route.continue_()

    tab.route(UPLOADS, kill)
    begin(tab, disk)
    expect(tab.locator(".upload").get_by_role("status")).to_have_text("The connection is interrupted. Trying again.")
    tab.unroute(UPLOADS)
    uploading.start_web()
    is_added(tab)
    assert killed
    assert arrived(uploading) == hashlib.sha256(disk.read_bytes()).digest()


@pytest.mark.failing_requests("/images/uploads/", status=422)
@pytest.mark.failing_requests("/images/uploads/", status=410)  # of the refused one, when its file is chosen again
def test_what_is_no_disk_is_refused_with_the_reason_which_stays_until_it_is_discarded(
    uploading: Portal, tab: Page, tmp_path: Path, picture: Callable[[Page, str], None]
):
    packed = tmp_path / "disk.img.xz"
    packed.write_bytes(b"\xfd7zXZ\0".ljust(5 * 1024**2, b"\1"))
    begin(tab, packed)
    reason = "This file is compressed with xz. Decompress it first."
    expect(tab.locator(".field", has_text="or file").locator(".error")).to_have_text(reason)
    expect(tab.get_by_role("button", name="Add image")).to_be_enabled()
    tab.reload()
    expect(tab.locator("#uploads")).to_contain_text(reason)
    picture(tab, "refused-upload")
    begin(tab, packed)  # the failed upload does not keep the name
    expect(tab.locator(".field", has_text="or file").locator(".error")).to_have_text(reason)
    tab.reload()
    discard = tab.get_by_role("button", name="Discard upload of uploaded")
    expect(discard).to_have_count(2)
    discard.first.click()
    expect(discard).to_have_count(1)
    discard.click()
    expect(tab.locator("#uploads tr")).to_have_count(0)


@pytest.mark.failing_requests("/images/uploads/")
def test_a_discarded_upload_leaves_nothing(uploading: Portal, disk: Path, tab: Page):
    tab.goto("/images/")
    stop_after(tab, 1)
    begin(tab, disk)
    expect(tab.locator(".upload")).to_contain_text("Trying again")
    expect(tab.get_by_role("button", name="Pause")).to_be_focused()
    tab.unroute(UPLOADS)
    tab.get_by_role("button", name="Discard upload", exact=True).click()
    expect(tab.locator(".upload")).to_be_hidden()
    assert uploading.ask("Upload.objects.count()") == 0
    assert list((uploading.data / "uploads").iterdir()) == []


@pytest.mark.failing_requests("/images/uploads/")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 413, "body": "<h1>Too large</h1>"}, "The file is larger than the portal or its proxy allows."),
        ({"status": 507, "body": "The disk is full.", "content_type": "text/plain"}, "The disk is full."),
        ({"status": 401, "body": "You are signed out.", "content_type": "text/plain"}, "You are signed out. What has"),
        ({"status": 404, "body": "<h1>Not found</h1>"}, "This upload no longer exists."),
    ],
)
def test_an_upload_that_is_not_accepted_says_why(uploading: Portal, tab: Page, tmp_path: Path, answer: dict, said: str):
    file = tmp_path / "disk.raw"
    file.write_bytes(bytes(1024))
    tab.goto("/images/")
    tab.route(UPLOADS, lambda route: route.fulfill(**answer))
    begin(tab, file)
    expect(tab.locator("form[data-upload]")).to_contain_text(said)
    tab.unroute_all(behavior="ignoreErrors")


def test_without_javascript_the_form_sends_the_file_itself(
    uploading: Portal, disk: Path, open_tab: Callable[..., Page]
):
    tab = open_tab(java_script_enabled=False)
    begin(tab, disk)
    expect(tab.locator("#images tbody tr", has_text="uploaded")).to_be_visible()
    assert arrived(uploading) == hashlib.sha256(disk.read_bytes()).digest()
