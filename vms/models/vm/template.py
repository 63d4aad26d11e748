"""The model of templates: named sets of the values that VMs are run with."""

from collections.abc import Mapping
from typing import Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.http import urlencode

from networks.definition import rules
from virterweb.activity.choices import Kind, Result
from virterweb.activity.models import Subject
from virterweb.activity.wording import add_events
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.pages.name_field import NamedQuerySet, SkeletonField
from virterweb.people import rights
from virterweb.people.models import Team
from virterweb.people.owned import Belonging, BelongingQuerySet
from virterweb.people.verbs import Verb
from vms.definition.events import TemplateEvent
from vms.definition.wording.templates import EVENTS

add_events(Kind.TEMPLATE, EVENTS)


class TemplateQuerySet(BelongingQuerySet, NamedQuerySet):
    def on(self, hypervisor: Hypervisor | int | str) -> Self:
        """Return the templates of one hypervisor, which is an object, an ID or a name."""
        key = "hypervisor__name" if isinstance(hypervisor, str) else "hypervisor"
        return self.filter(**{key: hypervisor})

    def matching(self, text: str, user: rights.Actor) -> Self:
        """Filter by text in the name, or in the name of the image of templates whose values the user may see."""
        text = text.replace("\0", "")
        seen = self.changeable_by(user, Verb.SEE).order_by().filter(fields__image__icontains=text)
        return self.filter(models.Q(name__icontains=text) | models.Q(pk__in=seen.values("pk"))) if text else self


class VMTemplate(Belonging):
    """A named set of values that VMs are run with: image, hardware, NICs, disks and user data. libvirt has none of it.

    `fields` are initial values of the form that runs VMs, as `vms.run.similar` makes and reads them.
    """

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="vmtemplates")
    name = models.CharField(
        max_length=50,
        validators=[rules.validate_name, rules.validate_hostname],
        help_text="VMs that are run from it are named NAME-ID.",
    )
    fields = models.JSONField(default=dict, help_text="values of the form that runs VMs, by field")
    skeleton = SkeletonField()

    objects = TemplateQuerySet.as_manager()

    managed, removed_at, generation = True, None, None  # as objects in libvirt have them

    class Meta:
        ordering = [Lower("name")]
        verbose_name = "template"
        constraints = [models.UniqueConstraint(fields=["hypervisor", "name"], name="template_name_once_a_hypervisor")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the address of the list with this template."""
        return f"{reverse('vms:templates')}?{urlencode({'q': self.name})}"

    @property
    def image(self) -> str:
        return self.fields.get("image", "")

    @property
    def memory(self) -> int | None:
        """Return the memory of a VM in MiB."""
        return self.fields.get("memory")

    @property
    def vcpus(self) -> int | None:
        return self.fields.get("vcpus")

    @property
    def places(self) -> list[str]:
        """Return where the NICs of a VM are attached, in order: names of networks, bridges and devices."""
        rows = self.fields.get("nics", ())
        return [self.hypervisor.access_network, *(place for row in rows if (place := _place(row)))]

    @property
    def places_text(self) -> str:
        return " ".join(self.places)

    def require(self, **lifecycle: bool) -> None:
        """Do nothing: a template can be changed at any time, unlike an object in libvirt."""

    def activity_subject(self, event: str) -> Subject:
        """Return what an entry of the activity log says about it."""
        host, whose = self.hypervisor, {"owner_id": self.owner_id, "team_id": self.team_id}
        place = {"hypervisor": host.name, "hypervisor_id": host.pk}
        return Subject(kind=Kind.TEMPLATE, name=self.name, object_id=self.pk, **place, **whose)

    def refusal(self, user: rights.Actor, verb: Verb) -> Message:
        """Return why a user may not change or delete it, which needs the right to see its user data as well."""
        return rights.refusal(user, verb, self) or (
            Message() if rights.may(user, Verb.SECRETS, self) else rights.refused(verb, self)
        )

    def store(self, by: AbstractBaseUser | None) -> None:
        """Save it, and record in the activity log whether it was added, renamed or edited."""
        with transaction.atomic():
            before = type(self).objects.filter(pk=self.pk).values_list("name", flat=True).first()
            self.save()
            event = TemplateEvent.ADDED if before is None else TemplateEvent.EDITED
            about = {}
            if before not in (None, self.name):
                event, about = TemplateEvent.RENAMED, {"before": before}
            note_activity(self, event, by, about=about, result=Result.DONE)

    def remove(self, by: AbstractBaseUser | None) -> None:
        """Delete it. VMs that were run from it stay."""
        with transaction.atomic():
            note_activity(self, TemplateEvent.DELETED, by, result=Result.DONE)
            self.delete()

    def hand_over(self, owner: AbstractBaseUser | None, team: Team, by: AbstractBaseUser | None) -> None:
        """Make it that of another user, another team, or both."""
        if (self.owner, self.team) == (owner, team):
            return
        with transaction.atomic():
            event, about = self.handing_over(owner, team)
            self._give_to(owner, team)
            note_activity(self, event, by, about=about, result=Result.DONE)


def _place(row: Mapping[str, object]) -> str:
    """Return where a NIC is attached, given its fields; a network with a slash is the choice of user networking."""
    network = row.get("network", "")
    return row.get("bridge") or row.get("device") or ("user networking" if network.startswith("/") else network)
