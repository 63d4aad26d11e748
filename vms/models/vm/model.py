"""The model of VMs: the desired configuration, names of volumes, and the state that pages show."""

import uuid
from collections.abc import Mapping

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.urls import reverse

from networks.definition import rules
from virterweb.activity.choices import Kind
from virterweb.hypervisors.desired.revisions import recorded
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.messages import Message
from virterweb.people.tags.tagged import Tagged
from vms.definition.disks import parse_device
from vms.definition.domain_diff import Aspect, SavedNIC, SavedVM
from vms.definition.events import OF_CONSOLES, OF_NICS, Event

from ..disk import WORK
from ..document import revision_values
from ..images import Image
from ..power import SSH_TIMEOUT, Power, SSHState
from ..power_verb import PowerVerb
from ..queryset import VMQuerySet
from .adoption import VMAdoption
from .disks import VMDisks
from .ends import VMEnds
from .links import VMLinks
from .nics import NICNetworks, VMNICs
from .power import VMPower
from .xml import VMXML

PORT = [MinValueValidator(1), MaxValueValidator(65535)]


class VM(VMNICs, VMLinks, VMAdoption, VMPower, VMDisks, VMXML, VMEnds, Tagged):
    """The desired configuration of a VM, or (managed=False) an unmanaged domain as it was found."""

    name = models.CharField(validators=[rules.validate_name, rules.validate_hostname])
    uuid = models.UUIDField("UUID", default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField("ID", null=True, blank=True, validators=[MinValueValidator(2)])
    image = models.ForeignKey(Image, null=True, blank=True, on_delete=models.SET_NULL, related_name="vms")
    memory = models.PositiveIntegerField(default=1024, validators=[MinValueValidator(1)], help_text="MiB")
    vcpus = models.PositiveIntegerField("vCPUs", default=1, validators=[MinValueValidator(1)])
    boot_size = models.PositiveIntegerField(
        default=10, help_text="GiB; the boot disk has this size or that of the image, whichever is larger"
    )
    ssh_keys = models.TextField("SSH keys", blank=True, help_text="public keys that may log in, one per line")
    ssh_user = models.CharField(
        "SSH user",
        max_length=32,
        default="root",
        validators=[RegexValidator(r"^[a-z_][a-z0-9_-]*\Z", "Enter a user name.")],
    )
    user_data = models.TextField(blank=True, help_text="further cloud-init user data: cloud-config or a script")
    vnc_port = models.PositiveIntegerField(
        "VNC port", null=True, blank=True, help_text="empty: the next free one", validators=PORT
    )
    vnc_bind = models.GenericIPAddressField("VNC bind IP", default="127.0.0.1")
    wait_ssh = models.BooleanField(
        "wait for SSH",
        default=False,
        help_text="the VM is ready when the portal can log in by SSH and cloud-init has finished",
    )
    console_log = models.BooleanField(
        "console log", default=True, help_text="the output of its console is kept in the pool and shown on its page"
    )
    console_dir = models.CharField(
        max_length=500,
        blank=True,
        help_text="folder on the host for the console's log, instead of the pool",
        validators=[RegexValidator(r"^(?!.*/\.\.(/|\Z))/[^\x00-\x1f]+\Z", "An absolute path.")],
    )
    guest_network = models.CharField(
        "guest’s NICs",
        max_length=6,
        blank=True,
        choices=Hypervisor.GuestNetwork,
        help_text="configuration mode; empty: as set on the hypervisor",
    )
    host_key = models.TextField(blank=True, editable=False, help_text="the guest's private SSH host key")
    host_key_public = models.TextField(blank=True, editable=False)
    running = models.BooleanField(default=True, editable=False, help_text="the power state that was requested last")
    power_verb = models.CharField(
        "requested change of power", max_length=9, choices=PowerVerb, default=PowerVerb.START, editable=False
    )
    may_be_lost = models.BooleanField(
        default=False, editable=False, help_text="the VM was transient when the stop was requested"
    )
    power_generation = models.PositiveIntegerField(
        default=0, editable=False, help_text="when the power state was requested"
    )
    autostart = models.BooleanField(
        null=True, editable=False, help_text="libvirt starts the VM with the host; empty: as libvirt has it"
    )
    arch = models.CharField("architecture", blank=True, editable=False, help_text="empty: that of the host")
    hardware = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="values that were set here, by field; else as libvirt has it",
    )
    copied_from = models.UUIDField(
        null=True, editable=False, help_text="UUID of the VM whose disks it gets copies of; empty: it has its own"
    )
    linked_to = models.TextField(blank=True, editable=False, help_text="snapshot that it is a linked clone of")
    copying = models.CharField(blank=True, editable=False, help_text="volume whose copy is not complete")
    saved_disks = models.JSONField(
        null=True,
        editable=False,
        help_text="the disks that the VM should have, as libvirt's <disk> by target; empty: as libvirt has them",
    )
    isolated = models.JSONField(
        default=list, blank=True, editable=False, help_text="keys of the NICs whose links were set down to isolate it"
    )
    asked = models.JSONField(
        default=list, blank=True, editable=False, help_text="aspects that are reverted to their saved values"
    )

    edited = models.TextField(
        blank=True, editable=False, help_text="a document that an operator has edited, until libvirt has it"
    )

    activity_kind = Kind.VM
    kinds_of_events = dict.fromkeys(OF_NICS, Kind.NIC) | dict.fromkeys(OF_CONSOLES, Kind.CONSOLE)
    push_task = "vms.tasks.push"

    objects = VMQuerySet.as_manager()

    class Meta:
        ordering = [Lower("name"), "pk"]
        verbose_name = "VM"
        constraints = [
            models.UniqueConstraint(fields=["hypervisor", "uuid"], name="vm_uuid_once_a_hypervisor"),
            models.UniqueConstraint(
                fields=["hypervisor", "name"], condition=models.Q(managed=True), name="vm_name_once_a_hypervisor"
            ),
            models.UniqueConstraint(
                fields=["hypervisor", "number"], condition=models.Q(managed=True), name="vm_id_once_a_hypervisor"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("vms:detail", args=[self.hypervisor.name, self.name])

    @property
    def uuid_text(self) -> str:
        return str(self.uuid)

    @property
    def reading_problems(self) -> QuerySet[ReadingProblem]:
        """Return what could not be read of the VM at the last poll; pages show older values for it."""
        return self.hypervisor.reading_problems.about(self.uuid_text, self.name, [ReadingProblem.Kind.NIC])

    @property
    def boot_volume(self) -> str:
        return f"{WORK}{self.name}"

    @property
    def seed_volume(self) -> str:
        """Return the name of the volume with the cloud-init ISO."""
        return f"{WORK}{self.name}-cidata"

    @property
    def console_volume(self) -> str:
        """Return the name of the volume that the console is logged to."""
        return f"{WORK}{self.name}-console"

    def volumes(self) -> list[tuple[str, str]]:
        """Return the volumes that belong to the VM, as pairs of a pool and Virter's name of the volume."""
        pool = self.hypervisor.pool
        own = [(pool, self.boot_volume), (pool, self.seed_volume)]
        if self.console_log and not self.console_dir:
            own.append((pool, self.console_volume))
        return [*own, *((disk.pool or pool, disk.volume) for disk in self.disks.all() if disk.made)]

    def used_pools(self) -> set[str]:
        return {pool for pool, _ in self.volumes()}

    @property
    def ssh_state(self) -> SSHState | None:
        """Return whether SSH to a running VM is waited for, given up or unknown; None if it works or is not needed."""
        if not (self.wait_ssh and self.managed and self.status.power == Power.RUNNING):
            return None
        return self.ssh_check.state if hasattr(self, "ssh_check") else SSHState.WAITING

    @property
    def ssh_reason(self) -> str:
        """Return a text about why SSH does not work yet; "" if it works or is not checked."""
        if (state := self.ssh_state) is None:
            return ""
        reason = (self.ssh_check.reason if hasattr(self, "ssh_check") else None) or Message("ssh.not_tried")
        if state == SSHState.WAITING:
            return str(reason)
        code = "ssh.unknown" if state == SSHState.UNKNOWN else "ssh.given_up"
        return str(Message(code, seconds=int(SSH_TIMEOUT.total_seconds()), reason=reason))

    @property
    def removable_by_name(self) -> bool:
        """Return whether the portal or Virter created the VM, so that volumes named after it belong to it."""
        return self.managed or bool(self.host_key_public) or self.number is not None

    @property
    def memory_shown(self) -> int:
        """Return the memory in MiB: as found, or as desired until the VM has been found."""
        return self.status.memory or self.memory

    @property
    def as_virter(self) -> bool:
        """Return whether the guest gets only the network configuration that Virter gives."""
        return Hypervisor.GuestNetwork.is_virter(self.guest_network, self.hypervisor.guest_network)

    def make_host_key(self) -> None:
        """Generate the guest's SSH host key, before the VM is created: a retry must not change its metadata."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.host_key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ).decode()
        self.host_key_public = (
            key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
        )

    def revision_values(self) -> dict[str, object]:
        """Return the saved definition as the columns of a revision."""
        nics = list(self.nics.filter(removed_at=None))
        return revision_values(self, nics, NICNetworks(self, tuple(nic.spec() for nic in nics)))

    def note_copying(self, volume: str) -> None:
        """Record which volume is being copied; "" if none is."""
        self.copying = volume
        VM.objects.filter(pk=self.pk).update(copying=volume)

    def persist(self, by: AbstractBaseUser | None = None) -> None:
        """Request that libvirt stores the definition."""
        with self.transition(managed=True), recorded(self, Event.PERSISTENT, by):
            self.refresh_from_db(fields=["asked"])
            self.asked = sorted({*self.asked, Aspect.PERSISTENCE})
            VM.objects.filter(pk=self.pk).update(asked=self.asked)
            self.ask_again()

    def resize(
        self, memory: int, vcpus: int, by: AbstractBaseUser | None = None, hardware: Mapping[str, object] | None = None
    ) -> None:
        """Request other memory, in MiB, vCPUs, and other hardware by the names of `definition.hardware`.

        A running VM gets more memory and vCPUs at once as far as its maximum allows, and the rest at its next start.
        """
        event = Event.HARDWARE_EDITED if hardware else Event.RESIZED
        with self.kept_limits(), self.transition(managed=True), recorded(self, event, by):
            self.refresh_from_db(fields=["memory", "vcpus", "hardware", "asked"])
            values: dict[str, object] = {"memory": memory, "vcpus": vcpus}
            changed = {name for name in (Aspect.MEMORY, Aspect.VCPUS) if getattr(self, name) != values[name]}
            if hardware:
                values["hardware"] = {**self.hardware, **hardware}
                changed.add(Aspect.HARDWARE)
            if self.status.made_at:  # otherwise it is created with these values
                values["asked"] = sorted({*self.asked, *changed})
            VM.objects.filter(pk=self.pk).update(**values)
            self.refresh_from_db(fields=list(values))
            self.ask_refused_nics_again()

    def remove(self, by: AbstractBaseUser | None = None, *, only_if_off: bool = False) -> None:
        """Request deletion; with `only_if_off`, a worker refuses it while the VM runs."""
        with transaction.atomic():
            self.lock()
            with recorded(self, Event.DELETED, by):
                super().remove(only_if_off=only_if_off)

    def decide_guest_network(self, rule: str, by: AbstractBaseUser | None = None) -> None:
        """Save who decides the network configuration of the guest; "": as the hypervisor is set."""
        with self.transition(managed=True), recorded(self, Event.GUEST_NETWORK, by):
            self.guest_network = rule
            self.save(update_fields=["guest_network"])

    @property
    def saved(self) -> SavedVM:
        """Return the saved definition in the form that is compared with libvirt."""
        nics, going = [], set()
        for nic in self.nics.all():
            if nic.removed_at:
                going.add(nic.key)
            else:
                nics.append(SavedNIC(key=nic.key, spec=nic.spec(), late=nic.at_shutdown))
        names = ("name", "memory", "vcpus", "autostart", "hardware")
        values = {name: getattr(self, name) for name in names}
        disks = self.saved_disks
        if disks is not None:
            disks = {target: parse_device(device) for target, device in disks.items()}
        return SavedVM(**values, disks=disks, nics=tuple(nics), going=frozenset(going))
