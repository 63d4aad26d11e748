"""What every page says about hypervisors that cannot be looked at."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django_htmx.http import HttpResponseClientRedirect

from .models import Hypervisor


def hypervisors_in_trouble(request: HttpRequest) -> dict:
    """Context of every page: hypervisors not reachable, or not looked at for long; and that there is none at all.

    Read when it is first used: fragments do not say it.
    """
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    known = SimpleLazyObject(lambda: list(Hypervisor.objects.select_related("status")))
    trouble = SimpleLazyObject(lambda: [one for one in known if _in_trouble(one)])
    return {"hypervisors": known, "trouble": trouble}


def _in_trouble(hypervisor: Hypervisor) -> bool:
    status = hypervisor.status
    return bool(status.error or status.stale or not status.observed_at)


def leaves_when_gone(to: str) -> Callable[[Callable], Callable]:
    """A page that follows an object by polling leaves for the list `to` when it is removed, and says why."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def run(request: HttpRequest, hypervisor: str, name: str, **more: str) -> HttpResponse:
            try:
                return view(request, hypervisor, name, **more)
            except Http404:
                if not request.htmx:
                    raise
                messages.info(request, f"{name} is no longer there.")
                return HttpResponseClientRedirect(reverse(to))

        return run

    return decorate
