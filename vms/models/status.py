"""The observed state of VMs: from libvirt, from their guests, and from the portal itself."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from networks.models import Network
from virterweb.hypervisors.claims.due import Due
from virterweb.hypervisors.desired.drift import decoded
from virterweb.hypervisors.desired.models import Status, attention_indexes
from virterweb.hypervisors.models import Hypervisor
from virterweb.message_field import MessageField
from virterweb.messages import Message
from virterweb.people.models import Team
from vms.definition import wording
from vms.definition.nics.spec import key_of
from vms.observed.addresses import Source
from vms.observed.guest_seen import CloudInit

from .nic import NICQuerySet
from .power import SSH_TIMEOUT, UNTRIED, Interruption, Power, PowerReason, SSHState
from .vm import VM


class VMStatus(Status):
    """The observed state of a VM in libvirt."""

    desired = models.OneToOneField(VM, verbose_name="VM", on_delete=models.CASCADE, related_name="status")
    present = models.BooleanField("exists in libvirt", default=False, help_text="libvirt has the object")
    power = models.CharField("power state", max_length=10, choices=Power, default=Power.OFF)
    power_reason = models.CharField(
        "reason of the power state", max_length=20, blank=True, choices=PowerReason, help_text="why it is paused"
    )
    interrupted = models.CharField(max_length=8, blank=True, choices=Interruption, help_text="why it stopped running")
    interrupted_at = models.DateTimeField(
        null=True,
        help_text="when a poll found that it had stopped, or that its guest had shut down without a request",
    )
    interrupted_power = models.PositiveIntegerField(
        default=0, help_text="the power_generation at that time: a later request ends the interruption"
    )
    saved = models.BooleanField("memory saved", default=False, help_text="it is off, and its memory is saved")
    autostart = models.BooleanField(default=False, help_text="libvirt starts it with the host")
    memory = models.PositiveBigIntegerField(default=0, help_text="MiB")
    vcpus = models.PositiveBigIntegerField("vCPUs", default=0)
    disks = models.JSONField(default=list, help_text="target, bus, device, format and source of each")
    persistent = models.BooleanField(default=True, help_text="False: libvirt deletes it when it stops")
    document = models.TextField(
        "definition", blank=True, help_text="the definition found in libvirt, the running one if it runs"
    )
    stored = models.TextField(
        "stored definition",
        blank=True,
        help_text="the stored definition of a running VM, or the last one of a VM that is gone",
    )
    fingerprint = models.CharField(blank=True, help_text="digest of what libvirt had when it was last recorded")
    compared = models.PositiveIntegerField(
        "compared generation", default=0, help_text="the generation that drift was computed for"
    )
    power_done = models.PositiveIntegerField(
        "applied power generation", default=0, help_text="the power_generation that was applied"
    )
    seed = models.CharField("ISO digest", max_length=64, blank=True, help_text="digest of the contents of its ISO")
    agent_due_at = models.DateTimeField("agent queried next at", null=True, help_text="when a slow agent is asked next")
    shut_down_at = models.DateTimeField(
        "shutdown requested at", null=True, help_text="when the guest was asked to shut down"
    )

    class Meta:
        verbose_name = "VM status"
        verbose_name_plural = "VM statuses"
        indexes = [
            *attention_indexes("vm"),
            models.Index(fields=["desired"], condition=~models.Q(interrupted=""), name="vm_interrupted"),
        ]

    def __str__(self) -> str:
        return f"{self.desired}: {self.power}"

    @property
    def drifts(self) -> list[str]:
        return [wording.drift(code) for code in decoded(self.drift)]

    @property
    def differences(self) -> list[dict[str, str]]:
        """Return the differences between libvirt and the saved definition; none in an old stored format."""
        codes = decoded(self.drift)
        if any("text" in code for code in codes):
            return []
        sides = ("saved", "stored", "running")
        return [
            {"title": wording.drift_title(code), **{side: wording.drift_side(code, side) for side in sides}}
            for code in codes
        ]

    @property
    def hint(self) -> Message | str:
        reason = self.power_reason and self.get_power_reason_display()
        return super().hint or reason or self.desired.ssh_reason

    @property
    def short_reason(self) -> str:
        """Return why it is paused, in a word or two; "" if the state says it."""
        return PowerReason(self.power_reason).short if self.present and self.power_reason else ""

    @property
    def running(self) -> bool:
        """Return whether libvirt has the VM and it is not off, so that it may differ from its stored definition."""
        return self.present and self.power != Power.OFF

    @property
    def definition(self) -> str:
        """Return the document of the next start; of a transient VM the running one, of a deleted one the last."""
        return self.stored or self.document

    @property
    def transient(self) -> bool:
        return self.present and not self.persistent


class NICStatus(models.Model):
    """A NIC that a domain was found to have: live, or stored if the VM is off."""

    vm = models.ForeignKey(VMStatus, verbose_name="VM", on_delete=models.CASCADE, related_name="nics")
    position = models.PositiveIntegerField()
    kind = models.CharField("type")
    source = models.CharField(blank=True)
    network = models.ForeignKey(Network, null=True, on_delete=models.SET_NULL, related_name="nics")
    port_group = models.CharField(blank=True)
    model = models.CharField(blank=True)
    mac = models.CharField("MAC", max_length=17)
    place = models.CharField(
        "PCI address or alias", blank=True, help_text="PCI address or alias, if another NIC has this MAC"
    )
    target = models.CharField("host device", blank=True)
    link = models.CharField(default="up")

    objects = NICQuerySet.as_manager()

    class Meta:
        ordering = ["vm", "position"]
        verbose_name = "NIC status"
        verbose_name_plural = "NIC statuses"
        indexes = [models.Index(fields=["mac"])]

    def __str__(self) -> str:
        return f"{self.mac} on {self.source}"

    @property
    def key(self) -> str:
        """Return the key that identifies the NIC in its VM."""
        return key_of(self.mac, self.place)


class NICAddress(models.Model):
    """An address of a running VM's NIC, from sources other than leases. Written only by `vms.agents.sync`."""

    vm = models.ForeignKey(VMStatus, verbose_name="VM", on_delete=models.CASCADE, related_name="addresses")
    mac = models.CharField("MAC", max_length=17)
    ip = models.GenericIPAddressField("IP")
    source = models.CharField(max_length=5, choices=[(source.value, source.label) for source in Source])
    seen_at = models.DateTimeField("first seen at", default=timezone.now, help_text="when it was first seen")
    as_of = models.DateTimeField(
        "unreadable since", null=True, help_text="since when its source cannot be read; empty: it can be read"
    )

    class Meta:
        ordering = ["vm", "mac", "source", "ip"]
        verbose_name = "NIC address"
        verbose_name_plural = "NIC addresses"
        constraints = [
            models.UniqueConstraint(fields=["vm", "mac", "ip", "source"], name="nic_address_once_a_source"),
        ]

    def __str__(self) -> str:
        return f"{self.ip} of {self.mac}: {self.get_source_display()}"


