"""Networks that people want, and what libvirt was seen to have of them."""

import uuid
from dataclasses import asdict, replace
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.db.models import QuerySet
from django.db.models.functions import Greatest, Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from virterweb.hypervisors.models import Hypervisor, with_hypervisor
from virterweb.hypervisors.reconcile import Desired, DesiredQuerySet, Status

from . import addressing, rules
from . import plan as plans
from .compare_xml import Difference, differences
from .edit_xml import build, edit
from .network_xml import HostSpec, NetworkSpec, parse, read


class NetworkQuerySet(DesiredQuerySet):
    def shown(self) -> Self:
        """With everything that a row or page shows, in as many queries however many there are."""
        return self.select_related("status").prefetch_related(with_hypervisor())

    def matching(self, text: str) -> Self:
        """Those with the text in any of Virter's columns; of one that libvirt does not have yet, in its document."""
        columns = ("name", *(f"status__{name}" for name in ("ip_range", "dhcp", "bridge", "domain", "forward_mode")))
        wanted = models.Q(status__present=False, document__icontains=text)
        for column in columns:
            wanted |= models.Q(**{f"{column}__icontains": text})
        return self.filter(wanted) if text else self


class Network(Desired):
    """A network somebody wants, or (managed=False) one that libvirt has and somebody else made.

    `document` is the whole wish, as libvirt's XML, but for the host entries: those are rows, for several write them at
    once. Of a foreign network it is empty; only its host entries can be wished.
    """

    class ForwardMode(models.TextChoices):
        """libvirt's modes that the form offers; the XML view takes the others."""

        ISOLATED = "", "isolated: guests reach each other and the host"
        NAT = "nat", "nat: guests reach out through the host's address"
        ROUTE = "route", "route: forwarded without translation"
        OPEN = "open", "open: forwarded, libvirt adds no firewall rules"
        BRIDGE = "bridge", "bridge: onto a bridge that the host already has"

    class OnDrift(models.TextChoices):
        """What happens by itself when libvirt was changed outside."""

        ASK = "ask", "shown, nothing by itself"
        TAKE = "take", "the wish follows libvirt"
        PUT_BACK = "put back", "ours is put back, unless running VMs would be cut off"

    name = models.CharField(max_length=255, validators=[rules.validate_name])
    uuid = models.UUIDField("UUID", default=uuid.uuid4, editable=False)
    document = models.TextField("XML", blank=True, help_text="the whole wish but for host entries, as libvirt's XML")
    active = models.BooleanField(default=True, help_text="it runs")
    autostart = models.BooleanField(default=True, help_text="it starts with the host")
    on_drift = models.CharField("when changed outside", max_length=8, choices=OnDrift, default=OnDrift.ASK)
    may_cut_off = models.BooleanField(default=False, editable=False, help_text="removal may cut off running VMs")
    exact = models.BooleanField(default=False, editable=False, help_text="host entries that others added go as well")
    accepted = models.JSONField(null=True, editable=False, help_text="the steps that were shown before saving")

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

    # the wish

    @property
    def spec(self) -> NetworkSpec:
        """The wish as one value, without host entries that are wished away."""
        return self._bare_spec.with_hosts(self.wanted_hosts())

    @property
    def _bare_spec(self) -> NetworkSpec:
        """Without host entries. A foreign network that was only just found has nothing but its name."""
        return parse(self.document) if self.document else NetworkSpec(name=self.name, uuid=self.uuid_text)

    def wanted_hosts(self) -> tuple[HostSpec, ...]:
        return tuple(entry.spec() for entry in self.hosts.all() if entry.removed_at is None)

    @property
    def full_document(self) -> str:
        """The wish with its host entries: what a hypervisor is given that has nothing of it."""
        return edit(self.document, self.spec)

    @property
    def wanted(self) -> plans.Wanted:
        return plans.Wanted(document=self.full_document, active=self.active, autostart=self.autostart)

    def change(self, what: str, by: AbstractBaseUser | None = None, *, document: str = "", **values: object) -> None:
        """Change the wish, note who did what, and ask for it to be carried out.

        `document` is a whole one, with host entries; `values` are further columns, `accepted` among them: the steps
        that were shown, or None.
        """
        with transaction.atomic():
            locked = Network.objects.select_for_update()
            self.refresh_from_db(fields=["document", "active", "autostart"], from_queryset=locked)
            if document:
                values["document"] = self._take_hosts(document)
            values.setdefault("accepted", None)
            Network.objects.filter(pk=self.pk).update(**values)
            for name, value in values.items():
                setattr(self, name, value)
            self.ask_again()
            self.note(what, by)

    def note(self, what: str, by: AbstractBaseUser | None = None, result: str = "") -> None:
        """Keep the wish as it is now in the history; without a result the worker writes it down."""
        if self.managed:
            self.revisions.create(
                generation=self.generation,
                by=by,
                what=what,
                document=self.full_document,
                active=self.active,
                autostart=self.autostart,
                result=result,
            )

    def _take_hosts(self, document: str) -> str:
        """Make the host entries those of the document, and return it without them."""
        spec = parse(document)
        wanted = {(host.mac, host.ip): host for host in spec.hosts}
        for entry in self.hosts.all():
            host = wanted.pop((entry.mac, entry.ip), None)
            if host is None:
                self.hosts.filter(pk=entry.pk, removed_at=None).update(removed_at=timezone.now())
            elif entry.removed_at or entry.spec() != host:
                kept = {"name": host.name, "duid": host.duid, "lease": host.lease, "removed_at": None}
                self.hosts.filter(pk=entry.pk).update(**kept)
        DHCPHost.objects.bulk_create(DHCPHost.of(self, host) for host in wanted.values())
        return edit(document, replace(spec.without_hosts(), uuid=self.uuid_text))

    def remove_meaning(self, cut_off: bool) -> None:
        """Wish it away; `cut_off` says that running VMs may lose their NICs' connection by it."""
        Network.objects.filter(pk=self.pk).update(may_cut_off=cut_off)
        self.remove()

    def adopt(self, by: AbstractBaseUser | None = None) -> None:
        """Make what libvirt has the wish; nothing changes in libvirt. ValueError if one of ours has the name."""
        if Network.objects.on(self.hypervisor_id).filter(name=self.name, managed=True).exclude(pk=self.pk).exists():
            raise ValueError(f"The portal has another network {self.name} on {self.hypervisor}")
        self.managed = True
        self.status.write(made_at=timezone.now())
        self.follow("adopted", by, managed=True)

    def follow(self, what: str, by: AbstractBaseUser | None = None, **values: object) -> None:
        """Let the wish be what libvirt has: its stored definition, whether it runs and starts with the host."""
        status = self.status
        values |= {"active": status.active, "autostart": status.autostart}
        self.change(what, by, document=status.definition, **values)

    def release(self) -> None:
        """Let go of it: libvirt keeps it as it is, the portal only shows it."""
        with transaction.atomic():
            self.hosts.all().delete()
            self.revisions.all().delete()
            Network.objects.filter(pk=self.pk).update(managed=False, document="", generation=0)
            self.status.write(generation=0, drift="", error="", detail="", made_at=None)

    # host entries by ID, as Virter has them

    def reserve_ids(self, first: int, count: int, by: AbstractBaseUser | None = None) -> None:
        """Wish host entries for IDs first … first+count−1, as Virter does; ValueError before any if one is refused."""
        block = self.definition.block()
        if block is None:
            raise ValueError(f"{self} has no IPv4 block for host entries")
        if first < 1 or count < 1:
            raise ValueError("IDs begin at 1, and at least one is needed")
        going = set(self.hosts.exclude(removed_at=None).values_list("mac", "ip"))
        rows = (self.found_hosts.all(), self.hosts.filter(removed_at=None))
        known = {pair for row in rows for pair in row.values_list("mac", "ip")}
        known -= going - set(rows[1].values_list("mac", "ip"))
        macs, ips = {mac for mac, _ in known}, {ip for _, ip in known}
        entries = []
        for number in range(first, first + count):
            mac, ip = addressing.mac_of_id(number), str(addressing.ip_of_id(block, number))
            if mac in macs:
                raise ValueError(f"ID {number} has a host entry already: {mac}")
            if ip in ips or ip == str(block.ip):
                raise ValueError(f"ID {number}: {ip} is taken already")
            entries.append(DHCPHost(network=self, mac=mac, ip=ip))
        with transaction.atomic():
            again = {
                "update_fields": ["removed_at", "name", "duid", "lease"],
                "unique_fields": ["network", "mac", "ip"],
            }
            DHCPHost.objects.bulk_create(entries, update_conflicts=True, **again)
            self.change(f"host entries of {_ids(first, count)} added", by)

    def release_ids(self, first: int, count: int, by: AbstractBaseUser | None = None) -> None:
        """Wish all host entries of these IDs' MACs away, whoever made them; none is fine."""
        macs = {addressing.mac_of_id(number) for number in range(first, first + count)}
        with transaction.atomic():
            for host in self.found_hosts.all():
                if host.mac in macs:
                    self.hosts.get_or_create(mac=host.mac, ip=host.ip)
            self.hosts.filter(mac__in=macs).update(removed_at=timezone.now())
            self.change(f"host entries of {_ids(first, count)} removed", by)

    # what pages show

    @property
    def definition(self) -> NetworkSpec:
        """As found where libvirt has had it, else as wanted."""
        return self.status.spec or self.spec

    @property
    def facts(self) -> "NetworkStatus | NetworkSpec":
        """Virter's columns: as found where libvirt has it, else as wanted."""
        return self.status if self.status.present else self._bare_spec

    @property
    def is_access_network(self) -> bool:
        return self.name == self.hypervisor.access_network

    @property
    def cut_vms(self) -> list[str]:
        """Running VMs that a restart of it left off the wire, while nobody is at it."""
        return list(dict.fromkeys(vm for _, vm, _ in self.status.cut)) if self.done else []

    def running_vms(self) -> QuerySet:
        """The NICs of running VMs that hang on it, as last seen."""
        return self.nics.exclude(vm__power="off").select_related("vm__wish__owner").order_by("vm__wish__name")

    def vm_names(self) -> dict[str, str]:
        """Which VMs have NICs on it, by MAC; several of one MAC with commas between."""
        found: dict[str, list[str]] = {}
        for mac, name in self.nics.order_by("pk").values_list("mac", "vm__wish__name"):
            found.setdefault(mac.lower(), []).append(name)
        return {mac: ", ".join(names) for mac, names in found.items()}

    def found(self) -> plans.Found | None:
        """libvirt's side as last seen, for a plan to be shown."""
        status = self.status
        if not status.present:
            return None
        return plans.Found(
            document=status.definition,
            live=status.document if status.active else "",
            active=status.active,
            autostart=status.autostart,
            attached=tuple(sorted({nic.vm.wish.name for nic in self.running_vms()})),
            cut=tuple(sorted({name for _, name, _ in status.cut})),
        )

    def plan(self, wanted: plans.Wanted | None = None, exact: bool = False) -> tuple[plans.Step, ...]:
        """What would be done now, as far as is known, to make libvirt agree with the wish or with another."""
        return self.steps(self.found(), wanted or self.wanted, exact)

    def steps(self, found: plans.Found | None, wanted: plans.Wanted, exact: bool) -> tuple[plans.Step, ...]:
        """The plan from what libvirt has; unless it is exact, host entries that others added stay."""
        if found and not exact:
            asked = set(parse(wanted.document).hosts)
            gone = {entry.spec() for entry in self.hosts.all()} - asked
            # An address has one entry: who had it before, under another DUID or name say, has it no longer.
            held = {host.ip for host in asked}
            gone |= {host for host in parse(found.document).hosts if host.ip in held} - asked
            wanted = plans.keep_others(wanted, found, gone)
        return plans.plan(wanted, found, self.status.ignored.splitlines())


