"""The portal's own middleware."""

import re
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import unquote, urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import redirect, render
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme

from virterweb.enqueue import NOT_NOTIFIED, on_failure
from virterweb.hypervisors.desired.refusals import InvalidTransition, Refusal
from virterweb.logs import context
from virterweb.pages.characters import visible_html

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# What scripts of the portal may not use, whatever they are; passkeys and the clipboard are for its own pages alone.
PERMISSIONS_POLICY = ", ".join(
    (
        *(f"{name}=()" for name in ("camera", "display-capture", "geolocation", "microphone", "midi", "payment")),
        *(f"{name}=()" for name in ("bluetooth", "hid", "serial", "usb")),
        *(f"{name}=(self)" for name in ("clipboard-write", "fullscreen")),
        *(f"publickey-credentials-{name}=(self)" for name in ("create", "get")),
    )
)


class CurrentRequest:
    """Make the request known to the activity log, which records who makes a change and from where."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = context.request.set(request)
        try:
            return self.get_response(request)
        finally:
            context.request.reset(token)


class Compressed(GZipMiddleware):
    """Compress pages and tables, with random padding against BREACH. Streams stay as they are: events must not wait."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        return response if response.streaming else super().process_response(request, response)


class PrivateCache(MiddlewareMixin):
    """Keep responses without a Cache-Control header out of shared caches, and have browsers revalidate them."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response.headers.setdefault("Cache-Control", "no-cache, private")
        return response


class RefuseNullCharacters(MiddlewareMixin):
    """Refuse null characters: no name has one, and PostgreSQL rejects them in queries."""

    def process_request(self, request: HttpRequest) -> None:
        if "\0" in unquote(request.get_full_path()):
            raise Http404


class IgnoreMalformedCurrentURL(MiddlewareMixin):
    """Remove the current URL that htmx sends if it is not a valid URL: it is only a hint."""

    HEADER = "HTTP_HX_CURRENT_URL"

    def process_request(self, request: HttpRequest) -> None:
        said = request.META.get(self.HEADER, "")
        try:
            urlsplit(said)
            urlsplit(unquote(said))
        except ValueError:
            del request.META[self.HEADER]


class DialogRedirect(MiddlewareMixin):
    """Have the browser follow a redirect of a confirmation in a dialog, instead of loading the page into the dialog."""

    HEADER = "X-Dialog"  # static/js/confirmations.js sends it

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if self.HEADER in request.headers and "Location" in response.headers:
            response.status_code = HTTPStatus.NO_CONTENT
            response.headers["HX-Redirect"] = response.headers["Location"]
            del response.headers["Location"]
        return response


class BrokerFailureMessage(MiddlewareMixin):
    """Show a message if a request has saved something and the broker takes no messages."""

    def process_request(self, request: HttpRequest) -> None:
        if request.method == "POST":
            on_failure(lambda: messages.warning(request, NOT_NOTIFIED))


class InvalidTransitionHandler(MiddlewareMixin):
    """Redirect a refused action to the page of its object, which shows the reason as a message."""

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        if not isinstance(problem, InvalidTransition):
            return None
        messages.error(request, f"{problem}.")
        gone = problem.refusal == Refusal.GONE
        return redirect(settings.LOGIN_REDIRECT_URL if gone else problem.desired.get_absolute_url())


class MethodNotAllowedPage(MiddlewareMixin):
    """Show an explanation, instead of an empty page, when somebody opens a URL that only receives forms."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or request.method != "GET" or request.htmx:
            return response
        page = render(request, "405.html", status=response.status_code)
        page.headers["Allow"] = response.headers["Allow"]
        return page


class VisibleCharacters(MiddlewareMixin):
    """Spell out invisible characters of names and outside texts on every page."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not response.streaming and response.get("Content-Type", "").startswith("text/html"):
            page = response.content.decode(response.charset)
            if (shown := visible_html(page)) != page:
                response.content = shown
        return response


class WithoutIndentation(MiddlewareMixin):
    """Leave out the indentation of templates, which is a quarter of a long list; the text of <pre> keeps its own."""

    SPACE = re.compile(rb"(<(pre|textarea)\b.*?</\2>)|\n\s+", re.DOTALL)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not response.streaming and response.get("Content-Type", "").startswith("text/html"):
            response.content = self.SPACE.sub(lambda found: found[1] or b"\n", response.content)
        return response


class ContentSecurityPolicy(MiddlewareMixin):
    """Let browsers load and run only the portal's own files, without inline code, eval, and access to devices."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


class SignInRequired(LoginRequiredMiddleware):
    """Require a login as Django does, but answer htmx and clients of tus with a plain 401 instead of the login page.

    After the login, a user who sent a form returns to the page with the form.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Callable) -> HttpResponse:
        if request.htmx or "Tus-Resumable" in request.headers:
            return HttpResponse("You are signed out.", status=401, content_type="text/plain")
        if request.method in ("GET", "HEAD"):
            return super().handle_no_permission(request, view_func)
        messages.warning(request, "You were signed out, so nothing was saved. Sign in, then submit the form again.")
        page, host = request.headers.get("Referer", ""), request.get_host()
        known = url_has_allowed_host_and_scheme(page, {host}, require_https=request.is_secure())
        return redirect_to_login(urlunsplit(("", "", *urlsplit(page)[2:4], "")) if known else "/", settings.LOGIN_URL)
