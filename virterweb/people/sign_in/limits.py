"""How often somebody may try to sign in, and log lines about it, which fail2ban can read."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from virterweb.activity.sign_ins import locked_out
from virterweb.people.models import WINDOW, SignInAttempt

log = logging.getLogger(__package__)

MINUTES = int(WINDOW.total_seconds() // 60)
THROTTLED = "throttled"
KNOWN = "virterweb-known"  # cookie: the user who has signed in with this browser
YEAR = timedelta(days=365)


def note(request: HttpRequest, result: str, name: str, reason: str = "") -> None:
    """Log a sign-in that succeeded, failed or was refused."""
    level = logging.INFO if result == "succeeded" else logging.WARNING
    said = f": {reason}" if reason else ""
    log.log(level, "sign-in %s from %s for %s%s", result, address_of(request), json.dumps(name), said)


def address_of(request: HttpRequest) -> str:
    return request.META.get("REMOTE_ADDR", "")


def check_password(request: HttpRequest, name: str, check: Callable[[], object | None]) -> object | None:
    """Return the user whom `check` finds.

    Raises:
        ValidationError: Too many attempts have failed, so `check` was not called.
    """
    known = request.get_signed_cookie(KNOWN, default="", salt=KNOWN) == name.lower()
    attempt = SignInAttempt.begin(name, address_of(request), known=known)
    if attempt is None:
        note(request, "refused", name, "too many failures")
        locked_out(name, request)
        said = f"Too many sign-in attempts have failed. Wait {MINUTES} minutes, then try again."
        raise ValidationError(said, code=THROTTLED)
    user = check()
    if user is None:
        note(request, "failed", name)
    else:
        attempt.succeeded()
    return user


def remember_browser(answer: HttpResponse, name: str) -> None:
    """Let the failures of others not lock this user out in this browser."""
    options = {"max_age": YEAR, "httponly": True, "samesite": "Lax", "secure": settings.SESSION_COOKIE_SECURE}
    answer.set_signed_cookie(KNOWN, name.lower(), salt=KNOWN, **options)


def forget_counts() -> None:
    """Delete expired rows of the table in which allauth counts attempts and remembers used codes."""
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(settings.CACHES["default"]["LOCATION"])
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        cursor.execute(f"DELETE FROM {table} WHERE expires < %s", [now])
