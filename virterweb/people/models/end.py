"""What workers record about end dates: reminders, and the last definitions of deleted objects."""

from django.db import models
from django.utils import timezone

from virterweb.hypervisors.claims.due import Due


class EndReminder(Due):
    """A reminder about one end date of an object. A worker retries it until the mail server accepts it.

    `kind` and `object_id` name the object: apps above this one have the objects.
    """

    kind = models.CharField(max_length=10, help_text="name of the model")
    object_id = models.BigIntegerField()
    moment = models.DateTimeField(help_text="the end date; in the last reminder, when the object was stopped")
    stage = models.PositiveSmallIntegerField(help_text="days before the end date")
    sent_at = models.DateTimeField(null=True, help_text="empty: not sent yet")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id", "moment", "stage"], name="reminder_once_a_stage")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}, {self.stage} days"


class LastDefinition(models.Model):
    """The definition of an object that was deleted because of its end date, whose history is deleted with it."""

    kind = models.CharField(max_length=10, help_text="name of the model")
    object_id = models.BigIntegerField()
    hypervisor = models.CharField()
    name = models.CharField()
    at = models.DateTimeField(default=timezone.now)
    values = models.JSONField(help_text="the columns of a revision")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "object_id"], name="last_definition_once")]

    def __str__(self) -> str:
        return f"{self.name} on {self.hypervisor}"
