"""The page that adds tags to many objects of one kind, or removes them, chosen in their list."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.messages import InvalidValue
from virterweb.pages.listed import listed
from virterweb.pages.tables import natural_key
from virterweb.people import rights
from virterweb.people.owned import OwnedQuerySet
from virterweb.people.verbs import Verb

from .forms import ManyForm
from .listing import in_use
from .tagged import Tagged

TITLES = {"add-tags": "Add tags", "remove-tags": "Remove tags"}  # the actions in a list
NAMED = 3  # objects in a message


def tag_many(request: HttpRequest, things: OwnedQuerySet) -> HttpResponse:
    """Ask for tags; then add them to the chosen objects, or remove them, and say why others are left out."""
    action, model = request.POST["action"], things.model._meta
    chosen = list(things.select_related("hypervisor", "owner", "team"))
    form = ManyForm(request.POST if "asked" in request.POST else None, label_suffix="")
    back = reverse(f"{model.app_label}:list")
    if form.is_valid():
        changed = [str(thing) for thing in chosen if _changed(request, thing, action, form.cleaned_data["tags"])]
        _report(request, changed)
        return redirect(back)
    own = {tag for thing in chosen for tag in thing.tag_names}
    offered = in_use(request.user) if action == "add-tags" else sorted(own, key=natural_key)
    context = {"form": form, "things": chosen, "action": action, "title": TITLES[action], "offered": offered}
    context |= {"kind": model, "back": back}
    return render(request, "people/tags/many.html", context, status=422 if form.is_bound else 200)


def _changed(request: HttpRequest, thing: Tagged, action: str, tags: frozenset[str]) -> bool:
    """Change the tags of one object and return whether any was changed; a message says why it is left out."""
    try:
        rights.require(request.user, Verb.EDIT, thing)
        change = {"add": tags} if action == "add-tags" else {"remove": tags}
        return thing.change_tags(**change, by=request.user)
    except (InvalidTransition, InvalidValue, PermissionDenied) as problem:
        messages.error(request, f"Tags not changed: {thing}. {str(problem).rstrip('.')}.")
        return False


def _report(request: HttpRequest, changed: list[str]) -> None:
    if not changed:
        messages.info(request, "No tags were changed.")
        return
    messages.success(request, f"Tags changed: {listed(changed, NAMED)}.")
