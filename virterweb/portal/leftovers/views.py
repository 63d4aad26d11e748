"""The page Leftovers, with the actions for each kind of object."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from networks.models import Network
from virterweb.people.sharing.many import can_hand_over
from vms.models import VM

from . import found


@require_GET
def leftovers(request: HttpRequest) -> HttpResponse:
    """Show objects without an owner, unused networks and reservations, and the number of unused volumes."""
    user = request.user
    vms = found.without_owner(VM.objects.visible_to(user).select_related("ssh_check"))
    networks = found.without_owner(Network.objects.visible_to(user))
    context = {"vms": vms, "networks": networks, "unused_networks": found.unused_networks(user)}
    context |= {"reservations": found.unused_reservations(user), "days": found.GONE_FOR.days}
    context |= {"pools": found.pools(user), "sees_volumes": found.sees_volumes(user)}
    context |= {
        "hand_over_vms": can_hand_over(user, vms.rows),
        "hand_over_networks": can_hand_over(user, networks.rows),
    }
    return render(request, "portal/leftovers/leftovers.html", context)
