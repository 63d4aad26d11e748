"""The app of users, teams and rights."""

from contextlib import suppress

from django.apps import AppConfig
from django.apps import apps as installed
from django.apps.registry import Apps
from django.db.models.signals import post_migrate


class PeopleConfig(AppConfig):
    name = "virterweb.people"

    def ready(self) -> None:
        post_migrate.connect(create_defaults, sender=self)


def create_defaults(apps: Apps = installed, **options: object) -> None:
    """Create roles and a team in a database that has none: one that was made without migrations, or emptied."""
    from .defaults import create

    with suppress(LookupError):  # the tables do not exist yet, or no longer
        create(*(apps.get_model("people", name) for name in ("Role", "Team", "Grant")))
