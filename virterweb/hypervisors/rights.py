"""Rights to change objects. Every signed-in user may read everything.

Operators change everything. Others change what the portal manages and they own, except for what reaches the host:
`networks.definition.host_reach` and `vms.definition.host_reach` say which parts of a definition that is.
"""

from typing import Protocol

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from virterweb.messages import Message

from . import wording as _wording  # noqa: F401, adds the texts of the messages

OPERATE = "hypervisors.operate"  # the permission "Can operate hypervisors"
ONLY_OPERATORS = "Only operators may do this: users with the permission “Can operate hypervisors”."

# None is the server's own operating system user: the worker, and the command line without --user.
Actor = AbstractBaseUser | AnonymousUser | None


class Owned(Protocol):
    """An object that the portal manages or not, with the user that it belongs to."""

    managed: bool
    owner: AbstractBaseUser | None
    owner_id: int | None


def is_operator(user: Actor) -> bool:
    return user is None or user.has_perm(OPERATE)


def may_change(user: Actor, thing: Owned) -> bool:
    return is_operator(user) or bool(thing.managed and user.pk and thing.owner_id == user.pk)


def refusal(user: Actor, thing: Owned) -> Message:
    """Return why the user may not change an object and who may; an empty message if the user may."""
    if may_change(user, thing):
        return Message()
    if not thing.managed:
        return Message("rights.unmanaged", object=thing)
    if thing.owner_id is None:
        return Message("rights.no_owner", object=thing)
    return Message("rights.other_owner", object=thing, owner=thing.owner)


def require(user: Actor, thing: Owned) -> None:
    """Raise PermissionDenied, with the reason, unless a user may change an object."""
    if reason := refusal(user, thing):
        raise PermissionDenied(str(reason))


def require_operator(user: Actor) -> None:
    """Raise PermissionDenied, with the reason, unless a user is an operator."""
    if not is_operator(user):
        raise PermissionDenied(ONLY_OPERATORS)
