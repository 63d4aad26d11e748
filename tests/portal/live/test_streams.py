"""Streams of open pages, on a real web server: what changes is sent at once, and only to those who may see it."""

import contextlib
import http.client
import json
import queue
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator

import pytest

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.integration

MAKE = "from tests.support.making import *\nfrom tests.support.teams import *"
TOUCH = """
from virterweb.changes import writes
from virterweb.hypervisors.models import Hypervisor

def touch(name):
    hypervisor = Hypervisor.objects.get(name=name)
    with writes.on(hypervisor.pk):
        hypervisor.save()
"""
NET, VM = "/networks/lab/net1/", "/vms/lab/alma-8-8/"


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"), {"lab": "test:///default"})
    portal.ask("make_hypervisor('other').pk", MAKE)
    portal.ask("make_network(Hypervisor.objects.get(name='lab')).pk", MAKE)
    portal.ask("make_vm(Hypervisor.objects.get(name='lab')).status.write(generation=1)", MAKE)
    portal.start_web()
    portal.log_in()
    yield portal
    portal.stop()


class Page:
    """A page whose stream is read in a thread."""

    def __init__(self, portal: Portal, *urls: str, cookies: str = "", **query: str) -> None:
        self.lines: dict[str, list[str]] = {}
        self.seen = ""  # the ID of the last event
        fields = urllib.parse.urlencode([*(("f", url) for url in urls), *{"age": "0", **query}.items()])
        self.connection = http.client.HTTPConnection(portal.url.removeprefix("http://"), timeout=60)
        self.connection.request("GET", f"/events/?{fields}", headers={"Cookie": cookies or portal.cookies()})
        self.socket = self.connection.sock
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.events: queue.SimpleQueue[tuple[str, str, str]] = queue.SimpleQueue()
        if self.status == 200:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        name, number, data = "", "", []
        try:
            for raw in self.response:
                key, _, value = raw.decode().rstrip("\n").partition(": ")
                if key == "event":
                    name = value
                elif key == "id":
                    self.seen = number = value
                elif key == "data":
                    data.append(value)
                elif not key and name:
                    self.events.put((name, number, "\n".join(data)))
                    name, data = "", []
        except (OSError, http.client.HTTPException, ValueError, AttributeError):  # closed by the test
            pass
        self.events.put(("end", "", ""))

    def next(self, name: str, seconds: float = 10) -> tuple[str, str]:
        """Return the ID and the data of the next event of a name."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            found, number, data = self.events.get(timeout=left)
            if found == name:
                return number, data
            assert found != "end", "the stream has ended"
        raise AssertionError(f"no {name} within {seconds} s")

    def changed(self, seconds: float = 10) -> tuple[str, str]:
        """Return the URL and the HTML of the next fragment that changes."""
        ends = time.monotonic() + seconds
        while True:
            name, _, data = self.events.get(timeout=max(ends - time.monotonic(), 0.01))
            if name in ("fragment", "patch"):
                return self._applied(name, data)

    def _applied(self, name: str, data: str) -> tuple[str, str]:
        if name == "fragment":
            url, *lines = data.split("\n")
        else:
            url, changes = json.loads(data)
            lines = list(self.lines[url])
            for start, end, others in reversed(changes):
                lines[start:end] = others
        self.lines[url] = lines
        return url, "\n".join(lines)

    def gets_nothing(self, seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            try:
                name, _, data = self.events.get(timeout=left)
                if name in ("fragment", "patch"):
                    self._applied(name, data)
                if name not in ("ready", "polled", "seen"):
                    return False
            except queue.Empty:
                break
        return True

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed by the server
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture
def opened(portal: Portal) -> Iterator[Callable[..., Page]]:
    pages: list[Page] = []

    def open_(*urls: str, **query: str) -> Page:
        pages.append(Page(portal, *urls, **query))
        return pages[-1]

    yield open_
    for page in pages:
        page.close()


def settled(page: Page) -> Page:
    """Wait until a page has got what may have changed before it was opened."""
    page.next("ready")
    wait_for(lambda: page.gets_nothing(1), 20, "nothing changes any more")
    return page


def power(portal: Portal, power: str) -> None:
    portal.ask(f"__import__('vms').models.VMStatus.objects.update(power={power!r})")


def test_a_change_is_soon_on_an_open_page(portal, opened):
    page = settled(opened(VM))
    power(portal, "paused")
    url, html = page.changed(3)  # on a machine with time, it takes less than one second
    assert url == VM
    assert "paused" in html


def test_the_second_change_of_a_fragment_is_sent_as_its_lines(portal, opened):
    page = settled(opened(VM))
    power(portal, "off")
    page.changed()
    lines = len(page.lines[VM])
    power(portal, "running")
    patch = page.next("patch")[1]
    url, changes = json.loads(patch)
    assert url == VM
    assert 0 < sum(len(others) for _, _, others in changes) < lines / 2
    assert 'data-state="running"' in page._applied("patch", patch)[1]


def test_a_change_elsewhere_sends_nothing(portal, opened):
    page = settled(opened(NET))
    portal.ask("touch('other')", TOUCH)
    assert page.gets_nothing(2)


def test_all_pages_of_a_user_that_show_the_same_get_it(portal, opened):
    pages = [settled(opened(NET)) for _ in range(5)]
    portal.ask("Network.objects.filter(name='net1').update(managed=False)")
    assert {page.changed()[0] for page in pages} == {NET}


def test_each_browser_gets_times_in_its_own_time_zone(portal, opened):
    leases = f"{NET}leases/"
    zones = {"UTC": "", "JST": f"{portal.cookies()}; time_zone=Asia/Tokyo"}
    pages = {zone: settled(opened(leases, cookies=cookies)) for zone, cookies in zones.items()}
    portal.ask("make_lease(Network.objects.get(name='net1'), '52:54:00:00:00:08', '10.255.0.8').pk", MAKE)
    for zone, page in pages.items():
        assert f" {zone}" in page.changed()[1]


def test_a_page_that_connects_again_gets_what_it_missed_and_nothing_else(portal, opened):
    page = settled(opened(NET, VM))
    seen = page.seen
    page.close()
    again = opened(NET, VM, seen=seen)
    assert again.gets_nothing(1.5)
    again.close()
    power(portal, "paused")
    later = opened(NET, VM, seen=seen)
    assert {later.changed()[0] for _ in range(2)} == {NET, VM}


def test_what_shows_nowhere_is_not_sent_after_a_reconnect_either(portal, opened):
    page = settled(opened(NET))
    portal.ask("touch('lab')", TOUCH)
    page.next("seen")
    page.close()
    assert opened(NET, seen=page.seen).gets_nothing(1.5)


def test_a_page_of_unknown_age_gets_all_its_fragments(opened):
    assert opened(NET, age="").changed()[0] == NET


@pytest.mark.parametrize(
    ("urls", "status"),
    [((), 200), (("/nowhere/",), 404), (("//example.net/",), 404), (("http://example.net/",), 404), ((NET,) * 9, 200)],
)
def test_only_fragments_of_the_portal_are_streamed(opened, urls, status):
    assert opened(*urls).status == status


def test_nobody_gets_a_stream_without_being_signed_in(portal):
    page = Page(portal, NET, cookies="sessionid=none")
    assert page.status in (302, 401)


def member(portal: Portal, name: str) -> str:
    return portal.ask(f"make_member({name!r})", "from tests.support.members import make_member")


def test_the_stream_of_a_session_that_has_ended_is_closed_within_30_seconds(portal, opened):
    cookies = member(portal, "max")
    page = settled(opened(NET, cookies=cookies))
    portal.ask("Session.objects.all().delete() and 0", "from django.contrib.sessions.models import Session")
    portal.log_in()
    page.next("fetch", 30)
    wait_for(lambda: page.events.get(timeout=5)[0] == "end", 5, "the end")


def test_a_member_whose_rights_are_revoked_fetches_a_refusal_and_no_fragment(portal, opened):
    cookies = member(portal, "eva")
    page = opened(NET, cookies=cookies)
    settled(page)
    portal.ask("Grant.objects.all().delete()", "from virterweb.people.models import Grant")
    assert page.next("fetch")[1] == NET
    portal.ask("Network.objects.filter(name='net1').update(managed=True)")
    assert page.next("fetch")[1] == NET


def test_a_stream_does_not_keep_a_session_alive(portal):
    seen = "from django.contrib.sessions.models import Session"
    ask = "[s.get_decoded().get('session_seen') for s in Session.objects.all()]"
    before = portal.ask(ask, seen)
    page = Page(portal, NET)
    page.next("ready")
    page.close()
    assert portal.ask(ask, seen) == before


def test_a_web_server_that_is_told_to_stop_does_not_wait_for_streams(portal, opened):
    page = settled(opened(NET))
    before = time.monotonic()
    portal.web.terminate()
    assert portal.web.wait(10) is not None
    assert time.monotonic() - before < 3
    page.close()
    portal.start_web()
