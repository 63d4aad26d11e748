"""Tells htmx that a fragment which it polls has not changed, so that nothing is sent: status 304, by `HX-PTag`."""

import hashlib
import re
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

# What differs between two renderings of the same: tokens of forms, and ages, which pages count by themselves.
TOKENS = re.compile(r'(?<=name="csrfmiddlewaretoken" value=")\w*')
IGNORED = re.compile(rf"{TOKENS.pattern}|<time data-age[^>]*>[^<]*")


def digest(html: str) -> str:
    """Return a short text that is the same for fragments that look the same."""
    return hashlib.blake2b(IGNORED.sub("", html).encode(), digest_size=12).hexdigest()


class UnchangedFragments(MiddlewareMixin):
    """Answer 304 to a poll for a fragment whose digest the page already has."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        is_html = not response.streaming and response.get("Content-Type", "").startswith("text/html")
        if request.method != "GET" or response.status_code != HTTPStatus.OK or not is_html:
            return response
        if getattr(request, "htmx", False):
            tag = digest(response.content.decode(response.charset))
            if tag == request.headers.get("HX-PTag"):
                response = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
            response.headers["HX-PTag"] = tag
        return response
