"""The model of templates: named sets of the values that VMs are run with."""

from typing import Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, OuterRef
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower
from django.db.models.sql.compiler import SQLCompiler
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
from vms.models.images import Image

from .template_values import Values, read

add_events(Kind.TEMPLATE, EVENTS)


class WithoutLargeValues(models.Func):
    """The `fields` of a template without user data and SSH keys; an empty object if they are no object."""

    arity, output_field = 1, models.JSONField()
    template = (
        "CASE WHEN jsonb_typeof(%(expressions)s) = 'object' "
        "THEN %(expressions)s - 'user_data' - 'ssh_keys' ELSE '{}'::jsonb END"
    )
    on_sqlite = (
        "CASE WHEN json_type(%(expressions)s) = 'object' "
        "THEN json_remove(%(expressions)s, '$.user_data', '$.ssh_keys') ELSE '{}' END"
    )

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: object) -> tuple[str, tuple]:
        return self.as_sql(compiler, connection, template=self.on_sqlite, **context)


class TemplateQuerySet(BelongingQuerySet, NamedQuerySet):
    def on(self, hypervisor: Hypervisor | int | str) -> Self:
        """Return the templates of one hypervisor, which is an object, an ID or a name."""
        key = "hypervisor__name" if isinstance(hypervisor, str) else "hypervisor"
        return self.filter(**{key: hypervisor})

    def in_lists(self) -> Self:
        return self.defer("fields")

    def listed(self) -> Self:
        """Return them without their user data and SSH keys, which may be large and are in no list."""
        return self.defer("fields").annotate(listed_fields=WithoutLargeValues("fields"))

    def matching(self, text: str, user: rights.Actor) -> Self:
        """Filter by text in the name, or in the name of the image if the user may see both values and image."""
        if not (text := text.replace("\0", "")):
            return self
        image = KeyTextTransform("image", "fields")
        seen = self.changeable_by(user, Verb.SEE).order_by().annotate(image=image).filter(image__icontains=text)
        images = Image.objects.visible_to(user).filter(hypervisor=OuterRef("hypervisor"), name=OuterRef("image"))
        if not rights.access_of(user).everything:
            seen = seen.filter(rights.access_of(user).hypervisors(Verb.LIST, at="hypervisor") | Exists(images))
        return self.filter(models.Q(name__icontains=text) | models.Q(pk__in=seen.values("pk")))


class VMTemplate(Belonging):
    """A named set of values that VMs are run with: image, hardware, NICs, disks and user data. libvirt has none of it.

    `fields` are initial values of the form that runs VMs, as `vms.run.similar` makes them; `values` reads them.
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
    def values(self) -> Values:
        """Return what it says, however odd its stored values are; without what `listed` leaves out."""
        return read(self.listed_fields if "fields" in self.get_deferred_fields() else self.fields)

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