def _ids(first: int, count: int) -> str:
    return f"ID {first}" if count == 1 else f"IDs {first}–{first + count - 1}"


class DHCPHost(models.Model):
    """A host entry that somebody wants on a network, ours or not: this MAC, DUID or name gets this address.

    Whoever changes one asks the network to be pushed again; `removed_at` is set until libvirt has let go of it.
    """

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="hosts")
    mac = models.CharField("MAC", max_length=17, blank=True, validators=[rules.validate_mac])
    duid = models.CharField("DUID", max_length=400, blank=True, help_text="of an IPv6 guest")
    ip = models.GenericIPAddressField("IP")
    name = models.CharField(max_length=253, blank=True, validators=[rules.validate_domain])
    lease = models.PositiveIntegerField(null=True, blank=True, help_text="seconds; 0: for ever")
    removed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["pk"]
        verbose_name = "DHCP host entry"
        verbose_name_plural = "DHCP host entries"
        constraints = [models.UniqueConstraint(fields=["network", "mac", "ip"], name="host_entry_once_a_network")]

    def __str__(self) -> str:
        return str(self.spec())

    def clean(self) -> None:
        """Take a MAC in any spelling."""
        if self.mac:
            self.mac = addressing.parse_mac(self.mac)

    @classmethod
    def of(cls, network: Network, host: HostSpec) -> "DHCPHost":
        return cls(network=network, **asdict(host))

    def spec(self) -> HostSpec:
        return HostSpec(mac=self.mac, ip=self.ip, name=self.name, duid=self.duid, lease=self.lease)


