"""Observed data: the tables that workers write, read-only, with a page that lists them."""

from django.db.models import Field, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from .access import HypervisorFilter, OnHypervisors, Page
from .site import site
from .tables import GROUPS, Table


class ObservedAdmin(OnHypervisors, Page):
    """Base of the admins of observed data, which only workers write."""

    table: Table
    view_on_site = False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer(*self.table.large)


def _show(table: Table) -> None:
    """Register a table in the admin, with its columns."""
    related = [each.split("__")[0] for each in table.columns if _is_relation(table.model, each)]
    values = {"table": table, "at": table.at, "list_display": table.columns, "search_fields": table.search}
    values |= {"list_filter": ((table.at, HypervisorFilter),), "list_select_related": tuple(related)}
    site.register(table.model, type(f"{table.model.__name__}Admin", (ObservedAdmin,), values))


def _is_relation(model: type[Model], name: str) -> bool:
    fields = {field.name: field for field in model._meta.get_fields()}
    return isinstance(fields.get(name), Field) and fields[name].is_relation


for _tables in GROUPS.values():
    for _table in _tables:
        _show(_table)


def observed(request: HttpRequest) -> HttpResponse:
    """List the tables of observed data."""
    context = site.each_context(request) | {"title": "Observed data", "groups": GROUPS}
    return TemplateResponse(request, "admin/observed.html", context)
