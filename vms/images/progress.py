"""The progress of long steps with files and volumes, as the row of the work records it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import monotonic

from virterweb.hypervisors.desired.progress import InSteps, Steps
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundJob, Refused
from virterweb.messages import Message
from virterweb.web_server import spool
from vms.definition import volume as volume_xml
from vms.definition.volume import VolumeSpec

CHECK = 0.5  # seconds between two looks at the free space


class Spooled:
    """Records the bytes of a step that writes into the spool folder; Refused if the folder is full."""

    def __init__(self, row: InSteps, step: Message, total: int = 0) -> None:
        self.steps, self.next = row.steps, monotonic()
        self.steps.begin(step, total)

    def __call__(self, done: int) -> None:
        if monotonic() >= self.next:
            self.next = monotonic() + CHECK
            self.check()
        self.steps(done)

    def check(self) -> None:
        if spool.room() < 1:
            raise Refused(Message("image.server_full"))


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A volume that the hypervisor makes of another one of the pool, named `source`."""

    pool: str
    source: str
    spec: VolumeSpec


def copy(wanted: Copy, connection: Connection, steps: Steps, step: Message) -> None:
    """Have the hypervisor copy a volume, and record how large the copy is; the whole is known of raw volumes only."""
    pool, name, raw = wanted.pool, wanted.spec.name, wanted.spec.format == "raw"
    total = connection.volumes.allocated(pool, wanted.source) if raw else 0
    document = volume_xml.build(wanted.spec)
    look = growth(connection, (pool, name), total)
    steps.watch(step, partial(connection.volumes.clone, pool, wanted.source, document, name), look)
    if job := look():
        steps(job.done)


def growth(connection: Connection, volume: tuple[str, str], total: int = 0) -> Callable[[], FoundJob | None]:
    """Return what tells how many bytes a volume takes that is being written; it has a pool and a name."""

    def look() -> FoundJob | None:
        done = connection.volumes.allocated(*volume)
        return FoundJob(done=done, total=total, ready=False) if done else None

    return look
