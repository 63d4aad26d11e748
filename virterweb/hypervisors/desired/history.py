"""Pages of the history of a desired object: the list of revisions, and one revision with the way back to it."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import Manager
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from virterweb.messages import Message

from .models import Desired
from .revisions import BASELINE, Revision

SHOWN = 200  # revisions in a list


class Restoration(Protocol):
    """What restoring a revision would do, for one user.

    `template` shows its steps, given `context`, and has the token, which tells whether somebody has seen these steps.
    """

    template: str

    @property
    def now(self) -> Revision:
        """Return the definition of a managed object that is saved now, as a revision."""

    @property
    def problems(self) -> Sequence[str]:
        """Return why the revision cannot be restored, one sentence each."""

    @property
    def token(self) -> str: ...

    @property
    def context(self) -> dict[str, object]: ...

    def save(self) -> None:
        """Save the definition of the revision as the desired one."""


def latest(revisions: Manager, count: int) -> list[Revision]:
    """Return the latest revisions, of one object or of all, with everything that a list shows."""
    changes = revisions.exclude(event=BASELINE)
    return list(changes.select_related("by", "desired__hypervisor").defer("document")[:count])


def history_page(request: HttpRequest, desired: Desired) -> HttpResponse:
    """Show the revisions of an object, each with its differences from the one before."""
    revisions = desired.revisions.select_related("by")[:SHOWN]
    for revision in revisions:
        revision.desired = desired
    for newer, older in pairwise(revisions):
        newer.previous = older
    with_steps = any(revision.steps for revision in revisions)
    query = urlencode({"hypervisor": desired.hypervisor.name, "object": desired.name})
    context = {**page_parts(desired), "revisions": revisions, "with_steps": with_steps}
    context["activity"] = f"{reverse('portal:activity')}?{query}"  # with what changed no definition, such as deletion
    return render(request, "pages/history/history.html", context)


def revision_page(
    request: HttpRequest,
    desired: Desired,
    pk: int,
    restoration: Callable[[Revision, AbstractBaseUser], Restoration],
    refusal: Message,
) -> HttpResponse:
    """Show a revision, which can be restored after a preview; `refusal` says why the user may not."""
    revision, sent = _revision(desired, pk), request.method == "POST"
    if sent:
        if refusal:
            raise PermissionDenied(str(refusal))
        desired.require(managed=True)
    context = {**page_parts(desired), "revision": revision, "again": sent}
    found = restoration(revision, request.user)
    if desired.managed:
        now = found.now
        context |= {"differences": revision.differences_from(now), "lines": revision.lines_from(now), "now": now}
    if sent and not context["differences"]:
        messages.info(request, f"Nothing was changed, because {desired} already has this definition.")
        return redirect(desired)
    if context.get("differences") and not desired.removed_at and not refusal:
        if sent and not found.problems and request.POST.get("token") == found.token:
            found.save()
            return redirect(desired)
        context |= {"restoration": found, "problems": found.problems, **found.context}
    return render(request, "pages/history/revision.html", context, status=409 if sent else 200)


def _revision(desired: Desired, pk: int) -> Revision:
    """Return a revision of an object, with the one before it; 404 if there is none."""
    found = list(desired.revisions.select_related("by").filter(pk__lte=pk)[:2])
    if not found or found[0].pk != pk:
        raise Http404
    revision, *before = found
    revision.desired, revision.previous = desired, next(iter(before), None)
    return revision


def page_parts(desired: Desired) -> dict[str, object]:
    """Return the object under the name that the templates of its app use, and these templates."""
    app = desired._meta.app_label
    names = {name: f"{app}/_{name}.html" for name in ("base", "crumbs", "tabs")}
    history = reverse(f"{app}:history", args=[desired.hypervisor.name, desired.name])
    return {desired._meta.model_name: desired, "desired": desired, "history": history, **names}
