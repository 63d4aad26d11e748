"""One action on several networks: each with its own plan, shown first, and with its own result."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from . import plan as plans
from .changing import poke, shown, wish
from .models import Network

ACTIONS = {
    "start": ("Start", {"active": True}),
    "stop": ("Stop", {"active": False}),
    "autostart": ("Start with the host", {"autostart": True}),
    "no-autostart": ("No longer start with the host", {"autostart": False}),
    "adopt": ("Adopt", None),
    "remove": ("Remove", None),
}


@dataclass
class Row:
    """One network of the choice: what the action does to it, or why it cannot."""

    network: Network
    steps: tuple[plans.Step, ...] = ()
    refused: str = ""

    @property
    def shown(self) -> dict:
        return shown(self.network, self.steps)


@require_POST
def networks_bulk(request: HttpRequest) -> HttpResponse:
    action = request.POST.get("action", "")
    chosen = [pk for pk in request.POST.getlist("network") if pk.isdecimal() and len(pk) < 19]
    if action not in ACTIONS or not chosen:
        messages.error(request, "Choose networks, and what shall be done.")
        return redirect("networks:list")
    rows = [_row(network, action) for network in Network.objects.shown().filter(pk__in=chosen)]
    if request.POST.get("token") == _token(rows):
        for row in rows:
            if not row.refused:
                _do(request, row, action)
        names = ", ".join(str(row.network) for row in rows if not row.refused)
        messages.success(request, f"{ACTIONS[action][0]}: {names or 'none'}.")
        return redirect("networks:list")
    context = {"rows": rows, "action": action, "title": ACTIONS[action][0], "token": _token(rows)}
    return render(request, "networks/network_bulk.html", context)


def _row(network: Network, action: str) -> Row:
    if action == "adopt":
        return Row(network, refused="It is the portal’s already." if network.managed else "")
    vms = tuple(dict.fromkeys(nic.vm.wish.name for nic in network.running_vms()))
    if action == "remove":
        step = plans.Step(verb=plans.Verb.STOP, text=f"Remove {network}", disruption=plans.Disruption.LASTING, vms=vms)
        return Row(network, (step,))
    if not network.managed:
        return Row(network, refused="Not the portal’s: adopt it first.")
    values = {"active": network.active, "autostart": network.autostart, **ACTIONS[action][1]}
    return Row(network, network.plan(plans.Wanted(document=network.full_document, **values)))


def _token(rows: list[Row]) -> str:
    return "-".join(f"{row.network.pk}.{row.shown['token']}" for row in rows)


def _do(request: HttpRequest, row: Row, action: str) -> None:
    network = row.network
    if action == "remove":
        network.remove_meaning(cut_off=True)
        poke(network)
    elif action == "adopt":
        try:
            network.adopt(request.user)
        except ValueError as problem:
            messages.error(request, f"{problem}.")
        else:
            poke(network)
    else:
        wish(request, network, ACTIONS[action][0].lower(), row.steps, **ACTIONS[action][1])
