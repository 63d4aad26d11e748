"""What was seen of VMs: by libvirt, by their guests, and by the portal itself."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

from networks.models import Network
from virterweb.hypervisors.models import Claimable, Hypervisor
from virterweb.hypervisors.reconcile import Status

from ..attached import Source
from ..guest_seen import CloudInit
from .wishes import VM, Power, SSHState


class VMStatus(Status):
    """What libvirt has of a VM."""

    wish = models.OneToOneField(VM, on_delete=models.CASCADE, related_name="status")
    present = models.BooleanField(default=False, help_text="libvirt has it")
    power = models.CharField(max_length=10, choices=Power, default=Power.OFF)
    memory = models.PositiveIntegerField(default=0, help_text="MiB")
    vcpus = models.PositiveIntegerField("vCPUs", default=0)
    disks = models.JSONField(default=list, help_text="target, bus, device, format and source of each")
    document = models.TextField(blank=True, help_text="the definition as found")
    compared = models.PositiveIntegerField(default=0, help_text="the wish's generation that drift was computed for")
    power_done = models.PositiveIntegerField(default=0, help_text="the wish's power_generation that was carried out")
    seed = models.CharField(max_length=64, blank=True, help_text="what its ISO was written with, as a digest")
    shut_down_at = models.DateTimeField(null=True, help_text="when the guest was asked to shut down")

    class Meta:
        verbose_name = "VM status"
        verbose_name_plural = "VM statuses"

    def __str__(self) -> str:
        return f"{self.wish}: {self.power}"

    @property
    def hint(self) -> str:
        return super().hint or self.wish.ssh_reason


class NICStatus(models.Model):
    """A NIC that a domain was seen to have, live or, of a VM that is off, stored."""

    vm = models.ForeignKey(VMStatus, on_delete=models.CASCADE, related_name="nics")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    source = models.CharField(max_length=255, blank=True)
    network = models.ForeignKey(Network, null=True, on_delete=models.SET_NULL, related_name="nics")
    port_group = models.CharField(max_length=255, blank=True)
    model = models.CharField(max_length=50, blank=True)
    mac = models.CharField("MAC", max_length=17)
    target = models.CharField("host device", max_length=20, blank=True)
    link = models.CharField(max_length=10, default="up")

    class Meta:
        ordering = ["vm", "position"]
        verbose_name = "NIC status"
        verbose_name_plural = "NIC statuses"
        indexes = [models.Index(fields=["mac"])]

    def __str__(self) -> str:
        return f"{self.mac} on {self.source}"


class NICAddress(models.Model):
    """An address that a running VM's NIC was seen to have beside its leases; written by `vms.addresses` only."""

    vm = models.ForeignKey(VMStatus, on_delete=models.CASCADE, related_name="addresses")
    mac = models.CharField("MAC", max_length=17)
    ip = models.GenericIPAddressField("IP")
    source = models.CharField(max_length=5, choices=[(source.value, source.label) for source in Source])
    seen_at = models.DateTimeField(default=timezone.now, help_text="when it was first seen")

    class Meta:
        ordering = ["vm", "mac", "source", "ip"]
        verbose_name = "NIC address"
        verbose_name_plural = "NIC addresses"
        constraints = [
            models.UniqueConstraint(fields=["vm", "mac", "ip", "source"], name="nic_address_once_a_source"),
        ]

    def __str__(self) -> str:
        return f"{self.ip} of {self.mac}: {self.get_source_display()}"


class NICTraffic(models.Model):
    """What went through a running VM's NIC, seen from the guest; written by `vms.traffic` only."""

    vm = models.ForeignKey(VMStatus, on_delete=models.CASCADE, related_name="traffic")
    mac = models.CharField("MAC", max_length=17)
    at = models.DateTimeField(help_text="when the counters were read")
    counters = models.JSONField(default=dict, help_text="bytes, packets, errors and drops, received and sent")
    samples = models.JSONField(default=list, help_text="pairs of received and sent bytes a second, the latest last")

    class Meta:
        ordering = ["vm", "mac"]
        verbose_name = "NIC traffic"
        verbose_name_plural = "NIC traffic"
        constraints = [models.UniqueConstraint(fields=["vm", "mac"], name="nic_traffic_once_a_nic")]

    def __str__(self) -> str:
        return f"{self.mac}: {self.at}"


