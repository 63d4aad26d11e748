"""Patterns that choose events, one a line: `VM deleted`, `sign-in *`. They match the kind and the code of an event."""

from fnmatch import fnmatchcase

from django.core.exceptions import ValidationError
from django.db.models import Q

from virterweb.activity.wording import known_events


def patterns(text: str) -> list[str]:
    """Return the patterns of a text, each with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def validate_patterns(text: str) -> None:
    """Raise ValidationError unless each pattern matches an event."""
    names = [f"{kind} {event}" for kind, event in known_events()]
    for pattern in patterns(text):
        if not any(fnmatchcase(name, pattern) for name in names):
            example = "for example “VM deleted”, “sign-in *” or “network *”"
            raise ValidationError(f"No event matches “{pattern}”. Enter the kind and the event, {example}.")


def chosen(text: str) -> Q:
    """Return the condition that an entry has an event that the patterns choose; all events if there are none."""
    wanted = patterns(text)
    if not wanted:
        return Q()
    events: dict[str, list[str]] = {}
    for kind, event in known_events():
        if any(fnmatchcase(f"{kind} {event}", pattern) for pattern in wanted):
            events.setdefault(kind, []).append(event)
    found = Q(pk__in=())
    for kind, codes in events.items():
        found |= Q(kind=kind, event__in=codes)
    return found
