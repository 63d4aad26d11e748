"""The VNC display of a VM: each viewer has a connection of its own, which the portal logs in to."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from virterweb.messages import Message
from vms.models import VM

from . import rfb
from .opening import RETRY, NotOpened, open_display, why_ended

HANDSHAKE_TIMEOUT = 10  # seconds

Send = Callable[[dict | bytes], Awaitable[None]]


class Viewer:
    """One page that shows a display. Its keys and pointer are left out until its user says that they count."""

    def __init__(self, vm: VM, name: str, send: Send) -> None:
        self.vm, self.name, self._send = vm, name, send
        self.has_written = self._may_write = False
        self._messages, self._greeted = rfb.ViewerMessages(), False
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self, *, force: bool) -> None:
        """Connect and log in to the display. Raises NotOpened."""
        display = await open_display(self.vm)
        display.socket.setblocking(False)
        self._reader, self._writer = await asyncio.open_connection(sock=display.socket)
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT):
                await rfb.log_in(self._reader, self._writer, display.password)
        except rfb.PasswordRefused as problem:
            raise NotOpened(Message("consoles.password", name=self.vm.name)) from problem
        except rfb.ProtocolError as problem:
            raise NotOpened(Message("consoles.no_vnc", name=self.vm.name, problem=str(problem))) from problem
        except (OSError, EOFError) as problem:
            raise NotOpened(Message("consoles.ended", name=self.vm.name), retry=RETRY) from problem

    async def run(self) -> None:
        """Send what the display shows until it ends. Raises NotOpened, always."""
        await self._send({"type": "opened"})
        await self._send(self._messages.GREETING)
        with suppress(OSError):
            while data := await self._reader.read(64 * 1024):
                await self._send(data)
        problem = await why_ended(self.vm)
        if problem.may_take:  # the VM runs, and a display has room for several
            problem = NotOpened(Message("consoles.ended", name=self.vm.name), retry=RETRY)
        raise problem

    async def receive(self, data: bytes) -> None:
        if self._writer is None:
            return
        if not self._greeted:
            data = await self._greet(data)
        whole, harmless = self._messages.split(data)
        self.has_written |= self._may_write and whole != harmless
        self._writer.write(whole if self._may_write else harmless)
        with suppress(OSError):
            await self._writer.drain()

    async def _greet(self, data: bytes) -> bytes:
        """Answer the handshake of the page; when it is complete, begin with the display."""
        answer = self._messages.greeted(data)
        if answer:
            await self._send(answer)
        if self._messages.is_greeted:
            self._greeted = True
            self._writer.write(rfb.SHARED)
        return b""

    def command(self, message: dict) -> None:
        """Obey the page: its user chooses to only view, or to write."""
        if message.get("type") == "write":
            self._may_write = message.get("on") is True

    def close(self) -> None:
        if self._writer:
            self._writer.close()
