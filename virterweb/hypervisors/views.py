"""Notes on every page about hypervisors whose current state is unknown."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_GET

from . import rights
from .models import Hypervisor

OVERVIEW = "*"


class Trouble:
    """Hypervisors that are not up to date, for a page about one of them, the overview or (about="") another."""

    def __init__(self, hypervisors: list[Hypervisor], about: str) -> None:
        self.about = about
        self.none_known = not hypervisors
        reachable = [one for one in hypervisors if not one.status.error]
        unpolled = [one for one in reachable if one.status.stale or not one.status.observed_at]
        #: nothing is polled, so the worker does not run
        self.worker_stopped = bool(unpolled) and unpolled == reachable
        polled = [one.status.observed_at for one in unpolled if one.status.observed_at]
        self.last_poll: datetime | None = max(polled, default=None)
        troubled = [one for one in hypervisors if one.status.error or (one in unpolled and not self.worker_stopped)]
        everywhere = about == OVERVIEW or len(hypervisors) == 1
        self.hypervisors = [one for one in troubled if everywhere or about == one.name]
        #: for a page about none of several hypervisors, which only names them
        self.elsewhere = [] if about or everywhere else troubled


def trouble_of_page(request: HttpRequest) -> dict:
    """Add the hypervisors and the problems that concern a page to its context; they are read at the first use."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    match = request.resolver_match
    about = match.kwargs.get("hypervisor") if match else ""
    about = about or request.GET.get("hypervisor", "") or (OVERVIEW if match and match.url_name == "overview" else "")
    known = SimpleLazyObject(lambda: list(Hypervisor.objects.select_related("status")))
    return {"hypervisors": known, "trouble": SimpleLazyObject(lambda: Trouble(known, about))}


@require_GET
def trouble(request: HttpRequest) -> HttpResponse:
    """Serve the fragments that every page polls: the notes, and the hypervisors of the sidebar."""
    return render(request, "pages/shell/_trouble_update.html")


def operators_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Restrict a view to operators; others get the page that says so."""

    @wraps(view)
    def run(request: HttpRequest, *args: object, **more: object) -> HttpResponse:
        rights.require_operator(request.user)
        return view(request, *args, **more)

    return run


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say why something is refused, and who may do it: to htmx as plain text, which the page's banner shows."""
    reason = str(exception)
    if getattr(request, "htmx", False):
        return HttpResponse(reason, status=403, content_type="text/plain; charset=utf-8")
    return render(request, "403.html", {"reason": reason}, status=403)


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Serve the page of a form that was not accepted, with the remedy if the portal does not know its own address."""
    if getattr(request, "htmx", False):
        said = "This form has expired. Reload the page and submit it again."
        return HttpResponse(said, status=403, content_type="text/plain; charset=utf-8")
    origin = request.headers.get("Origin", "")
    known = (f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS)
    context = {"origin": origin if origin and origin not in known else ""}
    return render(request, "403_csrf.html", context, status=403)
