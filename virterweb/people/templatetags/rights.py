"""Template filters that say what a user may do, and why not: `network|may_edit:user`, `vm|refused_delete:user`."""

from collections.abc import Iterable
from functools import partial

from django import template

from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people import creating, rights
from virterweb.people.access import Owned
from virterweb.people.hidden import messages, teams
from virterweb.people.hidden.names import HIDDEN_VM
from virterweb.people.known import is_offered
from virterweb.people.models import Team
from virterweb.people.verbs import Verb

register = template.Library()


def _may(verb: Verb, thing: Owned, user: rights.Actor) -> bool:
    return rights.may(user, verb, thing)


for each in Verb:
    register.filter(f"may_{each.value}", partial(_may, each))


@register.filter
def refused_to(thing: Owned, user: rights.Actor) -> str:
    """Return why a user may not edit an object, and whom to ask; empty if the user may."""
    return str(rights.refusal(user, Verb.EDIT, thing))


@register.filter
def readable_by(message: Message, user: rights.Actor) -> Message:
    """Return a message that names no VM which the user may not see."""
    return messages.readable(message, user) if isinstance(message, Message) else message


@register.filter
def visible_vms(names: Iterable[str], user: rights.Actor) -> list[str]:
    """Return names of VMs, with a text in place of each that the user may not see."""
    return messages.visible_vms(names, user)


register.filter("what_for", teams.what_for)


@register.simple_tag
def hidden_vm() -> str:
    """Return the text in place of a VM that the user may not see."""
    return HIDDEN_VM


@register.filter
def can_be_shared_by(thing: Owned, user: rights.Actor) -> bool:
    """Return whether a user may share an object or hand it over, and there is anybody to do that with."""
    if not thing.managed or thing.removed_at or not rights.may(user, Verb.SHARE, thing):
        return False
    return thing.offered if hasattr(thing, "offered") else is_offered(user)


@register.filter
def is_operator(user: rights.Actor, hypervisor: Hypervisor | None = None) -> bool:
    """Return whether a user operates a hypervisor; without one, all of them."""
    return rights.is_operator(user, hypervisor)


@register.filter
def operates_any(user: rights.Actor) -> bool:
    """Return whether a user operates at least one hypervisor."""
    return rights.operates_any(user)


@register.filter
def may_create_on(hypervisor: Hypervisor, user: rights.Actor) -> bool:
    """Return whether a user may create networks and VMs on a hypervisor."""
    return rights.access_of(user).creates(hypervisor.pk)


@register.filter
def teams_of_creator(hypervisor: Hypervisor, user: rights.Actor) -> list[Team]:
    """Return the teams to choose from for what a user adds to a hypervisor; none if there is no choice."""
    found = list(creating.teams(user, hypervisor.pk).only("name"))
    return found if len(found) > 1 else []


@register.filter
def may_create(user: rights.Actor) -> bool:
    """Return whether a user may create networks and VMs on any hypervisor."""
    return rights.access_of(user).creates()
