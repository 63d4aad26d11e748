"""Queries of networks."""

from typing import TYPE_CHECKING, Self

from django.db import models

from virterweb.hypervisors.models import Hypervisor, with_hypervisor
from virterweb.people.owned import OwnedQuerySet

if TYPE_CHECKING:
    from .network import Network


class NetworkQuerySet(OwnedQuerySet):
    def shown(self) -> Self:
        """Return the networks with everything that a row or page shows, in a fixed number of queries."""
        return self.select_related("status").prefetch_related(with_hypervisor())

    def alone(self) -> Self:
        """Return the same for one network, in one query."""
        return self.select_related("status", "hypervisor__status", "team")

    def in_use(self, hypervisor: Hypervisor | int, name: str) -> "Network | None":
        """Return the network that NICs with this network name use: the one in libvirt, else the managed one."""
        named = self.on(hypervisor).filter(name=name).select_related("hypervisor", "status")
        return named.order_by("-status__present", "-managed", "pk").first()

    def matching(self, text: str) -> Self:
        """Return those with the text in one of Virter's columns, or before their creation in the document."""
        columns = ("name", *(f"status__{name}" for name in ("ip_range", "dhcp", "bridge", "domain", "forward_mode")))
        wanted = models.Q(status__present=False, document__icontains=text)
        for column in columns:
            wanted |= models.Q(**{f"{column}__icontains": text})
        return self.filter(wanted) if text else self
