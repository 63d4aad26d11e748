"""Pages of storage pools: what they hold, and how much more they can hold."""

from collections.abc import Sequence

from django.contrib import messages
from django.db.models import Count, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from virterweb.enqueue import LOOK, enqueue
from virterweb.pages.exports import answer
from virterweb.pages.tables import Table
from virterweb.people import rights
from virterweb.people.models import HiddenColumns
from virterweb.people.profile.columns import columns_for
from vms.models import StoragePool, Volume, name_in, with_totals

from .listing import (
    COLUMNS,
    FILE,
    VOLUME_COLUMNS,
    VOLUME_FILE,
    pool_rows,
    problem_for,
    sees_volumes,
    visible,
    volume_rows,
)
from .makers import with_makers


@require_GET
def pool_list(request: HttpRequest, suffix: str = "") -> HttpResponse:
    pools = visible(request.user)
    if suffix:
        return answer("pools", suffix, FILE, pool_rows(pools))
    columns = columns_for(request.user, HiddenColumns.Table.POOLS, COLUMNS)
    columns = columns if rights.hypervisor_count(request) > 1 else columns.without("hypervisor")
    table = Table(pools, columns, request.GET, lambda keys: with_totals(pools.filter(pk__in=keys)))
    template = "vms/pools/_list.html" if request.htmx else "vms/pools/list.html"
    return render(request, template, {"table": table})


@require_GET
def pool_detail(request: HttpRequest, hypervisor: str, name: str, suffix: str = "") -> HttpResponse:
    """Show a pool; its volumes only to those who may see everything on its hypervisor."""
    pool = _pool(request, hypervisor, name)
    sees = sees_volumes(request.user, pool)
    if suffix:
        return answer(
            f"{hypervisor}-{pool}-volumes", suffix, VOLUME_FILE, volume_rows(pool, request.user) if sees else ()
        )

    def loaded(keys: list[int]) -> Sequence[Volume]:
        return with_makers(list(pool.volumes.filter(pk__in=keys)), request.user)

    columns = columns_for(request.user, HiddenColumns.Table.VOLUMES, VOLUME_COLUMNS)
    table = Table(pool.volumes.all(), columns, request.GET, loaded) if sees else None
    context = {"pool": pool, "table": table, "problem": problem_for(request.user, pool)}
    context["unused"] = pool.unused if sees else None
    context["operates"] = rights.is_operator(request.user, pool.hypervisor)
    template = "vms/pools/_detail.html" if request.htmx else "vms/pools/detail.html"
    return render(request, template, context)


@require_POST
def pool_refresh(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    pool = _pool(request, hypervisor, name)
    rights.require_operator(request.user, pool.hypervisor)
    pool.request_refresh()
    enqueue(LOOK, pool.pk)
    messages.success(request, f"The pool {pool} is being refreshed.")
    return redirect(pool)


def _pool(request: HttpRequest, hypervisor: str, name: str) -> StoragePool:
    """Return a pool with the number of its unused volumes; 404 if it does not exist for the user."""
    unused = Volume.objects.unused().filter(pool=OuterRef("pk")).order_by().values("pool")
    pools = visible(request.user).annotate(unused=Subquery(unused.annotate(count=Count("pk")).values("count")))
    return get_object_or_404(pools, hypervisor__name=hypervisor, name=name_in(name))
