"""The hypervisors that the portal knows, their last readings, and what processes of the portal share."""

from .hypervisor import (
    LATE_AFTER,
    OPERATE,
    RECORDED_FOR,
    WATCHED_FOR,
    Condition,
    Hypervisor,
    HypervisorQuerySet,
    HypervisorStatus,
    not_current,
    with_hypervisor,
)
from .reading_problem import ReadingProblem, ReadingProblemQuerySet
from .worker import Chore, Secret, WorkerProcess

__all__ = [
    "LATE_AFTER",
    "OPERATE",
    "RECORDED_FOR",
    "WATCHED_FOR",
    "Chore",
    "Condition",
    "Hypervisor",
    "HypervisorQuerySet",
    "HypervisorStatus",
    "ReadingProblem",
    "ReadingProblemQuerySet",
    "Secret",
    "WorkerProcess",
    "not_current",
    "with_hypervisor",
]
