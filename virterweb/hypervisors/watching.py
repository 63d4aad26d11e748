"""Pages that show a hypervisor: while one is open, the hypervisor is polled often."""

from contextlib import suppress

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from virterweb.enqueue import LOOK, send

from .fleet.shell import MANY
from .models import Hypervisor


class WatchHypervisors(MiddlewareMixin):
    """Record which hypervisors an open page shows; pages repeat it with the fragment that all of them poll."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        match, user = request.resolver_match, getattr(request, "user", None)
        whole = request.method == "GET" and not getattr(request, "htmx", False)
        if match and user and user.is_authenticated and (whole or match.url_name == "trouble"):
            fleet = getattr(request, "fleet", None)
            if not (fleet and fleet.is_recorded):
                watch(match.kwargs.get("hypervisor") or request.GET.get("hypervisor", ""))
        return response


def watch(name: str) -> None:
    """Record that an open page shows the hypervisor of that name; for "" and "*" all, unless there are many."""
    named = Hypervisor.objects.filter(name=name)
    shown = named if name.strip("*") else Hypervisor.objects.unless_more_than(MANY)
    with suppress(OperationalError):  # pages stay readable while the disk of the database is full
        if shown.watch():
            send(LOOK, 0)
