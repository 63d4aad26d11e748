"""Which storage pools of a hypervisor the objects of a team may use."""

from functools import cached_property

from django.db.models import Q, QuerySet

from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message

from . import creating, rights
from .models import ALL_POOLS, Grant
from .verbs import Verb


class Pools:
    """The pools that a user may use for objects of a team on one hypervisor; operators may use all."""

    def __init__(self, user: rights.Actor, team: int | None, hypervisor: Hypervisor) -> None:
        self.team, self.hypervisor = team, hypervisor
        self.operator = rights.is_operator(user, hypervisor)

    @cached_property
    def _grants(self) -> list[Grant]:
        return list(Grant.objects.filter(Q(hypervisor=None) | Q(hypervisor=self.hypervisor), team=self.team))

    def refusal(self, pool: str = "") -> Message:
        """Return why a pool may not be used; an empty message if it may. The default is the pool of the hypervisor."""
        name = pool or self.hypervisor.pool
        if self.operator or any(grant.names_pool(name) for grant in self._grants):
            return Message()
        return Message("rights.pool", pool=name, hypervisor=self.hypervisor)


class Granted:
    """Which pools the grants of a user's teams name, on any hypervisor; one query for all of them.

    `verb` is what members must be able to do with the objects of such a team.
    """

    def __init__(self, user: rights.Actor, verb: Verb) -> None:
        self.access, self.verb = rights.access_of(user), verb
        self.grants = list(Grant.objects.filter(team__in=self.access.teams(verb)))

    def names(self, hypervisor: int, pool: str) -> bool:
        teams = self.access.teams(self.verb, hypervisor)
        here = (each for each in self.grants if each.team_id in teams and each.hypervisor_id in (None, hypervisor))
        return self.access.allows_on(Verb.ADMINISTER, hypervisor) or any(each.names_pool(pool) for each in here)


def hypervisors(user: rights.Actor) -> QuerySet[Hypervisor]:
    """Return the hypervisors on which a user may create VMs and images in the pool of the hypervisor."""
    found, access = creating.hypervisors(user), rights.access_of(user)
    if access.everything or not Grant.objects.exclude(pools=ALL_POOLS).exists():
        return found
    granted = Granted(user, Verb.CREATE)
    return found.filter(pk__in=[pk for pk, pool in found.values_list("pk", "pool") if granted.names(pk, pool)])
