"""When objects end, and how far away a time is."""

from datetime import UTC, datetime, timedelta

import pytest

from virterweb.people.ends.rules import Rules, Stage, distance, stage
from virterweb.people.ends.wording import countdown

NOW = datetime(2026, 12, 1, 20, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("default", "limit", "first", "extended"),
    [
        (None, None, None, 14),
        (10, None, 10, 10),
        (10, 30, 10, 10),
        (None, 5, 5, 5),  # nothing is without an end where there is a limit
        (None, 30, 30, 14),
    ],
)
def test_a_new_object_ends_by_the_rules_of_its_team(default, limit, first, extended):
    rules = Rules(default=default, limit=limit)
    assert rules.first(NOW) == (first and NOW + first * DAY)
    assert rules.extended(NOW) == NOW + extended * DAY


def test_an_end_is_kept_within_the_limit():
    rules = Rules(limit=30)
    assert rules.within(NOW + 40 * DAY, NOW) == rules.within(None, NOW) == NOW + 30 * DAY
    assert rules.within(NOW + 20 * DAY, NOW) == NOW + 20 * DAY
    assert Rules().within(None, NOW) is None


@pytest.mark.parametrize(
    ("before", "chosen", "due"),
    [
        (4, 10, None),
        (3, 10, Stage.DAYS),
        (1.5, 10, Stage.DAYS),
        (1, 10, Stage.DAY),
        (2, 2.5, None),  # it was chosen less than three days before
        (0.5, 2.5, Stage.DAY),
        (0, 10, None),
    ],
)
def test_a_reminder_is_due_three_days_and_one_day_before_unless_the_end_was_chosen_later(before, chosen, due):
    assert stage(NOW, NOW + before * DAY, NOW + before * DAY - chosen * DAY) == due


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1 minute"), (3600, "60 minutes"), (7200, "2 hours"), (86400, "24 hours"), (14 * 86400 - 5, "14 days")],
)
def test_a_distance_has_one_unit(seconds, text):
    assert distance(timedelta(seconds=seconds)) == text


def test_a_countdown_says_whether_the_end_is_past():
    assert countdown(NOW, NOW + 3 * DAY) == "in 3 days"
    assert countdown(NOW, NOW - 2 * DAY) == "ended 2 days ago"
