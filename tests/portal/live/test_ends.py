"""The stream of a page that is closed ends, whatever happens at the same moment."""

import asyncio

import pytest

from virterweb.portal.live.hub import Page
from virterweb.portal.live.stream import Known, Stream


async def ends(steps_before_change: int, steps_before_end: int) -> bool:
    """Return whether a stream that waits for a change is cancelled so many steps of the loop after the change."""
    page = Page([], frozenset())
    waiting = asyncio.create_task(Stream(None, page, Known(seen="", age=0))._next(asyncio.get_running_loop().time()))
    for _ in range(steps_before_change):
        await asyncio.sleep(0)
    page.changed.set()
    for _ in range(steps_before_end):
        await asyncio.sleep(0)
    if not waiting.cancel():  # it was over before
        return True
    await asyncio.wait([waiting])
    return waiting.cancelled()


@pytest.mark.parametrize("before_end", range(5))
@pytest.mark.parametrize("before_change", range(5))
def test_a_page_that_is_closed_while_something_changes_leaves_no_stream(before_change: int, before_end: int):
    assert asyncio.run(ends(before_change, before_end))
