"""Groups that another service gives a user at each sign-in. Groups that an admin has given stay."""

import json
import logging

from django.contrib.auth.models import AbstractUser, Group
from django.db import transaction

from .models import GivenGroup

log = logging.getLogger(__package__)


def give(user: AbstractUser, source: str, names: set[str]) -> None:
    """Let a user be in these groups of a source, and no longer in those that it gave before."""
    with transaction.atomic():
        given = {row.group.name: row for row in GivenGroup.objects.filter(user=user, source=source).select_related()}
        for name in given.keys() - names:
            user.groups.remove(given[name].group)
            given[name].delete()
        present = set(user.groups.values_list("name", flat=True))
        for name in sorted(names - present):
            group, _ = Group.objects.get_or_create(name=name)
            user.groups.add(group)
            GivenGroup.objects.update_or_create(user=user, source=source, group=group)
    _note(user, source, added=names - present, removed=given.keys() - names)


def _note(user: AbstractUser, source: str, *, added: set[str], removed: set[str]) -> None:
    if added or removed:
        said = [json.dumps(sorted(names)) for names in (added, removed)]
        log.info("groups of %s by %s: added %s, removed %s", json.dumps(user.get_username()), source, *said)
