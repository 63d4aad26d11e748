"""Serialized changes of one hypervisor's objects, so that checks are still valid when the change is written.

On PostgreSQL a row is locked; on SQLite beginning to write is the lock. Either ends with the transaction.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import wraps
from sqlite3 import SQLITE_FULL

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver
from django.utils.deprecation import MiddlewareMixin

from virterweb.hypervisors.models import Hypervisor

log = logging.getLogger(__name__)

SECONDS_TO_RETRY = 5
DISK_FULL = "53100"  # PostgreSQL's code


@contextmanager
def exclusive(hypervisor: Hypervisor) -> Iterator[None]:
    """Wait for other changes on this hypervisor and keep them waiting, in one transaction."""
    with transaction.atomic():
        _lock(Hypervisor.objects.filter(pk=hypervisor.pk))
        yield


@contextmanager
def exclusive_on_all() -> Iterator[None]:
    """Wait for other changes on every hypervisor, and for new ones, and keep them waiting, in one transaction."""
    with transaction.atomic():
        _lock(ContentType.objects.filter(app_label="hypervisors", model="hypervisor"))
        _lock(Hypervisor.objects.order_by("pk"))
        yield


def _lock(rows: QuerySet) -> None:
    # Rows that refer to these can still be written: workers do, all the time.
    list(rows.select_for_update(no_key=True).values_list("pk"))


def concurrent(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view whose POST changes nothing, or takes the lock itself for what it writes."""
    view.concurrent = True
    return view


def of_all_hypervisors(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view whose POST, with the token of the plan that was shown, changes objects of several hypervisors."""
    view.of_all_hypervisors = True
    return view


def one_at_a_time(patterns: Iterable[URLPattern | URLResolver], admin: bool = False) -> None:
    """Have each POST about an object of a hypervisor, and each of the admin's, run under the lock."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            one_at_a_time(pattern.url_patterns, admin or pattern.app_name == "admin")
        elif not getattr(pattern.callback, "concurrent", False):
            admin_view = admin and getattr(pattern.callback, "login_required", True)
            pattern.callback = _locking(pattern.callback, admin_view)


def _locking(view: Callable[..., HttpResponse], admin: bool) -> Callable[..., HttpResponse]:
    @wraps(view)
    def run(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, **kwargs)
        with _lock_for(request, view, admin, kwargs):
            return view(request, *args, **kwargs)

    run.takes_lock = True
    return run


def _lock_for(
    request: HttpRequest, view: Callable[..., HttpResponse], admin: bool, kwargs: dict
) -> AbstractContextManager[None]:
    if admin or (getattr(view, "of_all_hypervisors", False) and "token" in request.POST):
        return exclusive_on_all()
    found = Hypervisor.objects.filter(name=kwargs["hypervisor"]).first() if "hypervisor" in kwargs else None
    return exclusive(found) if found else nullcontext()


def is_disk_full(problem: OperationalError) -> bool:
    """Return whether the disk of the database is full, by the code of SQLite or PostgreSQL."""
    cause = problem.__cause__
    return getattr(cause, "sqlite_errorcode", None) == SQLITE_FULL or getattr(cause, "sqlstate", None) == DISK_FULL


class DatabaseCollisionHandler(MiddlewareMixin):
    """Answer remaining collisions in the database with a page: 409, or 503 if it stayed busy."""

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        if isinstance(problem, IntegrityError):
            log.warning("%s %s collided: %s", request.method, request.path, problem)
            return render(request, "409.html", status=409)
        if isinstance(problem, OperationalError):
            log.error("%s %s: %s", request.method, request.path, problem)
            answer = render(request, "503.html", {"full": is_disk_full(problem)}, status=503)
            answer["Retry-After"] = str(SECONDS_TO_RETRY)
            return answer
        return None