class GuestReport(models.Model):
    """What a guest told of itself in this run of its VM; goes with the run. Written by `vms.guest_report` only."""

    vm = models.OneToOneField(VMStatus, on_delete=models.CASCADE, related_name="guest_report")
    run = models.CharField(max_length=20, help_text="what tells this run of the domain from its next")
    since = models.DateTimeField(help_text="when it was first seen to run")
    nics = models.JSONField(default=dict, help_text="by MAC when it was plugged in; empty: at the start")
    agent = models.BooleanField(null=True, help_text="its agent answers; empty: there is no channel for one")
    asked_at = models.DateTimeField(null=True, help_text="when it was last asked about itself")
    refused = models.TextField(blank=True, help_text="why it does not tell, as the end of a sentence")
    cloud_init = models.CharField("cloud-init", max_length=20, blank=True, help_text="what it came to")
    errors = models.TextField(blank=True, help_text="cloud-init’s own words")
    interfaces = models.JSONField(default=dict, help_text="by MAC: name, up, families that a client asks for")

    class Meta:
        verbose_name = "guest report"

    def __str__(self) -> str:
        return f"guest of {self.vm.wish}: cloud-init {self.cloud_init or 'unknown'}"

    @property
    def outcome(self) -> CloudInit | None:
        return CloudInit(self.cloud_init) if self.cloud_init else None


class ConsoleLog(models.Model):
    """What a VM's console said; stays for a time when the VM is gone. Written by `vms.console` only."""

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="console_logs")
    vm = models.OneToOneField(VM, null=True, on_delete=models.SET_NULL, related_name="console")
    name = models.CharField(max_length=255, help_text="the VM's")
    text = models.TextField(blank=True, help_text="the end of it, if it is long")
    size = models.PositiveBigIntegerField(default=0, help_text="bytes of the file that were read")
    read_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(default=timezone.now, help_text="when it is read again")
    wanted_until = models.DateTimeField(null=True, help_text="somebody looks at it")
    gone_at = models.DateTimeField(null=True, help_text="when the VM was removed")
    problem = models.TextField(blank=True, help_text="why it cannot be read")

    class Meta:
        ordering = ["name", "-pk"]
        indexes = [models.Index(fields=["hypervisor", "name"])]

    def __str__(self) -> str:
        return f"console of {self.name}"


class SSHCheck(models.Model):
    """Whether a VM that is waited for can be logged in to by SSH; written by `vms.ssh` only."""

    LIMIT = timedelta(seconds=300)  # as long as Virter waits

    vm = models.OneToOneField(VM, on_delete=models.CASCADE, related_name="ssh_check")
    since = models.DateTimeField(default=timezone.now, help_text="when the VM was started")
    ready_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, help_text="why not yet, in a sentence")
    next_at = models.DateTimeField(default=timezone.now, help_text="when it is tried again")

    class Meta:
        verbose_name = "SSH check"

    def __str__(self) -> str:
        return f"SSH of {self.vm}: {self.reason or 'ready'}"

    @property
    def state(self) -> SSHState | None:
        """None once it is ready. Who was never tried, because no worker ran, is still waited for."""
        if self.ready_at:
            return None
        late = self.reason and timezone.now() >= self.since + self.LIMIT
        return SSHState.GIVEN_UP if late else SSHState.WAITING


class GuestRun(Claimable):
    """That a running guest is to set up its network anew, and what it said; written by `vms.configure` only."""

    vm = models.OneToOneField(VM, on_delete=models.CASCADE, related_name="guest_run")
    asked_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)
    code = models.IntegerField(null=True, help_text="of the script in the guest; empty: it did not run")
    output = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"network of {self.vm}: {'asked for' if self.done_at is None else self.code}"


class AddressRound(models.Model):
    """When a hypervisor's guests are next asked for addresses: moved on by who asks, which is their claim."""

    hypervisor = models.OneToOneField(Hypervisor, on_delete=models.CASCADE, related_name="address_round")
    next_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.hypervisor}: {self.next_at}"
