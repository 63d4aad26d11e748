"""DHCP leases, current and former."""

from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models.functions import Greatest
from django.utils import timezone

from virterweb.hypervisors.models import Hypervisor
from virterweb.message_field import MessageField

from .addresses import SortKeyField, sort_key_of

if TYPE_CHECKING:
    from .network import Network


class LeaseQuerySet(models.QuerySet):
    def current(self) -> Self:
        """Return the leases that are valid now; the others are history."""
        return self.filter(last_seen=None)

    def between(self, start: datetime, end: datetime) -> Self:
        """Return the leases that were held at any moment from start to end, as far as polls saw them."""
        return self.filter(models.Q(last_seen=None) | models.Q(last_seen__gte=start), first_seen__lte=end)

    def end(self, at: datetime | None = None) -> int:
        """Record that they have ended: last seen `at`, but not before their start and not after now."""
        now = timezone.now()
        return self.current().update(last_seen=Greatest("first_seen", min(at or now, now)), release_asked_at=None)


class Lease(models.Model):
    """A present or former DHCP lease of the network's dnsmasq, from the first to the last poll that saw it.

    It outlives its network. Renewing changes `expires_at` alone; another MAC, host name or VM makes a new one. libvirt
    gives a MAC for IPv6 leases too. Only workers write it, except `release_asked_at`, which is a request.
    """

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="leases")
    network = models.ForeignKey("Network", null=True, on_delete=models.SET_NULL, related_name="leases")
    network_name = models.CharField()
    mac = models.CharField("MAC", max_length=17, db_index=True)
    ip = models.GenericIPAddressField("IP")
    sort_key = SortKeyField()
    hostname = models.CharField("host name", blank=True)
    client_id = models.TextField("client ID", blank=True)
    vm = models.CharField("VM", blank=True, help_text="the names of the VMs that had the MAC")
    words = models.CharField("search text", help_text="what the search finds it by: host name, VM, MAC without colons")
    expires_at = models.DateTimeField(null=True)
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(null=True, help_text="empty: the lease is valid now")
    release_asked_at = models.DateTimeField("release requested at", null=True)
    release_problem = MessageField(blank=True, help_text="why it could not be released")

    objects = LeaseQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["network", "mac", "ip"], condition=models.Q(last_seen=None), name="lease_once_a_network"
            )
        ]
        # A search through the whole history reads only the index.
        indexes = [models.Index(fields=["last_seen", "words"], name="lease_words")]

    def __str__(self) -> str:
        return f"{self.ip} {self.mac}"

    @classmethod
    def of(cls, network: "Network", mac: str, ip: str, **values: object) -> "Lease":
        """Return an unsaved lease that begins now; ValueError if libvirt gives no address."""
        where = {"hypervisor_id": network.hypervisor_id, "network": network, "network_name": network.name}
        lease = cls(mac=mac, ip=ip, sort_key=sort_key_of(ip_address(ip)), **where, **values)
        lease.name_words()
        return lease

    def name_words(self) -> None:
        """Update the search text with the current names."""
        self.words = f"{self.hostname} {self.vm} {self.mac.replace(':', '')}".lower()
