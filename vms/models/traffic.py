"""The traffic of NICs and networks: the latest counters of running NICs, and the rates of the last hour and day."""

from typing import Self

from django.db import models
from django.db.models import QuerySet

from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from vms.definition.nics.spec import key_of
from vms.observed.history import History

from .status import VMStatus


class NICTraffic(models.Model):
    """The traffic of a running VM's NIC, as the guest counts it. Written only by `vms.nics.traffic`."""

    vm = models.ForeignKey(VMStatus, verbose_name="VM", on_delete=models.CASCADE, related_name="traffic")
    mac = models.CharField("MAC", max_length=17)
    place = models.CharField("PCI address or alias", blank=True, help_text="PCI address or alias, as of the NIC")
    at = models.DateTimeField("read at", help_text="when the counters were read")
    counters = models.JSONField(default=dict, help_text="bytes, packets, errors and drops, received and sent")
    rate = models.JSONField(null=True, help_text="received and sent bytes per second; empty: not known")
    minute = models.JSONField(
        "minute in progress", default=list, help_text="its number, the seconds measured, received and sent bytes"
    )

    class Meta:
        ordering = ["vm", "mac"]
        verbose_name = "NIC traffic"
        verbose_name_plural = "NIC traffic"
        constraints = [models.UniqueConstraint(fields=["vm", "mac", "place"], name="nic_traffic_once_a_nic")]

    def __str__(self) -> str:
        return f"{self.mac}: {self.at}"


class TrafficHistoryQuerySet(models.QuerySet):
    """Histories of NICs and networks."""

    def of_nics(self, vms: list[int] | QuerySet) -> dict[tuple[int, str], History]:
        """Return the histories of VMs' NICs by the key of the VM's status and the key of the NIC."""
        rows = self.filter(vm__in=vms).values_list("vm", "mac", "place", "samples")
        return {(vm, key_of(mac, place)): History.unpacked(samples) for vm, mac, place, samples in rows}

    def of_networks(self, networks: list[int]) -> dict[int, History]:
        rows = self.filter(network__in=networks).values_list("network", "samples")
        return {network: History.unpacked(samples) for network, samples in rows}


class TrafficHistory(models.Model):
    """The rates of a NIC, or of all NICs on a network together. Written only by `vms.nics.traffic`."""

    key = models.CharField(unique=True, help_text="names the NIC or the network")
    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="+")
    network = models.ForeignKey(Network, null=True, on_delete=models.CASCADE, related_name="+")
    vm = models.ForeignKey(VMStatus, verbose_name="VM", null=True, on_delete=models.CASCADE, related_name="+")
    mac = models.CharField("MAC", max_length=17, blank=True)
    place = models.CharField("PCI address or alias", blank=True, help_text="PCI address or alias, as of the NIC")
    at = models.DateTimeField("latest sample at", help_text="when the latest sample was added")
    samples = models.BinaryField(help_text="see vms.observed.history")

    objects = TrafficHistoryQuerySet.as_manager()

    class Meta:
        ordering = ["key"]
        verbose_name = "traffic history"
        verbose_name_plural = "traffic histories"

    def __str__(self) -> str:
        return self.key

    @classmethod
    def of_network(cls, network: int) -> Self:
        return cls(key=f"network {network}", network_id=network)

    @classmethod
    def of_nic(cls, vm: int, mac: str, place: str) -> Self:
        return cls(key=f"nic {vm} {mac} {place}", vm_id=vm, mac=mac, place=place)
