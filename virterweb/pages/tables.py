"""Tables that sort and page by the URL: `?sort=-name&page=2`. A column knows its title and how to order rows."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from ipaddress import ip_address
from typing import TypeVar

from django.core.paginator import Page, Paginator
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, GenericIPAddressField, Model, QuerySet
from django.db.models.functions import Collate
from django.db.models.sql.compiler import SQLCompiler
from django.http import QueryDict

from .columns import Column, Columns, Heading

NATURAL = "natural_order"  # the database's collation for names, see `virterweb.hypervisors.apps`
OF_ADDRESSES = "address_order"  # SQLite's collation for IP addresses


@lru_cache(maxsize=50_000)
def natural_key(text: object) -> list[str | tuple[int, str]]:
    """Return what all tables sort names by: vm-2 comes before vm-10, and case tells none apart.

    Numbers of any length compare by their digits.
    """
    parts = re.split(r"([0-9]+)", str(text).casefold())
    return [(len(part.lstrip("0")), part.lstrip("0")) if n % 2 else part for n, part in enumerate(parts)]


def natural(column: str) -> Collate:
    """Return an expression that sorts a text column as `natural_key` does."""
    return Collate(F(column), NATURAL)


def address_key(text: str) -> tuple[int, int]:
    """Return what sorts IP addresses: IPv4 first, then by number."""
    address = ip_address(text)
    return address.version, int(address)


class InAddressOrder(Func):
    """An IP address that the database sorts as `address_key` does, which is the order of PostgreSQL's own type."""

    template, arity = "%(expressions)s", 1
    output_field = GenericIPAddressField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: object) -> tuple[str, tuple]:
        return self.as_sql(compiler, connection, template=f"{self.template} COLLATE {OF_ADDRESSES}", **context)


ROWS = 40  # on a page
Row = TypeVar("Row")


def page_of(rows: Sequence | QuerySet, query: QueryDict, count: int | None = None) -> Page:
    """Return the page of rows that `?page=` requests; if it does not exist, the first or last one.

    `count` is the number of all rows, if it is known.
    """
    pages = Paginator(rows, ROWS)
    if count is not None:
        pages.count = count
    return pages.get_page(query.get("page"))


class Sorting:
    """The order that the URL requests, with headings that link to other orders."""

    def __init__(self, columns: Columns | Iterable[Column], query: QueryDict) -> None:
        self.columns = columns if isinstance(columns, Columns) else Columns(columns=tuple(columns))
        self.query = query
        self._sorting = {column.key: column for column in self.columns.columns if column.sorts}
        order = query.get("sort", "")
        self.reverse = order.startswith("-")
        self.sort = order.lstrip("-") if order.lstrip("-") in self._sorting else ""

    @property
    def headings(self) -> Iterable[Heading]:
        for column in self.columns.shown:
            if not column.sorts:
                yield Heading(title=column.title)
                continue
            current = column.key == self.sort
            query = self.query.copy()
            query.pop("page", None)
            query["sort"] = f"-{column.key}" if current and not self.reverse else column.key
            direction = ("descending" if self.reverse else "ascending") if current else ""
            yield Heading(title=column.title, href=f"?{query.urlencode()}", direction=direction)

    def ordered_values(self, rows: Iterable[Row]) -> list[Row]:
        """Return rows that are no models in the order that the URL requests, otherwise as they are."""
        if not self.sort:
            return list(rows)
        return sorted(rows, key=self._sorting[self.sort].value, reverse=self.reverse)


class Table(Sorting):
    """Rows in the order that the URL requests, by pages.

    `load` reads the rows of a page by their primary keys; `count` is the number of all, if it is known; `usual` is the
    order without a request, if it is not that of the first column.
    """

    def __init__(
        self,
        rows: QuerySet,
        columns: Columns | Iterable[Column],
        query: QueryDict,
        load: Callable[[list[int]], Iterable[Model]] | None = None,
        count: int | None = None,
        usual: Sequence[str] = (),
    ) -> None:
        super().__init__(columns, query)
        self._rows = rows
        self._load = load or (lambda keys: rows.filter(pk__in=keys))
        self._count, self._usual = count, usual

    @property
    def ordered(self) -> QuerySet:
        """Return all rows in the order that the URL requests, as far as the database knows it."""
        column, first = self._sorting.get(self.sort), next(iter(self._sorting.values()))
        if column is None and self._usual:
            return self._rows.order_by(*self._usual)
        return self._rows.order_by(*(column.ordered(self.reverse) if column else ()), *first.ordered(False), "pk")

    @cached_property
    def page(self) -> Page:
        column, rows = self._sorting.get(self.sort), self.ordered
        if column and column.keys:
            keys = column.keys(rows)
            page = page_of(sorted(keys, key=keys.__getitem__, reverse=self.reverse), self.query)
        else:  # the whole rows are read when it is known which ones are on the page
            page = page_of(rows.values_list("pk", flat=True), self.query, self._count)
            page.object_list = list(page.object_list)
        loaded = {row.pk: row for row in self._load(page.object_list)}
        page.object_list = [loaded[key] for key in page.object_list if key in loaded]
        return page

    @property
    def rows(self) -> list:
        """Return the rows of the page that is shown."""
        return self.page.object_list

    @property
    def search(self) -> str:
        return self.query.get("q", "")
