from collections.abc import Callable

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from virterweb.pages.tables import NATURAL, OF_ADDRESSES, address_key, natural_key


class HypervisorsConfig(AppConfig):
    name = "virterweb.hypervisors"
    label = "hypervisors"

    def ready(self) -> None:
        connection_created.connect(add_orders, dispatch_uid=NATURAL)


def add_orders(connection, **rest: object) -> None:
    """Let SQLite sort names by their numbers, and addresses; PostgreSQL gets a collation for names by a migration."""
    if connection.vendor == "sqlite":
        connection.connection.create_collation(NATURAL, _by(natural_key))
        connection.connection.create_collation(OF_ADDRESSES, _by(address_key))


def _by(key: Callable[[str], object]) -> Callable[[str, str], int]:
    """Return a function for a collation of SQLite, which returns -1, 0 or 1."""

    def compare(one: str, other: str) -> int:
        one, other = key(one), key(other)
        return (one > other) - (one < other)

    return compare
