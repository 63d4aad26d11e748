"""Times are shown in the time zone of the viewer's browser, which static/js/time_zone.js stores in a cookie."""

from collections.abc import Callable, Mapping
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

COOKIE = "time_zone"  # its value is a name of the IANA time zone database

_known = cache(available_timezones)


def chosen(cookies: Mapping[str, str]) -> str:
    """Return the name of the viewer's time zone; "" if the cookie is missing or names no known zone."""
    name = cookies.get(COOKIE, "")
    return name if name in _known() else ""


class ViewerTimeZone:
    """Show times, and interpret those in forms, in the viewer's time zone; without one, in that of the portal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = chosen(request.COOKIES)
        if not name:
            return self.get_response(request)
        with timezone.override(ZoneInfo(name)):
            return self.get_response(request)
