"""Why a verb does not apply to an object: codes, and the exceptions that carry them."""

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from .models import Desired


class Refusal(models.TextChoices):
    """Why a verb does not apply to an object as it is now. The label is the sentence for people, without full stop."""

    GONE = "gone", "{object} no longer exists"
    BEING_DELETED = "being deleted", "{object} is being deleted"
    MANAGED = "managed", "The portal manages {object} already"
    UNMANAGED = "unmanaged", "The portal does not manage {object}. Adopt it first"
    ABSENT = "absent", "libvirt has no {object}"
    NOT_REPLACED = "not replaced", "libvirt has {object} as it was made: nobody has recreated or renamed it"
    NAME_TAKEN = "name taken", "The portal already manages another {kind} {object} on {hypervisor}"


class InvalidTransition(ValueError):
    """A verb does not apply to an object in its present state: `refusal` is the code, `desired` the object."""

    def __init__(self, desired: "Desired", refusal: Refusal) -> None:
        self.desired, self.refusal = desired, refusal
        names = {"object": desired, "kind": desired._meta.verbose_name, "hypervisor": desired.hypervisor}
        super().__init__(refusal.label.format(**names))


class Superseded(Exception):
    """An object was deleted, released or adopted after a worker read it, which must therefore stop."""
