"""Merge of a form with changes that somebody else saved while it was open."""

import json

from django.forms import Form
from django.http import QueryDict

from networks.changes.merge import note, shown_base


def as_text(form: Form) -> dict[str, str]:
    """Return the fields of a form that is only shown, as a browser sends them; of a tick `on` or nothing."""
    values = {field.name: field.value() for field in form}
    return {name: "on" if value is True else str(value or "") for name, value in values.items()}


def as_base(form: Form) -> str:
    """Return the initial values of a form, which the page keeps in order to detect changes by others."""
    return json.dumps(as_text(form))


def merged(data: QueryDict, now: Form) -> tuple[QueryDict, list[str]]:
    """Return the typed values merged with changes by others since the page was opened, and notes about those.

    `now` is the form with the current values. A field that both changed keeps the typed value.
    """
    if (base := shown_base(data)) is None:
        return data, []
    notes, result, current = [], data.copy(), as_text(now)
    for name, theirs in current.items():
        old, mine = str(base.get(name, theirs)), data.get(name, "")
        if theirs in (old, mine):
            continue
        if mine == old:
            result[name] = theirs
        notes.append(note(now[name].label, old, theirs, mine))
    result["base"] = json.dumps(current)
    return result, notes
