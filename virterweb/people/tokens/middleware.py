"""Requests of programs, which carry a token: `Authorization: Bearer virterweb_…`."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from virterweb.people import rights
from virterweb.people.models import Token

SCHEME = "Bearer "
SPACES = ("networks", "vms", "portal")  # whose pages programs may use; not those of the user, nor the admin


class TokenAuthentication(MiddlewareMixin):
    """Let a request with a token act for its user, with the rights that both have; refuse an invalid token."""

    def process_request(self, request: HttpRequest) -> None:
        request.token, request.has_invalid_token = None, False
        header = request.headers.get("Authorization", "")
        if not header.startswith(SCHEME):
            return
        token = Token.find(header.removeprefix(SCHEME).strip())
        if token is None:  # it may be another kind of token: that of the metrics
            request.has_invalid_token = True
            return
        token.note_use()
        user = token.user
        user.access = rights.access_of(user).narrowed(
            token.allowed,
            hypervisors=set(token.hypervisors.values_list("pk", flat=True)),
            teams=set(token.teams.values_list("pk", flat=True)),
        )
        user.is_superuser = user.is_staff = False  # of this object alone, which is not saved
        request.token, request.user = token, user
        request._dont_enforce_csrf_checks = True  # no browser sends this header by itself

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> HttpResponse | None:
        """Refuse an invalid token where users sign in; raise PermissionDenied for pages that are not for programs."""
        if request.has_invalid_token and getattr(view, "login_required", True):
            answer = HttpResponse("This token is unknown or has ended.\n", status=401, content_type="text/plain")
            answer["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            return answer
        match = request.resolver_match
        if request.token and (not match.namespaces or match.namespaces[0] not in SPACES):
            raise PermissionDenied("This page cannot be used with a token. Sign in, or ask an operator.")
        return None
