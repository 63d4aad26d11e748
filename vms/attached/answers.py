"""Answers what networks ask about the NICs of VMs: see `networks.attachments`."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.urls import reverse

from networks.attachments import AttachedVM, Holder
from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights
from virterweb.people.hidden.names import HIDDEN_VM, visible_name
from vms.addresses.nic_addresses import reporting
from vms.models import NIC, VM, NICStatus
from vms.nics.sparklines import of_networks
from vms.observed.charts import Sparkline


def attached(networks: Iterable[int], *, running: bool = False) -> list[AttachedVM]:
    nics = NICStatus.objects.filter(network__in=networks)
    if running:
        nics = nics.exclude(vm__power="off").select_related("vm__desired__owner").order_by("vm__desired__name")
    nics = nics.select_related("vm__desired__hypervisor")
    return [
        AttachedVM(vm=nic.vm.desired, mac=nic.mac, running=nic.vm.power != "off", power=nic.vm.get_power_display())
        for nic in nics
    ]


def users(hypervisor: int, network: str) -> list[str]:
    there = NICStatus.objects.filter(vm__desired__hypervisor=hypervisor, source=network, kind=NIC.Kind.NETWORK)
    wanted = NIC.objects.filter(vm__hypervisor=hypervisor, source=network, kind=NIC.Kind.NETWORK, removed_at=None)
    found = there.order_by().values_list("vm__desired__name").union(wanted.order_by().values_list("vm__name"))
    return sorted(name for (name,) in found)


def names_by_mac(network: int, user: rights.Actor = None) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    nics = NICStatus.objects.filter(network=network).order_by("pk")
    for mac, name in nics.values_list("mac", visible_name(user, "vm", "vm__desired__")):
        found.setdefault(mac.lower(), []).append(name or HIDDEN_VM)
    return {mac: ", ".join(dict.fromkeys(names)) for mac, names in found.items()}


def reported(networks: Iterable[int]) -> Iterable[tuple[int, str, str]]:
    rows = reporting(NICStatus.objects.filter(network__in=networks))
    return rows.values_list("network", "reported__ip", "mac")


def holders(hypervisor: Hypervisor, user: rights.Actor = None) -> dict[str, Holder]:
    columns = (visible_name(user, "vm", "vm__desired__"), "vm__power", "mac", "network", "source")
    nics = NICStatus.objects.filter(vm__desired__hypervisor=hypervisor).order_by("vm__desired", "pk")
    found: dict[str, Holder] = {}
    for vm, power, mac, network, source in nics.values_list(*columns):
        source = source if vm else ""
        nic = {"vm": vm, "hypervisor": hypervisor.name, "running": power != "off", "network": network, "source": source}
        if mac.lower() not in found or power == "running":
            found[mac.lower()] = Holder(mac=mac.lower(), **nic)
    return found


def traffic(networks: Iterable[int]) -> dict[int, Sparkline]:
    return of_networks(networks)


def visible_names(user: rights.Actor) -> QuerySet:
    return VM.objects.visible_to(user).order_by().values_list("hypervisor", "name")


def url_of(hypervisor: str, vm: str) -> str:
    return reverse("vms:detail", args=[hypervisor, vm])
