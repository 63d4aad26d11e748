"""Web servers are notified of changes by PostgreSQL; with SQLite they look at the counters."""

import asyncio
import time

import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from virterweb.portal.live.hub import INTERVAL
from virterweb.portal.live.notified import SLOWEST, Notified

pytestmark = pytest.mark.django_db(transaction=True)


async def waited(write: bool) -> float:
    """Return the seconds until a web server looks at the counters."""
    async with Notified() as notified:
        while connection.vendor == "postgresql" and not notified.is_listening:
            await asyncio.sleep(0.01)
        await notified.wait(INTERVAL)  # a look when the connection is there
        began = time.monotonic()
        if write:
            await asyncio.to_thread(get_user_model().objects.create_user, "otto")
        await notified.wait(INTERVAL)
        return time.monotonic() - began


def test_a_change_is_looked_at_soon():
    assert asyncio.run(waited(write=True)) < 1


def test_without_a_change_the_counters_are_looked_at_rarely():
    least = SLOWEST if connection.vendor == "postgresql" else INTERVAL
    assert asyncio.run(waited(write=False)) >= least * 0.9


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_a_lost_connection_is_replaced():
    async def lose() -> bool:
        async with asyncio.timeout(30), Notified() as notified:
            while not notified.is_listening:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(end_listeners)
            while notified.is_listening:
                await asyncio.sleep(0.01)
            while not notified.is_listening:
                await asyncio.sleep(0.05)
            return True

    assert asyncio.run(lose())


def end_listeners() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%'", [])
    connection.close()
