"""Members of teams with a session, for tests with a real web server."""

from django.conf import settings
from django.contrib.auth import get_user_model

from .sockets import session_of
from .teams import make_team


def make_member(name: str) -> str:
    """Create a user in a team of the same name, which may see everything; return the header Cookie of a session."""
    user = get_user_model().objects.create_user(name)
    make_team(name, {user: "user"})
    return f"{settings.SESSION_COOKIE_NAME}={session_of(user)}"
