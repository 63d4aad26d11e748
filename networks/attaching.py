"""To which networks, bridges and devices of a hypervisor a user may attach NICs."""

from collections.abc import Iterable
from functools import cached_property

from django.db.models import Q

from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people import rights
from virterweb.people.models import Grant
from virterweb.people.verbs import Verb


class Attaching:
    """What a user may attach NICs to on one hypervisor: by the rights of the user, and by the grants of the teams."""

    def __init__(self, user: rights.Actor, hypervisor: Hypervisor | None) -> None:
        self.user, self.hypervisor = user, hypervisor
        self.operator = rights.is_operator(user, hypervisor)

    @cached_property
    def _grants(self) -> list[Grant]:
        teams = rights.access_of(self.user).teams(Verb.ATTACH, self.hypervisor and self.hypervisor.pk)
        return list(Grant.objects.filter(Q(hypervisor=None) | Q(hypervisor=self.hypervisor), team__in=teams))

    def offered(self, networks: Iterable[Network]) -> list[str]:
        """Return the names of those of the networks to which NICs may be attached."""
        return [network.name for network in networks if self._allows(network)]

    def of_network(self, network: Network) -> Message:
        """Return why NICs may not be attached to a network; an empty message if they may."""
        return Message() if self._allows(network) else rights.refusal(self.user, Verb.ATTACH, network)

    def _allows(self, network: Network) -> bool:
        """Return whether NICs may be attached to a network.

        Everybody who may run VMs on a hypervisor may use its access network: the first NIC of each VM is on it.
        """
        if self.operator or (self.hypervisor and network.name == self.hypervisor.access_network):
            return True
        granted = any(grant.names_network(network.name, of_team=network.team_id is not None) for grant in self._grants)
        return granted or rights.may(self.user, Verb.ATTACH, network)

    def to_network(self, name: str) -> Message:
        """Return the same for the network of a name, which may not exist."""
        if self.operator or not self.hypervisor or name == self.hypervisor.access_network:
            return Message()
        network = Network.objects.visible_to(self.user).in_use(self.hypervisor, name)
        if network is None and any(grant.names_network(name, of_team=True) for grant in self._grants):
            return Message()
        return self.of_network(network) if network else Message("rights.no_network", name=name)

    def has_bridge(self, name: str) -> bool:
        """Return whether a grant names this bridge of the host."""
        return self.operator or any(grant.names_bridge(name) for grant in self._grants)

    def has_device(self, name: str) -> bool:
        """Return whether a grant names this device of the host."""
        return self.operator or any(grant.names_device(name) for grant in self._grants)
