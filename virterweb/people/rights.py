"""Rights of users: one rule for lists, for single objects, and for Django's permissions.

`access.Access` says what a user may do where. Here it is read from the database, once for each user object.
"""

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, Permission
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, FilteredRelation, OuterRef, Q, QuerySet
from django.http import HttpRequest

from virterweb.hypervisors.fleet.shell import fleet_of
from virterweb.hypervisors.models import OPERATE, Hypervisor
from virterweb.messages import Message

from . import wording as _wording  # noqa: F401, adds the texts of the messages
from .access import EVERYTHING, Access, Owned, Right
from .models import Share, Team
from .verbs import OF_HYPERVISORS, Level, Verb, verbs_of

ONLY_OPERATORS = "Only operators may do this: users with the permission “Can operate hypervisors”."

# None is the server's own operating system user: the worker, and the command line without --user.
Actor = AbstractBaseUser | AnonymousUser | None


def access_of(user: Actor) -> Access:
    """Return the rights of a user, which are read once for each object of the user: once a request."""
    if user is None:
        return EVERYTHING
    if not user.is_active or user.pk is None:
        return Access()
    if not hasattr(user, "access"):
        user.access = EVERYTHING if user.is_superuser else _read(user)
    return user.access


def _read(user: AbstractBaseUser) -> Access:
    operates = Permission.objects.filter(content_type__app_label="hypervisors", codename="operate")
    operates = operates.filter(Q(user=user.pk) | Q(group__user=user.pk))
    shared = Share.objects.filter(Q(user=user.pk) | Q(team=OuterRef("pk")))
    mine = FilteredRelation("memberships", condition=Q(memberships__user=user.pk))
    users = Exists(get_user_model().objects.filter(is_active=True).order_by()[1:2])
    teams = Team.objects.order_by().annotate(mine=mine, operates=Exists(operates), shared=Exists(shared))
    teams = teams.annotate(several=users)
    columns = ("pk", "mine__role__verbs", "role_of_all__verbs", "grants", "grants__hypervisor", "grants__role__verbs")
    rights, all_teams, my_teams, has_shares, is_operator = [], set(), set(), False, None
    for team, role, role_of_all, grant, hypervisor, others, operator, share, several in teams.annotate(
        several=users
    ).values_list(*columns, "operates", "shared", "several"):
        is_operator = operator
        all_teams.add(team)
        user.has_recipients = several or len(all_teams) > 1
        member = role is not None or role_of_all is not None
        has_shares |= share
        if member:
            my_teams.add(team)
        if member and grant is not None:
            own = verbs_of(role_of_all if role is None else role) - OF_HYPERVISORS
            rights.append(Right(team=team, hypervisor=hypervisor, own=own, others=verbs_of(others)))
    if is_operator or (is_operator is None and user.has_perm(OPERATE)):
        return EVERYTHING
    return Access(user=user.pk, rights=tuple(rights), shared=_shared(user, my_teams) if has_shares else frozenset())


def _shared(user: AbstractBaseUser, teams: set[int]) -> frozenset[tuple[str, int, Verb]]:
    rows = Share.objects.filter(Q(user=user.pk) | Q(team__in=teams)).values_list("kind", "object_id", "level")
    return frozenset((kind, pk, verb) for kind, pk, level in rows for verb in Level(level).verbs)


def is_operator(user: Actor, hypervisor: Hypervisor | int | None = None) -> bool:
    """Return whether a user operates a hypervisor; without one, all of them."""
    return access_of(user).allows_on(Verb.ADMINISTER, getattr(hypervisor, "pk", hypervisor))


def operates_any(user: Actor) -> bool:
    """Return whether a user operates at least one hypervisor: such users have access to the admin."""
    access = access_of(user)
    return access.everything or any(Verb.ADMINISTER in right.others for right in access.rights)


def operated_hypervisors(user: Actor) -> QuerySet[Hypervisor]:
    return Hypervisor.objects.filter(access_of(user).hypervisors(Verb.ADMINISTER))


def visible_hypervisors(user: Actor) -> QuerySet[Hypervisor]:
    return Hypervisor.objects.filter(access_of(user).hypervisors())


def hypervisor_count(request: HttpRequest) -> int:
    """Return how many hypervisors the user of a page sees: whole pages read them once, for the sidebar too."""
    visible = visible_hypervisors(request.user)
    return visible.count() if request.htmx else fleet_of(request, visible).count


def visible_teams(user: Actor) -> QuerySet[Team]:
    """Return the teams that a user may know of; none if there is a single one, which is the same for everybody."""
    several = Exists(Team.objects.order_by()[1:2])
    return Team.objects.filter(access_of(user).known_teams()).filter(several)


def may(user: Actor, verb: Verb, thing: Owned) -> bool:
    return access_of(user).allows(verb, thing)


def refusal(user: Actor, verb: Verb, thing: Owned) -> Message:
    """Return why the user may not do this with an object and whom to ask; an empty message if the user may."""
    return Message() if may(user, verb, thing) else refused(verb, thing)


def refused(verb: Verb, thing: Owned) -> Message:
    """Return the message that a user may not do this with an object, and whom to ask."""
    if not thing.managed:
        return Message("rights.unmanaged", verb=verb.label, object=thing)
    if thing.owner_id is None:
        return Message("rights.no_owner", verb=verb.label, object=thing)
    return Message("rights.other_owner", verb=verb.label, object=thing, owner=thing.owner)


def require(user: Actor, verb: Verb, thing: Owned) -> None:
    """Raise PermissionDenied, with the reason, unless a user may do this with an object."""
    if reason := refusal(user, verb, thing):
        raise PermissionDenied(str(reason))


def require_operator(user: Actor, hypervisor: Hypervisor | int | None = None) -> None:
    """Raise PermissionDenied, with the reason, unless a user operates a hypervisor; without one, all of them."""
    if not is_operator(user, hypervisor):
        raise PermissionDenied(ONLY_OPERATORS)
