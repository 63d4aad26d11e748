"""The arithmetic of end dates: the rules of a team, and time differences in words. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Protocol, Self

EXTENSION = 14  # days; for objects whose team has no default
GRACE = 7  # days until an object without a team is deleted
SOON = timedelta(days=3)
MAX_AHEAD = timedelta(days=3650)  # no end date may be further in the future
UNITS = ((timedelta(hours=36), 86400, "day"), (timedelta(minutes=90), 3600, "hour"), (timedelta(0), 60, "minute"))


class OfTeam(Protocol):
    """The rules of a team, as its row has them; in days."""

    end_days: int | None
    max_end_days: int | None
    grace_days: int


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When new objects end, how far in the future an end may lie, and how long ended objects are kept; in days."""

    default: int | None = None  # no end
    limit: int | None = None  # no limit
    grace: int = GRACE

    @classmethod
    def of(cls, team: OfTeam | None) -> Self:
        if team is None:
            return cls()
        return cls(default=team.end_days, limit=team.max_end_days, grace=team.grace_days)

    @property
    def are_set(self) -> bool:
        """Return whether new objects get an end date."""
        return bool(self.default or self.limit)

    def first(self, now: datetime) -> datetime | None:
        """Return the end of a new object; None for none. With a limit, every new object has one."""
        days = self.default or self.limit
        return self.within(now + timedelta(days=days), now) if days else None

    def latest(self, now: datetime) -> datetime | None:
        """Return the latest possible end; None for no limit."""
        return now + timedelta(days=self.limit) if self.limit else None

    def within(self, end: datetime | None, now: datetime) -> datetime | None:
        """Return an end, or the latest possible one if that is earlier."""
        latest = self.latest(now)
        return min(end or latest, latest) if latest else end

    def extended(self, now: datetime) -> datetime:
        """Return the end of an object that is extended now."""
        return self.within(now + timedelta(days=self.default or EXTENSION), now)

    def deleted(self, ended: datetime) -> datetime:
        """Return when an object is deleted that ended at this time."""
        return ended + timedelta(days=self.grace)


class Stage(IntEnum):
    """The reminders about one end, in their order."""

    DAYS = 3  # three days before
    DAY = 1  # one day before
    ENDED = 0

    def begins(self, end: datetime) -> datetime:
        return end - timedelta(days=self.value)


def stage(now: datetime, end: datetime, chosen: datetime) -> Stage | None:
    """Return the reminder that is due before an end; none if the end was chosen after the time of the reminder."""
    before = (each for each in (Stage.DAY, Stage.DAYS) if chosen < each.begins(end) <= now < end)
    return next(before, None)


def distance(time: timedelta) -> str:
    """Return how long a time is, in one unit: 3 days, 5 hours, 1 minute."""
    time = abs(time)
    seconds, unit = next((seconds, unit) for least, seconds, unit in UNITS if time >= least)
    count = max(1, round(time.total_seconds() / seconds))
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
