"""The serial console of a VM as its viewers share it: all see the same, one of them writes.

One hub per VM reads the port all the time and keeps the last part of the output. Each viewer is sent what follows the
position that it has reached, a limited amount ahead of what its page has shown: one that falls behind skips a part, and
one that reads nothing costs nothing. All of this runs in the event loop of the web server.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from virterweb.messages import Message
from vms.models import VM

from .claims import Claim
from .opening import RETRY, NotOpened, OpenedPort, open_serial, why_ended, without_repetition

log = logging.getLogger(__name__)

KEPT = 128 * 1024  # bytes of output that a hub keeps
WINDOW = 96 * 1024  # bytes that a page may have received and not shown yet
PART = 32 * 1024  # bytes of one message
PAUSE = 0.015  # seconds between two messages to a viewer; the first after a silence is sent at once
MAX_UNREAD = 256 * 1024  # bytes of input that wait for the guest
REPETITION = 0.1  # seconds within which a port sends what it has written to the log while it was opened
CLAIM_CHECK = 5.0  # seconds

Send = Callable[[dict | bytes], Awaitable[None]]
_hubs: dict[int, "Hub"] = {}


class Output:
    """The end of a console's output; positions count from its beginning."""

    def __init__(self, begun: bytes = b"") -> None:
        self._kept, self.end = bytearray(begun), len(begun)

    @property
    def start(self) -> int:
        return self.end - len(self._kept)

    def add(self, data: bytes) -> None:
        self._kept += data
        self.end += len(data)
        if len(self._kept) > 2 * KEPT:
            del self._kept[:-KEPT]

    def part(self, position: int, most: int) -> bytes:
        return bytes(self._kept[position - self.start :][:most])


class Hub:
    """The open serial port of one VM. Made by `join`; it ends with the port, or when the last viewer leaves."""

    def __init__(self, vm: VM) -> None:
        self.vm, self.output = vm, Output()
        self.viewers: list[Viewer] = []
        self.writer: Viewer | None = None
        self.ended, self.gone = asyncio.Event(), asyncio.Event()  # no longer open; no longer claimed
        self.problem = NotOpened(Message("consoles.off", name=vm.name), retry=RETRY)
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writing: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, *, force: bool) -> None:
        self._task = asyncio.create_task(self._run(force), name=f"serial console of {self.vm.name}")

    def add(self, viewer: "Viewer") -> None:
        self.viewers.append(viewer)
        self.writer = self.writer or viewer
        self.announce()

    def remove(self, viewer: "Viewer") -> None:
        if viewer in self.viewers:
            self.viewers.remove(viewer)
        if self.writer is viewer:
            self.writer = None
        self.announce()
        if not self.viewers and not self.ended.is_set():
            self.ended.set()
            self._task.cancel()

    def give_control(self, viewer: "Viewer") -> None:
        self.writer = viewer
        self.announce()

    def announce(self) -> None:
        """Let all viewers know who writes and how many there are."""
        for viewer in self.viewers:
            viewer.news = True
            viewer.more.set()

    def write(self, data: bytes) -> None:
        """Send input to the guest; what a guest that reads nothing has no room for is lost, as at a real port."""
        if self._writing and self._writing.transport.get_write_buffer_size() < MAX_UNREAD:
            self._writing.write(data)

    async def _run(self, force: bool) -> None:
        claim = Claim(self.vm)
        try:
            await claim.take(force=force)
            await self._serve(await open_serial(self.vm, force=force), claim)
        except NotOpened as problem:
            self.problem = problem
        except Exception:
            log.exception("serial console of %s", self.vm.name)
            self.problem = NotOpened(Message("consoles.bug"))
        finally:
            self.ended.set()
            if not self.ready.done():
                self.ready.set_result(None)
            self.announce()
            try:
                await claim.release()
            finally:
                del _hubs[self.vm.pk]
                self.gone.set()

    async def _serve(self, opened: OpenedPort, claim: Claim) -> None:
        self.output.add(opened.scrollback)
        reader, self._writing = await asyncio.open_connection(sock=opened.port.socket)
        self.ready.set_result(None)
        checks = asyncio.create_task(self._close_when_lost(claim))
        try:
            if opened.recent:
                await asyncio.sleep(REPETITION)
                with suppress(TimeoutError):
                    async with asyncio.timeout(REPETITION):
                        first = await reader.read(64 * 1024)
                    self._show(without_repetition(first, opened.recent))
            while data := await reader.read(64 * 1024):
                self._show(data)
        except OSError:
            pass
        finally:
            checks.cancel()
            self._writing.close()
        if not await claim.is_held():
            raise NotOpened(Message("consoles.taken_over", name=self.vm.name), may_take=True)
        if opened.port.lost:
            raise NotOpened(Message("hypervisor.lost"), retry=RETRY)
        raise await why_ended(self.vm)

    def _show(self, data: bytes) -> None:
        self.output.add(data)
        for viewer in self.viewers:
            viewer.more.set()

    async def _close_when_lost(self, claim: Claim) -> None:
        while await claim.is_held():
            await asyncio.sleep(CLAIM_CHECK)
        self._writing.close()


