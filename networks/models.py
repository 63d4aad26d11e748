"""Networks that people want, and what libvirt was seen to have of them."""

import uuid
from collections.abc import Iterable
from ipaddress import ip_address, ip_interface
from typing import Self

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from virterweb.hypervisors.models import with_hypervisor
from virterweb.hypervisors.reconcile import Desired, DesiredQuerySet, Status

from . import addressing, rules
from .network_xml import HostSpec, NetworkSpec, RangeSpec, SubnetSpec, parse


class NetworkQuerySet(DesiredQuerySet):
    def shown(self) -> Self:
        """With everything that a row or page shows, in as many queries however many there are."""
        return self.select_related("status").prefetch_related("subnets", with_hypervisor())

    def matching(self, text: str) -> Self:
        """Those with the text in any of Virter's columns."""
        columns = ("name", "domain", "bridge", "status__ip_range", "status__dhcp", "status__bridge", "status__domain")
        wanted = models.Q()
        for column in columns:
            wanted |= models.Q(**{f"{column}__icontains": text})
        return self.filter(wanted) if text else self


class Network(Desired):
    """A network somebody wants, or (managed=False) one that libvirt has and somebody else made."""

    class ForwardMode(models.TextChoices):
        """libvirt's modes that the form offers; a foreign network may have another."""

        ISOLATED = "", "isolated: guests reach each other and the host"
        NAT = "nat", "nat: guests reach out through the host's address"
        ROUTE = "route", "route: forwarded without translation"
        OPEN = "open", "open: forwarded, libvirt adds no firewall rules"
        BRIDGE = "bridge", "bridge: onto a bridge that the host already has"

    name = models.CharField(max_length=255, validators=[rules.validate_name])
    uuid = models.UUIDField("UUID", default=uuid.uuid4, editable=False)
    forward_mode = models.CharField(max_length=20, blank=True, choices=ForwardMode)
    bridge = models.CharField(max_length=15, blank=True, validators=[rules.validate_bridge])
    domain = models.CharField(max_length=253, blank=True, validators=[rules.validate_domain])
    dns = models.BooleanField("DNS", default=True)
    mtu = models.PositiveIntegerField("MTU", null=True, blank=True, validators=rules.MTU)
    dnsmasq_options = models.TextField("dnsmasq options", blank=True, help_text="one a line")
    document = models.TextField(blank=True, editable=False, help_text="what the columns are written into")
    may_cut_off = models.BooleanField(default=False, editable=False, help_text="removal may cut off running VMs")

    objects = NetworkQuerySet.as_manager()

    class Meta:
        ordering = [Lower("name"), "pk"]
        constraints = [
            models.UniqueConstraint(fields=["hypervisor", "uuid"], name="network_uuid_once_a_hypervisor"),
            models.UniqueConstraint(
                fields=["hypervisor", "name"], condition=models.Q(managed=True), name="network_name_once_a_hypervisor"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("networks:detail", args=[self.hypervisor.name, self.name])

    @property
    def uuid_text(self) -> str:
        return str(self.uuid)

    def spec(self) -> NetworkSpec:
        """The wish as one value, without host entries that are wished away."""
        return self._spec([entry for entry in self.hosts.all() if entry.removed_at is None])

    def _spec(self, entries: Iterable["DHCPHost"]) -> NetworkSpec:
        blocks = [ip_interface(subnet.cidr) for subnet in self.subnets.all()]
        hosts: dict[object, list[HostSpec]] = {block: [] for block in blocks}
        for entry in entries:
            if block := next((block for block in blocks if ip_address(entry.ip) in block.network), None):
                hosts[block].append(entry.spec())
        return NetworkSpec(
            name=self.name,
            uuid=self.uuid_text,
            forward_mode=self.forward_mode,
            bridge=self.bridge,
            domain=self.domain,
            dns=self.dns,
            mtu=self.mtu,
            dnsmasq_options=tuple(self.dnsmasq_options.splitlines()),
            subnets=tuple(
                subnet.spec(tuple(hosts[block])) for subnet, block in zip(self.subnets.all(), blocks, strict=True)
            ),
        )

    def remove_meaning(self, cut_off: bool) -> None:
        """Wish it away; `cut_off` says that running VMs may lose their NICs' connection by it."""
        Network.objects.filter(pk=self.pk).update(may_cut_off=cut_off)
        self.remove()

    def reserve_ids(self, first: int, count: int) -> None:
        """Wish host entries for IDs first … first+count−1, as Virter does; ValueError before any if one is refused."""
        spec = self.definition
        block = next((subnet.interface for subnet in spec.subnets if subnet.family == 4), None)
        if block is None:
            raise ValueError(f"{self} has no IPv4 block for host entries")
        if first < 1 or count < 1:
            raise ValueError("IDs begin at 1, and at least one is needed")
        taken = {host.mac for host in spec.hosts} | set(self.hosts.values_list("mac", flat=True))
        entries = []
        for number in range(first, first + count):
            mac, ip = addressing.mac_of_id(number), str(addressing.ip_of_id(block, number))
            if mac in taken:
                raise ValueError(f"ID {number} has a host entry already: {mac}")
            entries.append(DHCPHost(network=self, mac=mac, ip=ip))
        with transaction.atomic():
            DHCPHost.objects.bulk_create(entries)
            self.ask_again()

    def release_ids(self, first: int, count: int) -> None:
        """Wish all host entries of these IDs' MACs away, whoever made them; none is fine."""
        macs = {addressing.mac_of_id(number) for number in range(first, first + count)}
        found = self.status.spec
        with transaction.atomic():
            for host in found.hosts if found else ():
                if host.mac in macs and host.ip:
                    self.hosts.get_or_create(mac=host.mac, ip=host.ip)
            self.hosts.filter(mac__in=macs).update(removed_at=timezone.now())
            self.ask_again()

    @property
    def definition(self) -> NetworkSpec:
        """As found where libvirt has had it, else as wanted."""
        return self.status.spec or self.spec()

    @property
    def facts(self) -> "NetworkStatus | NetworkSpec":
        """Virter's columns: as found where libvirt has it, else as wanted."""
        return self.status if self.status.present else self._spec(())

    @property
    def is_access_network(self) -> bool:
        return self.name == self.hypervisor.access_network


class Subnet(models.Model):
    """One block of a wanted network, by the host's own address in it."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="subnets")
    cidr = models.CharField("host address/prefix", max_length=50, validators=[rules.validate_cidr])
    dhcp_start = models.GenericIPAddressField("DHCP from", null=True, blank=True)
    dhcp_end = models.GenericIPAddressField("DHCP to", null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.cidr

    def clean(self) -> None:
        if bool(self.dhcp_start) != bool(self.dhcp_end):
            raise ValidationError("A DHCP range has a first and a last address.")

    def spec(self, hosts: tuple[HostSpec, ...] = ()) -> SubnetSpec:
        interface = ip_interface(self.cidr)
        ranges = (RangeSpec(start=self.dhcp_start, end=self.dhcp_end),) if self.dhcp_start and self.dhcp_end else ()
        return SubnetSpec(address=str(interface.ip), prefix=interface.network.prefixlen, ranges=ranges, hosts=hosts)


class DHCPHost(models.Model):
    """A host entry that somebody wants on a network, ours or not: this MAC gets this address.

    Whoever changes one asks the network to be pushed again; `removed_at` is set until libvirt has let go of it.
    """

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="hosts")
    mac = models.CharField("MAC", max_length=17, validators=[rules.validate_mac])
    ip = models.GenericIPAddressField("IP")
    name = models.CharField(max_length=253, blank=True, validators=[rules.validate_domain])
    removed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["pk"]
        verbose_name = "DHCP host entry"
        verbose_name_plural = "DHCP host entries"
        constraints = [models.UniqueConstraint(fields=["network", "mac", "ip"], name="host_entry_once_a_network")]

    def __str__(self) -> str:
        return f"{self.mac} {self.ip}"

    def spec(self) -> HostSpec:
        return HostSpec(mac=self.mac, ip=self.ip, name=self.name)


class NetworkStatus(Status):
    """What libvirt has of a network. The first six columns are Virter's, as it prints them."""

    wish = models.OneToOneField(Network, on_delete=models.CASCADE, related_name="status")
    forward_mode = models.CharField(max_length=40, blank=True)
    ip_range = models.TextField(blank=True)
    domain = models.TextField(blank=True)
    dhcp = models.TextField(blank=True)
    bridge = models.CharField(max_length=40, blank=True)
    present = models.BooleanField(default=False, help_text="libvirt has it")
    active = models.BooleanField(default=False)
    autostart = models.BooleanField(default=False)
    persistent = models.BooleanField(default=True)
    document = models.TextField(blank=True, help_text="the definition as found")
    compared = models.PositiveIntegerField(default=0, help_text="the wish's generation that drift was computed for")

    class Meta:
        verbose_name_plural = "network statuses"

    def __str__(self) -> str:
        return f"{self.wish}: {'active' if self.active else 'inactive'}"

    @property
    def spec(self) -> NetworkSpec | None:
        return parse(self.document) if self.document else None


class Lease(models.Model):
    """A DHCP lease as the network's dnsmasq has it now. libvirt gives a MAC for IPv6 leases too."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="leases")
    mac = models.CharField("MAC", max_length=17)
    ip = models.GenericIPAddressField("IP")
    hostname = models.CharField(max_length=255, blank=True)
    client_id = models.TextField("client ID", blank=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["network", "mac", "ip"], name="lease_once_a_network")]

    def __str__(self) -> str:
        return f"{self.ip} {self.mac}"
