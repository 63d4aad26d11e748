"""Pages that extend an object and edit its end date. The apps of the objects define their URLs."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from virterweb.hypervisors.desired.history import page_parts
from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.pages.listed import listed
from virterweb.people import rights
from virterweb.people.owned import OwnedQuerySet
from virterweb.people.verbs import Verb

from .ending import Ending
from .forms import EndForm

EXTEND = "extend"  # the action in a list
NAMED = 3  # objects in a message


def end_page(request: HttpRequest, thing: Ending) -> HttpResponse:
    """Show the form that changes the end date of an object, and save it."""
    thing.require(managed=True)
    form = EndForm(request.POST or None, thing=thing, by=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, end_text(thing))
        return redirect(thing)
    context = page_parts(thing) | {"form": form}
    return render(request, "people/ends/change.html", context, status=422 if form.is_bound else 200)


def extend(request: HttpRequest, thing: Ending) -> HttpResponse:
    """Extend an object, and return to the page with the button; without an end date, show the form."""
    if thing.managed and thing.ends_at is None:
        return redirect(f"{thing._meta.app_label}:end", thing.hypervisor.name, thing.name)
    had_ended = thing.has_ended
    if thing.extend(request.user):
        messages.success(request, end_text(thing, had_ended))
    else:
        messages.info(request, f"{end_text(thing)} It cannot be extended further now.")
    return redirect("portal:overview" if request.POST.get("back") == "overview" else thing)


def end_text(thing: Ending, had_ended: bool = False) -> str:
    """Return the sentence that confirms an end date."""
    if thing.ends_at is None:
        return f"{thing} has no end date."
    again = " Start it to use it again." if had_ended else ""
    return f"{thing} ends on {timezone.localtime(thing.ends_at):%Y-%m-%d %H:%M}.{again}"


def extend_many(request: HttpRequest, things: OwnedQuerySet) -> HttpResponse:
    """Extend the chosen objects, and say why others cannot be extended."""
    extended = []
    for thing in things.select_related("hypervisor", "owner", "team"):
        try:
            rights.require(request.user, Verb.EDIT, thing)
            if thing.extend(request.user):
                extended.append(str(thing))
        except (InvalidTransition, PermissionDenied) as problem:
            messages.error(request, f"Not extended: {thing}. {problem}")
    if extended:
        messages.success(request, f"Extended: {listed(extended, NAMED)}.")
    return redirect(reverse(f"{things.model._meta.app_label}:list"))
