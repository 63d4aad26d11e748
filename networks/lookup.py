"""Lookup of networks by hypervisor and name, with the rights of a user."""

from django.db.models import QuerySet
from django.http import Http404

from networks.models import Network
from virterweb.hypervisors import rights


def get_network(hypervisor: str, name: str, networks: QuerySet | None = None) -> Network:
    """Return the network of that name, a managed one first unless `networks` has its own order.

    Raises:
        Http404: there is none.
    """
    try:
        return (Network.objects if networks is None else networks).on(hypervisor).named(name)
    except Network.DoesNotExist as missing:
        raise Http404(str(missing)) from missing


def get_changeable(user: rights.Actor, hypervisor: str, name: str, networks: QuerySet | None = None) -> Network:
    """Return the network as `get_network` does.

    Raises:
        PermissionDenied: the user may not change it; with the reason.
    """
    network = get_network(hypervisor, name, Network.objects.alone() if networks is None else networks)
    rights.require(user, network)
    return network


def get_managed(user: rights.Actor, hypervisor: str, name: str) -> Network:
    """Return the managed network of that name as `get_changeable` does; InvalidTransition if it is unmanaged."""
    network = get_changeable(user, hypervisor, name)
    network.require(managed=True)
    return network


def get_reservable(user: rights.Actor, hypervisor: str, name: str) -> Network:
    """Return a network whose reservations can be changed, managed or not, as `get_changeable` does."""
    return get_changeable(user, hypervisor, name, Network.objects.alone().filter(removed_at=None))
