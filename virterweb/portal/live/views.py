"""The URL of the streams."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET

from virterweb.hypervisors.fleet.shell import MANY
from virterweb.people.rights import visible_hypervisors

from .fragments import Viewer, fragment, urls_of
from .hub import Page
from .stream import Known, Stream

MOST = 20  # fragments of a page
MAX_AGE = 600.0  # seconds since a page was made, after which all its fragments are sent


@require_GET
def events(request: HttpRequest) -> HttpResponse:
    """Send the fragments with the URLs `f` whenever they change.

    `seen` or the header `Last-Event-ID` is the ID of the last event that the page got; without one, `age` is the number
    of milliseconds since the page was made. Tokens cannot be used: what is sent was rendered with all rights of the
    user, and a token may have fewer.
    """
    if request.token:
        raise PermissionDenied("Open pages cannot be followed with a token.")
    ids = dict(visible_hypervisors(request.user).values_list("name", "pk"))
    fragments = [fragment(url, ids) for url in urls_of(request.GET)[:MOST]]
    if not fragments:
        return HttpResponse(content_type="text/event-stream")
    seen = request.headers.get("Last-Event-ID") or request.GET.get("seen", "")
    known = Known(seen=seen, age=_seconds(request.GET.get("age", "")))
    named = frozenset(ids[each.hypervisor] for each in fragments if each.hypervisor)
    page = Page(fragments, named or frozenset(list(ids.values())[:MANY]))
    stream = Stream(Viewer(request), page, known)
    response = StreamingHttpResponse(stream.events(), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _seconds(milliseconds: str) -> float:
    is_number = milliseconds.isdigit() and milliseconds.isascii() and len(milliseconds) < 12
    return min(int(milliseconds) / 1000, MAX_AGE) if is_number else MAX_AGE
