"""The hypervisors that the portal knows, with Virter's settings for each, and their last readings."""

from datetime import datetime, timedelta
from functools import cache
from typing import Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, Exists, F, Prefetch, Q, Value, When

from virterweb.hypervisors.claims.clock import Now, database_time
from virterweb.hypervisors.claims.due import Due
from virterweb.hypervisors.uris import validate_ssh_host, validate_uri
from virterweb.message_field import MessageField
from virterweb.pages.name_field import NamedQuerySet, SkeletonField

OPERATE = "hypervisors.operate"  # the permission “Can operate hypervisors”: all of them
WATCHED_FOR = timedelta(seconds=15)  # how long after its last request a page counts as open
RECORDED_FOR = WATCHED_FOR / 3  # an open page records it again only after that
LATE_AFTER = timedelta(seconds=30)  # how late a poll may be
MIN_UPTIME = 900.0  # seconds that a host has been up when it is suspended
MAX_UNSEEN = 90.0  # seconds that a suspended host has run since the last poll, before and after its suspension


def with_hypervisor() -> Prefetch:
    """Return a prefetch of the hypervisor with its status: one object for all rows of a list."""
    return Prefetch("hypervisor", Hypervisor.objects.select_related("status").defer(*OF_HOST))


OF_HOST = ("status__nic_models", "status__devices", "status__routes")  # large facts, which few pages need


class Condition(models.TextChoices):
    """Whether what is shown of a hypervisor is up to date. In the order of their codes, the worst come first."""

    FAILED = "failed", "cannot be polled"
    LATE = "late", "not polled recently"
    UNPOLLED = "not-polled", "not polled yet"
    CURRENT = "up-to-date", "up to date"


@cache
def not_current() -> dict[Condition, Q]:
    """Return the queries of hypervisors in each condition except CURRENT. They exclude each other."""
    is_read = Q(status__error="")
    return {
        Condition.FAILED: ~is_read,
        Condition.UNPOLLED: is_read & Q(status__observed_at=None),
        Condition.LATE: is_read & Q(status__observed_at__isnull=False) & HypervisorStatus.is_late("status__"),
    }


class HypervisorQuerySet(NamedQuerySet):
    def with_condition(self) -> Self:
        """Add the column `condition`, a `Condition`."""
        cases = (When(having, then=Value(condition)) for condition, having in not_current().items())
        return self.annotate(condition=Case(*cases, default=Value(Condition.CURRENT), output_field=models.CharField()))

    def in_lists(self) -> Self:
        """Add the status, without what only some pages show."""
        return self.select_related("status").defer(*OF_HOST)

    def preselected(self) -> "Hypervisor | None":
        """Return the default for forms: the first reachable hypervisor, otherwise the first one."""
        known = self.select_related("status")
        return known.filter(status__error="").exclude(status__observed_at=None).first() or known.first()

    def due(self) -> Self:
        """Return the hypervisors to poll, the most urgent first: those with a request, then the longest overdue."""
        when = F("status__due_at").asc(nulls_first=True)
        return self.filter(HypervisorStatus.is_due("status__")).order_by(when)

    def unless_more_than(self, number: int) -> Self:
        """Return these hypervisors, or none if there are more of any kind."""
        return self.filter(~Exists(Hypervisor.objects.order_by()[number : number + 1]))

    def watch(self) -> bool:
        """Record that an open page shows these hypervisors, and have those polled that none has shown.

        Return whether anything was recorded: a page that stays open does it every few seconds.
        """
        watched = HypervisorStatus.is_watched()
        recorded = HypervisorStatus.is_watched(within=RECORDED_FOR)
        old = HypervisorStatus.objects.filter(hypervisor__in=self).filter(Q(watched_at=None) | ~recorded)
        return bool(
            old.update(
                watched_at=Now(), due_at=Case(When(~watched & Q(due_at__gt=Now()), then=Now()), default=F("due_at"))
            )
        )


