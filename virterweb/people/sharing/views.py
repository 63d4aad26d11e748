"""The pages that share an object and hand it over; the apps that have the objects give them their URLs."""

from collections.abc import Iterable, Mapping

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from virterweb.hypervisors.desired.history import page_parts
from virterweb.people import rights
from virterweb.people.known import Known
from virterweb.people.limits import Exceeded
from virterweb.people.models import Share
from virterweb.people.owned import SHARED, UNSHARED, Belonging
from virterweb.people.verbs import Verb

from .forms import HandOverForm, ShareForm


def share_page(request: HttpRequest, thing: Belonging, parts: Mapping[str, object] | None = None) -> HttpResponse:
    """Show with whom an object is shared; share it further, end a share, or hand it over.

    `parts` are the object, by the name that its templates use, and these: `page_parts` unless given.
    """
    doing = request.POST.get("do")
    if doing == "end":
        return _end(request, thing)
    known = Known(request.user, [thing.hypervisor_id])
    data = {name: request.POST if doing == name else None for name in ("share", "hand-over")}
    share = ShareForm(data["share"], known=known, prefix="share", thing=thing)
    hand_over = HandOverForm(data["hand-over"], known=known, prefix="new", thing=thing)
    if share.is_bound and share.is_valid():
        with transaction.atomic():
            made = share.save()
            thing.note_share(made, SHARED, request.user)
        messages.success(request, f"{thing} is shared with {made.user or made.team}.")
        return redirect(request.path)
    if hand_over.is_bound and hand_over.is_valid() and _handed_over(request, thing, hand_over):
        messages.success(request, f"{thing} was handed over.")
        return redirect(thing if rights.may(request.user, Verb.LIST, thing) else _list_of(thing))
    context = {**(parts or page_parts(thing)), "desired": thing} | {
        "share": share,
        "hand_over": hand_over,
        "shares": _shares(thing),
    }
    context |= {"names": known.names(), "several_teams": known.several}
    return render(request, "people/share.html", context, status=422 if request.method == "POST" else 200)


def _end(request: HttpRequest, thing: Belonging) -> HttpResponse:
    key = request.POST.get("share", "")
    found = thing.shares.filter(pk=key).first() if key.isdecimal() and len(key) < 19 else None
    if found:
        with transaction.atomic():
            thing.note_share(found, UNSHARED, request.user)
            found.delete()
        messages.success(request, f"{thing} is no longer shared with {found.user or found.team}.")
    return redirect(request.path)


def _handed_over(request: HttpRequest, thing: Belonging, form: HandOverForm) -> bool:
    """Hand the object over; return whether the limits of the new team allow it, otherwise with an error in the form."""
    try:
        form.recipient.take(thing, request.user)
    except Exceeded as problem:
        form.add_error(None, str(problem))
        thing.refresh_from_db(fields=["owner", "team"])
        return False
    return True


def _shares(thing: Belonging) -> Iterable[Share]:
    return thing.shares.select_related("user", "team", "by")


def _list_of(thing: Belonging) -> str:
    return reverse(f"{thing._meta.app_label}:list")
