"""Benchmarks of open pages: what they cost while nothing changes, and how soon many of them show a change.

They need a quiet lab of their own: `PYTHONPATH=script:. .venv/bin/python -m benchmarks.live`.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import alone

PAGES = 500
VIEWERS, CHANGES, PER_SECOND = 100, 100, 10
SECONDS = 60  # for which pages are watched while nothing changes
PARTS = ("", "problems/", "attached/", "addresses/")  # the fragments of a network's page
MARK = re.compile(r"mark-(\d+)")


class Viewer:
    """An open page of a network: it counts bytes, and notes when it has got which mark."""

    def __init__(self, portal: object, network: str) -> None:
        self.portal = portal
        self.urls = ["/trouble/?hypervisor=lab", *(f"/networks/lab/{network}/{part}" for part in PARTS)]
        self.bytes = 0
        self.seen: dict[int, float] = {}
        self.ready = asyncio.Event()

    async def show(self) -> None:
        address = urllib.parse.urlsplit(self.portal.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**22)
        query = urllib.parse.urlencode([*(("f", url) for url in self.urls), ("age", "0")])
        head = f"GET /events/?{query} HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {self.portal.cookies()}\r\n\r\n"
        writer.write(head.encode())
        try:
            while line := await reader.readline():
                self.bytes += len(line)
                if b"ready" in line:
                    self.ready.set()
                for mark in MARK.findall(line.decode(errors="replace")):
                    self.seen.setdefault(int(mark), time.monotonic())
        finally:
            writer.close()


@contextmanager
def shown(portal: object, network: str, count: int) -> Iterator[list[Viewer]]:
    """Keep pages open in another thread; yield their viewers when all have their streams."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def open_all() -> tuple[list[Viewer], list[asyncio.Task]]:
        viewers = [Viewer(portal, network) for _ in range(count)]
        tasks = []
        for viewer in viewers:
            tasks.append(asyncio.create_task(viewer.show()))
            await viewer.ready.wait()
        return viewers, tasks

    async def close(tasks: list[asyncio.Task]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    viewers, tasks = asyncio.run_coroutine_threadsafe(open_all(), loop).result(120)
    try:
        yield viewers
    finally:
        asyncio.run_coroutine_threadsafe(close(tasks), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)


def cpu_of(*processes: object) -> float:
    """Return the CPU seconds that processes have used."""
    ticks = 0
    for process in processes:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(report: Callable, portal: object, network: str) -> None:
    """Measure a portal with web server and worker by pages of one network."""
    from tests.support.waiting import wait_for

    portal.log_in()
    wait_for(lambda: portal.ask(f"Network.objects.filter(name={network!r}).count()"), 60, "the first poll")
    idle(report, portal, network)
    busy(report, portal, network)


def idle(report: Callable, portal: object, network: str) -> None:
    """One page, and many, while nothing changes."""
    with shown(portal, network, 1) as (viewer,):
        time.sleep(10)  # until it has got what may have changed before
        before = viewer.bytes
        time.sleep(SECONDS)
        size = (viewer.bytes - before) / SECONDS * 60
    met = "met" if size <= 5000 else "missed"
    report("An idle page of a network, sent in a minute", f"{size / 1000:.1f} kB", "0 requests", f"goal ≤ 5 kB: {met}")
    alone = cpu_over(portal, SECONDS)
    with shown(portal, network, PAGES):
        time.sleep(10)
        together = cpu_over(portal, SECONDS)
    beside, met = f"{alone:.1f} % without a page", "met" if together <= 5 else "missed"
    report(f"{PAGES} open pages, web and worker", f"{together:.1f} %", beside, f"goal ≤ 5 % of a core: {met}")


def cpu_over(portal: object, seconds: float) -> float:
    """Return the CPU that the web server and the worker use, in percent of a core."""
    before = cpu_of(portal.web, portal.worker)
    time.sleep(seconds)
    return 100 * (cpu_of(portal.web, portal.worker) - before) / seconds


def busy(report: Callable, portal: object, network: str) -> None:
    """Many viewers of one network that changes all the time."""
    with shown(portal, network, VIEWERS) as viewers:
        time.sleep(5)
        before, began = cpu_of(portal.web), time.monotonic()
        made = []
        for number in range(CHANGES):
            made.append(time.monotonic())
            portal.ask(f"Network.objects.filter(name={network!r}).update(tags=['mark-{number}'])")
            time.sleep(max(0, began + (number + 1) / PER_SECOND - time.monotonic()))
        used = 100 * (cpu_of(portal.web) - before) / (time.monotonic() - began)
        time.sleep(3)
        late = sorted(max(_shown_at(viewer, number) for viewer in viewers) - at for number, at in enumerate(made))
    worst, met = late[-1], "met" if late[-1] <= 1 and used <= 50 else "missed"
    what = f"{VIEWERS} viewers, {PER_SECOND} changes a second, until the last sees it"
    report(what, f"{1000 * worst:.0f} ms", f"{1000 * late[len(late) // 2]:.0f} ms median", "")
    report("… of a core for the web server", f"{used:.0f} %", "", f"goal ≤ 1 s, ≤ 50 %: {met}")


def _shown_at(viewer: Viewer, number: int) -> float:
    """Return when a viewer got a change or one that replaced it."""
    return min((at for mark, at in viewer.seen.items() if mark >= number), default=time.monotonic())


if __name__ == "__main__":
    alone.run(lambda report, _, portal, __: measure(report, portal, "default"))
