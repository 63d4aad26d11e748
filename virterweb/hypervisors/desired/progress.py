"""Progress of work: the step in progress and its bytes, in the row of the work, as pages show them.

A step that ends soon is not recorded, and a longer one about once a second, if something has changed: progress must not
slow the work down. While a call of libvirt lasts, `watch` looks how far it is. What cannot be recorded, because the
database is away, is recorded later; the work goes on.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar, TypeVar

from django.db import connection, models

from virterweb.hypervisors.claims.due import DATABASE_AWAY, Due
from virterweb.hypervisors.gateway.found import FoundJob
from virterweb.message_field import MessageField
from virterweb.messages import Message
from virterweb.pages.sizes import size_text

LOOK = 0.5  # seconds between two looks at a call, and until a step counts as long
INTERVAL = 1.0  # seconds between two records of a step
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step in progress, as pages show it."""

    progress: Message
    done_bytes: int = 0
    total_bytes: int = 0  # 0: unknown

    @property
    def percent(self) -> int | None:
        """Return how much of it is done in percent, rounded down; None if that is unknown."""
        return min(100, 100 * self.done_bytes // self.total_bytes) if self.total_bytes > 0 else None

    @property
    def amount(self) -> str:
        """Return how many bytes are done as text; "" if none."""
        done = size_text(self.done_bytes)
        if self.total_bytes > 0:
            return f"{done} of {size_text(self.total_bytes)}"
        return done if self.done_bytes else ""


class InSteps(Due):
    """A row of work with the step in progress; only the worker that has claimed it writes that."""

    progress = MessageField(blank=True, help_text="the step in progress, or what a pending change waits for")
    done_bytes = models.PositiveBigIntegerField(default=0, help_text="of the step in progress")
    total_bytes = models.PositiveBigIntegerField(default=0, help_text="of the step in progress; 0: unknown")

    NO_STEP: ClassVar = {"progress": "", "done_bytes": 0, "total_bytes": 0}

    class Meta:
        abstract = True

    @property
    def steps(self) -> "Steps":
        """Return what records the steps of this attempt."""
        return self.__dict__.setdefault("_steps", Steps(self))

    @property
    def percent(self) -> int | None:
        return self._step.percent

    @property
    def amount(self) -> str:
        return self._step.amount

    @property
    def _step(self) -> "Step":
        return Step(progress=self.progress, done_bytes=self.done_bytes, total_bytes=self.total_bytes)


class Steps:
    """Records the steps of one attempt in its row, unless another worker has taken it over."""

    def __init__(self, row: InSteps) -> None:
        self._row = row
        self._step, self._done, self._total, self._next = Message(), 0, 0, 0.0
        self._ended: dict[str, int] = {}  # bytes of the steps that have ended, by their codes

    @property
    def moved(self) -> int:
        """Return how many bytes the attempt has copied or transferred.

        Steps of one kind are about different bytes, as those of several disks; different kinds are about the same.
        """
        return max({**self._ended, self._step.code: self._bytes_of(self._step)}.values())

    def _bytes_of(self, step: Message) -> int:
        return self._ended.get(step.code, 0) + (self._done if step == self._step else 0)

    def restart(self) -> None:
        """Forget the step of a worker that was killed: this attempt starts anew."""
        row = self._row
        if row.done_bytes or row.total_bytes:
            self._write(InSteps.NO_STEP)

    def begin(self, step: Message, total: int = 0) -> None:
        """Note that a step begins, which has so many bytes; it is recorded once it has lasted some time."""
        self._ended[self._step.code] = self._bytes_of(self._step)
        self._step, self._done, self._total, self._next = step, 0, total, monotonic() + LOOK

    def __call__(self, done: int, total: int = 0) -> None:
        """Note how many bytes of the step are done, and of how many if that has become known."""
        self._done, self._total = done, total or self._total
        if monotonic() >= self._next:
            self._next = monotonic() + INTERVAL
            self._write({"progress": self._step, "done_bytes": done, "total_bytes": self._total})

    def watch(
        self,
        step: Message,
        call: Callable[[], Result],
        look: Callable[[], FoundJob | None] = lambda: None,
    ) -> Result:
        """Make a call that may last, in a thread, and record how far it is by `look`; return its result.

        The call must not use the database. Raises what the call raises. If the caller knows how many bytes it was in
        the end, it says so after the call.
        """
        self.begin(step)
        answer: Future = Future()
        worker = threading.Thread(target=copy_context().run, args=[_put, answer, call], name="step", daemon=True)
        worker.start()
        while not wait([answer], LOOK).done:
            try:
                job = look()
            except DATABASE_AWAY:
                connection.close_if_unusable_or_obsolete()
                continue
            self(*(job.done, job.total) if job else (self._done, 0))
        self._done = 0  # the last look was before the end
        return answer.result()

    def _write(self, values: dict[str, object]) -> None:
        row = self._row
        if all(getattr(row, name) == value for name, value in values.items()):
            return
        try:
            mine = type(row).objects.filter(pk=row.pk, claimed_by=row.claimed_by)
            if not mine.update(**values):
                return
        except DATABASE_AWAY:
            connection.close_if_unusable_or_obsolete()
            return
        for name, value in values.items():
            setattr(row, name, value)


def _put(answer: Future, call: Callable[[], object]) -> None:
    try:
        answer.set_result(call())
    except BaseException as problem:  # raised to the caller
        answer.set_exception(problem)
