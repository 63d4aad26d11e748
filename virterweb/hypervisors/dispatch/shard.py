"""The hypervisors that this worker serves: all, or those whose names match VIRTERWEB_HYPERVISORS.

The patterns are separated by commas: `lab*` includes, `!lab-3` excludes. The last one that matches a name decides.
"""

from fnmatch import fnmatchcase

from django.conf import settings
from django.db.models import QuerySet

from virterweb.hypervisors.models import Hypervisor


def serves(name: str) -> bool:
    """Return whether this worker serves the hypervisor of that name."""
    patterns = [each.strip() for each in settings.WORKER_HYPERVISORS.split(",") if each.strip()]
    served = not patterns or patterns[0].startswith("!")
    for pattern in patterns:
        if fnmatchcase(name, pattern.removeprefix("!")):
            served = not pattern.startswith("!")
    return served


def of_this_worker(rows: QuerySet, path: str) -> QuerySet:
    """Return the rows about hypervisors that this worker serves; `path` leads to the hypervisor's ID."""
    if not settings.WORKER_HYPERVISORS:
        return rows
    served = [pk for pk, name in Hypervisor.objects.values_list("pk", "name") if serves(name)]
    return rows.filter(**{f"{path}__in": served})
