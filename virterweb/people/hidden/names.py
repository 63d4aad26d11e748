"""Names of objects as a user may read them: what the user may not see has none.

A list reads its names by an expression, so that no object needs a query of its own; for users who may see everything
that is the column itself.
"""

from django.db.models import Case, F, Value, When
from django.db.models.expressions import Combinable

from virterweb.people import rights
from virterweb.people.access import Owned
from virterweb.people.verbs import Verb

HIDDEN_VM = "a VM that you may not see"
HIDDEN_VMS = "{count} VMs that you may not see"


def hidden_vms(count: int) -> list[str]:
    """Return the text about VMs that a user may not see, none if there are none."""
    return [] if not count else [HIDDEN_VM if count == 1 else HIDDEN_VMS.format(count=count)]


def visible_name(user: rights.Actor, kind: str, at: str = "") -> Combinable:
    """Return the name of the object of that kind at the path `at` as an expression; "" if the user may not see it."""
    seen = rights.access_of(user).q(Verb.LIST, kind, at)
    return Case(When(seen, then=F(f"{at}name")), default=Value("")) if seen else F(f"{at}name")


def name_for(user: rights.Actor, thing: Owned) -> str:
    """Return the name of an object, "" if the user may not see it."""
    return str(thing) if rights.may(user, Verb.LIST, thing) else ""


def sees_all_names(user: rights.Actor, hypervisor: int) -> bool:
    """Return whether a user may see every object on a hypervisor."""
    return rights.access_of(user).allows_on(Verb.LIST, hypervisor)


def name_in_use(user: rights.Actor, kind: str, thing: Owned, hypervisor: object) -> str:
    """Return the error about a name that an object of the hypervisor has; `kind` has its article, as in “a VM”."""
    return f"{hypervisor} already has {kind} {thing}." if name_for(user, thing) else f"The name {thing} is taken."
