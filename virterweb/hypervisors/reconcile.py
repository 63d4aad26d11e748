"""What wishes and observations have in common: generations, the state computed from both, claiming, carrying out.

A wish (`Desired`) is written by people and says what libvirt should have; its `Status` is written by workers only and
says what was seen, and of which generation of the wish it speaks. Imports neither networks nor vms.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from .connections import CROWDED, PLACES, connected
from .found import HypervisorError
from .gateway import Host
from .models import LONGEST_PAUSE, Claimable, Hypervisor

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=2)
MOST_RETRY = timedelta(seconds=30)

no_control_characters = RegexValidator(r"[\x00-\x1f\x7f]", "No control characters, please.", inverse_match=True)


class State(models.TextChoices):
    PENDING = "pending"
    READY = "ready"
    DRIFTED = "drifted"
    FAILED = "failed"
    REMOVING = "removing"
    UNMANAGED = "unmanaged", "not ours"

    @property
    def icon(self) -> str:
        return STATE_MARKS[self][0]

    @property
    def tone(self) -> str:
        """The stylesheet's class for its colour."""
        return STATE_MARKS[self][1]

    @property
    def words(self) -> str:
        return self.label.lower()


STATE_MARKS = {
    State.PENDING: ("clock", "pending"),
    State.READY: ("check-circle", "ready"),
    State.DRIFTED: ("arrows-right-left", "drifted"),
    State.FAILED: ("exclamation-circle", "failed"),
    State.REMOVING: ("clock", "pending"),
    State.UNMANAGED: ("eye", "quiet"),
}


class Waiting(Exception):
    """The wish is under way but needs time, not work: `args[0]` says for what, in words for the page."""

    def __init__(self, text: str, seconds: float = 1) -> None:
        super().__init__(text)
        self.seconds = seconds


class DesiredQuerySet(models.QuerySet):
    def on(self, hypervisor: Hypervisor | int | str) -> Self:
        """Those of one hypervisor, given as object, id or name."""
        key = "hypervisor__name" if isinstance(hypervisor, str) else "hypervisor"
        return self.filter(**{key: hypervisor})

    def named(self, name: str) -> "Desired":
        """The one of that name: ours before another's that libvirt has under the same name."""
        found = self.filter(name=name).order_by("-managed", "pk").first()
        if found is None:
            raise self.model.DoesNotExist(f"there is no {self.model._meta.verbose_name} {name}")
        return found

    def overdue(self) -> Self:
        """Wishes that no worker has carried out, is carrying out, or put off to a later moment."""
        now = timezone.now()
        return self.filter(
            Q(status__claimed_until=None) | Q(status__claimed_until__lt=now),
            Q(status__retry_at=None) | Q(status__retry_at__lte=now) | Q(status__retry_at__gt=now + LONGEST_PAUSE),
            status__generation__lt=F("generation"),
        )


class Desired(models.Model):
    """A wish. Each save raises `generation`; `removed_at` is the wish that the object should go."""

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="%(class)ss")
    generation = models.PositiveIntegerField(default=1, editable=False)
    managed = models.BooleanField(default=True, editable=False, help_text="False: others made it; shown, never changed")
    removed_at = models.DateTimeField(null=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DesiredQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args, **kwargs) -> None:
        """Save the wish and raise its generation; the first save makes its status too."""
        if self.pk and not self._state.adding:
            type(self).objects.filter(pk=self.pk).update(generation=F("generation") + 1)
            self.refresh_from_db(fields=["generation"])
            super().save(*args, **kwargs)
            return
        with transaction.atomic():
            super().save(*args, **kwargs)
            self._meta.get_field("status").related_model.objects.create(wish=self)

    def ask_again(self) -> None:
        """Raise the generation alone: whatever hangs on the wish has changed, or it shall be tried once more."""
        type(self).objects.filter(pk=self.pk).update(generation=F("generation") + 1)
        self.status.soon()
        self.refresh_from_db(fields=["generation"])

    def remove(self) -> None:
        """Wish it away. The row goes when libvirt confirms."""
        type(self).objects.filter(pk=self.pk).update(removed_at=timezone.now(), generation=F("generation") + 1)
        self.status.soon()
        self.refresh_from_db(fields=["generation", "removed_at"])

    @property
    def done(self) -> bool:
        return self.status.generation >= self.generation

    @property
    def state(self) -> State:
        if self.done and self.status.error:
            return State.FAILED
        if self.removed_at:
            return State.REMOVING
        if not self.done:
            return State.PENDING
        if not self.managed:
            return State.UNMANAGED
        return State.DRIFTED if self.status.drift else State.READY

    @property
    def shown_state(self) -> models.TextChoices:
        """What pages say: a choice with label, icon and tone."""
        return self.state