class Viewer:
    """One page that shows a serial console. `acknowledged` is the position up to which the page has shown it."""

    def __init__(self, vm: VM, name: str, send: Send) -> None:
        self.vm, self.name, self._send = vm, name, send
        self.hub: Hub | None = None
        self.more, self.news = asyncio.Event(), True
        self.sent = self.acknowledged = 0
        self.has_written = False

    async def open(self, *, force: bool) -> None:
        """Join the hub of the VM, which the first viewer opens. Raises NotOpened."""
        while (hub := _hubs.get(self.vm.pk)) and hub.ended.is_set():
            await hub.gone.wait()
        if hub is None:
            hub = _hubs[self.vm.pk] = Hub(self.vm)
            hub.start(force=force)
        self.hub = hub
        hub.add(self)
        await asyncio.shield(hub.ready)
        if hub.ended.is_set():
            raise hub.problem

    async def run(self) -> None:
        """Send the output until the console ends. Raises NotOpened, always."""
        output = self.hub.output
        self.sent = self.acknowledged = output.start
        await self._send({"type": "opened", "scrollback": output.end - output.start})
        last = 0.0
        while True:
            await self.more.wait()
            self.more.clear()
            if self.news:
                await self._tell()
            if self.sent < output.end and self._room() > 0:
                await asyncio.sleep(max(0.0, last + PAUSE - time.monotonic()))
                await self._send_part(output)
                last = time.monotonic()
            elif self.hub.ended.is_set():
                raise self.hub.problem

    async def _tell(self) -> None:
        self.news = False
        writer = self.hub.writer
        others = len(self.hub.viewers) - 1
        about = {"you": writer is self, "name": writer.name if writer else "", "others": others}
        await self._send({"type": "writer", **about})

    async def _send_part(self, output: Output) -> None:
        if output.end - self.sent > KEPT or self.sent < output.start:  # show the latest instead
            position = max(output.start, output.end - PART)
            await self._send({"type": "skipped", "bytes": position - self.sent})
            self.acknowledged += position - self.sent
            self.sent = position
        data = output.part(self.sent, min(PART, self._room()))
        self.sent += len(data)
        await self._send(data)
        if self.sent < output.end or self.hub.ended.is_set():
            self.more.set()

    def _room(self) -> int:
        return WINDOW - (self.sent - self.acknowledged)

    async def receive(self, data: bytes) -> None:
        if self.hub and self.hub.writer is self:
            self.has_written = True
            self.hub.write(data)

    def command(self, message: dict) -> None:
        """Obey the page: it has shown so many bytes more, or its user takes control."""
        if message.get("type") == "shown" and isinstance(message.get("bytes"), int):
            self.acknowledged = min(self.sent, self.acknowledged + max(0, message["bytes"]))
            self.more.set()
        elif message.get("type") == "control" and self.hub:
            self.hub.give_control(self)

    def close(self) -> None:
        if self.hub:
            self.hub.remove(self)
