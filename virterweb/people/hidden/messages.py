"""Stored texts that name VMs, as a user may read them: such as the error that a network is still in use by VMs."""

from collections.abc import Callable, Iterable

from django.apps import apps

from virterweb.messages import Message
from virterweb.people import rights
from virterweb.people.hidden.names import HIDDEN_VM
from virterweb.people.owned import Owned
from virterweb.people.verbs import Verb

NAMES, NICS = "vms", "nics"  # parameters: names of VMs; NICs, each beginning with the name of its VM


def readable(message: Message, user: rights.Actor) -> Message:
    """Return a message that names no VM which the user may not see."""
    if not message or rights.access_of(user).allows_on(Verb.LIST, None):
        return message
    named: list[str] = []
    _renamed(message, lambda name: named.append(name) or name)
    shown = dict(zip(named, visible_vms(named, user), strict=True))
    return _renamed(message, lambda name: shown.get(name, HIDDEN_VM)) if named else message


def visible_vms(names: Iterable[str], user: rights.Actor) -> list[str]:
    """Return these names of VMs; a text in place of each that the user may not see."""
    names = list(names)
    if not names or rights.access_of(user).allows_on(Verb.LIST, None):
        return names
    seen = _names_of_vms(user)
    return [name if name in seen else HIDDEN_VM for name in names]


def _names_of_vms(user: rights.Actor) -> frozenset[str]:
    """Return the names of all VMs that a user may see, which are read once for each object of the user."""
    if not hasattr(user, "names_of_vms"):
        model = next(each for each in apps.get_models() if issubclass(each, Owned) and each._meta.model_name == "vm")
        rows = model.objects.visible_to(user).order_by().values_list("name", flat=True)
        user.names_of_vms = frozenset(rows)
    return user.names_of_vms


def _renamed(value: object, shown: Callable[[str], str], key: str = "") -> object:
    """Return a message, or a parameter of one, with other names of VMs."""
    if isinstance(value, Message):
        return Message(value.code, **{name: _renamed(each, shown, name) for name, each in value.params.items()})
    if isinstance(value, dict):
        return {name: _renamed(each, shown, name) for name, each in value.items()}
    if not isinstance(value, list):
        return value
    if key == NAMES:
        return [shown(name) for name in value]
    if key == NICS:
        return [[shown(name), *rest] for name, *rest in value]
    return [_renamed(each, shown) for each in value]
