"""Pages that show a hypervisor: while one is open, the hypervisor is polled often."""

from collections.abc import Callable
from contextlib import suppress

from django.db import OperationalError
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from virterweb.enqueue import LOOK, send

from .models import Hypervisor

MANY = 20  # hypervisors: a page about more of them does not have all polled often


class WatchHypervisors(MiddlewareMixin):
    """Record which hypervisors an open page shows; pages repeat it with the fragment that all of them poll."""

    def process_view(self, request: HttpRequest, view: Callable, args: list, kwargs: dict) -> None:
        whole = request.method == "GET" and not request.htmx
        if not request.user.is_authenticated or not (whole or request.resolver_match.url_name == "trouble"):
            return
        name = kwargs.get("hypervisor") or request.GET.get("hypervisor", "")
        named = Hypervisor.objects.filter(name=name)
        shown = named if name.strip("*") else Hypervisor.objects.unless_more_than(MANY)
        with suppress(OperationalError):  # pages stay readable while the disk of the database is full
            if shown.watch():
                send(LOOK, 0)
