"""Pages that say why something was refused."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


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
