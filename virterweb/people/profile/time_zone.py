"""Times are shown in the time zone of the viewer.

It is the one that the user has chosen in the profile, otherwise that of the browser, which static/js/time_zone.js
stores in a cookie.
"""

from collections.abc import Callable, Mapping
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from .preferences import preferences_of

COOKIE = "time_zone"  # its value is a name of the IANA time zone database

_known = cache(available_timezones)


def of_browser(cookies: Mapping[str, str]) -> str:
    """Return the name of the browser's time zone; "" if the cookie is missing or names no known zone."""
    name = cookies.get(COOKIE, "")
    return name if name in _known() else ""


class ViewerTimeZone:
    """Show times, and interpret those in forms, in the viewer's time zone; without one, in that of the portal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(of_browser(request.COOKIES) or timezone.get_current_timezone()):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, values: dict) -> None:
        """Prefer the zone of the user. Programs have no preferences, and pages without a user read none."""
        if request.token or not getattr(view, "login_required", True):
            return
        if (name := preferences_of(request.user).time_zone) in _known():
            timezone.activate(ZoneInfo(name))