class DHCPHostStatus(models.Model):
    """A host entry that libvirt was seen to have, whoever asked for it."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="found_hosts")
    mac = models.CharField("MAC", max_length=17, blank=True, db_index=True)
    duid = models.CharField("DUID", max_length=400, blank=True)
    ip = models.GenericIPAddressField("IP")
    place = models.CharField(max_length=33, db_index=True, help_text="the IP in hexadecimal, behind its version")
    name = models.CharField(max_length=255, blank=True)
    lease = models.PositiveIntegerField(null=True, help_text="seconds; 0: for ever")

    class Meta:
        ordering = ["pk"]
        verbose_name = "DHCP host status"
        verbose_name_plural = "DHCP host statuses"

    def __str__(self) -> str:
        return str(self.spec())

    spec = DHCPHost.spec

    @classmethod
    def of(cls, network: Network, host: HostSpec) -> "DHCPHostStatus":
        return cls(network=network, place=place_of(ip_address(host.ip)), **asdict(host))


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
    document = models.TextField(blank=True, help_text="the definition as found, live if it is active")
    stored = models.TextField(blank=True, help_text="the stored definition of an active network, if it differs")
    ignored = models.TextField(blank=True, help_text="what this libvirt does not keep of the wish, a line each")
    cut = models.JSONField(default=list, help_text="NICs off the wire: UUID and name of the VM, and MAC")
    compared = models.PositiveIntegerField(default=0, help_text="the wish's generation that drift was computed for")
    leases_print = models.CharField(max_length=32, blank=True, help_text="fingerprint of the leases as last read")

    class Meta:
        verbose_name_plural = "network statuses"

    def __str__(self) -> str:
        return f"{self.wish}: {'active' if self.active else 'inactive'}"

    @property
    def spec(self) -> NetworkSpec | None:
        return parse(self.document) if self.document else None

    @property
    def definition(self) -> str:
        """The stored definition: what the network is after its next start."""
        return self.stored or self.document

    @property
    def connections(self) -> int:
        """How many NICs of running VMs libvirt counts on it; those that hang in the air are not among them."""
        return int(read(self.document).get("connections", 0)) if self.document and self.active else 0

    @property
    def ignored_fields(self) -> list[str]:
        return [line.partition(":")[0].removesuffix(" is missing") for line in self.ignored.splitlines()]


class Revision(models.Model):
    """A wish as it was from `at` on: the whole document with host entries, who changed it, and what came of it."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="revisions")
    generation = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    what = models.CharField(max_length=200)
    document = models.TextField()
    active = models.BooleanField(default=True)
    autostart = models.BooleanField(default=True)
    plan = models.JSONField(default=list, help_text="the steps that were done, in words")
    result = models.TextField(blank=True, help_text="done, or why not; empty while it is under way")
    seconds = models.FloatField(null=True, help_text="how long carrying it out took")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.network}: {self.what}"

    def get_absolute_url(self) -> str:
        return reverse("networks:revision", args=[self.network.hypervisor.name, self.network.name, self.pk])

    @cached_property
    def previous(self) -> "Revision | None":
        return self.network.revisions.filter(pk__lt=self.pk).first()

    @cached_property
    def changes(self) -> tuple[Difference, ...]:
        """What it changed, field by field; all of it where it is the first."""
        before = self.previous
        bare = build(NetworkSpec(name=self.network.name, uuid=self.network.uuid_text))
        found = differences(self.document, before.document if before else bare)
        flags = (("Active", "active"), ("Starts with the host", "autostart"))
        more = (
            Difference(field=title, wanted=_yes(getattr(self, name)), found=_yes(getattr(before, name)), listed=False)
            for title, name in flags
            if before and getattr(self, name) != getattr(before, name)
        )
        return (*found, *more)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


