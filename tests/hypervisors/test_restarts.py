"""A poll finds whether the host has restarted since the last one, by the time that its CPUs have counted."""

from datetime import timedelta

import pytest
from django.utils import timezone

from virterweb.hypervisors.models import HypervisorStatus

HOUR = 3600


def polled(ago: float, uptime: float | None) -> HypervisorStatus:
    """Return the status of a host that was polled so many seconds ago, with the uptime of then."""
    return HypervisorStatus(observed_at=timezone.now() - timedelta(seconds=ago), uptime=uptime)


@pytest.mark.parametrize(
    ("ago", "before", "now", "restarted"),
    [
        (60, 10 * HOUR, 10 * HOUR + 60, False),
        (60, 10 * HOUR, 30, True),
        (HOUR, 60, HOUR - 300, True),  # it counts more than before already
        (HOUR, 20 * HOUR, 20 * HOUR + HOUR / 2, False),  # half of the time was stolen from its CPUs
        (60, 10 * HOUR, 10 * HOUR - 1, False),  # Linux takes back some time of idle CPUs
        (-HOUR, 10 * HOUR, 10 * HOUR + 60, False),  # the portal's clock was set back
        (-HOUR, 10 * HOUR, 30, True),
        (60, None, 30, False),
        (60, 10 * HOUR, None, False),
    ],
)
def test_a_restart_is_noticed_by_less_uptime_than_there_would_be_without(ago, before, now, restarted):
    status = polled(ago, before)
    status.note_uptime(now, timezone.now())
    assert status.has_restarted == restarted
    assert status.uptime == now


def test_a_restart_is_noticed_once():
    status = polled(60, 10 * HOUR)
    columns = status.note_uptime(30, timezone.now())
    assert columns == {"uptime": 30, "restarted_at": status.restarted_at}
    later = HypervisorStatus(observed_at=timezone.now(), **columns)
    assert later.note_uptime(31, timezone.now()) == {"uptime": 31}
    assert not later.has_restarted


def test_the_first_poll_of_a_hypervisor_notices_no_restart():
    status = HypervisorStatus()
    status.note_uptime(30, timezone.now())
    assert not status.has_restarted
