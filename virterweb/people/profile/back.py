"""Back to the page whose menu was used."""

from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme


def back(request: HttpRequest, otherwise: str) -> HttpResponseRedirect:
    """Redirect to the page of this portal that sent the request, or to the page `otherwise` if that is not known."""
    page = request.META.get("HTTP_REFERER", "")
    known = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return redirect(page if known else otherwise)
