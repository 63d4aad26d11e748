"""How much of what a team may have its networks use."""

from collections.abc import Mapping

from networks.models import DHCPHost, Network
from virterweb.people.limits import Kind


def use(team: int, hypervisor: int | None) -> Mapping[Kind, int]:
    """Return the number of networks of a team, and of the addresses that are reserved on them: see `limits.Use`."""
    networks = Network.objects.filter(team=team, managed=True)
    if hypervisor is not None:
        networks = networks.filter(hypervisor=hypervisor)
    hosts = DHCPHost.objects.filter(network__in=networks.order_by(), removed_at=None)
    return {Kind.NETWORKS: networks.count(), Kind.RESERVATIONS: hosts.count()}
