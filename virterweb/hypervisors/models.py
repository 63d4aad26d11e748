"""The hypervisors that the portal knows, with Virter's settings for each, and what was last heard of them."""

from datetime import timedelta
from typing import Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Prefetch, Q
from django.utils import timezone

LONGEST_PAUSE = timedelta(minutes=10)  # nothing is put off for longer, unless the clock was put back


class Claimable(models.Model):
    """A row that one worker at a time works on: claimed by a conditional UPDATE that expires."""

    claimed_by = models.CharField(max_length=200, blank=True, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        abstract = True


def with_hypervisor() -> Prefetch:
    """Rows' hypervisor with its status: one object for all rows of a list, not one each."""
    return Prefetch("hypervisor", Hypervisor.objects.select_related("status"))


class HypervisorQuerySet(models.QuerySet):
    def due(self) -> Self:
        """Hypervisors to look at again: often, yet never more than about a tenth of the time.

        One whose next look is very far off is due as well: the clock has been put back.
        """
        now = timezone.now()
        return self.filter(
            Q(status__claimed_until=None) | Q(status__claimed_until__lt=now),
            Q(status__next_look=None) | Q(status__next_look__lte=now) | Q(status__next_look__gt=now + LONGEST_PAUSE),
        )


class Hypervisor(models.Model):
    """One libvirt, by its URI. The settings are Virter's, with its names and defaults."""

    class DomainType(models.TextChoices):
        AUTO = "auto", "auto: KVM where it works, else emulation"
        KVM = "kvm", "kvm"
        QEMU = "qemu", "qemu: emulation"

    class GuestNetwork(models.TextChoices):
        PORTAL = "portal", "each as its network offers, or as it is set"
        VIRTER = "virter", "as Virter: DHCP on all if all networks have it, else on the first alone"

    name = models.CharField(
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(r"^(?!(add|run|images)\Z)[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Letters, digits, dots and dashes.")
        ],
    )
    uri = models.CharField("URI", max_length=500, help_text="qemu:///system, qemu+ssh://root@host/system …")
    pool = models.CharField(max_length=100, default="default", help_text="storage pool for images and VM volumes")
    access_network = models.CharField(max_length=100, default="default", help_text="the first NIC of every VM")
    static_dhcp = models.BooleanField(
        "static DHCP", default=False, help_text="VM runs never touch DHCP host entries; they must exist beforehand"
    )
    dnsmasq_options = models.TextField(blank=True, help_text="given to every network that is made, a line each")
    disk_cache = models.CharField(max_length=20, blank=True, help_text="the disks' driver cache attribute")
    shutdown_timeout = models.PositiveIntegerField(
        default=20, help_text="seconds until a VM shutting down is destroyed"
    )
    ssh_keys = models.TextField("SSH keys", blank=True, help_text="public keys for every VM, a line each")
    domain_type = models.CharField(max_length=4, choices=DomainType, default=DomainType.AUTO)
    history_days = models.PositiveIntegerField(
        "lease history", default=90, help_text="days for which it is kept who had which address; 0: for ever"
    )

    console_days = models.PositiveIntegerField(
        "console logs", default=7, help_text="days for which the console log of a removed VM is kept"
    )

    guest_network = models.CharField(
        "guests’ NICs",
        max_length=6,
        choices=GuestNetwork,
        default=GuestNetwork.PORTAL,
        help_text="who decides what a guest does with its NICs, unless a VM is set otherwise",
    )

    objects = HypervisorQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        super().save(*args, **kwargs)
        HypervisorStatus.objects.get_or_create(hypervisor=self)

    def look_again(self) -> None:
        """Have a worker look at everything now: what it knows of volumes and leases is stale as well."""
        HypervisorStatus.objects.filter(hypervisor=self).update(next_look=None, stale_at=timezone.now())


class HypervisorStatus(Claimable):
    """What was last heard of a hypervisor."""

    hypervisor = models.OneToOneField(Hypervisor, on_delete=models.CASCADE, related_name="status")
    observed_at = models.DateTimeField(null=True, help_text="end of the last complete look")
    next_look = models.DateTimeField(null=True)
    stale_at = models.DateTimeField(null=True, help_text="what is read seldom is read again after this")
    seconds = models.FloatField(default=0, help_text="how long the last look took")
    unreachable_since = models.DateTimeField(null=True)
    error = models.TextField(blank=True)
    detail = models.TextField(blank=True)
    version = models.CharField(max_length=100, blank=True)
    memory = models.PositiveIntegerField(default=0, help_text="MiB of the host")
    nic_models = models.JSONField("NIC models", default=list, help_text="those that its QEMU has")
    kvm = models.BooleanField(null=True, help_text="whether a KVM guest was seen to run; empty: not tried yet")
    routes = models.JSONField(default=list, help_text="blocks that the host itself routes, with their device")

    class Meta:
        verbose_name_plural = "hypervisor statuses"

    def __str__(self) -> str:
        return f"{self.hypervisor}: {self.error or 'reachable'}"

    @property
    def stale(self) -> bool:
        """Whether all was read too long ago to be called the present."""
        return bool(self.observed_at and timezone.now() - self.observed_at > timedelta(seconds=30))

    def forget_routes(self, device: str) -> None:
        """A bridge has gone: its blocks are free now, not only after the next look."""
        routes = [route for route in self.routes if route[1] != device]
        HypervisorStatus.objects.filter(pk=self.pk).update(routes=routes)
