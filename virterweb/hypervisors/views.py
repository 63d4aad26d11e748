"""Notes on every page about hypervisors whose current state is unknown."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from . import rights
from .fleet.field import OFFERED, offered
from .fleet.shell import OVERVIEW, Fleet


def fleet_of_page(request: HttpRequest) -> dict:
    """Add the hypervisors to the context of a page."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    match = request.resolver_match
    about = match.kwargs.get("hypervisor") if match else ""
    about = about or request.GET.get("hypervisor", "") or (OVERVIEW if match and match.url_name == "overview" else "")
    if not hasattr(request, "fleet"):
        request.fleet = Fleet(about)
    return {"fleet": request.fleet}


@require_GET
def trouble(request: HttpRequest) -> HttpResponse:
    """Serve the fragments that every page polls: the notes, and the hypervisors of the sidebar."""
    return render(request, "pages/shell/_trouble_update.html")


@require_GET
def hypervisor_options(request: HttpRequest) -> HttpResponse:
    """Serve the hypervisors with a text in their name as a list of choices."""
    found = list(offered(request.GET.get("q", "")))
    context = {"found": found[:OFFERED], "more": len(found) > OFFERED}
    return render(request, "pages/forms/_hypervisor_options.html", context)


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
