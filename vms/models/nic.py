"""The model of desired NICs."""

import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Self

from django.apps import apps
from django.db import models
from django.utils import timezone
from lxml import etree

from networks.definition import addressing, rules
from networks.definition.document.parse import PARSER
from virterweb.messages import Message
from vms.definition.guest_nic import GuestSpec
from vms.definition.nics import edit, parse
from vms.definition.nics import spec as nic_xml
from vms.definition.nics.spec import NICSpec

VIRTIO = "virtio"  # the default model


class NICQuerySet(models.QuerySet):
    def keyed(self, key: str) -> Self:
        """Return the NIC of that key, of each VM."""
        mac, _, place = key.partition(nic_xml.AT)
        return self.filter(mac=mac, place=place)


class NIC(models.Model):
    """A desired NIC. The MAC is chosen by the portal and identifies the NIC, in libvirt and in the guest.

    Where several NICs of an unmanaged VM share a MAC, as a teaming pair does, the place distinguishes them.
    """

    class Kind(models.TextChoices):
        NETWORK = "network"
        BRIDGE = "bridge", "host bridge"
        DIRECT = "direct", "macvtap on a host device"
        USER = "user", "user networking"

    vm = models.ForeignKey("VM", verbose_name="VM", on_delete=models.CASCADE, related_name="nics")
    position = models.PositiveIntegerField()
    kind = models.CharField("type", max_length=20, choices=Kind, default=Kind.NETWORK)
    source = models.CharField(blank=True, help_text="name of the network, host bridge or host device")
    model = models.CharField(default=VIRTIO)
    mac = models.CharField("MAC", max_length=17, validators=[rules.validate_mac])
    place = models.CharField(
        "PCI address or alias",
        blank=True,
        editable=False,
        help_text="PCI address or alias, if another NIC has this MAC",
    )
    document = models.TextField(
        "XML", blank=True, editable=False, help_text="libvirt's <interface>, if it has more than the other fields"
    )
    guest = models.JSONField(
        "guest settings",
        default=dict,
        blank=True,
        editable=False,
        help_text="guest settings as of GuestSpec, without defaults",
    )
    asked_at = models.DateTimeField(
        "requested at", null=True, editable=False, help_text="when the change was requested; empty: it has been applied"
    )
    asked_fields = models.JSONField(
        "requested fields",
        default=list,
        blank=True,
        editable=False,
        help_text="the fields that were requested; empty: all",
    )
    leaves = models.JSONField(
        "networks being left",
        default=list,
        blank=True,
        editable=False,
        help_text="names of networks whose reservations and leases are released once the NIC has left them",
    )
    refused = models.JSONField(
        "libvirt refusal", null=True, editable=False, help_text="why libvirt refused it: a code with parameters"
    )
    removed_at = models.DateTimeField(null=True, editable=False)
    at_shutdown = models.BooleanField(
        "detach at shutdown", default=False, editable=False, help_text="the running guest keeps it until shutdown"
    )

    objects = NICQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = "NIC"
        constraints = [models.UniqueConstraint(fields=["vm", "mac", "place"], name="nic_once_a_vm")]
        indexes = [models.Index(fields=["mac"], name="nic_mac"), models.Index(fields=["source"], name="nic_source")]

    def __str__(self) -> str:
        return f"{self.vm}: {self.mac} on {self.source}"

    @property
    def key(self) -> str:
        """Return the key that identifies the NIC in its VM."""
        return nic_xml.key_of(self.mac, self.place)

    @property
    def refusal(self) -> Message:
        """Return why the NIC was refused; an empty message if it was not."""
        return Message.read((self.refused or {}).get("message", ""))

    def guest_spec(self) -> GuestSpec:
        return GuestSpec.read(self.guest)

    def spec(self) -> NICSpec:
        if not self.document:
            return self._plain
        spec = parse.parse(etree.fromstring(self.document, PARSER)).spec
        return replace(spec, kind=self.kind, source=self.source, mac=self.mac, model=self.model)

    @property
    def _plain(self) -> NICSpec:
        return NICSpec(kind=self.kind, source=self.source, mac=self.mac, model=self.model)

    def follow(self, spec: NICSpec) -> None:
        """Set all fields to those of a specification."""
        self.kind, self.source, self.model = spec.kind, spec.source, spec.model
        self.document = "" if spec == self._plain else edit.build(spec)
        self.asked_at, self.asked_fields, self.refused = timezone.now(), [], None

    def keep_beside_definition(self, before: Self) -> None:
        """Keep what the row that this one replaces has and libvirt's definition lacks: the guest's settings.

        Also what follows at the shutdown of a guest that still runs with an earlier definition.
        """
        self.guest, self.leaves = before.guest, [network for network in before.leaves if network != self.source]
        self.at_shutdown = before.at_shutdown and (self.kind, self.source) == (before.kind, before.source)

    def ask(self, spec: NICSpec, fields: Iterable[str]) -> None:
        """Set all fields to those of a specification, and request only the named fields from libvirt.

        A NIC that was not created yet is requested as a whole.
        """
        whole = bool(self.asked_at or self.refused) and not self.asked_fields
        pending = self.asked_fields if self.asked_at or self.refused or self.at_shutdown else []
        self.follow(spec)
        if not whole:
            self.asked_fields = sorted({*pending, *fields})
            self.asked_at = self.asked_at if self.asked_fields else None


def free_mac() -> str:
    """Return a random MAC in QEMU's range, outside the part of Virter's IDs, that no known VM has."""
    while True:
        # IDs fill the range from below, so the upper half is free.
        tail = 0x800000 | (uuid.uuid4().int & 0x7FFFFF)
        mac = addressing.mac_of_id(tail)
        seen = apps.get_model("vms", "NICStatus").objects.filter(mac=mac)
        if not NIC.objects.filter(mac=mac).exists() and not seen.exists():
            return mac
