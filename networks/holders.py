"""Which VM a MAC belongs to, on any network of a hypervisor: what leases and host entries are shown with."""

from dataclasses import dataclass

from django.urls import reverse

from virterweb.hypervisors.models import Hypervisor


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A VM's NIC; `network` is the id of the one that it hangs on, None for none that libvirt has."""

    mac: str
    vm: str
    hypervisor: str
    running: bool
    network: int | None
    source: str  # the network's or bridge's name, as the NIC has it

    @property
    def url(self) -> str:
        return reverse("vms:detail", args=[self.hypervisor, self.vm])


def holders(hypervisor: Hypervisor) -> dict[str, Holder]:
    """The NIC of each MAC that some VM of a hypervisor has; of one that several have, a running one's."""
    columns = ("mac", "network", "source")
    nics = hypervisor.vms.filter(status__nics__isnull=False).order_by("pk")
    found: dict[str, Holder] = {}
    for vm, power, mac, network, source in nics.values_list(
        "name", "status__power", *(f"status__nics__{column}" for column in columns)
    ):
        mac = mac.lower()
        if mac not in found or power == "running":
            found[mac] = Holder(
                mac=mac, vm=vm, hypervisor=hypervisor.name, running=power != "off", network=network, source=source
            )
    return found
