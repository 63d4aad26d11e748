"""Limits of what a team may have on a hypervisor: what is used of them, and their check when something is added."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, TextChoices

from .models import Grant


class Kind(TextChoices):
    """What is limited; the value is the column of a grant without `max_`."""

    VMS = "vms", "VMs"
    VCPUS = "vcpus", "vCPUs"
    MEMORY = "memory", "MiB of memory"
    DISK = "disk", "GiB of disk"
    NETWORKS = "networks", "networks"
    RESERVATIONS = "reservations", "reserved addresses"
    SNAPSHOTS = "snapshots", "snapshots"

    def of(self, grant: Grant) -> int | None:
        """Return the limit of a grant; None for none."""
        return getattr(grant, f"max_{self.value}")


class Use(Protocol):
    """A function of an app that counts; `settings.USES` names those of all apps."""

    def __call__(self, team: int, hypervisor: int | None) -> Mapping[Kind, int]:
        """Return how much a team has on a hypervisor, or on all. The numbers of several functions are added."""


class Exceeded(PermissionDenied):
    """A change would exceed a limit."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How much of something is used, and how much is allowed."""

    kind: Kind
    used: int
    allowed: int
    where: str

    def __str__(self) -> str:
        return f"{self.used} of {self.allowed} {self.kind.label}"

    @property
    def refusal(self) -> str:
        """Return why a change after which this is used is not made."""
        return f"This would be {self} on {self.where}. Delete something, or ask an operator for more."


def limits(team: int | None, hypervisor: int | None) -> list[Limit]:
    """Return the limits of a team on a hypervisor, or those for all hypervisors, with what is used of each."""
    return [limit for grant in _limiting(team, hypervisor) for limit in _of(grant)]


@contextmanager
def kept(team: int | None, hypervisor: int) -> Iterator[None]:
    """Make a change of what a team has on a hypervisor, in one transaction, one after the other.

    Raises:
        Exceeded: the change uses more of something than is allowed.
    """
    with transaction.atomic():
        grants = list(_limiting(team, hypervisor).select_for_update(of=("self",), no_key=True))
        before = {(grant.pk, limit.kind): limit.used for grant in grants for limit in _of(grant)}
        yield
        for grant in grants:
            for limit in _of(grant):
                if limit.used > max(limit.allowed, before[grant.pk, limit.kind]):
                    raise Exceeded(limit.refusal)


def lock_user(user: AbstractBaseUser) -> None:
    """Have other changes that count for the limits of a user wait until the transaction ends."""
    list(get_user_model().objects.filter(pk=user.pk).select_for_update(no_key=True).values_list("pk"))


def any_of(team: str) -> Exists:
    """Return an expression that tells whether the team of a column has any limit, on any hypervisor."""
    return Exists(Grant.objects.filter(_any_limit(), team=OuterRef(team)))


def _any_limit() -> Q:
    return ~Q(*((f"max_{kind.value}", None) for kind in Kind))


def _limiting(team: int | None, hypervisor: int | None) -> QuerySet[Grant]:
    """Return the grants that limit something."""
    here = Q(hypervisor=None) | Q(hypervisor=hypervisor)
    return Grant.objects.filter(here, _any_limit(), team=team).select_related("hypervisor").order_by("pk")


def _of(grant: Grant) -> list[Limit]:
    used: Counter[Kind] = Counter()
    for path in settings.USES:
        module, _, name = path.rpartition(".")
        used.update(getattr(import_module(module), name)(grant.team_id, grant.hypervisor_id))
    where = str(grant.hypervisor or "all hypervisors")
    found = ((kind, kind.of(grant)) for kind in Kind)
    return [Limit(kind=kind, used=used[kind], allowed=most, where=where) for kind, most in found if most is not None]
