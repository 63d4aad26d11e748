"""The websocket of a console: who may open it, how long, and what is recorded of it.

A message of text is JSON: to the page `opened`, `writer`, `skipped` and `failed`, from it what `Viewer.command` obeys.
A message of bytes is what the console sends and receives.
"""

import asyncio
import json
import logging
import time
from collections import Counter
from contextlib import suppress
from functools import partial

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from virterweb.messages import Message

from . import display, serial
from .admission import Visitor, admitted
from .opening import NotOpened
from .readers import Opened, note_closed, note_opened
from .rfb import ProtocolError

log = logging.getLogger(__name__)

CHECK_INTERVAL = 30  # seconds between two checks of session and right
IDLE_HOURS = 4  # without a key, a click or a choice of the user
MAX_MESSAGE = 256 * 1024  # bytes
MAX_OF_USER, MAX_OF_PROCESS = 50, 400  # consoles that are open at a time
ENDED = 4000  # the code of websockets that the portal has closed, after it has said why

_open: Counter[int] = Counter()  # by user; only a limit of this process
_VIEWERS = {"serial": serial.Viewer, "display": display.Viewer}


class ConsoleSocket(AsyncWebsocketConsumer):
    """One page that shows a console; `kind` is serial or display. Anything that is not admitted gets 403."""

    viewer: serial.Viewer | display.Viewer | None = None
    visitor: Visitor | None = None
    task: asyncio.Task[None] | None = None
    used_at = 0.0  # when the user has last typed, clicked or chosen something

    def __init__(self, *, kind: str) -> None:
        super().__init__()
        self.kind = kind

    async def connect(self) -> None:
        self.visitor = await database_sync_to_async(admitted)(self.scope)
        if self.visitor is None:
            await self.close()
            return
        await self.accept()
        self.task = asyncio.create_task(self._serve())

    async def disconnect(self, code: int) -> None:
        if self.task:
            self.task.cancel()
            await asyncio.wait([self.task])

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if len(text_data or bytes_data or "") > MAX_MESSAGE:
            await self._fail(NotOpened(Message("consoles.too_large", size=MAX_MESSAGE)))
        elif self.viewer and bytes_data:
            await self._receive_bytes(bytes_data)
        elif self.viewer and text_data:
            self._obey(text_data)

    async def _receive_bytes(self, data: bytes) -> None:
        before, self.viewer.has_written = self.viewer.has_written, False
        try:
            await self.viewer.receive(data)
        except ProtocolError as problem:
            await self._fail(NotOpened(Message("consoles.no_vnc", name=self.visitor.vm.name, problem=str(problem))))
        if self.viewer.has_written:
            self.used_at = time.monotonic()
        self.viewer.has_written |= before

    def _obey(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            return
        if isinstance(message, dict):
            self.viewer.command(message)
            if message.get("type") != "shown":
                self.used_at = time.monotonic()

    async def _serve(self) -> None:
        """Show the console until it ends, and say why."""
        user = self.visitor.user.pk
        _open[user] += 1
        try:
            self._check_numbers(user)
            await self._show()
        except NotOpened as problem:
            await self._fail(problem)
        except OSError:  # the browser is gone; `disconnect` follows
            log.debug("%s console of %s", self.kind, self.visitor.vm.name, exc_info=True)
        except Exception:
            log.exception("%s console of %s", self.kind, self.visitor.vm.name)
            await self._fail(NotOpened(Message("consoles.bug")))
        finally:
            _open[user] -= 1

    def _check_numbers(self, user: int) -> None:
        if _open[user] > MAX_OF_USER:
            raise NotOpened(Message("consoles.too_many", count=MAX_OF_USER))
        if _open.total() > MAX_OF_PROCESS:
            raise NotOpened(Message("consoles.portal_full", count=MAX_OF_PROCESS))

    async def _show(self) -> None:
        vm, user = self.visitor.vm, self.visitor.user
        viewer = _VIEWERS[self.kind](vm, user.get_username(), self._send)
        opened: Opened | None = None
        try:
            await viewer.open(force=b"take=1" in self.scope["query_string"])
            about = partial(note_opened, vm, self.kind, user, self.visitor.request)
            opened = await database_sync_to_async(about)()
            self.viewer, self.used_at = viewer, time.monotonic()
            running = [asyncio.create_task(viewer.run()), asyncio.create_task(self._check())]
            try:
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                done.pop().result()
            finally:
                for task in running:
                    task.cancel()
        finally:
            viewer.close()
            if opened:
                await asyncio.shield(database_sync_to_async(note_closed)(opened, viewer.has_written))

    async def _check(self) -> None:
        """Check again and again whether the user may still have the console open. Raises NotOpened."""
        while True:
            await asyncio.sleep(CHECK_INTERVAL)
            now = time.monotonic()
            if now - self.used_at > IDLE_HOURS * 3600:
                raise NotOpened(Message("consoles.idle", hours=IDLE_HOURS))
            active = self.used_at > now - CHECK_INTERVAL - 1
            visitor = await database_sync_to_async(admitted)(self.scope, active=active)
            same = visitor and (visitor.vm.pk, visitor.user.pk) == (self.visitor.vm.pk, self.visitor.user.pk)
            if not same:
                raise NotOpened(Message("consoles.no_right"))

    async def _send(self, message: dict | bytes) -> None:
        if isinstance(message, dict):
            await self.send(text_data=json.dumps(message))
        else:
            await self.send(bytes_data=message)

    async def _fail(self, problem: NotOpened) -> None:
        if self.task is not asyncio.current_task():
            self.task.cancel()
            await asyncio.wait([self.task])
        about = {"reason": str(problem.message), "code": problem.message.code}
        with suppress(OSError):
            await self._send({"type": "failed", **about, "retry": problem.retry, "may_take": problem.may_take})
            await self.close(ENDED)


class UnknownSocket(AsyncWebsocketConsumer):
    """Any other address of a websocket: there is none."""

    async def connect(self) -> None:
        await self.close()
