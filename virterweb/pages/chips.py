"""Chips above a list: each narrows it to one value of a property. The URL has the chosen values, `?state=drifted`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

from django.db.models import Count, QuerySet
from django.http import QueryDict

from .tables import natural_key

NAMED = ("hypervisor", "network")
OFFERED = 20  # values in the menu of a chip
NO_VALUE = "-"  # the value of rows that have none of a property, such as no owner


@dataclass(frozen=True, kw_only=True)
class Property:
    """A property to narrow a list by.

    `values` returns those that a row has, each with its text, given the row's `columns`; `having` the rows with one.
    With `unlisted`, the number of its values, there are too many to choose from: they are not read, and the chip leads
    to a list of them.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    values: Callable[..., Mapping[str, str]]
    having: Callable[[QuerySet, str], QuerySet]
    unlisted: int = 0


@dataclass(frozen=True, kw_only=True)
class Option:
    text: str
    href: str


@dataclass(frozen=True, kw_only=True)
class Chip:
    """One property of a list: with a `chosen` value the link that shows all again, else a link for each value."""

    key: str
    title: str
    chosen: str
    text: str
    clear: str
    options: tuple[Option, ...]
    more: int = 0  # values that the menu does not list

    @property
    def kind(self) -> str:
        """Return the kind of the named objects, for marks of names that look alike; "" for other values."""
        return self.key if self.key in NAMED else ""


class Narrowed:
    """The rows of a list that have all values chosen in the query, and the chips above the list.

    A chip offers the values of the rows that the other chips leave, so that none leads to an empty list.
    """

    def __init__(self, rows: QuerySet, properties: Sequence[Property], query: QueryDict) -> None:
        self.query = query
        self.chosen = {one.key: query.get(one.key, "").replace("\0", "") for one in properties}
        self.properties = properties
        self._listed = [one for one in properties if not one.unlisted]
        self._all = self._having(rows, [one for one in properties if one.unlisted])

    def _having(self, rows: QuerySet, properties: Sequence[Property]) -> QuerySet:
        """Return the rows with the chosen values of these properties."""
        for one in properties:
            if self.chosen[one.key]:
                rows = one.having(rows, self.chosen[one.key])
        return rows

    @property
    def rows(self) -> QuerySet:
        return self._having(self._all, self._listed)

    @cached_property
    def count(self) -> int:
        """Return the number of `rows`, from the same query as the chips."""
        return sum(number for _, number in self._left_by())

    @cached_property
    def _groups(self) -> list[tuple[Mapping[str, tuple], int]]:
        """Return the different values of the columns that rows have, by property, and how many rows have them."""
        columns = [column for one in self._listed for column in one.columns]
        ends = [*accumulate(len(one.columns) for one in self._listed)]
        parts = [(one.key, slice(end - len(one.columns), end)) for one, end in zip(self._listed, ends, strict=True)]
        rows = self._all.order_by().values_list(*columns).annotate(number_of_rows=Count("pk"))
        return [({key: row[part] for key, part in parts}, row[-1]) for row in rows]

    @cached_property
    def _values(self) -> Mapping[tuple[str, tuple], Mapping[str, str]]:
        """Return what the properties make of the columns: thousands of rows have few values of a property."""
        return {
            (one.key, columns): one.values(*columns)
            for one in self._listed
            for columns in {group[one.key] for group, _ in self._groups}
        }

    def _left_by(self, but: str = "") -> list[tuple[Mapping[str, tuple], int]]:
        """Return the groups of rows that have the chosen values of all properties but one."""
        groups = self._groups
        for key in (one.key for one in self._listed if self.chosen[one.key] and one.key != but):
            groups = [each for each in groups if self.chosen[key] in self._values[key, each[0][key]]]
        return groups

    @property
    def is_filtered(self) -> bool:
        """Return whether the query narrows the list at all."""
        return any(self.chosen.values())

    @cached_property
    def chips(self) -> list[Chip]:
        """Return the chips that have something to choose, or a value to clear."""
        made = map(self._chip, self.properties)
        return [chip for chip in made if chip.chosen or chip.more or len(chip.options) > 1]

    def _chip(self, one: Property) -> Chip:
        found: dict[str, str] = {}
        for columns in set() if one.unlisted else {group[one.key] for group, _ in self._left_by(but=one.key)}:
            found |= self._values[one.key, columns]
        ordered = sorted(found.items(), key=lambda each: (each[0] == NO_VALUE, natural_key(each[1])))
        chosen = self.chosen[one.key]
        return Chip(
            key=one.key,
            title=one.title,
            chosen=chosen,
            text=found.get(chosen, chosen),
            clear=href(self.query, one.key, ""),
            options=tuple(
                Option(text=text, href=href(self.query, one.key, value)) for value, text in ordered[:OFFERED]
            ),
            more=one.unlisted or max(0, len(ordered) - OFFERED),
        )


def href(query: QueryDict, key: str, value: str) -> str:
    """Return the address of a list with another value of a property, from its first page."""
    query = query.copy()
    for name in (key, "page"):
        query.pop(name, None)
    if value:
        query[key] = value
    return f"?{query.urlencode()}"


OWNER = Property(
    key="owner",
    title="Owner",
    columns=("owner__username",),
    values=lambda name: {name or NO_VALUE: name or "no owner"},
    having=lambda rows, name: rows.filter(owner__username=None if name == NO_VALUE else name),
)
HYPERVISOR = Property(
    key="hypervisor",
    title="Hypervisor",
    columns=("hypervisor__name",),
    values=lambda name: {name: name},
    having=lambda rows, name: rows.filter(hypervisor__name=name),
)


def hypervisor_property(count: int) -> Property:
    """Return the property HYPERVISOR, of `count` hypervisors."""
    return replace(HYPERVISOR, unlisted=count) if count > OFFERED else HYPERVISOR
