"""The page on which users make and delete their tokens."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from virterweb.activity.choices import Kind, Result
from virterweb.activity.models import Entry, Subject
from virterweb.people import rights
from virterweb.people.models import Token

from .forms import TokenForm


@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """List the tokens of the user; POST makes one, and shows its secret once, or deletes one."""
    if gone := request.POST.get("delete"):
        found = request.user.tokens.filter(pk=gone if gone.isdecimal() and len(gone) < 19 else None)
        for token in found:
            with transaction.atomic():
                _record("token deleted", token)
                token.delete()
            messages.success(request, f"The token {token} was deleted.")
        return redirect("tokens")
    form = TokenForm(request.POST or None, user=request.user)
    context = {}
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            context["made"], context["secret"] = form.save()
            _record("token created", context["made"])
        form = TokenForm(user=request.user)
    context["several_teams"] = rights.visible_teams(request.user).exists()
    context |= {"form": form, "tokens": request.user.tokens.prefetch_related("hypervisors", "teams")}
    return render(request, "people/profile/tokens.html", context, status=422 if form.is_bound else 200)


def _record(event: str, token: Token) -> None:
    Entry.objects.record(Subject(kind=Kind.RIGHTS), event, {"name": token.name}, by=token.user, result=Result.DONE)