class Hypervisor(models.Model):
    """One libvirt, by its URI. The settings are Virter's, with its names and defaults."""

    class DomainType(models.TextChoices):
        AUTO = "auto", "auto: KVM if it works, otherwise emulation"
        KVM = "kvm", "kvm"
        QEMU = "qemu", "qemu: emulation"

    class GuestNetwork(models.TextChoices):
        PORTAL = "portal", "Portal: each NIC as its network offers, or as configured"
        VIRTER = "virter", "Virter-compatible: DHCP on all NICs if all networks have it, otherwise only on the first"

        @classmethod
        def is_virter(cls, own: str, hypervisors: str) -> bool:
            """Return whether Virter's rule holds for a VM with its own setting, empty for that of its hypervisor."""
            return (own or hypervisors) == cls.VIRTER

    class AfterRestart(models.TextChoices):
        """What happens to the VMs that were running when the host restarted."""

        LEAVE_OFF = "leave off", "leave VMs off and list them on the overview"
        START = "start", "start the managed VMs that were running, in the order of their IDs"

    name = models.CharField(
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(r"^(?!(add|run|images)\Z)[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Letters, digits, dots and dashes.")
        ],
    )
    uri = models.CharField(
        "URI",
        max_length=500,
        validators=[validate_uri],
        help_text="For example qemu:///system, qemu+ssh://root@host/system, or qemu+unix:///system?socket=/path.",
    )
    ssh_host = models.CharField(
        "SSH host for users",
        max_length=500,
        blank=True,
        validators=[validate_ssh_host],
        help_text="Users reach guests on NAT and isolated networks through it, for example alice@lab.example.com:2222. "
        "Empty: the host of a URI with SSH. none: guests are reached directly.",
    )
    pool = models.CharField(
        max_length=100, default="default", help_text="The storage pool for images and volumes of VMs."
    )
    access_network = models.CharField(
        max_length=100, default="default", help_text="The network of the first NIC of every VM."
    )
    static_dhcp = models.BooleanField(
        "static DHCP",
        default=False,
        help_text="Running a VM never adds DHCP reservations: they must exist beforehand.",
    )
    dnsmasq_options = models.TextField(
        "dnsmasq options", blank=True, help_text="Added to every new network, one per line."
    )
    disk_cache = models.CharField(
        max_length=20,
        blank=True,
        help_text="The cache mode of disks, such as none or writeback. Empty: the default of libvirt.",
    )
    shutdown_timeout = models.PositiveIntegerField(
        "shutdown timeout in seconds", default=20, help_text="Then, a VM that is still shutting down is forced off."
    )
    ssh_keys = models.TextField("SSH keys", blank=True, help_text="Public keys for every VM, one per line.")
    domain_type = models.CharField(max_length=4, choices=DomainType, default=DomainType.AUTO)
    history_days = models.PositiveIntegerField(
        "lease history in days", default=90, help_text="How long ended leases are kept. 0: forever."
    )
    console_days = models.PositiveIntegerField(
        "console logs in days", default=7, help_text="How long the console log of a deleted VM is kept."
    )
    guest_network = models.CharField(
        "guest network configuration",
        max_length=6,
        choices=GuestNetwork,
        default=GuestNetwork.PORTAL,
        help_text="How guests configure their NICs, unless a VM has its own setting.",
    )
    after_restart = models.CharField(
        "after a host restart",
        max_length=9,
        choices=AfterRestart,
        default=AfterRestart.LEAVE_OFF,
        help_text="What happens to VMs that were running when the host restarted. VMs that were already off stay off.",
    )
    image_sources = models.TextField(
        "private sources of images", blank=True, help_text="Hosts without a public address, one per line."
    )
    skeleton = SkeletonField()

    objects = HypervisorQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        permissions = (("operate", "Can operate hypervisors"),)

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        super().save(*args, **kwargs)
        HypervisorStatus.objects.get_or_create(hypervisor=self)

    def request_poll(self) -> None:
        """Have a worker read everything now, volumes and leases included."""
        now = database_time()
        HypervisorStatus.objects.filter(hypervisor=self).update(due_at=None, asked_at=now, stale_at=now)


