"""Marks of names that look like others, without the names that a user may not see."""

from django.db import models
from django.http import HttpRequest

from virterweb.hypervisors.desired.look_alikes import LookAlikeMarks
from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights


class VisibleLookAlikeMarks(LookAlikeMarks):
    """Compares the names of a page only with those that exist for its user."""

    def rows(self, request: HttpRequest, model: type[models.Model]) -> models.QuerySet:
        if issubclass(model, Hypervisor):
            return rights.visible_hypervisors(request.user)
        return model.objects.visible_to(request.user)
