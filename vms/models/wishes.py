"""VMs that people want, with their NICs and disks."""

import uuid
from dataclasses import replace
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from lxml import etree

from networks import addressing, rules
from networks.models import Network
from networks.network_xml import PARSER
from virterweb.hypervisors.models import Hypervisor, with_hypervisor
from virterweb.hypervisors.reconcile import Desired, DesiredQuerySet, State

from .. import nic_plan, nic_xml
from ..guest_nic import GuestSpec
from ..nic_xml import FoundNIC, NICSpec
from .images import TAG, Image, Volume

WORK = "virter:work:"
VIRTIO = "virtio"  # the NIC model that is taken unless another is asked for
PORT = [MinValueValidator(1), MaxValueValidator(65535)]


class Power(models.TextChoices):
    """The states of a domain that the portal tells apart."""

    RUNNING = "running"
    PAUSED = "paused"
    OFF = "off"
    OTHER = "other", "changing"

    @property
    def icon(self) -> str:
        return {Power.RUNNING: "play-circle", Power.PAUSED: "pause-circle"}.get(self, "stop-circle")

    @property
    def tone(self) -> str:
        """The stylesheet's class for its colour."""
        return "ready" if self is Power.RUNNING else "quiet"

    @property
    def words(self) -> str:
        return self.label.lower()


class SSHState(models.TextChoices):
    """What a running VM that is waited for is instead of running, until it can be logged in to."""

    WAITING = "waiting", "waiting for SSH"
    GIVEN_UP = "given-up", "no SSH"

    @property
    def icon(self) -> str:
        return "clock" if self is SSHState.WAITING else "exclamation-circle"

    @property
    def words(self) -> str:
        """How a page says it."""
        return self.label

    @property
    def tone(self) -> str:
        """The stylesheet's class for its colour."""
        return "pending" if self is SSHState.WAITING else "failed"


class VMQuerySet(DesiredQuerySet):
    def shown(self) -> Self:
        """With what a row or page shows, in as many queries however many there are."""
        return self.select_related("status", "image", "ssh_check").prefetch_related(with_hypervisor())

    def matching(self, text: str) -> Self:
        """Those with the text in their name, image, or a NIC's MAC or network."""
        columns = ("name", "image__name", "status__nics__mac", "status__nics__source")
        text = text.replace("\0", "")
        wanted = models.Q()
        for column in columns:
            wanted |= models.Q(**{f"{column}__icontains": text})
        return self.filter(wanted).distinct() if text else self


