"""Columns of tables: how they sort, and which of them a user has chosen to see."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from django.db.models import OrderBy, QuerySet
from django.db.models.expressions import Combinable


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column. It sorts by `order`, or by `keys` where the database does not know the values; some do not sort.

    In a table of rows that are no models, it sorts by the `value` of a row.
    """

    key: str
    title: str
    order: tuple[Combinable | OrderBy, ...] = ()
    keys: Callable[[QuerySet], Mapping[int, object]] | None = None  # by primary key, in the order of the query set
    value: Callable[[Any], object] | None = None

    @property
    def sorts(self) -> bool:
        return bool(self.order or self.keys or self.value)

    def ordered(self, reverse: bool) -> list[OrderBy]:
        found = [each.copy() if isinstance(each, OrderBy) else each.asc() for each in self.order]
        for each in found if reverse else ():
            each.reverse_ordering()
        return found


@dataclass(frozen=True, kw_only=True)
class Heading:
    title: str
    href: str = ""  # of the table in the order of this column
    direction: str = ""  # "ascending", "descending" or "" for aria-sort


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A column in the menu that chooses columns."""

    column: Column
    chosen: bool
    fixed: bool


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of a table in their order, without those that its user has hidden. The first one always stays."""

    columns: tuple[Column, ...]
    hidden: frozenset[str] = frozenset()
    table: str = ""  # by which the choice is stored; "" for a table whose columns nobody chooses

    def without(self, *keys: str) -> Self:
        """Return them without columns that have nothing to show now; the choice of them is kept."""
        return replace(self, columns=tuple(each for each in self.columns if each.key not in keys))

    @cached_property
    def shown(self) -> tuple[Column, ...]:
        return tuple(each for each in self.columns if each.key not in self.hidden or each is self.columns[0])

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """Return the titles of those shown, by key."""
        return {each.key: each.title for each in self.shown}

    @property
    def choices(self) -> Iterator[Choice]:
        shown = self.titles
        return (Choice(column=each, chosen=each.key in shown, fixed=not i) for i, each in enumerate(self.columns))

    @property
    def some_hidden(self) -> bool:
        return len(self.shown) < len(self.columns)
