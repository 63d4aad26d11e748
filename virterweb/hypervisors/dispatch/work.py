"""Kinds of work that workers find in the database: which rows are due, and the function that processes one."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db.models import QuerySet


@dataclass(frozen=True, kw_only=True)
class Work:
    """One kind of work. `run` gets the ID of a row, claims it, and does nothing if another worker was faster."""

    name: str
    due: Callable[[], QuerySet]
    """Returns the rows that are due, the most urgent first. Its query must have no time but `Now()`: it is kept."""
    run: Callable[[int], None]
    hypervisor: str = "hypervisor"
    """The path from a row to its hypervisor; empty: it belongs to none."""
    at_once: int = 2
    """How many of them a process runs at a time."""
    per_hypervisor: int = 1
    """How many of them a process runs at a time for one hypervisor."""
    inside: bool = False
    """Whether it needs one of the places in a hypervisor that `connected` limits."""