class DNSAnswers(models.Model):
    """What a network's own dnsmasq answers for the names that it serves, where the worker can reach it."""

    network = models.OneToOneField(Network, on_delete=models.CASCADE, related_name="dns_answers")
    answers = models.JSONField(default=dict, help_text="each name's addresses")
    asked_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="when it is asked again; empty: now, for names have changed")
    error = models.TextField(blank=True, help_text="why it could not be asked")

    class Meta:
        verbose_name_plural = "DNS answers"

    def __str__(self) -> str:
        return f"{self.network}: {self.error or f'{len(self.answers)} names'}"


class LeaseQuerySet(models.QuerySet):
    def current(self) -> Self:
        """Those that hold now; the others are history."""
        return self.filter(last_seen=None)

    def between(self, start: datetime, end: datetime) -> Self:
        """Those that held at any moment from start to end, as far as anybody looked."""
        return self.filter(models.Q(last_seen=None) | models.Q(last_seen__gte=start), first_seen__lte=end)

    def end(self, at: datetime | None = None) -> int:
        """Write down that they hold no longer: last seen `at`, yet neither before they began nor after now."""
        now = timezone.now()
        return self.current().update(last_seen=Greatest("first_seen", min(at or now, now)), release_asked_at=None)


class Lease(models.Model):
    """Who has or had an address when: a DHCP lease of the network's dnsmasq, from its first sight to its last.

    It outlives its network. Renewing changes `expires_at` alone; another MAC, host name or VM makes a new one. libvirt
    gives a MAC for IPv6 leases too. Workers alone write it, but for `release_asked_at`, which is a wish.
    """

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="leases")
    network = models.ForeignKey(Network, null=True, on_delete=models.SET_NULL, related_name="leases")
    network_name = models.CharField(max_length=255)
    mac = models.CharField("MAC", max_length=17, db_index=True)
    ip = models.GenericIPAddressField("IP")
    place = models.CharField(max_length=33, db_index=True, help_text="the IP in hexadecimal, behind its version")
    hostname = models.CharField(max_length=255, blank=True)
    client_id = models.TextField("client ID", blank=True)
    vm = models.CharField("VM", max_length=255, blank=True, help_text="the VMs that had the MAC, by name")
    words = models.CharField(max_length=530, help_text="what it is found by: host name, VM, MAC without colons")
    expires_at = models.DateTimeField(null=True)
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(null=True, help_text="empty: it holds now")
    release_asked_at = models.DateTimeField(null=True, help_text="when somebody asked that it be released")
    release_problem = models.TextField(blank=True, help_text="why it could not be released")

    objects = LeaseQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["network", "mac", "ip"], condition=models.Q(last_seen=None), name="lease_once_a_network"
            )
        ]
        # So that a search through all history reads the index alone.
        indexes = [models.Index(fields=["last_seen", "words"], name="lease_words")]

    def __str__(self) -> str:
        return f"{self.ip} {self.mac}"

    @classmethod
    def of(cls, network: Network, mac: str, ip: str, **values: object) -> "Lease":
        """One that begins now, not saved yet."""
        where = {"hypervisor_id": network.hypervisor_id, "network": network, "network_name": network.name}
        lease = cls(mac=mac, ip=ip, place=place_of(ip_address(ip)), **where, **values)
        lease.name_words()
        return lease

    def name_words(self) -> None:
        """Make it found by the names that it has now."""
        self.words = f"{self.hostname} {self.vm} {self.mac.replace(':', '')}".lower()


def place_of(address: IPv4Address | IPv6Address) -> str:
    """An address as text that sorts and ranges as addresses do, IPv4 before IPv6: 40affff0cf, 6fd00…"""
    return f"{address.version}{address.packed.hex()}"
