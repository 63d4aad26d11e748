"""VMs that people want with their NICs, images to run them from, and what libvirt was seen to have of all that."""

import uuid
from dataclasses import replace
from datetime import timedelta
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
from virterweb.hypervisors.models import Claimable, Hypervisor, with_hypervisor
from virterweb.hypervisors.reconcile import Desired, DesiredQuerySet, State, Status

from . import nic_plan, nic_xml
from .attached import Source
from .guest_nic import GuestSpec
from .guest_seen import CloudInit
from .nic_xml import FoundNIC, NICSpec

TAG = "virter:tag:"
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


class Image(Desired):
    """A volume of the hypervisor's pool that VMs can be run from. managed=False: a Virter tag found there."""

    name = models.CharField(max_length=100, validators=[rules.validate_name])
    volume = models.CharField(max_length=200)
    upload = models.CharField(max_length=300, blank=True, editable=False, help_text="file that waits to be streamed")
    size = models.PositiveBigIntegerField(default=0, editable=False, help_text="bytes of the upload")

    class Meta:
        ordering = [Lower("name")]
        constraints = [models.UniqueConstraint(fields=["hypervisor", "name"], name="image_name_once_a_hypervisor")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("vms:images")


class ImageStatus(Status):
    wish = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="status")
    sent = models.PositiveBigIntegerField(default=0, help_text="bytes of the upload that are in the pool")
    volume_made = models.BooleanField(default=False, help_text="the volume in the pool is this upload's")

    class Meta:
        verbose_name_plural = "image statuses"

    def __str__(self) -> str:
        return f"{self.wish}: {self.error or 'fine'}"

    @property
    def percent(self) -> int:
        return 100 * self.sent // self.wish.size if self.wish.size else 0


class Volume(models.Model):
    """A volume seen in a hypervisor's pool."""

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="volumes")
    name = models.CharField(max_length=255)
    path = models.TextField()
    format = models.CharField(max_length=20, blank=True)
    capacity = models.PositiveBigIntegerField(default=0, help_text="bytes")
    backing = models.TextField(blank=True, help_text="path of the volume that this one is a copy-on-write overlay of")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["hypervisor", "name"], name="volume_once_a_hypervisor")]

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> str:
        """The capacity in words, in GiB or MiB."""
        mebibytes = self.capacity / 1024**2
        return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.1f} MiB"


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
        limit = SSHCheck.LIMIT.total_seconds()
        return f"did not become reachable within {limit:.0f} s: {reason}" if state == SSHState.GIVEN_UP else reason

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
            raise NICStatus.DoesNotExist(f"{self} has no NIC {mac}")
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


def free_mac() -> str:
    """A random MAC in QEMU's range that no VM known here has; outside the part that Virter's IDs use."""
    while True:
        # IDs fill the range from below, so the upper half is left to us.
        tail = 0x800000 | (uuid.uuid4().int & 0x7FFFFF)
        mac = addressing.mac_of_id(tail)
        if not NIC.objects.filter(mac=mac).exists() and not NICStatus.objects.filter(mac=mac).exists():
            return mac