class Status(Claimable):
    """What a worker saw and did about one wish. Subclasses name their wish: `wish = OneToOneField(…, "status")`."""

    generation = models.PositiveIntegerField(default=0, help_text="the wish's generation that this speaks of")
    made_at = models.DateTimeField(null=True, help_text="when the wish was first fulfilled; empty: undo it if it fails")
    observed_at = models.DateTimeField(null=True, help_text="when what was found last changed")
    error = models.TextField(blank=True, help_text="why the generation failed, in a sentence")
    detail = models.TextField(blank=True, help_text="libvirt's own words")
    drift = models.TextField(blank=True, help_text="how libvirt differs from the wish, a line each")
    progress = models.TextField(blank=True, help_text="what a pending wish waits for")
    tries = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    #: what a failed or finished attempt leaves of the one before
    CLEAN: ClassVar = {"error": "", "detail": "", "progress": "", "tries": 0, "retry_at": None}

    def write(self, **values: object) -> None:
        """Update only these columns, so that two writers cannot overwrite each other's."""
        type(self).objects.filter(pk=self.pk).update(**values)
        for name, value in values.items():
            setattr(self, name, value)

    def soon(self) -> None:
        self.write(retry_at=None, tries=0)

    def put_off(self, progress: str, wait: timedelta, **values: object) -> None:
        self.write(progress=progress, retry_at=timezone.now() + wait, tries=self.tries + 1, **values)

    @property
    def drifts(self) -> list[str]:
        return self.drift.splitlines()

    @property
    def hint(self) -> str:
        """What the state says when it is pointed at."""
        return self.error or self.drift or self.progress


def carry_out(model: type[Desired], pk: int, push: Callable[[Desired, Host], dict]) -> None:
    """Claim one wish and make libvirt agree by `push`, which returns further columns for the status.

    Nothing is done if the wish is gone, up to date, or claimed by another. A refusal is recorded as failed with the
    generation tried; a lost hypervisor leaves it pending. Whatever was wished meanwhile is done at once.
    """
    statuses = model._meta.get_field("status").related_model.objects
    with claimed(statuses.filter(wish=pk)) as status:
        while status and (wish := model.objects.select_related("hypervisor", "status").filter(pk=pk).first()):
            if wish.done:
                return
            settled = _attempt(wish, push)
            _let_in(statuses, wish)
            if not settled:
                return


def _let_in(statuses: models.Manager, wish: Desired) -> None:
    """A place in a hypervisor is free: have the next sweep try some that found none, however long they were put off."""
    if wish.status.progress != CROWDED:
        waiting = statuses.filter(wish__hypervisor=wish.hypervisor_id, progress=CROWDED).order_by("retry_at")
        statuses.filter(pk__in=list(waiting.values_list("pk", flat=True)[:PLACES])).update(retry_at=None)


def _attempt(wish: Desired, push: Callable[[Desired, Host], dict]) -> bool:
    """Try one generation of a wish; True if it is settled, for good or ill."""
    status = wish.status
    try:
        with connected(wish.hypervisor_id, wish.hypervisor.uri) as host:
            values = push(wish, host)
    except Waiting as reason:
        status.put_off(str(reason), timedelta(seconds=reason.seconds))
        return False
    except HypervisorError as problem:
        log.warning("%s %s: %s (%s)", wish._meta.verbose_name, wish, problem, problem.detail)
        if problem.again:
            status.put_off(str(problem), min(RETRY * 2 ** min(status.tries, 4), MOST_RETRY), detail=problem.detail)
            return False
        status.write(**{**Status.CLEAN, "generation": wish.generation, "error": str(problem), "detail": problem.detail})
        return True
    if values is not None:
        made_at = status.made_at or timezone.now()
        status.write(**{**Status.CLEAN, "generation": wish.generation, "made_at": made_at, **values})
    return True


WORKER = "no worker"
CLAIM = timedelta(seconds=60)


def claim_as(name: str) -> None:
    """Say who claims in this process, and drop what a killed process of that name still claims."""
    global WORKER
    WORKER = name
    for model in Claimable.__subclasses__() + Status.__subclasses__():
        if not model._meta.abstract:
            model.objects.filter(claimed_by=name).update(claimed_until=None)


@contextmanager
def claimed(rows: models.QuerySet) -> Iterator[Claimable | None]:
    """Claim the one row, or yield None if another has it. The claim of a dead process ends by itself."""
    now = timezone.now()
    free = rows.filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
    if free.update(claimed_by=WORKER, claimed_until=now + CLAIM) != 1:
        yield None
        return
    try:
        yield rows.get()
    finally:
        rows.update(claimed_until=None)


def keep_claim(status: Claimable, until: datetime | None = None) -> None:
    """Hold on to a claim during a step that may take longer than CLAIM."""
    type(status).objects.filter(pk=status.pk).update(claimed_until=until or timezone.now() + CLAIM)
