"""Networks: the desired configuration, and its changes."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_address

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from networks.definition import rules
from networks.definition.document.compare import differences
from networks.definition.document.edit import edit
from networks.definition.document.parse import parse
from networks.definition.events import OF_RESERVATIONS, Event
from networks.definition.plans.steps import Wanted
from networks.definition.spec import HostSpec, NetworkSpec
from virterweb.activity.choices import Kind
from virterweb.hypervisors.desired.revisions import note_activity, record
from virterweb.hypervisors.gateway.found import HypervisorError
from virterweb.people import rights
from virterweb.people.tags.tagged import Tagged

from .adoption import Adoption
from .comparison import Comparison
from .granted import Granted
from .network_ends import NetworkEnds
from .queryset import NetworkQuerySet
from .reservation import DHCPHost
from .reservation_ids import ReservationIDs


class Network(Adoption, ReservationIDs, Comparison, NetworkEnds, Tagged):
    """A network that the portal manages, or (managed=False) one that it only shows.

    `document` is the whole desired configuration, as libvirt's XML. Reservations are rows of their own, because
    several people write them at once; those in the document only keep their order. The document of an unmanaged
    network is empty: only reservations can be requested on it.
    """

    class ForwardMode(models.TextChoices):
        """The modes of libvirt that the form offers; the XML view accepts the others too."""

        ISOLATED = "", "isolated: guests reach only each other and the host"
        NAT = "nat", "nat: guests reach other networks through the host's address"
        ROUTE = "route", "route: forwarded without address translation"
        OPEN = "open", "open: forwarded, libvirt adds no firewall rules"
        BRIDGE = "bridge", "bridge: attached to an existing bridge of the host"

    class OnDrift(models.TextChoices):
        """What the portal does on its own after a change outside."""

        ASK = "ask", "only show the changes"
        ACCEPT = "take", "accept changes from libvirt"
        REVERT = "put back", "revert to saved definition, unless running VMs would be disconnected"

    name = models.CharField(validators=[rules.validate_name])
    uuid = models.UUIDField("UUID", default=uuid.uuid4, editable=False)
    document = models.TextField(
        "XML", blank=True, help_text="the complete definition as libvirt's XML, without DHCP reservations"
    )
    active = models.BooleanField(default=True, help_text="the network is active")
    autostart = models.BooleanField(default=True, help_text="the network starts with the host")
    on_drift = models.CharField("when changed outside the portal", max_length=8, choices=OnDrift, default=OnDrift.ASK)
    allow_disconnect = models.JSONField(
        "VMs that may be disconnected",
        default=list,
        editable=False,
        help_text="the names of the running VMs that deletion may disconnect",
    )
    overwrite = models.BooleanField(
        "revert outside changes",
        default=False,
        editable=False,
        help_text="also undo what was changed outside the portal, DHCP reservations included",
    )
    accepted = models.JSONField(
        "accepted steps", null=True, editable=False, help_text="the steps that were shown before saving"
    )
    agreed = models.TextField(
        "last applied definition", blank=True, editable=False, help_text="the document that was last applied or adopted"
    )
    agreed_active = models.BooleanField(
        "last applied active", null=True, editable=False, help_text="empty: `active` was requested explicitly"
    )
    agreed_autostart = models.BooleanField(
        "last applied autostart", null=True, editable=False, help_text="empty: `autostart` was requested explicitly"
    )

    agreed_persistent = models.BooleanField(
        "last applied persistence",
        null=True,
        default=True,
        editable=False,
        help_text="empty: storing the definition in libvirt was requested",
    )

    activity_kind = Kind.NETWORK
    kinds_of_events = dict.fromkeys(OF_RESERVATIONS, Kind.RESERVATION)
    push_task = "networks.tasks.push"

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

    # the desired configuration

    @property
    def spec(self) -> NetworkSpec:
        """Return the desired configuration as one value, without reservations whose removal was requested."""
        return self._document_spec.having_hosts(self.wanted_hosts())

    @property
    def _document_spec(self) -> NetworkSpec:
        """Return what the document says; an unmanaged network that was just found has only its name."""
        return parse(self.document) if self.document else NetworkSpec(name=self.name, uuid=self.uuid_text)

    def wanted_hosts(self) -> tuple[HostSpec, ...]:
        return self.hosts.filter(removed_at=None).specs()

    def asked_hosts(self) -> tuple[HostSpec, ...]:
        """Return the reservations that are still to be carried out."""
        return self.hosts.filter(removed_at=None).exclude(asked_at=None).specs()

    @property
    def full_document(self) -> str:
        """Return the desired configuration with its reservations, as a new hypervisor would receive it."""
        return edit(self.document, self.spec)

    @property
    def wanted(self) -> Wanted:
        return Wanted(document=self.full_document, active=self.active, autostart=self.autostart)

    @property
    def agreed_on(self) -> Wanted | None:
        """Return the definition that changes are relative to: last carried out or adopted; None before it was made.

        A push carries out what differs from this, and leaves everything else as libvirt has it.
        """
        if not self.agreed:
            return None
        hosts = self.hosts.filter(models.Q(removed_at__isnull=False) | models.Q(asked_at=None)).specs()
        document = edit(self.agreed, parse(self.agreed).having_hosts(hosts))
        flags = {name: getattr(self, f"agreed_{name}") for name in ("active", "autostart", "persistent")}
        return Wanted(document=document, **flags)

    def change(
        self,
        event: Event,
        by: AbstractBaseUser | None = None,
        *,
        about: Mapping[str, object] | None = None,
        document: str = "",
        requested: Collection[str] = (),
        **values: object,
    ) -> None:
        """Change the desired configuration, note who did what, and have it carried out.

        `about` are the parameters of the event.
        `document` is a whole one, with reservations; `values` are further columns, such as `accepted`: the steps that
        were shown, or None. `requested` names those of `active`, `autostart` and `persistent` that are carried out even
        if their desired value did not change.
        """
        with self.kept_limits(), self.transition():
            self.refresh_from_db(fields=["document", "active", "autostart", "ended_at"])
            if self.ended_at and values.get("active") and (not self.active or "active" in requested):
                self.require_no_end()
            if document:
                self.require_host_rights(document, by)
                values["document"] = self._replace_hosts(document)
                self.status.forget_draft()
            if values.get("overwrite"):  # an operator may have changed it in libvirt on purpose
                self.require_host_rights(self.full_document, by, self.status.definition)
            values.setdefault("accepted", None)
            self.status.refresh_from_db(fields=["generation"])
            if self.done:  # a refused revert is not carried out with a later change
                values.setdefault("overwrite", False)
            values |= {f"agreed_{name}": None for name in requested}
            Network.objects.filter(pk=self.pk).update(**values)
            for name, value in values.items():
                setattr(self, name, value)
            self.ask_again()
            self.note(event, by, **about or {})

    def require_host_rights(self, document: str, by: rights.Actor, before: str = "") -> None:
        """Raise PermissionDenied if a document changes parts that affect the host and the user may not do that.

        `before` is the document that it is compared with, the saved one unless given.
        """
        if rights.is_operator(by, self.hypervisor_id) or not self.managed:
            return
        granted = Granted(self.team_id, self.hypervisor_id)
        if found := granted.refused(before or self.full_document, document):
            raise PermissionDenied(" ".join(granted.reasons(found)))

    def set_aside(self, problem: HypervisorError) -> bool:
        """Return to what was agreed on, and keep as a draft what libvirt has refused.

        Returns False if only reservations were changed, or somebody else changed the network in the meantime.
        """
        before = self.agreed_on
        flags = {name: getattr(self, f"agreed_{name}") for name in ("active", "autostart")}
        flags = {name: value for name, value in flags.items() if value is not None}
        without_hosts = (edit(text, parse(text).without_hosts()) for text in (self.agreed, self.document))
        if before is None or not differences(*without_hosts):
            return False
        draft = self.full_document
        same = Network.objects.filter(pk=self.pk, generation=self.generation)
        with transaction.atomic():
            if not same.update(document=self.agreed, **flags):
                return False
            blocks = [subnet.interface.network for subnet in parse(self.agreed).subnets]
            for entry in self.hosts.exclude(asked_at=None):
                if not any(ip_address(entry.ip) in block for block in blocks):
                    entry.delete()
            self.status.write(draft=draft, draft_error=problem.message, draft_detail=problem.detail)
            self.refresh_from_db(fields=["document", *flags])
        return True

    def note(self, event: Event, by: AbstractBaseUser | None = None, result: str = "", **about: object) -> None:
        """Record the desired configuration in the history; the worker adds a missing result."""
        record(self, Event(event), by, result=result, about=about)

    def revision_values(self) -> dict[str, object]:
        """Return the saved definition as the columns of a revision."""
        return {"document": self.full_document, "active": self.active, "autostart": self.autostart}

    def _replace_hosts(self, document: str) -> str:
        """Replace the reservations by those of the document, and return the document."""
        spec = parse(document)
        wanted = {DHCPHost.of(self, host).key: host for host in spec.hosts}
        entries = list(self.hosts.all())
        known = {entry.pk: wanted.pop(entry.key) for entry in entries if entry.key in wanted}
        renamed = {(host.guest, host.ip): key for key, host in wanted.items()}
        for entry in entries:
            key = None if entry.pk in known else renamed.pop((entry.spec().guest, entry.ip), None)
            host = wanted.pop(key) if key else known.get(entry.pk)
            if host is None:
                self.hosts.filter(pk=entry.pk, removed_at=None).update(removed_at=timezone.now())
            elif entry.removed_at or entry.spec() != host:
                kept = {"name": host.name, "duid": host.duid, "lease": host.lease}
                kept |= {"removed_at": None, "asked_at": timezone.now()}
                self.hosts.filter(pk=entry.pk).update(**kept)
        DHCPHost.objects.bulk_create(DHCPHost.of(self, host) for host in wanted.values())
        return edit(document, replace(spec, uuid=self.uuid_text))

    def remove(self, *, allow_disconnect: Iterable[str] = ()) -> None:
        """Request deletion; of the running VMs, only those named may lose their NICs' connection by it."""
        with transaction.atomic():
            super().remove(allow_disconnect=sorted(allow_disconnect))
            note_activity(self, Event.DELETED)

    def retry(self) -> None:
        """Have the pending or failed change carried out again."""
        with transaction.atomic():
            self.ask_again()
            note_activity(self, Event.RETRIED)

    @property
    def is_access_network(self) -> bool:
        return self.name == self.hypervisor.access_network
