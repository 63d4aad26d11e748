"""One look at the counters per process, however many pages are opened at once."""

import asyncio

import pytest

from virterweb.portal.live.hub import Hub

pytestmark = pytest.mark.django_db(transaction=True)


def test_pages_that_are_opened_at_once_share_one_look():
    async def followers() -> int:
        hub = Hub()
        await asyncio.gather(*(hub.started() for _ in range(5)))
        found = [task for task in asyncio.all_tasks() if task.get_coro().__qualname__ == "Hub._follow"]
        for task in found:
            task.cancel()
        await asyncio.wait(found)
        return len(found)

    assert asyncio.run(followers()) == 1
