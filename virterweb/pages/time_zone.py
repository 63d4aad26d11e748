"""Times are shown in the time zone of the viewer's browser, which a script of the pages tells by a cookie."""

from collections.abc import Callable, Mapping
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

COOKIE = "time_zone"  # the name of a zone of IANA's database; static/js/time_zone.js writes it

_known = cache(available_timezones)


def chosen(cookies: Mapping[str, str]) -> str:
    """Return the name of the viewer's time zone, "" if the browser has told none that is known."""
    name = cookies.get(COOKIE, "")
    return name if name in _known() else ""


class ViewerTimeZone:
    """Show and read times in the viewer's time zone, otherwise in that of the portal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = chosen(request.COOKIES)
        if not name:
            return self.get_response(request)
        with timezone.override(ZoneInfo(name)):
            return self.get_response(request)
