"""Why a verb does not apply to an object: codes, and the exceptions that carry them."""

from enum import StrEnum
from typing import TYPE_CHECKING

from virterweb.hypervisors import wording as _wording  # noqa: F401, adds the texts of the messages
from virterweb.messages import Failure, Message

if TYPE_CHECKING:
    from .models import Desired


class Refusal(StrEnum):
    """Why a verb does not apply to an object as it is now."""

    GONE = "gone"
    BEING_DELETED = "being_deleted"
    MANAGED = "managed"
    UNMANAGED = "unmanaged"
    ABSENT = "absent"
    NOT_REPLACED = "not_replaced"
    NAME_TAKEN = "name_taken"


class InvalidTransition(Failure, ValueError):
    """A verb does not apply to an object in its present state: `refusal` is the code, `desired` the object.

    The code is a `Refusal`, or one of a kind of object; `about` are further parameters of its message.
    """

    def __init__(self, desired: "Desired", refusal: StrEnum, **about: object) -> None:
        self.desired, self.refusal = desired, refusal
        names = {"object": desired, "kind": desired._meta.verbose_name, "hypervisor": desired.hypervisor}
        super().__init__(Message(f"transition.{refusal.value}", **names, **about))


class Superseded(Exception):
    """An object was deleted, released or adopted after a worker read it, so the worker must stop."""
