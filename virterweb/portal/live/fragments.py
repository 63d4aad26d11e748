"""Fragments of pages as their own URLs serve them, rendered at most once for all pages of a user that show them."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from http import HTTPStatus
from io import BytesIO
from urllib.parse import unquote, urlsplit

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import Http404, HttpRequest, QueryDict
from django.urls import Resolver404, resolve, reverse

from virterweb.changes.models import EVERYWHERE
from virterweb.people.profile import time_zone

from .unchanged import TOKENS, digest

MAX_URL = 2000  # characters
KEPT = 500  # rendered fragments
PAUSE = 0.4  # seconds between two renderings of a fragment, and
SHARE = 5  # how many times as long as a rendering took: a fragment uses at most this part of a core
SESSION_INTERVAL = 8.0  # seconds for which a session counts as checked
TRAFFIC = frozenset(("vms:detail", "vms:traffic", "vms:network_traffic"))  # the pages that show the traffic of NICs
TIMES = -(2**62)  # the topic of what changes by time alone: a poll that is late

threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="live")


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """A fragment by its URL; `topics` are those of the changes that it shows, None all.

    `hypervisor` is the name of the one that it is about, "" if there is none.
    """

    url: str
    hypervisor: str
    topics: frozenset[int] | None

    def version(self, numbers: Mapping[int, int]) -> int:
        """Return the number of changes so far that the fragment may show."""
        topics = numbers if self.topics is None else self.topics
        return sum(numbers.get(topic, 0) for topic in topics)

    def shows(self, topics: frozenset[int]) -> bool:
        return self.topics is None or not self.topics.isdisjoint(topics)


def fragment(url: str, hypervisors: Mapping[str, int]) -> Fragment:
    """Return the fragment at a path of the portal, given the IDs of hypervisors by name; raise Http404 for others."""
    parts = urlsplit(url)
    if len(url) > MAX_URL or parts.scheme or parts.netloc or "\0" in unquote(url):
        raise Http404
    try:
        match = resolve(unquote(parts.path))
    except Resolver404 as unknown:
        raise Http404 from unknown
    name = match.kwargs.get("hypervisor") or QueryDict(parts.query).get("hypervisor", "")
    if name not in hypervisors:
        return Fragment(url=url, hypervisor="", topics=None)
    topics = {EVERYWHERE, TIMES, hypervisors[name]}
    if match.view_name in TRAFFIC:
        topics.add(-hypervisors[name])
    return Fragment(url=url, hypervisor=name, topics=frozenset(topics))


@dataclass(kw_only=True)
class Rendered:
    """What a fragment's URL answered, and the CPU `seconds` that this took.

    `html` is None if that is no fragment. `version` is that of the changes in it.
    """

    html: str | None
    version: int
    began_at: float
    at: float
    seconds: float

    @cached_property
    def digest(self) -> str:
        return digest(self.html or "")

    @cached_property
    def lines(self) -> list[str]:
        return (self.html or "").splitlines()

    def patch(self, before: "Rendered") -> list[tuple[int, int, list[str]]]:
        """Return what replaces which lines of an earlier rendering."""
        if before.digest not in self._patches:
            steps = SequenceMatcher(None, before.lines, self.lines, autojunk=False).get_opcodes()
            patch = [(start, end, self.lines[new:last]) for kind, start, end, new, last in steps if kind != "equal"]
            self._patches[before.digest] = patch
        return self._patches[before.digest]

    @cached_property
    def _patches(self) -> dict[str, list[tuple[int, int, list[str]]]]:
        return {}


class Renderer:
    """Renders fragments as a request of their viewer would, with all checks, in threads of their own."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], Rendered] = OrderedDict()
        self._locks: dict[tuple[object, ...], asyncio.Lock] = {}
        self._sessions: OrderedDict[str, tuple[float, bool]] = OrderedDict()  # when it was checked, and the result
        self._handler = BaseHandler()
        self._handler.load_middleware()

    async def render(self, viewer: "Viewer", fragment: Fragment, numbers: Callable[[], Mapping[int, int]]) -> Rendered:
        """Return a fragment as it is after all changes so far, if possible the one for another page of the user."""
        asked_at = time.monotonic()
        key = (viewer.user_id, viewer.time_zone, fragment.url)
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            kept = self._kept.get(key)
            if kept and (kept.version == fragment.version(numbers()) or kept.began_at >= asked_at):
                return kept
            if kept:
                await asyncio.sleep(kept.at + max(PAUSE, SHARE * kept.seconds) - time.monotonic())
            version, began_at = fragment.version(numbers()), time.monotonic()
            html, seconds = await in_thread(self._timed, viewer.scope, fragment.url)
            found = Rendered(html=html, version=version, began_at=began_at, at=time.monotonic(), seconds=seconds)
            if html is None:  # another session of the user may see it
                self._sessions.pop(viewer.session, None)
                self._locks.pop(key, None)
            else:
                self._keep(key, found)
        return found

    async def is_signed_in(self, viewer: "Viewer") -> bool:
        """Return whether the session of a viewer still lasts; it is checked once for all its pages."""
        at, signed_in = self._sessions.get(viewer.session, (0.0, False))
        if not signed_in or time.monotonic() - at >= SESSION_INTERVAL:
            self._sessions[viewer.session] = time.monotonic(), True  # for other pages, meanwhile
            signed_in = await in_thread(self._get, viewer.scope, reverse("trouble")) is not None
            self._sessions[viewer.session] = time.monotonic(), signed_in
            if len(self._sessions) > KEPT:
                self._sessions.popitem(last=False)
        return signed_in

    def _keep(self, key: tuple[object, ...], found: Rendered) -> None:
        self._kept[key] = found
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT:
            old, _ = self._kept.popitem(last=False)
            self._locks.pop(old, None)

    def _timed(self, scope: dict, url: str) -> tuple[str | None, float]:
        """Return a fragment and the CPU time that it took: other work of the process makes no page wait longer."""
        began = time.thread_time()
        html = self._get(scope, url)
        return html, time.thread_time() - began

    def _get(self, scope: dict, url: str) -> str | None:
        response = self._handler.get_response(_request(scope, url))
        try:
            is_html = response.get("Content-Type", "").startswith("text/html")
            if response.status_code != HTTPStatus.OK or response.streaming or not is_html:
                return None
            # Pages have tokens of their own.
            return TOKENS.sub("", response.content.decode(response.charset))
        finally:
            response.close()


class Viewer:
    """Who shows a page: the user, and the scope of the request that opened the stream, with its cookies."""

    def __init__(self, request: HttpRequest) -> None:
        self.user_id, self.scope = request.user.pk, request.scope
        self.session = request.session.session_key or ""
        self.time_zone = time_zone.of_browser(request.COOKIES)


def _request(scope: dict, url: str) -> ASGIRequest:
    path, _, query = url.partition("?")
    unwanted = (b"hx-request", b"accept", b"accept-encoding", b"last-event-id")
    headers = [each for each in scope["headers"] if each[0] not in unwanted]
    headers.append((b"hx-request", b"true"))
    raw = {"path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(), "headers": headers}
    return ASGIRequest({**scope, **raw, "method": "GET"}, BytesIO())


async def in_thread(call: Callable, *args: object) -> object:
    """Return the result of a function that uses the database, called in a thread of the live updates."""

    def run() -> object:
        close_old_connections()
        try:
            return call(*args)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(threads, run)


def urls_of(query: QueryDict) -> list[str]:
    """Return the URLs of the fragments on a page, each once."""
    return list(dict.fromkeys(query.getlist("f")))
