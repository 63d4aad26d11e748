"""The pcap file of a capture, sent while it grows."""

import asyncio
from collections.abc import AsyncIterator, Callable

from channels.db import database_sync_to_async

from vms.models import Capture, CapturePart

PAUSE = 0.5  # seconds between two looks for more


async def follow(pk: int, may_read: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield the parts of a capture until it has ended, or may no longer be read, or was deleted."""
    number, is_open = 0, True
    while is_open:
        is_open, data = await _next(pk, number, may_read)
        if data is not None:
            number, is_open = number + 1, True
            yield data
        elif is_open:
            await asyncio.sleep(PAUSE)


@database_sync_to_async
def _next(pk: int, number: int, may_read: Callable[[], bool]) -> tuple[bool, bytes | None]:
    """Return whether more may come, and the part with this number if it is there."""
    # The state is read first: what was stored before the end is found then.
    is_open = Capture.objects.filter(pk=pk, done_at=None).exists()
    if not may_read():
        return False, None
    data = CapturePart.objects.filter(capture=pk, number=number).values_list("data", flat=True).first()
    return is_open, None if data is None else bytes(data)
