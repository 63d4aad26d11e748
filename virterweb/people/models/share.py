"""Single objects that are shared with users and teams."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from virterweb.people.verbs import Level

from .team import Team


class Share(models.Model):
    """A network, VM or image that a user or a team may use beyond their own.

    `kind` and `object_id` name it: apps above this one have the objects.
    """

    kind = models.CharField(max_length=10, help_text="name of the model")
    object_id = models.BigIntegerField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    level = models.CharField(max_length=10, choices=Level)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(user=None) ^ Q(team=None), name="share_with_user_or_team"),
            models.UniqueConstraint(fields=["kind", "object_id", "user"], name="share_once_a_user"),
            models.UniqueConstraint(fields=["kind", "object_id", "team"], name="share_once_a_team"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id} with {self.user or self.team}"
