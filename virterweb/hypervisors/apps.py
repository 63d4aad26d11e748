from django.apps import AppConfig
from django.db.backends.signals import connection_created

from virterweb.pages.tables import NATURAL, natural_key


class HypervisorsConfig(AppConfig):
    name = "virterweb.hypervisors"
    label = "hypervisors"

    def ready(self) -> None:
        connection_created.connect(add_natural_order, dispatch_uid=NATURAL)


def add_natural_order(connection, **rest: object) -> None:
    """Let SQLite sort names by their numbers; in PostgreSQL a migration creates the collation."""
    if connection.vendor == "sqlite":
        connection.connection.create_collation(NATURAL, compare)


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1, as a collation of SQLite does."""
    one, other = natural_key(one), natural_key(other)
    return (one > other) - (one < other)
