"""One action on several networks: each with its own plan, shown first, and with its own result."""

from dataclasses import dataclass, field
from functools import cached_property

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from networks.definition.events import Event
from networks.definition.plans.steps import Disruption, Note, Step, Verb, Wanted
from networks.models import Network
from virterweb.hypervisors.desired.one_at_a_time import of_all_hypervisors
from virterweb.hypervisors.desired.refusals import InvalidTransition, Refusal
from virterweb.messages import Message
from virterweb.people import creating, rights
from virterweb.people.ends.views import EXTEND, extend_many
from virterweb.people.limits import Exceeded
from virterweb.people.sharing.many import HAND_OVER, hand_over_many
from virterweb.people.tags import many as tags

from .views import save_change, shown

TITLES = {
    "start": "Start",
    "stop": "Stop",
    "autostart": "Start with the host",
    "no-autostart": "Do not start with the host",
    "adopt": "Adopt",
    "remove": "Delete",
}
MANY = {HAND_OVER: hand_over_many, EXTEND: extend_many} | dict.fromkeys(tags.TITLES, tags.tag_many)
VERBS = {"adopt": rights.Verb.ADOPT, "remove": rights.Verb.DELETE}
# The columns of the desired configuration that each action changes, and its event in the history.
CHANGES = {
    "start": (Event.STARTED, {"active": True}),
    "stop": (Event.STOPPED, {"active": False}),
    "autostart": (Event.AUTOSTART, {"autostart": True}),
    "no-autostart": (Event.NO_AUTOSTART, {"autostart": False}),
}


@dataclass
class Row:
    """One selected network: what the action does to it, or why it is impossible."""

    network: Network
    user: rights.Actor
    steps: tuple[Step, ...] = ()
    refused: Message = field(default_factory=Message)

    @property
    def reason(self) -> str:
        """Return the reason why the action is impossible, without full stop."""
        return str(self.refused).removesuffix(".")

    @cached_property
    def shown(self) -> dict:
        return shown(self.network, self.steps, self.user)


@of_all_hypervisors
@require_POST
def networks_bulk(request: HttpRequest) -> HttpResponse:
    action = request.POST.get("action", "")
    chosen = [pk for pk in request.POST.getlist("network") if pk.isdecimal() and len(pk) < 19]
    if action in MANY and chosen:
        return MANY[action](request, Network.objects.visible_to(request.user).filter(pk__in=chosen))
    if action not in TITLES or not chosen:
        messages.error(request, "Choose networks and an action.")
        return redirect("networks:list")
    rows = [
        _row(network, action, request.user)
        for network in Network.objects.visible_to(request.user).shown().filter(pk__in=chosen)
    ]
    if request.POST.get("token") == _token(rows):
        done = []
        for row in rows:
            try:
                if not row.refused:
                    _do(request, row, action)
                    done.append(str(row.network))
            except InvalidTransition as problem:
                row.refused = problem.message
            except Exceeded as problem:
                messages.error(request, f"{row.network}: {problem}")
            if row.refused:
                messages.error(request, f"{row.network}: {row.reason}.")
        if done:
            messages.success(request, f"{TITLES[action]}: {', '.join(done)}.")
        return redirect("networks:list")
    context = {"rows": rows, "action": action, "title": TITLES[action], "token": _token(rows)}
    return render(request, "networks/changes/bulk.html", context)


def _row(network: Network, action: str, user: rights.Actor) -> Row:
    if reason := rights.refusal(user, VERBS.get(action, rights.Verb.EDIT), network):
        return Row(network, user, refused=reason)
    if network.removed_at and action != "remove":
        return Row(network, user, refused=InvalidTransition(network, Refusal.BEING_DELETED).message)
    if action == "adopt":
        return Row(network, user, refused=Message("network.managed") if network.managed else Message())
    if action == "remove":
        note = Note.ACCESS_NETWORK if network.is_access_network else Note.NONE
        what = {"network": network.name, "noted": note, "note_about": network.hypervisor.name}
        names, lasting = tuple(network.running_names()), Disruption.LASTING
        return Row(network, user, (Step(verb=Verb.DELETE, disruption=lasting, vms=names, **what),))
    if not network.managed:
        return Row(network, user, refused=Message("network.unmanaged"))
    values = {"active": network.active, "autostart": network.autostart, **CHANGES[action][1]}
    wanted = Wanted(document=network.full_document, **values)
    return Row(network, user, network.plan(wanted, requested=tuple(CHANGES[action][1])))


def _token(rows: list[Row]) -> str:
    return "-".join(f"{row.network.pk}.{row.shown['token']}" for row in rows)


def _do(request: HttpRequest, row: Row, action: str) -> None:
    network = row.network
    if action == "remove":
        network.remove(allow_disconnect=row.steps[0].vms)
    elif action == "adopt":
        network.adopt(request.user, creating.team_for(request.user, network.hypervisor))
    else:
        event, values = CHANGES[action]
        save_change(request, network, event, row.steps, requested=tuple(values), **values)
