"""What a user gets at each sign-in by the groups of another service: groups and teams of the portal.

What an admin has given stays.
"""

import json
import logging

from django.contrib.auth.models import AbstractUser, Group
from django.db import transaction

from virterweb.people.models import GroupRole, Membership

from .models import GivenGroup

log = logging.getLogger(__package__)

LDAP = "ldap"  # the source, and the provider of accounts, of the directory


def apply(user: AbstractUser, source: str, reported: set[str], names: set[str]) -> None:
    """Let a user have the teams of the groups that a service reports, and the portal's groups with these names."""
    with transaction.atomic():
        give(user, source, names)
        join_teams(user, source, reported)


def take_away(user: AbstractUser, service: str) -> None:
    """Take from a user what a service gave whose account is removed; others give theirs at the next sign-in."""
    apply(user, service if service == LDAP else f"oidc:{service}", set(), set())


def give(user: AbstractUser, source: str, names: set[str]) -> None:
    """Let a user be in these groups of a source, and no longer in those that it gave before."""
    given = {row.group.name: row for row in GivenGroup.objects.filter(user=user, source=source).select_related("group")}
    for name in given.keys() - names:
        user.groups.remove(given[name].group)
        given[name].delete()
    present = set(user.groups.values_list("name", flat=True))
    for name in sorted(names - present):
        group, _ = Group.objects.get_or_create(name=name)
        user.groups.add(group)
        GivenGroup.objects.update_or_create(user=user, source=source, group=group)
    _note(user, f"groups by {source}", added=names - present, removed=given.keys() - names)


def join_teams(user: AbstractUser, source: str, reported: set[str]) -> None:
    """Let a user be a member of the teams that have a role for a reported group; the role that allows most counts."""
    wanted: dict[int, GroupRole] = {}
    for rule in GroupRole.objects.filter(group__in=reported).select_related("role", "team").order_by("pk"):
        before = wanted.get(rule.team_id)
        if before is None or len(rule.role.allowed) > len(before.role.allowed):
            wanted[rule.team_id] = rule
    present = {member.team_id: member for member in Membership.objects.filter(user=user).select_related("team")}
    left = [each for each in present.values() if each.group_id and each.team_id not in wanted]
    Membership.objects.filter(pk__in=[each.pk for each in left]).delete()
    for team, rule in wanted.items():
        if team not in present or present[team].group_id:
            values = {"role": rule.role, "group": rule}
            Membership.objects.update_or_create(team=rule.team, user=user, defaults=values)
    joined = {rule.team.name for team, rule in wanted.items() if team not in present}
    _note(user, f"teams by {source}", added=joined, removed={each.team.name for each in left})


def _note(user: AbstractUser, what: str, *, added: set[str], removed: set[str]) -> None:
    if added or removed:
        said = [json.dumps(sorted(names)) for names in (added, removed)]
        log.info("%s of %s: added %s, removed %s", what, json.dumps(user.get_username()), *said)
