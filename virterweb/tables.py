"""Tables that sort by the URL: `?sort=-name`. A column knows its title and how to order rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from django.http import QueryDict


@dataclass(frozen=True, kw_only=True)
class Column:
    key: str
    title: str
    order: Callable[[object], object]


@dataclass(frozen=True, kw_only=True)
class Heading:
    title: str
    href: str
    direction: str  # "ascending", "descending" or "" for aria-sort


class Table:
    """Rows in the order that the URL asks for, and headings that ask for another."""

    def __init__(self, rows: Iterable, columns: Iterable[Column], query: QueryDict) -> None:
        self.columns = {column.key: column for column in columns}
        self.query = query
        asked = query.get("sort", "")
        self.reverse = asked.startswith("-")
        self.sort = asked.lstrip("-") if asked.lstrip("-") in self.columns else ""
        self._rows = rows

    @cached_property
    def rows(self) -> list:
        if not self.sort:
            return list(self._rows)
        return sorted(self._rows, key=self.columns[self.sort].order, reverse=self.reverse)

    @property
    def search(self) -> str:
        return self.query.get("q", "")

    @property
    def headings(self) -> Iterable[Heading]:
        for key, column in self.columns.items():
            current = key == self.sort
            query = self.query.copy()
            query["sort"] = f"-{key}" if current and not self.reverse else key
            direction = ("descending" if self.reverse else "ascending") if current else ""
            yield Heading(title=column.title, href=f"?{query.urlencode()}", direction=direction)
