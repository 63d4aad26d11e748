"""Queries of desired configurations: by hypervisor, name, right and state."""

from typing import Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When

from virterweb.hypervisors.claims.due import Due
from virterweb.hypervisors.models import Hypervisor
from virterweb.pages.name_field import NamedQuerySet

from .state import State

DONE = Q(status__generation__gte=F("generation"))
UNREADY = (  # the states other than ready and unmanaged
    When(~Q(status__error="") & (DONE | Q(status__tries__gt=0)), then=Value(State.FAILED)),
    When(removed_at__isnull=False, then=Value(State.REMOVING)),
    When(~DONE, then=Value(State.PENDING)),
    When(~Q(status__drift=""), managed=True, then=Value(State.DRIFTED)),
)
UNMANAGED = When(managed=False, then=Value(State.UNMANAGED))
STATE = Case(*UNREADY, UNMANAGED, default=Value(State.READY), output_field=models.CharField())


class DesiredQuerySet(NamedQuerySet):
    def on(self, hypervisor: Hypervisor | int | str) -> Self:
        """Return the rows of one hypervisor, which is an object, an ID or a name."""
        key = "hypervisor__name" if isinstance(hypervisor, str) else "hypervisor"
        return self.filter(**{key: hypervisor})

    def named(self, name: str) -> models.Model:
        """Return the one of that name, a managed one first unless ordered already; raise DoesNotExist without one."""
        found = (self if self.query.order_by else self.order_by("-managed", "pk")).filter(name=name).first()
        if found is None:
            raise self.model.DoesNotExist(f"there is no {self.model._meta.verbose_name} {name}")
        return found

    def overdue(self) -> Self:
        """Return those that are not carried out, that no worker holds, and whose time has come, the latest last.

        What is on an unreachable hypervisor is due as soon as a poll reaches it again.
        """
        when = F("status__due_at").asc(nulls_first=True)
        reachable = Q(hypervisor__status__unreachable_since=None)
        return self.filter(Due.is_due("status__"), ~DONE, reachable).order_by(when, "pk")

    def with_state(self) -> Self:
        """Add the column `state_code`: the value of `Desired.state`, which is computed in the same order."""
        return self.annotate(state_code=STATE)

    def once_a_name(self) -> Self:
        """Leave out the objects that replaced a managed one of the same name which libvirt no longer has."""
        gone = self.order_by().filter(managed=True, status__present=False)
        gone = gone.filter(hypervisor=OuterRef("hypervisor"), name=OuterRef("name"))
        # The database finds the few that are gone first, instead of asking about each row of a long list.
        replacements = self.model.objects.order_by().filter(Exists(gone), managed=False, status__present=True)
        return self.exclude(pk__in=replacements.values("pk"))

    def with_replacements(self, rows: models.QuerySet) -> list[models.Model]:
        """Return rows of `once_a_name`; each that was recreated outside names its successor as `recreated`.

        The successor is loaded as this query set loads its rows.
        """
        found = list(rows)
        gone = [row for row in found if row.managed and not row.status.present]
        if gone:
            new = self.filter(managed=False, status__present=True, name__in={row.name for row in gone})
            successors = {(row.hypervisor_id, row.name): row for row in new}
            for row in gone:
                row.recreated = successors.get((row.hypervisor_id, row.name))
        return found
