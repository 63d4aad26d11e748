"""Hand over everything that users own, before they leave: an action on users in the admin."""

from django.contrib import admin
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from virterweb.people.known import Known
from virterweb.people.owned import owned_models

from .forms import HandOverForm
from .many import Row, hand_over, rows_of, token_of


def hand_over_everything(
    its: admin.ModelAdmin, request: HttpRequest, users: QuerySet[AbstractBaseUser]
) -> HttpResponse | None:
    """Show what the chosen users own and ask for the new owner; with `asked`, hand it over."""
    rows = _owned_by(users, request.user)
    known = Known(request.user)
    form = HandOverForm(request.POST if "asked" in request.POST else None, known=known, prefix="new")
    changed = form.is_bound and request.POST.get("token") != token_of(rows)
    if form.is_bound and not changed and form.is_valid():
        hand_over(request, rows, form.recipient)
        return None
    context = its.admin_site.each_context(request) | {"title": "Hand over everything", "opts": its.model._meta}
    context |= {"rows": rows, "users": users, "form": form, "changed": changed, "token": token_of(rows)}
    context |= {"names": known.names(), "several_teams": known.several}
    return TemplateResponse(request, "admin/people/hand_over.html", context)


def _owned_by(users: QuerySet[AbstractBaseUser], by: AbstractBaseUser) -> list[Row]:
    """Return the networks, VMs, images and templates of these users. What the portal does not manage has no owner."""
    rows: list[Row] = []
    for model in owned_models():
        things = model.objects.filter(owner__in=users).order_by("hypervisor", "name")
        rows += rows_of(things.in_lists().select_related("hypervisor", "owner", "team"), by)
    return rows
