"""Counters of changes."""

from django.db import connection, models

CHANNEL = "virterweb_changes"  # of PostgreSQL's NOTIFY
COUNT = """
INSERT INTO changes_changecounter (topic, number) VALUES (%s, 1)
ON CONFLICT (topic) DO UPDATE SET number = changes_changecounter.number + 1
"""
EVERYWHERE = 0  # the topic of what is not on one hypervisor: users, teams, settings


class ChangeCounter(models.Model):
    """How often something has changed that pages show; only `virterweb.changes.writes` counts.

    The topic is the ID of the hypervisor that it is on, negative for the traffic of its NICs, or EVERYWHERE.
    """

    topic = models.BigIntegerField(primary_key=True)
    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.topic}: {self.number}"

    @classmethod
    def count(cls, topic: int) -> None:
        """Count a change that is committed, and notify the web servers if the database can.

        It is one statement: on SQLite, a transaction cannot end while the result of a write before it is being read.
        """
        with connection.cursor() as cursor:
            cursor.execute(COUNT, [topic])
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])

    @classmethod
    def numbers(cls) -> dict[int, int]:
        """Return the number of changes by topic."""
        return dict(cls.objects.values_list("topic", "number"))
