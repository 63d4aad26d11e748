"""Lookup of networks by hypervisor and name, with the rights of a user."""

from django.db.models import QuerySet
from django.http import Http404

from networks.models import Network
from virterweb.people import rights
from virterweb.people.verbs import Verb


def get_network(
    user: rights.Actor, hypervisor: str, name: str, networks: QuerySet | None = None, *, verb: Verb = Verb.LIST
) -> Network:
    """Return the network of that name, a managed one first unless `networks` has its own order.

    Raises:
        Http404: there is none, or none that exists for the user.
        PermissionDenied: the user may not do this with it; with the reason and whom to ask.
    """
    visible = (Network.objects.alone() if networks is None else networks).visible_to(user)
    try:
        network = visible.on(hypervisor).named(name)
    except Network.DoesNotExist as missing:
        raise Http404(str(missing)) from missing
    rights.require(user, verb, network)
    return network


def get_managed(user: rights.Actor, hypervisor: str, name: str, *, verb: Verb = Verb.EDIT) -> Network:
    """Return the managed network of that name as `get_network` does; InvalidTransition if it is unmanaged."""
    network = get_network(user, hypervisor, name, verb=verb)
    network.require(managed=True)
    return network


def get_reservable(user: rights.Actor, hypervisor: str, name: str) -> Network:
    """Return a network whose reservations can be changed, managed or not, as `get_network` does."""
    return get_network(user, hypervisor, name, Network.objects.alone().filter(removed_at=None), verb=Verb.EDIT)
