"""Base model of what can have tags: networks and VMs."""

from collections.abc import Collection

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models

from virterweb.activity.choices import Result
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.people.owned import Owned

from . import names

TAGGED = "tagged"  # the event of the activity log


class Tagged(Owned):
    """A desired configuration with tags.

    A change of tags does not change the generation, because libvirt has nothing to apply. So unmanaged objects have
    tags too, which stay when the object is adopted or released.
    """

    tags = models.TextField(
        blank=True, default="", editable=False, help_text="in order, each between spaces; empty without tags"
    )

    class Meta:
        abstract = True

    def save(self, *args, **kwargs) -> None:
        """Save it; the tags of an object that is there already are changed by `change_tags` alone."""
        if not self._state.adding:
            saved = kwargs.get("update_fields") or [each.name for each in self._meta.concrete_fields]
            kwargs["update_fields"] = [name for name in saved if name != "tags"]
        super().save(*args, **kwargs)

    @property
    def tag_names(self) -> tuple[str, ...]:
        return names.read(self.tags)

    def change_tags(
        self, *, add: Collection[str] = (), remove: Collection[str] = (), by: AbstractBaseUser | None = None
    ) -> bool:
        """Add and remove tags, and return whether that changes any; a tag that is in both is added.

        Raises:
            InvalidTransition: It is being deleted.
            InvalidValue: It would have too many tags.
        """
        with self.transition():
            self.refresh_from_db(fields=["tags"])
            before = set(self.tag_names)
            after = (before - set(remove)) | set(add)
            if after == before:
                return False
            names.require_few(after)
            self.tags = names.stored(after)
            type(self).objects.filter(pk=self.pk).update(tags=self.tags)
            changes = [f"+{tag}" for tag in sorted(after - before)] + [f"-{tag}" for tag in sorted(before - after)]
            note_activity(self, TAGGED, by, about={"changes": ", ".join(changes)}, result=Result.DONE)
        return True


def tagged_models() -> list[type[Tagged]]:
    """Return the models of what can have tags."""
    return [model for model in apps.get_models() if issubclass(model, Tagged)]
