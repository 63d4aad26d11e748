"""Chips above a list: each narrows it to one value of a property. The URL has the chosen values, `?state=drifted`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.http import QueryDict

from .tables import natural_key

Row = TypeVar("Row")
NAMED = ("hypervisor", "network")
NO_OWNER = "-"  # no user has this name in a list of owners


@dataclass(frozen=True, kw_only=True)
class Property(Generic[Row]):
    """A property to narrow a list by; `values` returns those that a row has, each with its text."""

    key: str
    title: str
    values: Callable[[Row], Mapping[str, str]]


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

    @property
    def kind(self) -> str:
        """Return the kind of the named objects, for marks of names that look alike; "" for other values."""
        return self.key if self.key in NAMED else ""


class Narrowed(Generic[Row]):
    """The rows of a list that have all values chosen in the query, and the chips above the list.

    A chip offers the values of the rows that the other chips leave, so that none leads to an empty list.
    """

    def __init__(self, rows: Iterable[Row], properties: Sequence[Property[Row]], query: QueryDict) -> None:
        self.query = query
        self.chosen = {one.key: query.get(one.key, "") for one in properties}
        self.properties = properties
        self._all = [(row, {one.key: one.values(row) for one in properties}) for row in rows]
        self.rows = [row for row, values in self._all if self._has_chosen(values)]

    def _has_chosen(self, values: Mapping[str, Mapping[str, str]], but: str = "") -> bool:
        return all(not value or key == but or value in values[key] for key, value in self.chosen.items())

    @property
    def asked(self) -> bool:
        """Return whether the query narrows the list at all."""
        return any(self.chosen.values())

    @property
    def chips(self) -> list[Chip]:
        """Return the chips that have something to choose, or a value to clear."""
        made = map(self._chip, self.properties)
        return [chip for chip in made if chip.chosen or len(chip.options) > 1]

    def _chip(self, one: Property[Row]) -> Chip:
        found: dict[str, str] = {}
        for _, values in self._all:
            if self._has_chosen(values, but=one.key):
                found |= values[one.key]
        ordered = sorted(found.items(), key=lambda each: (each[0] == NO_OWNER, natural_key(each[1])))
        chosen = self.chosen[one.key]
        return Chip(
            key=one.key,
            title=one.title,
            chosen=chosen,
            text=found.get(chosen, chosen),
            clear=self._href(one.key, ""),
            options=tuple(Option(text=text, href=self._href(one.key, value)) for value, text in ordered),
        )

    def _href(self, key: str, value: str) -> str:
        """Return the address of the list with another value of a property, from its first page."""
        query = self.query.copy()
        for name in (key, "page"):
            query.pop(name, None)
        if value:
            query[key] = value
        return f"?{query.urlencode()}"


def owners(row: Row) -> dict[str, str]:
    """Return the owner of an object, for a property that narrows by it."""
    return {row.owner.get_username(): row.owner.get_username()} if row.owner_id else {NO_OWNER: "no owner"}


def hypervisors(row: Row) -> dict[str, str]:
    """Return the hypervisor of an object, for a property that narrows by it."""
    return {row.hypervisor.name: row.hypervisor.name}
