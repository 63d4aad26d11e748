"""Guards around readings from outside: what cannot be read is recorded as a problem, and the rest continues.

    with Observation(hypervisor, Kind.NETWORK) as reading:
        for network in connection.networks.all(reading.guard):
            with reading.written(network.uuid, network.name):
                …

When the reading ends, its problems replace the earlier ones of that kind. The records of an object that could not be
read stay as they are: `reading.failed` has its key.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model

from virterweb.hypervisors.claims.due import DATABASE_AWAY
from virterweb.hypervisors.gateway.found import HypervisorError, Unreachable
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.messages import Message

log = logging.getLogger(__name__)

GENERAL = (Unreachable, *DATABASE_AWAY)  # not the object's fault: all others would fail too
MAX_PROBLEMS = 100  # recorded of one reading
MAX_KEY = 300  # characters of a key


class Observation:
    """One reading of all objects of a kind; `within` is the pool, network or VM that they belong to."""

    def __init__(self, hypervisor: Hypervisor, kind: ReadingProblem.Kind, within: str = "") -> None:
        self.hypervisor, self.kind, self.within = hypervisor, kind, within[:MAX_KEY]
        self.failed: dict[str, ReadingProblem] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._write()

    @contextmanager
    def guard(self, key: str, name: str = "") -> Iterator[None]:
        """Read one object; any error is a problem of this object alone, except the loss of hypervisor or database."""
        try:
            yield
        except GENERAL:
            raise
        except Exception as problem:
            self.note(problem, key, name)

    @contextmanager
    def written(self, key: str, name: str = "") -> Iterator[None]:
        """Record one object; nothing is written of one that fails."""
        with self.guard(key, name), transaction.atomic():
            yield

    def note(self, problem: Exception, key: str, name: str = "") -> None:
        """Record a problem of an object."""
        reason, detail = failure(problem)
        found = ReadingProblem(
            hypervisor=self.hypervisor,
            kind=self.kind,
            within=self.within,
            key=key[:MAX_KEY],
            name=name or key,
            reason=reason,
            detail=detail,
        )
        found.cause = problem
        self.failed.setdefault(key, found)

    def _write(self) -> None:
        known = {each.key: each for each in self.hypervisor.reading_problems.all() if self._is_mine(each)}
        for found in list(self.failed.values())[:MAX_PROBLEMS]:
            before = known.pop(found.key, None)
            if before is None or before.reason != found.reason:
                log.warning("%s: %s", self.hypervisor, found, exc_info=worth_a_traceback(found.cause))
                now = {"name": found.name, "reason": found.reason, "detail": found.detail}
                where = {"kind": found.kind, "within": found.within, "key": found.key}
                self.hypervisor.reading_problems.update_or_create(**where, defaults=now)
        if known:
            ReadingProblem.objects.filter(pk__in=[each.pk for each in known.values()]).delete()

    def _is_mine(self, problem: ReadingProblem) -> bool:
        return (problem.kind, problem.within) == (self.kind, self.within)


def forget(hypervisor: Hypervisor, kinds: Iterable[ReadingProblem.Kind], names: Iterable[str]) -> None:
    """Delete the problems of parts that no longer exist; those that exist have these names."""
    kinds, names = set(kinds), {name[:MAX_KEY] for name in names}
    gone = [each.pk for each in hypervisor.reading_problems.all() if each.kind in kinds and each.within not in names]
    if gone:
        ReadingProblem.objects.filter(pk__in=gone).delete()


def check_fits(row: Model) -> None:
    """Raise ValidationError if a value from outside does not fit its column, on whichever database."""
    empty = [field.name for field in row._meta.fields if getattr(row, field.attname) in ("", None)]
    row.clean_fields(exclude=[*empty, *(field.name for field in row._meta.fields if field.is_relation)])


def failure(problem: Exception) -> tuple[Message, str]:
    """Return the cause of a failure, as the end of a sentence, and its details."""
    if isinstance(problem, HypervisorError):
        return problem.message, problem.detail
    if isinstance(problem, UnicodeError):
        return Message("reading.no_utf8"), str(problem)
    if isinstance(problem, ValidationError):
        text = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in problem.message_dict.items())
        return Message("reading.invalid", text=text), ""
    return Message("internal", kind=type(problem).__name__), str(problem)


def worth_a_traceback(problem: Exception) -> Exception | None:
    """Return the exception if its traceback has more information than its message."""
    return None if isinstance(problem, HypervisorError | ValidationError | UnicodeError) else problem
