"""Who may open a console: the session, the origin of the page, and the right to this VM, read anew at each check."""

import time
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import DisallowedHost, PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest
from django.utils.http import is_same_domain

from virterweb.people.sign_in.sessions import age
from virterweb.people.verbs import Verb
from vms.lookup import get_vm
from vms.models import VM


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A user who may open the console of a VM."""

    request: HttpRequest
    user: AbstractBaseUser
    vm: VM


def admitted(scope: dict, *, active: bool = False) -> Visitor | None:
    """Return who opens a console by a websocket; None if they may not, or if there is no such VM.

    `active`: the user has typed since the last check, which counts as activity of the session.
    """
    request = _request(scope)
    if not has_own_origin(request):
        return None
    session = request.session = _session(request)
    user = request.user = get_user(request)
    if not user.is_authenticated or age.has_ended(session, time.time()):
        return None
    names = scope["url_route"]["kwargs"]
    related = VM.objects.select_related("hypervisor__status", "status", "console", "team")
    try:
        vm = get_vm(user, names["hypervisor"], names["name"], related, verb=Verb.CONSOLE)
    except (Http404, PermissionDenied):
        return None
    if active:
        _note_activity(session)
    return Visitor(request=request, user=user, vm=vm)


def has_own_origin(request: HttpRequest) -> bool:
    """Return whether a page of the portal itself asks; a browser always says which page does."""
    origin = urlsplit(request.META.get("HTTP_ORIGIN", ""))
    try:
        own = urlsplit(f"{request.scheme}://{request.get_host()}")
    except DisallowedHost:
        return False
    trusted = [own, *(urlsplit(each.replace("://*.", "://.", 1)) for each in settings.CSRF_TRUSTED_ORIGINS)]
    return any(origin.scheme == each.scheme and is_same_domain(origin.netloc, each.netloc) for each in trusted)


def _request(scope: dict) -> ASGIRequest:
    """Return the request that opened the websocket, as pages have it."""
    scheme = "https" if scope.get("scheme") == "wss" else "http"
    return ASGIRequest({**scope, "type": "http", "method": "GET", "scheme": scheme}, BytesIO())


def _session(request: HttpRequest) -> SessionBase:
    return import_module(settings.SESSION_ENGINE).SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))


def _note_activity(session: SessionBase) -> None:
    now = int(time.time())
    if now - session.get(age.SEEN, now) >= settings.SESSION_IDLE_AGE / age.PARTS:
        session[age.SEEN] = now
        session.save(must_create=False)
        age.note_seen(session)
