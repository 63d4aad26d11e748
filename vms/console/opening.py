"""Opens consoles of hypervisors, in threads of their own: a hypervisor that hangs delays no other page or console."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.found import (
    Busy,
    ConsoleTaken,
    HypervisorError,
    NotRunning,
    Refused,
    Silent,
    Unreachable,
)
from virterweb.hypervisors.gateway.nouns.consoles import Display, SerialPort
from virterweb.messages import Failure, Message
from vms.models import VM

from . import sync as console

SCROLLBACK = 64 * 1024  # bytes of the log that a viewer gets first
RECOGNISED = 256  # bytes at the end of a log by which it is recognised
RETRY = 3  # seconds until a page tries again by itself
STOPPING = 3.0  # seconds within which a domain is off whose consoles have closed
STOPPING_CHECK = 0.1  # seconds
Opened = TypeVar("Opened")

# The threads stay: the kernel ends an SSH connection with the thread that has opened it.
_threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="consoles")


class NotOpened(Failure):
    """A console does not open, or has closed: why, and what the viewer can do."""

    def __init__(self, message: Message, *, retry: int = 0, may_take: bool = False) -> None:
        super().__init__(message)
        self.retry = retry  # seconds until the page tries again by itself; 0: it does not
        self.may_take = may_take  # it opens if somebody else loses it


@dataclass(frozen=True, kw_only=True)
class OpenedPort:
    """An open serial port, and what it has sent before, of which it may send the last part, `recent`, once more."""

    port: SerialPort
    scrollback: bytes
    recent: bytes


async def open_serial(vm: VM, *, force: bool) -> OpenedPort:
    """Open the serial port of a VM. Raises NotOpened."""

    def work() -> OpenedPort:
        with connected(vm.hypervisor_id, vm.hypervisor.uri, limited=False) as connection:
            before = console.tail(vm, connection, SCROLLBACK)
            port = connection.consoles.serial(vm.uuid_text, vm.name, force=force)
            try:
                scrollback = console.tail(vm, connection, SCROLLBACK)
            except HypervisorError:
                port.socket.close()
                raise
            return OpenedPort(port=port, scrollback=scrollback, recent=_added(before, scrollback))

    return await _in_thread(work, lambda opened: opened.port.socket.close())


def _added(before: bytes, after: bytes) -> bytes:
    """Return what was added to the end of a log between two readings of it."""
    known = before[-RECOGNISED:]
    position = after.rfind(known)
    return b"" if position < 0 else after[position + len(known) :]


def without_repetition(data: bytes, recent: bytes) -> bytes:
    """Return what a port sends first, without the part that is the end of what the log has."""
    sizes = range(min(len(recent), len(data)), 0, -1)
    return data[next((size for size in sizes if data.startswith(recent[-size:])), 0) :]


async def open_display(vm: VM) -> Display:
    """Open the VNC display of a VM. Raises NotOpened."""

    def work() -> Display:
        with connected(vm.hypervisor_id, vm.hypervisor.uri, limited=False) as connection:
            return connection.consoles.display(vm.uuid_text, vm.name)

    return await _in_thread(work, lambda opened: opened.socket.close())


async def why_ended(vm: VM) -> NotOpened:
    """Return why a console has ended while libvirt was connected.

    A domain that stops closes its consoles first, and counts as running until libvirt has cleaned up.
    """

    def work() -> bool:
        until = time.monotonic() + STOPPING
        with connected(vm.hypervisor_id, vm.hypervisor.uri, limited=False) as connection:
            while running := connection.consoles.is_running(vm.uuid_text):
                if time.monotonic() > until:
                    break
                time.sleep(STOPPING_CHECK)
            return running

    try:
        running = await _in_thread(work, lambda opened: None)
    except NotOpened as problem:
        return problem
    if running:
        return NotOpened(Message("consoles.taken", name=vm.name), may_take=True)
    return NotOpened(Message("consoles.off", name=vm.name), retry=RETRY)


async def _in_thread(work: Callable[[], Opened], close: Callable[[Opened], None]) -> Opened:
    """Return what the work opens; if nobody waits for it any more, it is closed."""
    future = asyncio.get_running_loop().run_in_executor(_threads, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(lambda done: done.cancelled() or done.exception() or close(done.result()))
        raise
    except HypervisorError as problem:
        raise _as_shown(problem) from problem


def _as_shown(problem: HypervisorError) -> NotOpened:
    if isinstance(problem, ConsoleTaken):
        return NotOpened(problem.message, may_take=True)
    if isinstance(problem, NotRunning | Unreachable | Busy | Silent):
        return NotOpened(problem.message, retry=RETRY)
    assert isinstance(problem, Refused)
    return NotOpened(problem.message)
