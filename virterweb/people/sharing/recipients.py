"""Who may receive an object that is handed over: its new owner is a member of its team, which has a grant.

Only operators hand over to a team for which they could not create the object: it would count towards its limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Q

from virterweb.messages import Message
from virterweb.people import rights
from virterweb.people.models import Grant, Team
from virterweb.people.owned import Belonging
from virterweb.people.pools import Pools
from virterweb.people.verbs import Verb


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """A user, a team, or a user in a team. Without a team, objects keep theirs."""

    owner: AbstractBaseUser | None
    team: Team | None
    by: rights.Actor  # who hands over
    teams: Mapping[int, Team] = field(default_factory=dict)  # that the owner is a member of
    grants: frozenset[int | None] = frozenset()  # the hypervisors that the team may use; None: all

    @classmethod
    def of(cls, owner: AbstractBaseUser | None, team: Team | None, by: rights.Actor) -> Self:
        teams = Team.objects.filter(~Q(role_of_all=None) | Q(memberships__user=owner)).in_bulk() if owner else {}
        hypervisors = Grant.objects.filter(team=team).order_by().values_list("hypervisor", flat=True) if team else ()
        return cls(owner=owner, team=team, by=by, teams=teams, grants=frozenset(hypervisors))

    def problem(self, thing: Belonging) -> Message:
        """Return why an object cannot be handed over to it; an empty message if it can."""
        team = self.team or thing.team
        if team is None:
            return Message("hand_over.no_team", object=thing)
        if self.owner and team.pk not in self.teams:
            return Message("hand_over.not_member", owner=self.owner, team=team)
        if self.team and thing.team_id != team.pk and not self.grants & {None, thing.hypervisor_id}:
            return Message("hand_over.no_grant", team=team, hypervisor=thing.hypervisor)
        if self.team and thing.team_id != team.pk and not self._could_create(team, thing.hypervisor_id):
            return Message("hand_over.foreign_team", team=team)
        return self._pool_problem(team, thing) if thing.team_id != team.pk else Message()

    def _pool_problem(self, team: Team, thing: Belonging) -> Message:
        """Return why an object cannot be of a team because of its storage pools; operators use all pools."""
        granted = Pools(self.by, team.pk, thing.hypervisor)
        refused = [pool for pool in sorted(thing.used_pools()) if granted.refusal(pool)]
        if not refused:
            return Message()
        return Message("hand_over.pool", team=team, pool=refused[0], hypervisor=thing.hypervisor)

    def _could_create(self, team: Team, hypervisor: int) -> bool:
        access = rights.access_of(self.by)
        return access.allows_on(Verb.ADMINISTER, hypervisor) or team.pk in access.teams(Verb.CREATE, hypervisor)

    def take(self, thing: Belonging, by: AbstractBaseUser) -> None:
        """Hand an object over to it."""
        thing.hand_over(self.owner, self.team or thing.team, by)
