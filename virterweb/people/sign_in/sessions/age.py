"""Ends sessions that are too old, and those in which nobody has opened a page for too long."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

BEGAN, SEEN = "session_began", "session_seen"  # seconds, in the session
PARTS = 20  # the time of the last page is written when it is older than this part of the idle time


def begin(session: SessionBase) -> None:
    """Note when somebody has signed in."""
    session[BEGAN] = session[SEEN] = int(time.time())


def has_ended(session: SessionBase, now: float) -> bool:
    """Return whether a session is too old or was idle for too long; one without times ends with its cookie."""
    too_old = now - session.get(BEGAN, now) >= settings.SESSION_COOKIE_AGE
    return too_old or now - session.get(SEEN, now) >= settings.SESSION_IDLE_AGE


def has_just_begun(session: SessionBase, seconds: float) -> bool:
    """Return whether somebody has signed in within so many seconds."""
    return time.time() - session.get(BEGAN, 0) < seconds


def is_activity(request: HttpRequest) -> bool:
    """Return whether a person has opened or sent something; an open page asks for its news by itself."""
    if request.method not in ("GET", "HEAD"):
        return True
    return not request.htmx and request.headers.get("Accept") != "text/event-stream"


def note_seen(session: SessionBase) -> None:
    """Note in the list of sessions when somebody was last seen."""
    from allauth.usersessions.models import UserSession

    UserSession.objects.filter(session_key=session.session_key).update(last_seen_at=timezone.now())


class SessionAge(MiddlewareMixin):
    def process_view(self, request: HttpRequest, view: Callable, args: tuple, values: dict) -> None:
        """Sign out whose session has ended, before it is checked whether somebody is signed in."""
        if not getattr(view, "login_required", True) or not request.user.is_authenticated:
            return
        session, now = request.session, time.time()
        if has_ended(session, now):
            logout(request)
        elif is_activity(request) and now - session.get(SEEN, now) >= settings.SESSION_IDLE_AGE / PARTS:
            session[SEEN] = int(now)
            note_seen(session)
