"""What the processes of the portal share: heartbeats of workers, housekeeping, and secrets."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.db import models

from virterweb.hypervisors.claims.due import Due


class WorkerProcess(models.Model):
    """A worker process with a recent heartbeat; written only by `dispatch.heartbeat`."""

    name = models.CharField(unique=True, help_text="machine, PID and start of the process")
    seen_at = models.DateTimeField("last seen at", help_text="time of its last heartbeat")
    hypervisors = models.TextField(blank=True, help_text="patterns of the hypervisors that it serves; empty: all")

    class Meta:
        verbose_name_plural = "worker processes"

    def __str__(self) -> str:
        return self.name


class Chore(Due):
    """Housekeeping that one worker at a time does at intervals; see `dispatch.chores`."""

    name = models.CharField(unique=True, help_text="the path of the function")

    MAX_PAUSE = timedelta(days=1)

    def __str__(self) -> str:
        return self.name


class Secret(models.Model):
    """A secret that all processes of the portal share, also on several machines."""

    name = models.CharField(unique=True)
    value = models.TextField()

    def __str__(self) -> str:
        return self.name

    @classmethod
    def kept(cls, name: str, file: Path | None, make: Callable[[], str]) -> str:
        """Return the secret of that name; the first that asks stores it.

        It is the one in `file`, where an earlier version kept it, or a new one.
        """
        if row := cls.objects.filter(name=name).first():
            return row.value
        value = file.read_text() if file and file.exists() else make()
        row, _ = cls.objects.get_or_create(name=name, defaults={"value": value})
        return row.value
