"""What one user may do where: the same statements give the filter of a list and the answer for one object. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Protocol

from django.db.models import Q

from .verbs import ALL, OF_HYPERVISORS, OWNER, Verb

NOTHING = Q(pk__in=())


class Owned(Protocol):
    """An object on a hypervisor. What the portal does not manage belongs to no user and no team."""

    pk: int
    hypervisor_id: int
    team_id: int | None
    owner_id: int | None


@dataclass(frozen=True, kw_only=True)
class Right:
    """What the members of a team may do on a hypervisor, or on all of them."""

    team: int
    hypervisor: int | None  # all
    own: frozenset[Verb]  # with the objects of the team
    others: frozenset[Verb]  # with all other objects on the hypervisor, and without an object

    def of_owner(self, verb: Verb) -> bool:
        """Return whether members may do it with the objects of the team that they own."""
        return verb in self.own or (verb in OWNER and Verb.CREATE in self.own)

    def reaches(self, hypervisor: int | None) -> bool:
        return self.hypervisor in (None, hypervisor)


@dataclass(frozen=True, kw_only=True)
class Access:
    """The rights of one user; `everything` is for superusers, operators of all hypervisors, and the server itself."""

    user: int | None = None
    everything: bool = False
    rights: tuple[Right, ...] = ()
    shared: frozenset[tuple[str, int, Verb]] = field(default=frozenset())  # kind and ID of an object
    reach: Q = field(default_factory=Q)  # the condition that an object is where a token is limited to

    def narrowed(self, verbs: frozenset[Verb], *, hypervisors: Collection[int], teams: Collection[int]) -> "Access":
        """Return the part of these rights that a token has; empty collections narrow nothing.

        With `teams`, it reaches only objects of these teams; shared objects only without `teams` and `hypervisors`.
        """
        if self.everything:
            own = [Right(team=team, hypervisor=None, own=ALL - OF_HYPERVISORS, others=frozenset()) for team in teams]
            rights = own or [Right(team=0, hypervisor=None, own=frozenset(), others=ALL)]
        else:
            rights = [right for right in self.rights if not teams or right.team in teams]
        kept = []
        for right in rights:
            others = frozenset() if teams else right.others & verbs
            places = [right.hypervisor] if not hypervisors else [each for each in hypervisors if right.reaches(each)]
            kept += [replace(right, hypervisor=place, own=right.own & verbs, others=others) for place in places]
        shared = () if hypervisors or teams else (each for each in self.shared if each[2] in verbs)
        limits = {name: set(keys) for name, keys in (("hypervisor__in", hypervisors), ("team__in", teams)) if keys}
        return Access(user=self.user, rights=tuple(kept), shared=frozenset(shared), reach=Q(**limits))

    def allows(self, verb: Verb, thing: Owned) -> bool:
        """Return whether the user may do this with an object."""
        return (
            self.everything
            or any(self._allowing(right, verb, thing) for right in self.rights)
            or self._shared(verb, thing)
        )

    def _allowing(self, right: Right, verb: Verb, thing: Owned) -> bool:
        if not right.reaches(thing.hypervisor_id):
            return False
        if verb in right.others:
            return True
        mine = self.user is not None and thing.owner_id == self.user
        return thing.team_id == right.team and (verb in right.own or (mine and right.of_owner(verb)))

    def _shared(self, verb: Verb, thing: Owned) -> bool:
        return bool(self.shared) and (type(thing)._meta.model_name, thing.pk, verb) in self.shared

    def q(self, verb: Verb, kind: str, at: str = "") -> Q:
        """Return the condition that the user may do this with an object of that kind, which is at the path `at`.

        It is empty, and must not be combined by `or`, only for those who may do everything.
        """
        if self.everything:
            return Q()
        if any(verb in right.others and right.hypervisor is None for right in self.rights):
            return ~NOTHING
        found = NOTHING
        for right in self.rights:
            place = {} if right.hypervisor is None else {f"{at}hypervisor": right.hypervisor}
            if verb in right.others:
                found |= Q(**place)
            elif verb in right.own:
                found |= Q(**{f"{at}team": right.team}, **place)
            elif right.of_owner(verb):
                found |= Q(**{f"{at}team": right.team, f"{at}owner": self.user}, **place)
        ids = {pk for its, pk, allowed in self.shared if its == kind and allowed == verb}
        return found | Q(**{f"{at}pk__in": ids}) if ids else found

    def allows_on(self, verb: Verb, hypervisor: int | None) -> bool:
        """Return whether the user may do this with everything on a hypervisor; None: on all."""
        return self.everything or any(
            verb in right.others and (right.hypervisor is None or right.hypervisor == hypervisor)
            for right in self.rights
        )

    def allows_somewhere(self, verb: Verb) -> bool:
        """Return whether the user may do this with everything on any hypervisor."""
        return self.everything or any(verb in right.others for right in self.rights)

    def hypervisors(self, verb: Verb | None = None, at: str = "pk") -> Q:
        """Return the condition that the user may do this with everything on the hypervisor at the path `at`.

        Without a verb: that the hypervisor exists for the user.
        """
        return self._on([right for right in self.rights if verb is None or verb in right.others], at)

    def known_teams(self) -> Q:
        """Return the condition that the user may know of a team.

        These are the teams of the user; all teams if the user may see definitions of others on any hypervisor.
        """
        if self.everything or any(Verb.SEE in right.others for right in self.rights):
            return Q()
        return Q(pk__in={right.team for right in self.rights})

    def _creating(self) -> list[Right]:
        return [one for one in self.rights if Verb.CREATE in one.own or Verb.ADMINISTER in one.others]

    def creates(self, hypervisor: int | None = None) -> bool:
        """Return whether the user may create something on a hypervisor; without one, on any."""
        return self.everything or any(hypervisor is None or each.reaches(hypervisor) for each in self._creating())

    def creates_on(self) -> Q:
        """Return the same as a condition on hypervisors."""
        return self._on(self._creating(), "pk")

    def _on(self, chosen: Collection[Right], at: str) -> Q:
        """Return the condition that one of these rights reaches the hypervisor at the path `at`."""
        if self.everything or any(right.hypervisor is None for right in chosen):
            return Q()
        return Q(**{f"{at}__in": {right.hypervisor for right in chosen}})

    def teams(self, verb: Verb, hypervisor: int | None = None) -> set[int]:
        """Return the teams whose objects the user may do this with, on a hypervisor or on any."""
        return {
            right.team
            for right in self.rights
            if verb in right.own and (hypervisor is None or right.reaches(hypervisor))
        }


EVERYTHING = Access(everything=True)
