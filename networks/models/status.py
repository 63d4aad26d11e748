"""The observed state of networks."""

from typing import ClassVar

from django.db import models

from networks.definition import wording
from networks.definition.document.compare import Code
from networks.definition.document.leaves import LISTS, Field
from networks.definition.document.parse import parse, read
from networks.definition.drift import Drift
from networks.definition.spec import NetworkSpec
from virterweb.hypervisors.desired.drift import decoded
from virterweb.hypervisors.desired.models import Status, attention_indexes
from virterweb.message_field import MessageField


class NetworkStatus(Status):
    """The observed state of a network in libvirt. The first six columns are those that Virter prints."""

    desired = models.OneToOneField("Network", verbose_name="network", on_delete=models.CASCADE, related_name="status")
    forward_mode = models.CharField(blank=True)
    ip_range = models.TextField("IP range", blank=True)
    domain = models.TextField(blank=True)
    dhcp = models.TextField("DHCP", blank=True)
    bridge = models.CharField(blank=True)
    present = models.BooleanField("exists in libvirt", default=False, help_text="libvirt has the object")
    active = models.BooleanField(default=False)
    autostart = models.BooleanField(default=False)
    persistent = models.BooleanField(default=True)
    document = models.TextField(
        "definition", blank=True, help_text="the definition found in libvirt, the running one if it is active"
    )
    stored = models.TextField(
        "stored definition", blank=True, help_text="the stored definition of an active network, if it differs"
    )
    fingerprint = models.CharField(blank=True, help_text="digest of what libvirt had when it was last recorded")
    not_kept = models.JSONField(
        "ignored differences",
        default=list,
        help_text="differences that remain after a push: path, block, desired and found value of each",
    )
    disconnected = models.JSONField(
        "disconnected NICs", default=list, help_text="disconnected NICs: UUID and name of the VM, and MAC"
    )
    suspect = models.JSONField(
        "possibly disconnected NICs",
        default=list,
        help_text="NICs that may be disconnected: as those of `disconnected`, with their port and packets received",
    )
    started_at = models.DateTimeField("last started at", null=True, help_text="when its last start was observed")
    checked_at = models.DateTimeField(
        "NICs checked at", null=True, help_text="when its disconnected NICs were last checked"
    )
    compared = models.PositiveIntegerField(
        "compared generation", default=0, help_text="the desired generation that drift was computed for"
    )
    draft = models.TextField(
        "refused definition", blank=True, help_text="the complete document of the last change that libvirt refused"
    )
    draft_error = MessageField("refusal", blank=True, help_text="why it was refused, in a sentence")
    draft_detail = models.TextField(
        "libvirt error message of the refusal", blank=True, help_text="the error message of libvirt"
    )
    restarting = models.BooleanField(
        "restart in progress", default=False, help_text="a worker has stopped the network and starts it again"
    )
    leases_print = models.CharField(
        "lease digest", max_length=32, blank=True, help_text="digest of the leases as last read"
    )
    leases_read_at = models.DateTimeField(null=True, help_text="when they were last read")
    leases_due_at = models.DateTimeField(
        "leases read next at", null=True, help_text="when they are read again; empty: at the next poll"
    )

    #: what was seen of the network itself
    SEEN: ClassVar = (
        *("forward_mode", "ip_range", "domain", "dhcp", "bridge", "present", "active", "autostart", "persistent"),
        *("document", "stored", "disconnected", "leases_print", "observed_at"),
    )

    class Meta:
        verbose_name_plural = "network statuses"
        indexes = attention_indexes("network")

    def __str__(self) -> str:
        return f"{self.desired}: {'active' if self.active else 'inactive'}"

    def forget_draft(self) -> None:
        if self.draft:
            self.write(draft="", draft_error="", draft_detail="")

    @property
    def spec(self) -> NetworkSpec | None:
        return parse(self.document) if self.document else None

    @property
    def definition(self) -> str:
        """Return the stored definition, which its next start uses."""
        return self.stored or self.document

    @property
    def connections(self) -> int:
        """Return how many NICs of running VMs libvirt counts on it, without disconnected ones."""
        return int(read(self.document).get("connections", 0)) if self.document and self.active else 0

    @property
    def differences(self) -> list[Drift]:
        """Return how libvirt differs from the saved definition, side by side."""
        return self.desired.differences

    @property
    def ignored(self) -> frozenset[Code]:
        """Return the differences that do not count, because this libvirt does not keep those values."""
        return frozenset(tuple(each) for each in self.not_kept)

    @property
    def ignored_fields(self) -> list[str]:
        """Return the names of the fields that this libvirt does not keep, those of lists with their values."""
        fields = ((Field(path, block), wanted) for path, block, wanted, _ in self.not_kept)
        return [f"{field} {wanted}" if field.path in LISTS else str(field) for field, wanted in fields]

    @property
    def drifts(self) -> list[str]:
        return [code["text"] if "text" in code else wording.drift(code) for code in decoded(self.drift)]
