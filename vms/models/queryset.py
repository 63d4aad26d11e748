"""Queries of VMs: what lists show, search, and sort by."""

from typing import Self

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Cast

from networks.definition.addressing import may_be_in_mac
from virterweb.hypervisors.claims.clock import Now
from virterweb.hypervisors.desired.queryset import UNREADY
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.models import with_hypervisor
from virterweb.people.owned import OwnedQuerySet

from .power import SSH_TIMEOUT, UNTRIED, Power, ShownPower, SSHState

POWER_SHOWN = ShownPower.case()

# The expressions below are built once: each page of a list would take as long for that as for a query.
WAITS = Q(wait_ssh=True, managed=True, status__power=Power.RUNNING, ssh_check__ready_at=None)
GIVEN_UP = ~Q(ssh_check__reason="") & Q(ssh_check__since__lte=Now() - SSH_TIMEOUT)
UNTRIED_SSH = Q(*(Q(ssh_text__contains=f'"{code}"') for code in UNTRIED), _connector=Q.OR)
OF_SSH = Case(
    When(GIVEN_UP & UNTRIED_SSH, then=Value(SSHState.UNKNOWN)),
    When(GIVEN_UP, then=Value(SSHState.GIVEN_UP)),
    default=Value(SSHState.WAITING),
)
SHOWN = Case(*UNREADY, When(WAITS, then=OF_SSH), default=POWER_SHOWN, output_field=models.CharField())
BESIDE = Case(
    When(~Q(state_code__in=[State.READY, State.UNMANAGED]), status__present=True, then=POWER_SHOWN),
    default=Value(""),
    output_field=models.CharField(),
)


class VMQuerySet(OwnedQuerySet):
    def shown(self) -> Self:
        """Load what a row or page shows, in a constant number of queries."""
        return self.select_related("status", "image", "ssh_check").prefetch_related(with_hypervisor())

    def alone(self) -> Self:
        """Load the same for one VM, in one query."""
        return self.select_related("status", "image", "ssh_check", "hypervisor__status", "team")

    def interrupted(self) -> Self:
        """Return the managed VMs that are off although they were running and nobody stopped them, in order of IDs."""
        statuses = self.model._meta.get_field("status").related_model.objects
        off = statuses.filter(~Q(interrupted=""), present=True, power=Power.OFF)  # a few, found by their index
        now = self.filter(pk__in=off.values("desired"), status__interrupted_power=F("power_generation"))
        now = now.filter(managed=True, removed_at=None)
        return now.order_by(F("number").asc(nulls_last=True), "name", "pk")

    def matching(self, text: str) -> Self:
        """Filter by text in the VM's name, its image, or the MAC or network of a NIC."""
        text = text.replace("\0", "")
        images = self.model._meta.get_field("image").related_model.objects.filter(name__icontains=text)
        # Each table is searched on its own: joined, the VMs would be searched again for each of their NICs.
        nics = self.model._meta.get_field("status").related_model._meta.get_field("nics").related_model.objects
        of_nics = Q(source__icontains=text)
        if may_be_in_mac(text):
            of_nics |= Q(mac__icontains=text)
        nics = nics.filter(of_nics).order_by()
        wanted = Q(name__icontains=text) | Q(image__in=images.order_by()) | Q(status__in=nics.values("vm"))
        return self.filter(wanted) if text else self

    def with_shown_state(self) -> Self:
        """Add `state_code` and the values of what pages show: `VM.shown_state` as `shown_code`, `power_beside`."""
        with_text = self.with_state().alias(ssh_text=Cast("ssh_check__reason", models.TextField()))
        return with_text.annotate(shown_code=SHOWN, power_code=BESIDE)
