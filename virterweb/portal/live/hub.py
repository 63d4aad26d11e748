"""One look at the counters of changes per process and interval, however many pages are open."""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import Error
from django.db.models import Count
from django.utils.timezone import localtime

from virterweb.changes.models import ChangeCounter
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.hypervisors.watching import watch

from .fragments import TIMES, Fragment, in_thread
from .notified import Notified

log = logging.getLogger(__name__)

INTERVAL = 0.4  # seconds between two looks
WATCH_INTERVAL = 5.0  # seconds between two records of which hypervisors open pages show
KEPT = 60.0  # seconds for which it goes on without an open page, so that pages need not ask what has changed
RETRY = 2.0  # seconds after a look that failed


class Page:
    """An open page: its fragments, the IDs of the hypervisors that it may show, and whether something has changed."""

    def __init__(self, fragments: list[Fragment], hypervisors: frozenset[int]) -> None:
        self.fragments, self.hypervisors = fragments, hypervisors
        self.changed = asyncio.Event()


class Hub:
    """The numbers of changes as this process knows them, and the open pages that wait for others."""

    def __init__(self) -> None:
        self.numbers: Mapping[int, int] = {}
        self.polls: Mapping[int, str] = {}  # when hypervisors were last polled, in ISO format
        self._changed_at: dict[int, float] = {}
        self._began_at = 0.0
        self._pages: set[Page] = set()
        self._task: asyncio.Task[None] | None = None
        self._known: asyncio.Event | None = None

    @contextmanager
    def shown(self, page: Page) -> Iterator[None]:
        """Wake a page in the block whenever something changes that it shows."""
        self._pages.add(page)
        try:
            yield
        finally:
            self._pages.discard(page)

    async def started(self) -> None:
        """Return when the numbers are known and followed."""
        if not self._task or self._task.done():
            self._known = asyncio.Event()
            self._task = asyncio.create_task(self._follow(self._known))
        await self._known.wait()

    def may_have_changed(self, fragment: Fragment, seconds: float) -> bool:
        """Return whether something that a fragment shows may have changed within so many seconds."""
        since = time.monotonic() - seconds - INTERVAL
        recent = frozenset(topic for topic, at in self._changed_at.items() if at >= since)
        return self._began_at > since or fragment.shows(recent)

    async def _follow(self, known: asyncio.Event) -> None:
        async with Notified() as notified:
            used_at = watched_at = time.monotonic()
            while time.monotonic() - used_at < KEPT:
                try:
                    await self._look()
                    if not known.is_set():
                        await self._watch()
                        self._began_at = time.monotonic()
                        known.set()
                    if self._pages and time.monotonic() - watched_at >= WATCH_INTERVAL:
                        watched_at = time.monotonic()
                        await self._watch()
                except Error as problem:
                    log.warning("open pages are not updated: %s", problem)
                    await asyncio.sleep(RETRY)
                if self._pages:
                    used_at = time.monotonic()
                await notified.wait(INTERVAL)

    async def _look(self) -> None:
        before = self.numbers
        self._note({**await in_thread(ChangeCounter.numbers), TIMES: before.get(TIMES, 0)})

    async def _watch(self) -> None:
        names = {each.hypervisor for page in self._pages for each in page.fragments}
        ids = frozenset().union(*(page.hypervisors for page in self._pages))
        late, self.polls = await in_thread(_watch_and_read, names, ids)
        self._note({**self.numbers, TIMES: late})

    def _note(self, numbers: Mapping[int, int]) -> None:
        before, self.numbers = self.numbers, numbers
        changed = frozenset(topic for topic, number in numbers.items() if before.get(topic) != number)
        self._changed_at |= dict.fromkeys(changed, time.monotonic())
        if changed:
            for page in self._pages:
                if any(fragment.shows(changed) for fragment in page.fragments):
                    page.changed.set()


def _watch_and_read(names: set[str], ids: frozenset[int]) -> tuple[int, Mapping[int, str]]:
    """Record which hypervisors are shown, and return when those with the IDs were last polled.

    First comes a number that changes when another number of hypervisors is late.
    """
    for name in names:
        watch(name)
    counts = Hypervisor.objects.with_condition().order_by().values_list("condition").annotate(Count("pk"))
    polled = HypervisorStatus.objects.filter(hypervisor__in=ids, observed_at__isnull=False)
    times = {pk: localtime(at).isoformat() for pk, at in polled.values_list("hypervisor", "observed_at")}
    return hash(frozenset(counts)), times


hub = Hub()
