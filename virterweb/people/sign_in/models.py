"""What is known about users who sign in with other services."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models


class GivenGroup(models.Model):
    """A group that a user has because another service said so at the last sign-in."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="+")
    source = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "source", "group"], name="unique_given_group")]

    def __str__(self) -> str:
        return f"{self.user}: {self.group} by {self.source}"