class GuestReport(models.Model):
    """What the guest agent reported in the VM's current run. Written only by `vms.guests.report`."""

    vm = models.OneToOneField(VMStatus, verbose_name="VM", on_delete=models.CASCADE, related_name="guest_report")
    run = models.CharField("run number", help_text="identifies this run of the domain")
    since = models.DateTimeField("started at", help_text="when the run was first observed")
    nics = models.JSONField(
        "NICs plugged in at", default=dict, help_text="when each MAC was plugged in; empty: at the start"
    )
    agent = models.BooleanField(
        "agent answers", null=True, help_text="its agent answers; empty: it has no agent channel"
    )
    asked_at = models.DateTimeField("queried at", null=True, help_text="when the guest was last asked about itself")
    refused = models.TextField("agent refusal", blank=True, help_text="why the agent gives no answer, as a code")
    cloud_init = models.CharField("cloud-init", blank=True, help_text="status of cloud-init")
    errors = models.TextField(blank=True, help_text="error messages of cloud-init")
    interfaces = models.JSONField(
        default=dict, help_text="by MAC: name, whether it is up, families that a DHCP client requests"
    )

    class Meta:
        verbose_name = "guest report"

    def __str__(self) -> str:
        return f"guest of {self.vm.desired}: cloud-init {self.cloud_init or 'unknown'}"

    @property
    def outcome(self) -> CloudInit | None:
        return CloudInit(self.cloud_init) if self.cloud_init else None


