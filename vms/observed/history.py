"""The rates of the last hour and of the last day, packed into a kilobyte. Pure: values in, values out.

The packed form begins with the number of the latest minute, counted since 1970. Two rings follow: the minutes of an
hour, with the rates of each, and the quarters of an hour of a day, with the means and the highest minutes of each. A
minute has its place by its number, so adding a sample moves nothing. A rate takes two bytes on a logarithmic scale,
exact to 0.03 %. Time that was not measured is a gap, which is not the same as a rate of zero.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log2
from typing import Self

Rate = Sequence[int]
"""Bytes a second, received and sent: a pair, as JSON has it too."""

MINUTES = 60  # of the ring of minutes
QUARTER = 15  # minutes
QUARTERS = 96  # of the ring of quarters
SCALE = 1560  # steps for each power of two
GAP, HIGHEST = 0xFFFF, 0xFFFE
PER_MINUTE, PER_QUARTER = 2, 4  # values
FORM = struct.Struct(f"<I{MINUTES * PER_MINUTE + QUARTERS * PER_QUARTER}H")
NOTHING = (GAP,) * (MINUTES * PER_MINUTE + QUARTERS * PER_QUARTER)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The rates of a stretch of time that begins with a minute; None where nothing was measured."""

    minute: int
    mean: Rate | None = None
    peak: Rate | None = None


@lru_cache(4096)
def coded(rate: int) -> int:
    """Return bytes a second as a number of two bytes."""
    return min(HIGHEST, 1 + round(log2(rate) * SCALE)) if rate > 0 else 0


@lru_cache(4096)
def decoded(code: int) -> int:
    return round(2 ** ((code - 1) / SCALE)) if code else 0


@dataclass(kw_only=True)
class History:
    """Both rings; `latest` is the number of the latest minute that was measured, 0 if none was."""

    latest: int
    codes: list[int]

    @classmethod
    def unpacked(cls, packed: bytes | memoryview) -> Self:
        """Return a history; an empty one for anything that is not in this form."""
        if len(packed) != FORM.size:
            return cls(latest=0, codes=list(NOTHING))
        latest, *codes = FORM.unpack(packed)
        return cls(latest=latest, codes=codes)

    def packed(self) -> bytes:
        return FORM.pack(self.latest, *self.codes)

    def add(self, minute: int, rate: Rate) -> None:
        """Add the rates of a minute. What was not measured since the latest one is a gap.

        When the clock was set back, the samples that are now in the future are removed.
        """
        last, quarter = self.latest // QUARTER, minute // QUARTER
        self._clear(0, MINUTES * PER_MINUTE, PER_MINUTE, _between(self.latest, minute, MINUTES))
        self._clear(MINUTES * PER_MINUTE, len(self.codes), PER_QUARTER, _between(last, quarter, QUARTERS))
        self.latest = minute
        place = minute % MINUTES * PER_MINUTE
        self.codes[place : place + PER_MINUTE] = coded(rate[0]), coded(rate[1])
        self._summarize(quarter)

    def _clear(self, start: int, end: int, values: int, numbers: range) -> None:
        for number in numbers:
            place = start + number * values % (end - start)
            self.codes[place : place + values] = NOTHING[:values]

    def _summarize(self, quarter: int) -> None:
        """Compute a quarter from its minutes so far, which are all in the other ring."""
        minutes = range(quarter * QUARTER, self.latest + 1)
        places = [minute % MINUTES * PER_MINUTE for minute in minutes]
        codes = [(self.codes[at], self.codes[at + 1]) for at in places if self.codes[at] != GAP]
        means = [coded(round(sum(map(decoded, way)) / len(codes))) for way in zip(*codes, strict=True)]
        place = MINUTES * PER_MINUTE + quarter % QUARTERS * PER_QUARTER
        self.codes[place : place + PER_QUARTER] = *means, *map(max, zip(*codes, strict=True))

    def hour(self, now: int) -> tuple[Sample, ...]:
        """Return the minutes of the last hour, the last one before the minute `now`."""
        return tuple(self._minute(minute) for minute in range(now - MINUTES, now))

    def day(self, now: int) -> tuple[Sample, ...]:
        """Return the quarters of the last day, at last the one that the minute before `now` is in."""
        last = (now - 1) // QUARTER
        return tuple(self._quarter(quarter) for quarter in range(last - QUARTERS + 1, last + 1))

    def _minute(self, minute: int) -> Sample:
        place = minute % MINUTES * PER_MINUTE
        if not self.latest - MINUTES < minute <= self.latest or self.codes[place] == GAP:
            return Sample(minute=minute)
        rate = decoded(self.codes[place]), decoded(self.codes[place + 1])
        return Sample(minute=minute, mean=rate, peak=rate)

    def _quarter(self, quarter: int) -> Sample:
        place = MINUTES * PER_MINUTE + quarter % QUARTERS * PER_QUARTER
        last = self.latest // QUARTER
        if not last - QUARTERS < quarter <= last or self.codes[place] == GAP:
            return Sample(minute=quarter * QUARTER)
        values = tuple(map(decoded, self.codes[place : place + PER_QUARTER]))
        return Sample(minute=quarter * QUARTER, mean=values[:2], peak=values[2:])


def _between(latest: int, new: int, size: int) -> range:
    """Return the numbers whose places in a ring of a size have to be cleared before a new one is set."""
    if new >= latest:
        return range(max(latest + 1, new - size + 1), new)
    return range(max(new + 1, latest - size + 1), latest + 1)
