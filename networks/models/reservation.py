"""DHCP reservations: the desired ones, and those that libvirt was seen to have."""

from dataclasses import asdict
from ipaddress import ip_address
from typing import TYPE_CHECKING

from django.db import models
from django.utils import timezone

from networks.definition import addressing, rules
from networks.definition.spec import HostSpec

from .addresses import SortKeyField, sort_key_of

if TYPE_CHECKING:
    from .network import Network


class DHCPHostQuerySet(models.QuerySet):
    def specs(self) -> tuple[HostSpec, ...]:
        """Return the reservations as values, without a model object for each of thousands."""
        columns = self.values_list("mac", "ip", "name", "duid", "lease")
        return tuple(
            HostSpec(mac=mac, ip=ip, name=name, duid=duid, lease=lease) for mac, ip, name, duid, lease in columns
        )


class DHCPHost(models.Model):
    """A desired reservation on a network, managed or not: this MAC, DUID or name gets this address.

    A change requests another push of the network; `removed_at` is set until libvirt has removed the reservation. One
    without `asked_at` was carried out: if libvirt lacks it, it was removed outside and is only shown as missing.
    """

    network = models.ForeignKey("Network", on_delete=models.CASCADE, related_name="hosts")
    mac = models.CharField("MAC", max_length=17, blank=True, validators=[rules.validate_mac])
    duid = models.CharField("DUID", max_length=400, blank=True, help_text="of an IPv6 guest")
    ip = models.GenericIPAddressField("IP")
    sort_key = SortKeyField()
    name = models.CharField("host name", max_length=253, blank=True, validators=[rules.validate_domain])
    lease = models.PositiveIntegerField("lease time", null=True, blank=True, help_text="seconds; 0: infinite")
    removed_at = models.DateTimeField(null=True, editable=False)
    asked_at = models.DateTimeField(
        "requested at",
        null=True,
        default=timezone.now,
        editable=False,
        help_text="when it was requested; empty: it has been applied",
    )

    objects = DHCPHostQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name = "DHCP reservation"
        verbose_name_plural = "DHCP reservations"
        constraints = [
            models.UniqueConstraint(fields=["network", "mac", "duid", "name", "ip"], name="host_entry_once_a_network")
        ]

    def __str__(self) -> str:
        return str(self.spec())

    def save(self, *args: object, **kwargs: object) -> None:
        """Save it as a request."""
        self.asked_at = timezone.now()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Convert the MAC from any spelling."""
        if self.mac:
            self.mac = addressing.parse_mac(self.mac)

    @classmethod
    def of(cls, network: "Network", host: HostSpec, **values: object) -> "DHCPHost":
        return cls(network=network, **asdict(host), **values)

    def spec(self) -> HostSpec:
        return HostSpec(mac=self.mac, ip=self.ip, name=self.name, duid=self.duid, lease=self.lease)

    @property
    def key(self) -> tuple[str, ...]:
        """Return what distinguishes an entry from every other of its network."""
        return self.mac, self.duid, self.name, self.ip


class DHCPHostStatus(models.Model):
    """A reservation that was observed in libvirt, regardless of who requested it."""

    network = models.ForeignKey("Network", on_delete=models.CASCADE, related_name="found_hosts")
    mac = models.CharField("MAC", max_length=17, blank=True, db_index=True)
    duid = models.CharField("DUID", blank=True)
    ip = models.GenericIPAddressField("IP")
    sort_key = SortKeyField()
    name = models.CharField("host name", blank=True)
    lease = models.PositiveBigIntegerField("lease time", null=True, help_text="seconds; 0: infinite")

    class Meta:
        ordering = ["pk"]
        verbose_name = "DHCP reservation status"
        verbose_name_plural = "DHCP reservation statuses"

    def __str__(self) -> str:
        return str(self.spec())

    spec = DHCPHost.spec

    @classmethod
    def of(cls, network: "Network", host: HostSpec) -> "DHCPHostStatus":
        """Return an unsaved row; ValueError if libvirt gives no address."""
        return cls(network=network, sort_key=sort_key_of(ip_address(host.ip)), **asdict(host))
