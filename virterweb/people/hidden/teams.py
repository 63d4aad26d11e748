"""Events of handing over, without the names of teams that a user may not know of."""

from collections.abc import Mapping
from copy import copy
from typing import Protocol

from virterweb.people import rights

HIDDEN_TEAM = "(not yours)"
NAMES = ("before_team", "after_team")  # parameters of events


class Recorded(Protocol):
    """A revision of a history, or an entry of the activity log."""

    about: Mapping[str, object]
    what: str


def what_for(change: Recorded, user: rights.Actor) -> str:
    """Return the text of an event as a user may read it."""
    named = {name: change.about[name] for name in NAMES if change.about.get(name)}
    if not named or not rights.access_of(user).known_teams():
        return change.what
    shown = copy(change)
    shown.about = {**change.about, **{key: HIDDEN_TEAM for key, name in named.items() if name not in _known(user)}}
    return shown.what


def _known(user: rights.Actor) -> frozenset[str]:
    """Return the names of the teams that a user may know of, which are read once for each object of the user."""
    if not hasattr(user, "names_of_teams"):
        user.names_of_teams = frozenset(rights.visible_teams(user).order_by().values_list("name", flat=True))
    return user.names_of_teams
