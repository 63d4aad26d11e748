"""Two people in the same form: who saves second keeps what he typed, and gets and sees what the first has changed."""

import json

from django import forms
from django.http import QueryDict

from .fields import LinesField
from .forms import NetworkForm
from .models import Network


def as_base(network: Network) -> str:
    """What the form shows before anything is typed: kept in the page, to see later what others changed meanwhile."""
    return json.dumps(as_text(NetworkForm(network=network)))


def as_text(form: NetworkForm) -> dict[str, str]:
    """The form's fields before anything is typed; of a tick True or nothing."""
    return {
        name: str(field.prepare_value(form.get_initial_for_field(field, name)) or "")
        for name, field in form.fields.items()
    }


def merged(data: QueryDict, network: Network) -> tuple[QueryDict, list[str]]:
    """What was typed, with what others have changed since the page was opened; and that in words.

    Lists are merged line by line. A field that both changed keeps what was typed here, and is named.
    """
    try:
        base = json.loads(data.get("base", ""))
    except ValueError:
        base = None
    if not isinstance(base, dict):
        return data, []
    form = NetworkForm(network=network)
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
            notes.append(f"{form[name].label} changed meanwhile; both changes are in it now.")
        elif mine == old:
            result[name] = theirs
            notes.append(f"{form[name].label} is {theirs or 'empty'} meanwhile, it was {old or 'empty'}.")
        else:
            kept = f"here stays what you typed: {mine or 'empty'}"
            notes.append(f"{form[name].label} is {theirs or 'empty'} meanwhile; {kept}.")
    result["base"] = json.dumps(now)
    return result, notes


def _merged_lines(old: str, theirs: str, mine: str) -> str:
    before, typed = old.splitlines(), mine.splitlines()
    added, dropped = [line for line in typed if line not in before], set(before) - set(typed)
    return "\n".join(dict.fromkeys([line for line in theirs.splitlines() if line not in dropped] + added))
