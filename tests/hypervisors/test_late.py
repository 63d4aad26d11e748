"""Pages say that a poll is late by the clock of the database, whatever the clock of the web server says."""

from datetime import timedelta

import pytest
from django.db import connection  # noqa: F401, in the condition of `skipif`
from django.utils import timezone

from tests.support.making import make_hypervisor
from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.models import Condition, Hypervisor

pytestmark = [
    pytest.mark.integration,
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor == 'sqlite'", reason="the clock of SQLite is that of the process"),
]


@pytest.mark.parametrize("minutes", [-60, -10, -5, -2, 0, 2, 10, 60])
@pytest.mark.parametrize(("seconds", "late"), [(-60, False), (-1, False), (20, False), (40, True), (300, True)])
def test_a_poll_is_late_by_the_clock_of_the_database(monkeypatch, minutes, seconds, late):
    status = make_hypervisor().status
    status.due_at = database_time() - timedelta(seconds=seconds)
    status.observed_at = status.due_at - timedelta(seconds=1)
    status.save()
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(minutes=minutes))
    found = Hypervisor.objects.with_condition().get().condition
    assert found == (Condition.LATE if late else Condition.CURRENT)
