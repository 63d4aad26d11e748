"""The events of one open page.

- `ready`: the page receives changes from now on.
- `fragment`: the first line is the URL of a fragment, the others are its HTML.
- `patch`: JSON with the URL of a fragment that was sent before, and what has changed in its lines: triples of the first
  line, the line after the last, and the lines that replace them. Numbers are those before the patch.
- `polled`: JSON with the time of the latest poll by ID of a hypervisor; it comes every few seconds.
- `fetch`: the URL of a fragment that the page fetches by itself, because its answer is no fragment but a reason.
- `seen`: the page has got all changes so far. The ID of the event is their number: a page that connects again with it
  gets what has changed since.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from .fragments import TIMES, Fragment, Rendered, Renderer, Viewer
from .hub import Page, hub

CHECK_INTERVAL = 20.0  # seconds between two checks whether the user is still signed in
RETRY = 2000  # ms after which a browser connects again

renderer = cache(Renderer)  # after Django's start


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a page has when it connects: the ID of its last event, "" for none, and the seconds since it was made."""

    seen: str
    age: float


class Stream:
    """The stream of one page."""

    def __init__(self, viewer: Viewer, page: Page, known: Known) -> None:
        self.viewer, self.page, self.known = viewer, page, known
        self._sent: dict[Fragment, Rendered] = {}
        self._versions: dict[Fragment, int] = {}
        self._seen = known.seen  # the ID that the page has

    async def events(self) -> AsyncIterator[bytes]:
        """Yield events until the browser leaves or the user is signed out."""
        await hub.started()
        with hub.shown(self.page):
            waiting = self._waiting()
            number = self._id()
            yield f"retry: {RETRY}\n".encode() + _event("ready", ["1"])
            checked_at = time.monotonic()
            while True:
                for fragment in waiting:
                    if event := await self._changed(fragment):
                        yield event
                    if fragment not in self._sent:
                        checked_at = 0.0  # a refusal: perhaps the session has ended
                if number != self._seen:
                    self._seen = number
                    yield _event("seen", ["1"], number)
                await self._next(checked_at)
                if time.monotonic() - checked_at >= CHECK_INTERVAL:
                    checked_at = time.monotonic()
                    await hub.started()  # if it has ended by an error
                    if not await renderer().is_signed_in(self.viewer):
                        yield _event("fetch", [self.page.fragments[0].url])
                        return
                    yield self._polled()  # so that proxies and browsers notice a lost connection, too
                waiting = self._outdated()
                number = self._id()

    def _id(self) -> str:
        numbers = {topic: number for topic, number in hub.numbers.items() if topic != TIMES}
        return str(sum(fragment.version(numbers) for fragment in self.page.fragments))

    def _waiting(self) -> Iterable[Fragment]:
        """Return the fragments that may have changed since the page got them."""
        self._versions = {fragment: fragment.version(hub.numbers) for fragment in self.page.fragments}
        if self.known.seen:
            return self.page.fragments if self.known.seen != self._id() else []
        return [each for each in self.page.fragments if hub.may_have_changed(each, self.known.age)]

    def _outdated(self) -> list[Fragment]:
        numbers: Mapping[int, int] = hub.numbers
        found = [each for each in self.page.fragments if self._versions[each] != each.version(numbers)]
        self._versions |= {each: each.version(numbers) for each in found}
        return found

    def _polled(self) -> bytes:
        return _event("polled", [json.dumps({pk: at for pk, at in hub.polls.items() if pk in self.page.hypervisors})])

    async def _next(self, checked_at: float) -> None:
        """Wait for a change or for the next check."""
        remaining = max(checked_at + CHECK_INTERVAL - time.monotonic(), 0)
        with suppress(TimeoutError):
            async with asyncio.timeout(remaining):
                await self.page.changed.wait()
        self.page.changed.clear()

    async def _changed(self, fragment: Fragment) -> bytes:
        """Return the event about a fragment; nothing if the page has it as it is."""
        found = await renderer().render(self.viewer, fragment, lambda: hub.numbers)
        if found.html is None:
            self._sent.pop(fragment, None)
            return _event("fetch", [fragment.url])
        before = self._sent.get(fragment)
        if before and before.digest == found.digest:
            return b""
        self._sent[fragment] = found
        if before:
            return _event("patch", [json.dumps([fragment.url, found.patch(before)])])
        return _event("fragment", [fragment.url, *found.lines])


def _event(name: str, lines: list[str], number: str = "") -> bytes:
    identified = [f"id: {number}"] if number else []
    return "\n".join([*identified, f"event: {name}", *(f"data: {line}" for line in lines), "", ""]).encode()
