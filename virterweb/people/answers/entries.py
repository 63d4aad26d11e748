"""Which entries of the activity log a user may see: `settings.ACTIVITY_RULE` names `visible`."""

from django.db.models import Q

from virterweb.activity.choices import Kind, same_object
from virterweb.people.access import NOTHING
from virterweb.people.rights import Actor, access_of
from virterweb.people.verbs import Verb

#: The models of objects, by the first kind of their entries.
MODELS = {Kind.NETWORK: "network", Kind.VM: "vm", Kind.IMAGE: "image", Kind.TEMPLATE: "vmtemplate"}
#: The columns of objects, as entries have them. Owner and team are those at the time of the entry.
COLUMNS = {"hypervisor": "hypervisor_id", "team": "team_id", "owner": "owner_id", "pk__in": "object_id__in"}


def visible(user: Actor) -> Q:
    """Return the condition that a user may see an entry.

    Operators see all. Others see what they did themselves, and what was done with objects whose definitions they may
    see, or might have seen when the object existed.
    """
    access = access_of(user)
    if access.everything:
        return Q()
    if user.pk is None:
        return NOTHING
    found = Q(user=user.pk)
    for kind, model in MODELS.items():
        found |= Q(kind__in=same_object(kind)) & _of_entries(access.q(Verb.SEE, model))
    return found


def _of_entries(condition: Q) -> Q:
    """Return a condition on objects as one on entries about them."""
    parts = (_of_entries(part) if isinstance(part, Q) else (COLUMNS[part[0]], part[1]) for part in condition.children)
    return Q(*parts, _connector=condition.connector, _negated=condition.negated)
