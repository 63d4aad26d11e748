"""The page that hands over many objects of one kind at once, chosen in their list."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.messages import Message
from virterweb.pages.listed import listed
from virterweb.people import rights
from virterweb.people.known import Known, is_offered
from virterweb.people.limits import Exceeded
from virterweb.people.owned import Belonging, OwnedQuerySet
from virterweb.people.verbs import Verb

from .forms import HandOverForm
from .recipients import Recipient

HAND_OVER = "hand-over"  # the action in a list
NAMED = 3  # objects in a message


@dataclass(kw_only=True)
class Row:
    """A chosen object, and why it is left out."""

    thing: Belonging
    refused: Message = field(default_factory=Message)

    @property
    def kind(self) -> str:
        return self.thing._meta.verbose_name


def can_hand_over(user: rights.Actor, things: list[Belonging]) -> bool:
    """Return whether a list offers to hand over objects: the user may do it with one of them, and to somebody."""
    return any(rights.may(user, Verb.SHARE, thing) for thing in things) and is_offered(user)


def hand_over_many(request: HttpRequest, things: OwnedQuerySet) -> HttpResponse:
    """Show the chosen objects and ask for the new owner; with `asked`, hand over those that can be."""
    chosen = things.select_related("hypervisor", "owner", "team")
    rows = rows_of(chosen, request.user)
    known, model = Known(request.user, {row.thing.hypervisor_id for row in rows}), things.model._meta
    form = HandOverForm(request.POST if "asked" in request.POST else None, known=known, prefix="new")
    changed = form.is_bound and request.POST.get("token") != token_of(rows)
    back = f"{model.app_label}:list"
    if form.is_bound and not changed and form.is_valid():
        hand_over(request, rows, form.recipient)
        return redirect(back)
    context = {"rows": rows, "form": form, "token": token_of(rows), "changed": changed, "back": reverse(back)}
    context |= {"doing": [row for row in rows if not row.refused], "key": model.model_name, "kind": model}
    context |= {"names": known.names(), "several_teams": known.several}
    return render(request, "people/hand_over.html", context, status=409 if changed else 422 if form.is_bound else 200)


def rows_of(things: Iterable[Belonging], user: rights.Actor) -> list[Row]:
    return [Row(thing=thing, refused=_refusal(user, thing)) for thing in things]


def _refusal(user: rights.Actor, thing: Belonging) -> Message:
    if reason := rights.refusal(user, Verb.SHARE, thing):
        return reason
    try:
        thing.require(managed=True)
    except InvalidTransition as problem:
        return problem.message
    return Message()


def token_of(rows: list[Row]) -> str:
    """Return a digest of what the page shows: the objects, with their owners."""
    shown = [(row.thing.pk, row.thing.owner_id, row.thing.team_id, bool(row.refused)) for row in rows]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def hand_over(request: HttpRequest, rows: list[Row], recipient: Recipient) -> None:
    """Hand over what can be, and say for the rest why not."""
    given = []
    for row in rows:
        if reason := row.refused or recipient.problem(row.thing):
            messages.error(request, f"Not handed over: {row.thing}. {reason}")
            continue
        try:
            recipient.take(row.thing, request.user)
            given.append(str(row.thing))
        except (InvalidTransition, Exceeded) as problem:
            messages.error(request, f"Not handed over: {row.thing}. {problem}")
    if given:
        messages.success(request, f"Handed over: {listed(given, NAMED)}.")
