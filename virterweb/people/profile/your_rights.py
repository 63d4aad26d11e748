"""The page that says what the signed-in user may do, and where."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from virterweb.people import limits, rights
from virterweb.people.limits import Limit
from virterweb.people.models import Grant, Membership, Team
from virterweb.people.owned import Belonging, owned_models
from virterweb.people.verbs import ALL, ALLOWS, OWNER, Level, Verb, verbs_of

EVERYTHING = "everything"


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a user may do as a member of a team on a hypervisor, or on all of them."""

    grant: Grant
    role: str
    own: frozenset[Verb]
    others: frozenset[Verb]
    limits: tuple[Limit, ...]  # those that hold there, also by a grant for all hypervisors

    @property
    def place(self) -> str:
        return str(self.grant.hypervisor or "all hypervisors")

    @property
    def own_words(self) -> str:
        return _words(self.own)

    @property
    def others_words(self) -> str:
        return _words(self.others)

    @property
    def owner_words(self) -> str:
        """Return what the user may do in addition with what they own."""
        return _words(OWNER - self.own) if self.creates else ""

    @property
    def creates(self) -> bool:
        return Verb.CREATE in self.own


def _words(verbs: frozenset[Verb]) -> str:
    return EVERYTHING if verbs == ALL else "; ".join(ALLOWS[verb] for verb in Verb if verb in verbs)


def rows(user: AbstractBaseUser, teams: Iterable[Team]) -> list[Row]:
    """Return the rights of a user in those of the teams that the user belongs to, by hypervisor."""
    mine = {each.team_id: each.role for each in Membership.objects.filter(user=user).select_related("role")}
    roles = {team.pk: mine.get(team.pk) or team.role_of_all for team in teams}
    found = []
    for grant in Grant.objects.filter(team__in=teams).select_related("team", "hypervisor", "role"):
        if role := roles[grant.team_id]:
            others = verbs_of(grant.role.verbs if grant.role else ())
            holds = tuple(limits.limits(grant.team_id, grant.hypervisor_id))
            found.append(Row(grant=grant, role=role.name, own=role.allowed, others=others, limits=holds))
    return found


def shared(user: AbstractBaseUser) -> list[tuple[Belonging, str]]:
    """Return the objects that are shared with a user, or with a team of the user, with what the user may do."""
    verbs: dict[tuple[str, int], set[Verb]] = {}
    for kind, pk, verb in rights.access_of(user).shared:
        verbs.setdefault((kind, pk), set()).add(verb)
    found = []
    for model in owned_models() if verbs else []:
        kind = model._meta.model_name
        things = model.objects.filter(pk__in=[pk for its, pk in verbs if its == kind]).in_lists()
        found += [(thing, _level(frozenset(verbs[kind, thing.pk]))) for thing in things.select_related("hypervisor")]
    return found


def _level(verbs: frozenset[Verb]) -> str:
    """Return the highest level that these verbs make up."""
    return [level.label for level in Level if level.verbs <= verbs][-1]


@require_GET
def your_rights(request: HttpRequest) -> HttpResponse:
    """Show the rights of the user: by team, or without teams if there is only one."""
    everything = rights.access_of(request.user).everything
    teams = list(Team.objects.select_related("role_of_all"))
    found = [] if everything else rows(request.user, teams)
    context = {"rows": found, "everything": everything, "several_teams": len(teams) > 1}
    context |= {
        "creating": [row for row in found if row.creates],
        "limited": any(row.limits for row in found),
        "shared": shared(request.user),
    }
    return render(request, "people/rights.html", context)
