"""Interface to the NICs of VMs. The app of the VMs implements it: `settings.ATTACHMENTS` names its module."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from django.conf import settings
from django.db.models import QuerySet

from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights


@dataclass(frozen=True, kw_only=True)
class AttachedVM:
    """A VM with a NIC on a network; `vm` is its desired configuration, with name, owner and page."""

    vm: Any
    mac: str
    running: bool
    power: str  # in words


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A VM's NIC; `network` is the id of the one that it is attached to, None for none that libvirt has."""

    mac: str
    vm: str  # "" if the user may not see it
    hypervisor: str
    running: bool
    network: int | None
    source: str  # the network's or bridge's name, as the NIC has it; "" if the user may not see the VM

    @property
    def url(self) -> str:
        return attachments().url_of(self.hypervisor, self.vm)


class Attachments(Protocol):
    """The functions of the module that implements the interface."""

    def attached(self, networks: Iterable[int], *, running: bool = False) -> list[AttachedVM]:
        """Return the NICs on networks, by VM; with `running` those of running VMs alone, with the VMs' owners."""

    def users(self, hypervisor: int, network: str) -> list[str]:
        """Return the names of the VMs that have NICs on the network of a name, found or desired."""

    def names_by_mac(self, network: int, user: rights.Actor = None) -> dict[str, str]:
        """Return which VMs have NICs on a network, by MAC; several of one MAC with commas between.

        VMs that the user may not see are not named.
        """

    def reported(self, networks: Iterable[int]) -> Iterable[tuple[int, str, str]]:
        """Return the addresses that guest agents and ARP tables report on networks: network, address and MAC."""

    def holders(self, hypervisor: Hypervisor, user: rights.Actor = None) -> dict[str, Holder]:
        """Return the NIC of each MAC that some VM of a hypervisor has; of one that several have, a running one's.

        VMs that the user may not see are not named.
        """

    def traffic(self, networks: Iterable[int]) -> dict[int, Any]:
        """Return the traffic of networks in the last hour as sparklines; networks without figures are omitted."""

    def visible_names(self, user: rights.Actor) -> QuerySet:
        """Return the VMs that a user may see, as pairs of the columns `hypervisor` and `name`."""

    def url_of(self, hypervisor: str, vm: str) -> str:
        """Return the address of a VM's page."""


def attachments() -> Attachments:
    return import_module(settings.ATTACHMENTS)
