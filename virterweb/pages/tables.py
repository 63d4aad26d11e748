"""Tables that sort and page by the URL: `?sort=-name&page=2`. A column knows its title and how to order rows."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.core.paginator import Page, Paginator
from django.http import QueryDict


def natural_key(text: object) -> list[str | tuple[int, str]]:
    """Return what all tables sort names by: vm-2 comes before vm-10, and case tells none apart.

    Numbers of any length compare by their digits.
    """
    parts = re.split(r"([0-9]+)", str(text).casefold())
    return [(len(part.lstrip("0")), part.lstrip("0")) if n % 2 else part for n, part in enumerate(parts)]


ROWS = 100  # on a page


def page_of(rows: Sequence, query: QueryDict) -> Page:
    """Return the page of rows that `?page=` requests; if it does not exist, the first or last one."""
    return Paginator(rows, ROWS).get_page(query.get("page"))


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
    """Rows in the order that the URL requests, with headings that link to other orders."""

    def __init__(self, rows: Iterable, columns: Iterable[Column], query: QueryDict) -> None:
        self.columns = {column.key: column for column in columns}
        self.query = query
        asked = query.get("sort", "")
        self.reverse = asked.startswith("-")
        self.sort = asked.lstrip("-") if asked.lstrip("-") in self.columns else ""
        self._rows = rows

    @cached_property
    def page(self) -> Page:
        return page_of(self._sorted(), self.query)

    @property
    def rows(self) -> list:
        """Return the rows of the page that is shown."""
        return self.page.object_list

    def _sorted(self) -> list:
        """Return all rows in the order that the URL asks for, else by the first column."""
        first = next(iter(self.columns.values()))
        by_first = sorted(self._rows, key=first.order)
        if not self.sort:
            return by_first
        return sorted(by_first, key=self.columns[self.sort].order, reverse=self.reverse)

    @property
    def search(self) -> str:
        return self.query.get("q", "")

    @property
    def headings(self) -> Iterable[Heading]:
        for key, column in self.columns.items():
            current = key == self.sort
            query = self.query.copy()
            query.pop("page", None)
            query["sort"] = f"-{key}" if current and not self.reverse else key
            direction = ("descending" if self.reverse else "ascending") if current else ""
            yield Heading(title=column.title, href=f"?{query.urlencode()}", direction=direction)