class VM(Desired):
    """A VM somebody wants, or (managed=False) a domain that somebody else made."""

    name = models.CharField(max_length=255, validators=[rules.validate_name, rules.validate_hostname])
    uuid = models.UUIDField("UUID", default=uuid.uuid4, editable=False)
    number = models.PositiveIntegerField("ID", null=True, blank=True, validators=[MinValueValidator(2)])
    image = models.ForeignKey(Image, null=True, blank=True, on_delete=models.SET_NULL, related_name="vms")
    memory = models.PositiveIntegerField(default=1024, validators=[MinValueValidator(1)], help_text="MiB")
    vcpus = models.PositiveIntegerField("vCPUs", default=1, validators=[MinValueValidator(1)])
    boot_size = models.PositiveIntegerField(
        default=10, help_text="GiB; the boot disk is the larger of this and the image"
    )
    ssh_keys = models.TextField("SSH keys", blank=True, help_text="public keys that may log in, a line each")
    ssh_user = models.CharField(
        "SSH user",
        max_length=32,
        default="root",
        validators=[RegexValidator(r"^[a-z_][a-z0-9_-]*\Z", "A user’s name.")],
    )
    user_data = models.TextField(blank=True, help_text="further cloud-init user data: cloud-config or a script")
    vnc_port = models.PositiveIntegerField(
        "VNC port", null=True, blank=True, help_text="empty: the next free one", validators=PORT
    )
    vnc_bind = models.GenericIPAddressField("VNC bind IP", default="127.0.0.1")
    wait_ssh = models.BooleanField(
        "wait for SSH", default=False, help_text="ready means that its SSH lets the portal in and cloud-init is through"
    )
    console_log = models.BooleanField(
        "console log", default=True, help_text="what its console says is kept in the pool, and shown"
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
        help_text="who decides what the guest does with its NICs; empty: as the hypervisor is set",
    )
    host_key = models.TextField(blank=True, editable=False, help_text="the guest's private SSH host key")
    host_key_public = models.TextField(blank=True, editable=False)
    running = models.BooleanField(default=True, editable=False, help_text="what was asked for last")
    forced = models.BooleanField(default=False, editable=False, help_text="stop without asking the guest")
    power_generation = models.PositiveIntegerField(default=0, editable=False, help_text="when it was asked for")

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
    def boot_volume(self) -> str:
        return f"{WORK}{self.name}"

    @property
    def seed_volume(self) -> str:
        """The cloud-init ISO."""
        return f"{WORK}{self.name}-cidata"

    @property
    def console_volume(self) -> str:
        """What the console says, as a file in the pool."""
        return f"{WORK}{self.name}-console"

    def volumes(self) -> list[tuple[str, str]]:
        """All volumes that are this VM's own: their pools, and Virter's names for them."""
        pool = self.hypervisor.pool
        own = [(pool, self.boot_volume), (pool, self.seed_volume)]
        if self.console_log and not self.console_dir:
            own.append((pool, self.console_volume))
        return [*own, *((disk.pool or pool, disk.volume) for disk in self.disks.all())]

    @property
    def shown_state(self) -> State | Power | SSHState:
        """What is pending or wrong comes first, else its power; running is only who need not be waited for."""
        state = self.state
        if state not in (State.READY, State.UNMANAGED):
            return state
        return self.ssh_state or Power(self.status.power)

    @property
    def ssh_state(self) -> SSHState | None:
        """Whether it runs and is waited for, or was in vain; None if neither."""
        if not (self.wait_ssh and self.managed and self.status.power == Power.RUNNING):
            return None
        return self.ssh_check.state if hasattr(self, "ssh_check") else SSHState.WAITING

    @property
    def ssh_reason(self) -> str:
        """Why it cannot be logged in to yet, in words; "" if it can, or nobody waits for that."""
        if (state := self.ssh_state) is None:
            return ""
        reason = (self.ssh_check.reason if hasattr(self, "ssh_check") else "") or "it is about to be tried"
        if state == SSHState.WAITING:
            return reason
        return f"did not become reachable within {self.ssh_check.LIMIT.total_seconds():.0f} s: {reason}"

    @property
    def memory_shown(self) -> int:
        """MiB, as found, or as wanted before it is."""
        return self.status.memory or self.memory

    @property
    def as_virter(self) -> bool:
        """Whether its guest is told of its NICs what Virter tells, and nothing more."""
        return (self.guest_network or self.hypervisor.guest_network) == Hypervisor.GuestNetwork.VIRTER

    def make_host_key(self) -> None:
        """Choose the guest's SSH host key now: a retry must not change what is already in the metadata."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.host_key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ).decode()
        self.host_key_public = (
            key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
        )

    def ask_power(self, running: bool, forced: bool = False) -> None:
        """Wish it started, shut down, or (forced) stopped at once."""
        with transaction.atomic():
            self.ask_again()
            power = {"running": running, "forced": forced, "power_generation": self.generation}
            VM.objects.filter(pk=self.pk).update(**power)

    def add_nic(self, spec: NICSpec, guest: GuestSpec | None = None) -> "NIC":
        """Wish one more NIC; without a MAC one is chosen now, and kept."""
        with transaction.atomic():
            last = self.nics.aggregate(last=models.Max("position"))["last"]
            nic = NIC(vm=self, mac=spec.mac or free_mac(), position=0 if last is None else last + 1)
            nic.follow(replace(spec, mac=nic.mac))
            nic.guest = guest.stored if guest else {}
            nic.save()
            self.ask_again()
        return nic

    def change_nic(self, spec: NICSpec, at_shutdown: bool = False, guest: GuestSpec | None = None) -> None:
        """Wish a NIC to be otherwise; one that others attached becomes a wish by that.

        With at_shutdown the running guest's card is not unplugged for it: that waits for its next boot.
        """
        with transaction.atomic():
            nic = self._wished_nic(spec.mac)
            nic.follow(spec)
            nic.removed_at, nic.at_shutdown = None, at_shutdown
            nic.guest = nic.guest if guest is None else guest.stored
            nic.save()
            self.ask_again()

    def remove_nic(self, mac: str, at_shutdown: bool = False) -> None:
        """Wish a NIC away, ours or another's; with at_shutdown a running guest keeps it until it is shut down."""
        with transaction.atomic():
            nic = self._wished_nic(mac)
            nic.removed_at, nic.at_shutdown, nic.refused = timezone.now(), at_shutdown, ""
            nic.save()
            self.ask_again()

    def keep_nic(self, mac: str) -> None:
        """Take back that a NIC shall go."""
        with transaction.atomic():
            again = {"removed_at": None, "at_shutdown": False, "asked_at": timezone.now(), "refused": ""}
            if self.nics.filter(mac=mac).exclude(removed_at=None).update(**again):
                self.ask_again()

    def ask_nics_again(self) -> None:
        """Have all NICs made as they are wished once more, those that were refused too."""
        with transaction.atomic():
            self.nics.filter(removed_at=None).update(asked_at=timezone.now(), refused="")
            self.ask_again()

    def _wished_nic(self, mac: str) -> "NIC":
        """The wish of a NIC, a new one as it was seen if there is none."""
        if nic := self.nics.filter(mac=mac).first():
            return nic
        seen = self.status.nics.filter(mac=mac).first()
        if seen is None:
            raise self.status.nics.model.DoesNotExist(f"{self} has no NIC {mac}")
        return NIC(vm=self, mac=mac, position=seen.position, kind=seen.kind, source=seen.source, model=seen.model)

    def adopt(self, by: AbstractBaseUser | None = None) -> None:
        """Make what libvirt has the wish; nothing changes in libvirt. ValueError if one of ours has the name or ID."""
        others = VM.objects.on(self.hypervisor_id).filter(managed=True).exclude(pk=self.pk)
        if others.filter(name=self.name).exists():
            raise ValueError(f"The portal has another VM {self.name} on {self.hypervisor}")
        if self.number and (other := others.filter(number=self.number).first()):
            raise ValueError(f"The portal's VM {other} has the ID {self.number}")
        self.owner = self.owner or by
        self.follow_found()

    def follow_found(self) -> None:
        """Let the wish be what libvirt has."""
        status = self.status
        with transaction.atomic():
            self.managed, self.running = True, status.power != Power.OFF
            self.memory, self.vcpus = max(status.memory, 1), max(status.vcpus, 1)
            self.image = self.image or self._image_found()
            self.save()
            self.nics.filter(removed_at=None).delete()
            known = set(self.nics.values_list("mac", flat=True))  # they are going
            for position, found in enumerate(nic_xml.parse_domain(status.document)):
                if found.mac in known:
                    continue
                known.add(found.mac)
                nic = NIC(vm=self, mac=found.mac, position=position)
                nic.follow(self.own(found))
                nic.asked_at = None
                nic.save()
            self._follow_disks()
            status.write(made_at=timezone.now(), power_done=self.power_generation)

    def _follow_disks(self) -> None:
        """The further disks that are named after it are its own again."""
        volumes = {volume.name: volume for volume in Volume.objects.filter(hypervisor=self.hypervisor)}
        for disk in self.status.disks:
            pool, _, volume = disk["source"].partition("/")
            name = volume.removeprefix(f"{WORK}{self.name}-")
            if name in (volume, "cidata", "console") or volume not in volumes:
                continue
            place = {"pool": "" if pool == self.hypervisor.pool else pool, "bus": disk["bus"]}
            size = max(1, volumes[volume].capacity // 1024**2)
            self.disks.get_or_create(name=name, defaults={"size": size, "format": disk["format"], **place})

    def nic_as_wished(self, mac: str) -> tuple[NICSpec, FoundNIC | None]:
        """A NIC as it is wished, or as found where the wish says no more than its place; and as found.

        LookupError if there is none of that MAC.
        """
        nics = nic_xml.parse_domain(self.status.document) if self.status.document else ()
        found = next((nic for nic in nics if nic.mac == mac), None)
        wish = self.nics.filter(mac=mac, removed_at=None).first()
        if wish is None and found is None:
            raise LookupError(f"{self} has no NIC {mac}")
        plain = wish is None or not (wish.document or wish.asked_at)
        if found and plain and (wish is None or (wish.kind, wish.source) == (found.kind, found.source)):
            return self.own(found), found
        return wish.spec(), found

    def own(self, found: FoundNIC) -> NICSpec:
        """What a NIC of it was found to have of its own."""
        return nic_plan.own(found, self.network(found.spec) and self.network(found.spec).definition)

    def network(self, spec: NICSpec) -> Network | None:
        """The network that a NIC is on; None for another kind, or if there is none of that name."""
        if spec.kind != NIC.Kind.NETWORK:
            return None
        named = Network.objects.on(self.hypervisor_id).filter(name=spec.source).select_related("hypervisor", "status")
        return named.order_by("-managed").first()

    def _image_found(self) -> Image | None:
        """The image that the boot disk is an overlay of, or whose layer it shares."""
        boot = Volume.objects.filter(hypervisor=self.hypervisor, name=self.boot_volume).exclude(backing="").first()
        if boot is None:
            return None
        beneath = Volume.objects.filter(hypervisor=self.hypervisor).filter(
            models.Q(path=boot.backing) | models.Q(backing=boot.backing, name__startswith=TAG)
        )
        return Image.objects.on(self.hypervisor_id).filter(volume__in=beneath.values("name")).first()

    def release(self) -> None:
        """Let go of it: libvirt keeps it as it is, the portal only shows it."""
        with transaction.atomic():
            self.nics.all().delete()
            self.disks.all().delete()
            VM.objects.filter(pk=self.pk).update(managed=False, generation=0, power_generation=0, running=True)
            clean = {"generation": 0, "drift": "", "error": "", "detail": "", "progress": "", "made_at": None}
            self.status.write(**clean, power_done=0, shut_down_at=None, compared=0)


class Disk(models.Model):
    """A further disk of a VM, after the boot disk."""

    class Bus(models.TextChoices):
        VIRTIO = "virtio"
        SCSI = "scsi"
        IDE = "ide"

    class Format(models.TextChoices):
        QCOW2 = "qcow2"
        RAW = "raw"

    vm = models.ForeignKey(VM, on_delete=models.CASCADE, related_name="disks")
    name = models.CharField(max_length=50, validators=[rules.validate_name])
    size = models.PositiveIntegerField(help_text="MiB", validators=[MinValueValidator(1)])
    format = models.CharField(max_length=5, choices=Format, default=Format.QCOW2)
    bus = models.CharField(max_length=6, choices=Bus, default=Bus.VIRTIO)
    pool = models.CharField(max_length=100, blank=True, help_text="empty: the hypervisor's")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["vm", "name"], name="disk_name_once_a_vm")]

    def __str__(self) -> str:
        return f"{self.vm}: {self.name}"

    @property
    def volume(self) -> str:
        return f"{WORK}{self.vm.name}-{self.name}"


