"""Celery's broker of files, made safe for several processes at once.

kombu's own lets a reader take a message that is not written yet, and two processes that start together read half an
exchange file: both end a worker. Here a message gets its name when it is whole, and bindings stay in memory: each
process declares the one queue for itself.
"""

import json
import time
import uuid
from pathlib import Path

from kombu.transport import TRANSPORT_ALIASES, filesystem, virtual


class Channel(filesystem.Channel):
    get_table = virtual.Channel.get_table

    def _queue_bind(self, *args: object) -> None:
        """Nothing to keep in a file."""

    def _put(self, queue: str, payload: dict, **kwargs: object) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.monotonic_ns():020d}_{uuid.uuid4()}"
        part = folder / f"{name}.part"
        part.write_text(json.dumps(payload))
        part.replace(folder / f"{name}.{queue}.msg")


class Transport(filesystem.Transport):
    Channel = Channel


def install() -> None:
    """Take the place of kombu's transport for URLs that begin with filesystem://."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
