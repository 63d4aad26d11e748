"""Progress of a long push."""

from collections.abc import Iterable, Sequence
from time import monotonic
from typing import TypeVar

from networks.models import Network
from virterweb.messages import Message

PROGRESS_INTERVAL = 1.0  # seconds between two words about how far a long plan is
Work = TypeVar("Work")


def with_progress(network: Network, work: Sequence[Work], what: str) -> Iterable[Work]:
    """Yield the steps, or NICs, and record progress: hundreds take minutes, for libvirt reloads its firewall."""
    said = monotonic()
    for number, each in enumerate(work):
        if monotonic() - said > PROGRESS_INTERVAL:
            said = monotonic()
            network.status.write(progress=Message(f"network.{what}", done=number, count=len(work)))
        yield each
