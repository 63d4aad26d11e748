"""What monitoring asks: whether the portal works, and its metrics."""

import hmac
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from . import health
from .metrics import PortalCollector

CACHED = 1  # seconds: a flood of requests does not keep others from the database
LOOPBACK = ("127.0.0.1", "::1")
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")


@login_not_required
@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """Say that the web server answers, whatever else does."""
    return JsonResponse({"ok": True})


@login_not_required
@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Serve the facts of all checks, or of those that `?check=` names; 503 if one of them fails."""
    names = tuple(name for name in health.CHECKS if name in request.GET.getlist("check"))
    found = caches["process"].get_or_set(f"health-{'-'.join(names)}", lambda: health.check(names), CACHED)
    ok = all(facts["ok"] for facts in found.values())
    return JsonResponse({"ok": ok, "checks": found}, status=200 if ok else 503)


def for_monitoring(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Restrict a view to those who send the token; without one in the settings, to programs of this machine."""

    @wraps(view)
    def run(request: HttpRequest) -> HttpResponse:
        if token := settings.METRICS_TOKEN:
            allowed = hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())
        else:
            allowed = request.META.get("REMOTE_ADDR") in LOOPBACK and not set(FORWARDED) & set(request.headers)
        if allowed:
            return view(request)
        said = "Set VIRTERWEB_METRICS_TOKEN and send it as Authorization: Bearer, or ask from this machine.\n"
        return HttpResponse(said, status=403, content_type="text/plain; charset=utf-8")

    return run


@login_not_required
@require_safe
@never_cache
@for_monitoring
def metrics(request: HttpRequest) -> HttpResponse:
    """Serve the metrics of the whole portal, from the database, in the format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(PortalCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
