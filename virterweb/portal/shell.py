"""What every page shows of hypervisors: the sidebar, and notes about those whose current state is unknown."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from virterweb.hypervisors.fleet.field import OFFERED, offered
from virterweb.hypervisors.fleet.shell import fleet_of
from virterweb.people import rights

from .help import HELP


def fleet_of_page(request: HttpRequest) -> dict:
    """Add the hypervisors, and the help of the page, to its context."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    name = request.resolver_match.view_name if request.resolver_match else ""
    return {"fleet": fleet_of(request, rights.visible_hypervisors(request.user)), "help": HELP.get(name)}


@require_GET
def trouble(request: HttpRequest) -> HttpResponse:
    """Serve the fragments that every page polls: the notes, and the hypervisors of the sidebar."""
    return render(request, "pages/shell/_trouble_update.html")


@require_GET
def hypervisor_options(request: HttpRequest) -> HttpResponse:
    """Serve the hypervisors with a text in their name as a list of choices."""
    found = list(offered(rights.visible_hypervisors(request.user), request.GET.get("q", "")))
    context = {"found": found[:OFFERED], "more": len(found) > OFFERED}
    return render(request, "pages/forms/_hypervisor_options.html", context)
