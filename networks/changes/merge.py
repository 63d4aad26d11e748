"""Merge of a form with changes that somebody else saved while it was open."""

import json

from django import forms
from django.http import QueryDict

from networks.changes.forms.network import NetworkForm
from networks.models import Network

from .forms.fields import LinesField


def as_base(form: NetworkForm) -> str:
    """Return the values that the form shows first; the page keeps them to detect changes by others."""
    return json.dumps(as_text(form))


def as_text(form: NetworkForm) -> dict[str, str]:
    """Return the initial text of each field; "True" or "" for a check box."""
    return {
        name: str(field.prepare_value(form.get_initial_for_field(field, name)) or "")
        for name, field in form.fields.items()
    }


def shown_base(data: QueryDict) -> dict | None:
    """Return what `as_base` kept in a page, None if the value is missing or invalid."""
    try:
        base = json.loads(data.get("base", ""))
    except (ValueError, RecursionError):
        return None
    return base if isinstance(base, dict) else None


def note(label: str, old: str, theirs: str, mine: str) -> str:
    """Return a note about a field that somebody else changed, and which value the form keeps."""
    if mine == old:
        return f"Somebody else changed “{label}” from {old or 'empty'} to {theirs or 'empty'}."
    return f"Somebody else changed “{label}” to {theirs or 'empty'}. Your value is kept: {mine or 'empty'}."


def merged(data: QueryDict, network: Network) -> tuple[QueryDict, list[str]]:
    """Return the typed values merged with what others changed since the page was opened, and those changes in words.

    Lists are merged line by line. A field that both changed keeps the typed value, and a note names it.
    """
    if (base := shown_base(data)) is None:
        return data, []
    form = NetworkForm(network=network, user=None)  # with all fields
    now, notes, result = as_text(form), [], data.copy()
    for name, field in form.fields.items():
        old, theirs, mine = str(base.get(name, "")), now[name], data.get(name, "").replace("\r\n", "\n")
        if isinstance(field, forms.BooleanField):
            mine = "True" if mine else ""
            old, theirs = ("True" if each == "True" else "" for each in (old, theirs))
        if theirs in (old, mine) or field.disabled:
            continue
        if isinstance(field, LinesField):
            result[name] = _merged_lines(old, theirs, mine)
            notes.append(f"Somebody else also changed “{form[name].label}”. Both changes are kept.")
            continue
        if mine == old:
            result[name] = theirs
        notes.append(note(form[name].label, old, theirs, mine))
    result["base"] = json.dumps(now)
    return result, notes


def _merged_lines(old: str, theirs: str, mine: str) -> str:
    before, typed = old.splitlines(), mine.splitlines()
    added, dropped = [line for line in typed if line not in before], set(before) - set(typed)
    return "\n".join(dict.fromkeys([line for line in theirs.splitlines() if line not in dropped] + added))
