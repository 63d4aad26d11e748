"""Events of handing over and sharing, without the names of teams and users that a reader may not know of."""

from collections.abc import Mapping
from copy import copy
from typing import Protocol

from virterweb.people import rights
from virterweb.people.known import Known

HIDDEN_TEAM = "(not yours)"
HIDDEN_RECIPIENTS = {True: "another team", False: "another user", None: "another user or team"}  # by `is_team`
NAMES = ("before_team", "after_team")  # parameters of events


class Recorded(Protocol):
    """A revision of a history, or an entry of the activity log."""

    about: Mapping[str, object]
    what: str


def what_for(change: Recorded, user: rights.Actor) -> str:
    """Return the text of an event as a user may read it."""
    named = {name: change.about[name] for name in NAMES if change.about.get(name)}
    hidden = {key: HIDDEN_TEAM for key, name in named.items() if not _knows_team(user, name)}
    if "recipient" in change.about and not _knows_recipient(user, change.about):
        hidden["recipient"] = HIDDEN_RECIPIENTS[change.about.get("is_team")]
    if not hidden:
        return change.what
    shown = copy(change)
    shown.about = {**change.about, **hidden}
    return shown.what


def _knows_recipient(user: rights.Actor, about: Mapping[str, object]) -> bool:
    """Return whether a user may know with whom something was shared; older events do not say if that is a team."""
    if rights.access_of(user).everything:
        return True
    name, is_team = about["recipient"], about.get("is_team")
    return (is_team is not False and _knows_team(user, name)) or (is_team is not True and name in _known_users(user))


def _knows_team(user: rights.Actor, name: str) -> bool:
    return not rights.access_of(user).known_teams() or name in _known(user)


def _known_users(user: rights.Actor) -> frozenset[str]:
    """Return the names of the users that a user may know, which are read once for each object of the user."""
    if not hasattr(user, "names_of_users"):
        user.names_of_users = frozenset(Known(user).users.values_list("username", flat=True))
    return user.names_of_users


def _known(user: rights.Actor) -> frozenset[str]:
    """Return the names of the teams that a user may know of, which are read once for each object of the user."""
    if not hasattr(user, "names_of_teams"):
        user.names_of_teams = frozenset(rights.visible_teams(user).order_by().values_list("name", flat=True))
    return user.names_of_teams