class NIC(models.Model):
    """A wanted NIC. The MAC is ours and says which NIC it is, in libvirt and in the guest."""

    class Kind(models.TextChoices):
        NETWORK = "network"
        BRIDGE = "bridge", "host bridge"
        DIRECT = "direct", "macvtap on a host device"
        USER = "user", "user networking"

    vm = models.ForeignKey(VM, on_delete=models.CASCADE, related_name="nics")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.NETWORK)
    source = models.CharField(max_length=255, blank=True, help_text="name of the network, host bridge or host device")
    model = models.CharField(max_length=50, default=VIRTIO)
    mac = models.CharField("MAC", max_length=17, validators=[rules.validate_mac])
    document = models.TextField(
        "XML", blank=True, editable=False, help_text="libvirt's <interface>, if there is more to say"
    )
    guest = models.JSONField(
        default=dict, blank=True, editable=False, help_text="what the guest does with it: GuestSpec, what is not usual"
    )
    asked_at = models.DateTimeField(
        null=True, editable=False, help_text="when it was asked that it be as wished; empty: it was made so since"
    )
    refused = models.TextField(blank=True, editable=False, help_text="why it is not as wished, in a sentence")
    removed_at = models.DateTimeField(null=True, editable=False)
    at_shutdown = models.BooleanField(
        default=False, editable=False, help_text="the running guest is not asked to release it"
    )

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = "NIC"
        constraints = [models.UniqueConstraint(fields=["vm", "mac"], name="mac_once_a_vm")]

    def __str__(self) -> str:
        return f"{self.vm}: {self.mac} on {self.source}"

    def guest_spec(self) -> GuestSpec:
        return GuestSpec.read(self.guest)

    def spec(self) -> NICSpec:
        if not self.document:
            return self._plain
        spec = nic_xml.parse(etree.fromstring(self.document, PARSER)).spec
        return replace(spec, kind=self.kind, source=self.source, mac=self.mac, model=self.model)

    @property
    def _plain(self) -> NICSpec:
        return NICSpec(kind=self.kind, source=self.source, mac=self.mac, model=self.model)

    def follow(self, spec: NICSpec) -> None:
        """Be as a spec says, whatever was wished before."""
        self.kind, self.source, self.model = spec.kind, spec.source, spec.model
        self.document = "" if spec == self._plain else nic_xml.build(spec)
        self.asked_at, self.refused = timezone.now(), ""


def free_mac() -> str:
    """A random MAC in QEMU's range that no VM known here has; outside the part that Virter's IDs use."""
    while True:
        # IDs fill the range from below, so the upper half is left to us.
        tail = 0x800000 | (uuid.uuid4().int & 0x7FFFFF)
        mac = addressing.mac_of_id(tail)
        seen = VM.objects.filter(status__nics__mac=mac)
        if not NIC.objects.filter(mac=mac).exists() and not seen.exists():
            return mac
