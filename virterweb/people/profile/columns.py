"""Which columns of a table a user sees: read for each page of the table, and changed by the menu above it."""

import re
from collections.abc import Iterable

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from virterweb.pages.columns import Column, Columns
from virterweb.people import rights
from virterweb.people.models import HiddenColumns

from .back import back

KEY = re.compile(r"[a-z_]{1,30}")
MOST = 50  # columns that are stored


def columns_for(user: rights.Actor, table: HiddenColumns.Table, columns: Iterable[Column]) -> Columns:
    """Return the columns of a table as its user has chosen them; one query reads it."""
    return Columns(columns=tuple(columns), hidden=_hidden(user, table), table=table.value)


def _hidden(user: rights.Actor, table: str) -> frozenset[str]:
    pk = getattr(user, "pk", None)
    found = HiddenColumns.objects.filter(user=pk, table=table).values_list("columns", flat=True) if pk else ()
    return frozenset(key for columns in found for key in columns)


@require_POST
def columns(request: HttpRequest, table: str) -> HttpResponse:
    """Hide the columns that the menu listed and the user did not choose, and return to the page.

    Columns that the menu did not list, because they had nothing to show, stay as they were.
    """
    if table not in HiddenColumns.Table.values:
        raise Http404(f"no table {table}")
    listed, chosen = (
        {key for key in request.POST.getlist(name)[:MOST] if KEY.fullmatch(key)} for name in ("listed", "column")
    )
    rows = HiddenColumns.objects.filter(user=request.user.pk, table=table)
    hidden = frozenset() if "all" in request.POST else _hidden(request.user, table) - listed | listed - chosen
    if hidden:
        values = {"columns": sorted(hidden)[:MOST]}
        HiddenColumns.objects.update_or_create(user=request.user, table=table, defaults=values)
    else:
        rows.delete()
    return back(request, "portal:overview")
