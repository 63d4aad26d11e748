"""Waits for PostgreSQL's notification of a change, or with other databases for the end of an interval."""

import asyncio
import logging
from typing import Self

import psycopg
from django.db import connection

from virterweb.changes.models import CHANNEL

log = logging.getLogger(__name__)

SLOWEST = 2.0  # seconds between two looks at the counters although nothing was notified: one could be lost
RECONNECT = 5.0  # seconds between two attempts to listen
TOGETHER = 0.05  # seconds in which notifications count as one


class Notified:
    """Listens while it is entered. Without a connection to PostgreSQL, `wait` waits for the interval."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.is_listening = False

    async def __aenter__(self) -> Self:
        if connection.vendor == "postgresql":
            self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._task:
            self._task.cancel()

    async def wait(self, interval: float) -> None:
        """Wait for a change; at most for the interval if none would be notified."""
        if not self.is_listening:
            await asyncio.sleep(interval)
            return
        try:
            async with asyncio.timeout(SLOWEST):
                await self._event.wait()
            await asyncio.sleep(TOGETHER)
        except TimeoutError:
            pass
        self._event.clear()

    async def _listen(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(**_parameters(), autocommit=True) as listening:
                    await listening.execute(f"LISTEN {CHANNEL}")
                    self.is_listening = True
                    async for _ in listening.notifies():
                        self._event.set()
            except psycopg.Error as problem:
                log.debug("not notified of changes: %s", problem)
            finally:
                self.is_listening = False
                self._event.set()
            await asyncio.sleep(RECONNECT)


def _parameters() -> dict:
    parameters = connection.get_connection_params()
    own = ("cursor_factory", "context", "prepare_threshold", "pool")
    return {name: value for name, value in parameters.items() if name not in own}