class HypervisorStatus(Due):
    """The last reading of a hypervisor."""

    hypervisor = models.OneToOneField(Hypervisor, on_delete=models.CASCADE, related_name="status")
    observed_at = models.DateTimeField("last polled at", null=True, help_text="end of the last complete poll")
    asked_at = models.DateTimeField("poll requested at", null=True, help_text="when a poll was last asked for")
    began_at = models.DateTimeField(
        "last poll began at", null=True, help_text="when the last poll began, successful or not"
    )
    stale_at = models.DateTimeField(
        "slow facts read next at", null=True, help_text="when slowly changing facts are read next"
    )
    volumes_read_at = models.DateTimeField(null=True, help_text="when the pool was last read")
    volumes_tried_at = models.DateTimeField(null=True, help_text="when reading the pool was last attempted")
    traffic_due_at = models.DateTimeField(
        "traffic read next at", null=True, help_text="when the counters of NICs are read next"
    )
    seeds_compared = models.CharField(
        "compared ISO digest",
        max_length=64,
        blank=True,
        help_text="digest of what the ISOs of guests were last compared with",
    )
    watched_at = models.DateTimeField("shown on a page at", null=True, help_text="when an open page last asked for it")
    seconds = models.FloatField("poll duration", default=0, help_text="how many seconds the last poll took")
    unreachable_since = models.DateTimeField(null=True)
    error = MessageField(blank=True)
    detail = models.TextField("libvirt error message", blank=True)
    uptime = models.FloatField(null=True, help_text="seconds since the host booted, at the last poll; empty: unknown")
    restarted_at = models.DateTimeField(
        "restart noticed at", null=True, help_text="when a poll last found that the host had restarted"
    )
    version = models.CharField("libvirt version", blank=True)
    host_name = models.CharField(blank=True, help_text="as libvirt reports it")
    memory = models.PositiveBigIntegerField(default=0, help_text="memory of the host in MiB")
    memory_used = models.PositiveBigIntegerField(
        null=True, help_text="memory of the host in MiB that is neither free nor a cache; empty: unknown"
    )
    cpus = models.PositiveBigIntegerField("CPUs", default=0, help_text="CPUs of the host; 0: unknown")
    nic_models = models.JSONField("NIC models", default=list, help_text="the models that its QEMU supports")
    archs = models.JSONField(
        "architectures", default=list, help_text="the architectures that it has emulators for, its own first"
    )
    kvm = models.BooleanField("KVM works", null=True, help_text="whether a KVM guest has run; empty: not tried yet")
    kvm_problem = MessageField("KVM problem", blank=True, help_text="why VMs are emulated after KVM was tried")
    kvm_tried_at = models.DateTimeField("KVM tried at", null=True, help_text="tried again after the host has booted")
    devices = models.JSONField(
        "network devices", null=True, help_text="the host's network devices without taps; empty: unknown"
    )
    routes = models.JSONField(default=list, help_text="blocks that the host routes, with their devices")
    addresses_checked_at = models.DateTimeField(null=True, help_text="when its addresses were last checked")
    address_problems = models.PositiveIntegerField(default=0, help_text="problems of addresses that were found then")
    worst_address_problem = models.PositiveSmallIntegerField(
        default=0, help_text="the category of the worst of them, 0 for the worst of all"
    )

    has_restarted = False  # whether the poll in progress found a restart of the host; set by `note_uptime`

    class Meta:
        verbose_name_plural = "hypervisor statuses"

    def __str__(self) -> str:
        return f"{self.hypervisor}: {self.error or 'reachable'}"

    @classmethod
    def is_watched(cls, path: str = "", within: timedelta = WATCHED_FOR) -> Q:
        """Return the condition that an open page shows the hypervisor, whose status is at `path`."""
        return Q(**{f"{path}watched_at__gt": Now() - within, f"{path}watched_at__lte": Now()})

    @classmethod
    def is_late(cls, path: str = "") -> Q:
        """Return the condition that the next poll is so late that the last reading cannot be shown as the present.

        The status is at `path`. The clock is that of the database, because the one of this machine may be wrong.
        """
        began, long_ago = f"{path}began_at", Now() - LATE_AFTER
        asked = Q(**{f"{path}asked_at__gt": F(began)}) | Q(**{f"{path}asked_at__isnull": False, began: None})
        requested = asked & Q(**{f"{path}asked_at__lt": long_ago})
        never = Q(**{f"{path}due_at": None, f"{path}observed_at__lt": long_ago}) & ~asked
        return Q(**{f"{path}due_at__lt": long_ago}) | requested | never

    def note_uptime(self, uptime: float | None, now: datetime) -> dict[str, object]:
        """Set the uptime of the host at the beginning of a poll; return the columns to record at the end of the poll.

        During the poll, `has_restarted` tells whether the host has restarted since the last poll.
        """
        before = self.uptime
        values: dict[str, object] = {"uptime": uptime}
        if uptime is not None and before is not None and self.observed_at:
            elapsed = max((now - self.observed_at).total_seconds(), 0)
            # Without a restart, the uptime is about `elapsed + before`; after one, it is less than `elapsed`.
            # The uptime stood still: the host was suspended. After a short uptime that may as well be a restart.
            went_on = before >= MIN_UPTIME and -1 <= uptime - before <= MAX_UNSEEN
            if uptime < elapsed + before / 2 and not went_on:
                values["restarted_at"], self.has_restarted = now, True
        for name, value in values.items():
            setattr(self, name, value)
        return values

    @property
    def acceleration(self) -> str:
        """Return the text about the acceleration of new VMs."""
        if self.hypervisor.domain_type != Hypervisor.DomainType.AUTO:
            return "KVM" if self.hypervisor.domain_type == Hypervisor.DomainType.KVM else "emulation"
        if self.kvm is None:
            return "KVM is tried when the first VM starts"
        return "KVM" if self.kvm else f"emulation: {self.kvm_problem or 'KVM does not work'}"

    def forget_routes(self, device: str) -> None:
        """Drop the routes of a bridge that is gone, so that its blocks are free before the next poll."""
        routes = [route for route in self.routes if route[1] != device]
        HypervisorStatus.objects.filter(pk=self.pk).update(routes=routes)
