"""A poll recognises by the uptime of the host whether the host has restarted since the last poll."""

from datetime import timedelta

import pytest
from django.utils import timezone

from virterweb.hypervisors.models import HypervisorStatus

HOUR = 3600


def polled(ago: float, uptime: float | None) -> HypervisorStatus:
    """Return the status of a host that was polled `ago` seconds ago and then had this uptime."""
    return HypervisorStatus(observed_at=timezone.now() - timedelta(seconds=ago), uptime=uptime)


@pytest.mark.parametrize(
    ("ago", "before", "now", "restarted"),
    [
        (60, 10 * HOUR, 10 * HOUR + 60, False),
        (60, 10 * HOUR, 30, True),
        (HOUR, 60, HOUR - 300, True),  # it is already longer than before
        (HOUR, 20 * HOUR, 20 * HOUR + HOUR / 2, False),  # half of the CPU time was stolen
        (60, 10 * HOUR, 10 * HOUR - 1, False),  # Linux may reduce the idle time of CPUs
        (-HOUR, 10 * HOUR, 10 * HOUR + 60, False),  # the portal's clock was set back
        (-HOUR, 10 * HOUR, 30, True),
        (10 * HOUR, HOUR, HOUR + 20, False),  # it was suspended, and its uptime stood still
        (90, 60, 62, True),  # so soon after a restart, it may as well have restarted again
        (10 * HOUR, HOUR, HOUR + 20 * 60, True),
        (10 * HOUR, 60, 80, True),
        (10 * HOUR, HOUR, HOUR - 60, True),
        (60, None, 30, False),
        (60, 10 * HOUR, None, False),
    ],
)
def test_a_restart_is_recognised_by_an_uptime_that_is_too_short(ago, before, now, restarted):
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