class ConsoleLog(Due):
    """The console output of a VM; kept for a time after the VM is gone. Written only by `vms.console.sync`."""

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="console_logs")
    vm = models.OneToOneField(VM, verbose_name="VM", null=True, on_delete=models.SET_NULL, related_name="console")
    name = models.CharField(help_text="name of the VM")
    text = models.TextField(blank=True, help_text="the last part, if it is long")
    size = models.PositiveBigIntegerField("bytes read", default=0, help_text="bytes of the file that have been read")
    read_at = models.DateTimeField(null=True)
    wanted_until = models.DateTimeField("shown on a page until", null=True, help_text="a page that shows it is open")
    gone_at = models.DateTimeField("deleted at", null=True, help_text="when the VM was deleted")
    team = models.ForeignKey(
        Team, null=True, on_delete=models.SET_NULL, related_name="+", help_text="that the deleted VM belonged to"
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", help_text="of the deleted VM"
    )
    problem = MessageField(blank=True, help_text="why it cannot be read")

    class Meta:
        ordering = ["name", "-pk"]
        indexes = [models.Index(fields=["hypervisor", "name"])]

    def __str__(self) -> str:
        return f"console of {self.name}"


class SSHCheck(Due):
    """The check whether SSH to a VM works. Written only by `vms.guests.ssh`."""

    vm = models.OneToOneField(VM, verbose_name="VM", on_delete=models.CASCADE, related_name="ssh_check")
    since = models.DateTimeField("started at", default=timezone.now, help_text="when the VM was started")
    ready_at = models.DateTimeField(null=True)
    reason = MessageField(blank=True, help_text="why it is not ready yet")

    class Meta:
        verbose_name = "SSH check"

    def __str__(self) -> str:
        return f"SSH of {self.vm}: {self.reason or 'ready'}"

    @property
    def state(self) -> SSHState | None:
        """Return what is known of SSH; None once it works.

        A VM that was never tried counts as WAITING, one that could not be tried in time as UNKNOWN.
        """
        if self.ready_at:
            return None
        if not self.reason or timezone.now() < self.since + SSH_TIMEOUT:
            return SSHState.WAITING
        return SSHState.UNKNOWN if self.reason.code in UNTRIED else SSHState.GIVEN_UP


class GuestRun(Due):
    """A request to configure a running guest's network again, and its output.

    Written only by `vms.guests.configure`.
    """

    vm = models.OneToOneField(VM, verbose_name="VM", on_delete=models.CASCADE, related_name="guest_run")
    asked_at = models.DateTimeField("requested at", default=timezone.now)
    done_at = models.DateTimeField("finished at", null=True)
    code = models.IntegerField(
        "exit code", null=True, help_text="exit code of the script in the guest; empty: it did not run"
    )
    reason = MessageField(blank=True, help_text="why it did not run, or did not have to")
    output = models.TextField(blank=True, help_text="of the script in the guest")

    class Meta:
        verbose_name = "guest network configuration run"

    def __str__(self) -> str:
        return f"network of {self.vm}: {'asked for' if self.done_at is None else self.code}"


class AddressRound(Due):
    """The time of the next query of a hypervisor's guests for addresses."""

    hypervisor = models.OneToOneField(Hypervisor, on_delete=models.CASCADE, related_name="address_round")

    class Meta:
        verbose_name = "address poll"

    def __str__(self) -> str:
        return f"{self.hypervisor}: {self.due_at}"
