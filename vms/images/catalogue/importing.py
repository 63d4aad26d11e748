"""The import of a registry file into the catalogue: what is new, what has another URL, and nothing is deleted."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from virterweb.activity.choices import Result
from virterweb.activity.models import Entry
from vms.models import CatalogueEntry


@dataclass(frozen=True, kw_only=True)
class Change:
    """An entry that an import adds, if it has no URL `before`, or gives another URL."""

    name: str
    before: str
    url: str


def changes(found: Mapping[str, str]) -> list[Change]:
    """Return what the import of these URLs by name changes."""
    known = dict(CatalogueEntry.objects.values_list("name", "url"))
    pairs = ((name, known.get(name, ""), url) for name, url in found.items())
    return [Change(name=name, before=before, url=url) for name, before, url in pairs if before != url]


def carry_out(chosen: list[Change], by: AbstractBaseUser | None) -> None:
    """Make these changes; the checksum of a file with another URL is dropped, because it is that of the old file."""
    with transaction.atomic():
        for each in chosen:
            values = {"url": each.url, "checksum": ""}
            entry, created = CatalogueEntry.objects.update_or_create(name=each.name, defaults=values)
            event, about = ("created", {}) if created else ("edited", {"fields": ["URL"]})
            Entry.objects.record(entry.subject, event, about, by=by, result=Result.DONE)
