"""Texts of events. Each app adds those of its objects, and the history of an object uses the same ones."""

import re
from collections.abc import Callable, Mapping

from virterweb.messages import add_wording

from .choices import Kind

Words = Callable[[str, Mapping[str, object]], str]  # given the code of an event and its parameters

PEOPLE = {
    "signed in": "signed in",
    "signed out": "signed out",
    "sign-in failed": "sign-in as {name} failed",
    "locked out": "sign-in as {name} refused after too many failures",
    "password changed": "password changed",
    "authenticator app added": "authenticator app added",
    "authenticator app removed": "authenticator app removed",
    "recovery codes added": "recovery codes created",
    "recovery codes removed": "recovery codes removed",
    "recovery code used": "recovery code used",
    "passkey added": "passkey {name} added",
    "passkey removed": "passkey {name} removed",
    "second factor refused": "wrong second factor of {name}",
    "session ended": "session of {user} ended: {browser} at {address}",
    "account connected": "account {account} of {provider} connected",
    "account removed": "account {account} of {provider} removed",
    "invitation created": "invitation created",
    "invitation used": "password set by an invitation",
    "token created": "token {name} created",
    "token deleted": "token {name} deleted",
    "created": "{model} added",
    "edited": "{model} edited: {fields}",
    "removed": "{model} deleted",
}
HYPERVISOR = {"created": "added", "edited": "settings changed: {fields}", "removed": "deleted"}

_WORDS: dict[str, tuple[Words, Mapping[str, str]]] = {}


def add_events(kind: Kind, templates: Mapping[str, str], words: Words | None = None) -> None:
    """Add the events of a kind: their templates by code, and the function that fills them in, if not `format_map`."""
    _WORDS[kind] = (words or (lambda code, about: templates[code].format_map(about)), templates)


def what(kind: str, event: str, about: Mapping[str, object]) -> str:
    """Return the text of an event; its code if another version has stored it, whose wording is not known."""
    try:
        return _WORDS[kind][0](event, about)
    except (KeyError, ValueError, TypeError):
        return event


def known_events() -> list[tuple[Kind, str]]:
    """Return all events that this version records, each with its kind."""
    return [(kind, event) for kind, (_, templates) in _WORDS.items() for event in templates]


def title(kind: str, event: str) -> str:
    """Return the text of an event without its parameters, for filters."""
    _, templates = _WORDS.get(kind, (None, {}))
    return re.sub(r"\{\w+\}", "…", templates.get(event, event))


def _people(code: str, about: Mapping[str, object]) -> str:
    return PEOPLE[code].format_map({**about, "fields": ", ".join(about.get("fields", ()))})


def _hypervisor(code: str, about: Mapping[str, object]) -> str:
    return HYPERVISOR[code].format_map({"fields": ", ".join(about.get("fields", ()))})


add_wording(
    {
        "activity.hypervisor_deleted": "The hypervisor was deleted before this was carried out.",
        "activity.deleted": "The object was deleted before this was carried out.",
        "activity.gone": "The object was removed outside the portal before this was carried out.",
    }
)
add_events(Kind.SIGN_IN, PEOPLE, _people)
add_events(Kind.RIGHTS, PEOPLE, _people)
add_events(Kind.NOTIFICATION, PEOPLE, _people)
add_events(Kind.HYPERVISOR, HYPERVISOR, _hypervisor)
