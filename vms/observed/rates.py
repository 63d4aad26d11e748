"""Converts counters of a NIC to rates, samples of minutes, and text. Pure: values in, values out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from .history import Rate, Sample

STEP = 5.0  # seconds between two readings, at least
MINUTE = 60  # seconds
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
SPEEDS = ("bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s")
GAP = 150.0  # seconds between two readings, after which nothing is known of the time between them


@dataclass(frozen=True, kw_only=True)
class Counters:
    """The counters of one direction since the NIC was plugged in."""

    bytes: int = 0
    packets: int = 0
    errors: int = 0
    drops: int = 0

    @classmethod
    def of(cls, values: Iterable[int]) -> Self:
        """Return counters from bytes, packets, errors and drops, in this order."""
        return cls(**dict(zip(("bytes", "packets", "errors", "drops"), values, strict=True)))

    def goes_on_as(self, later: "Counters") -> bool:
        """Return whether no counter has decreased."""
        return all(mine <= other for mine, other in zip(self.values, later.values, strict=True))

    @property
    def values(self) -> tuple[int, ...]:
        return self.bytes, self.packets, self.errors, self.drops


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A NIC's counters at a time, seen from the guest."""

    at: datetime
    received: Counters
    sent: Counters


def rate_between(before: Reading | None, now: Reading) -> Rate | None:
    """Return the rate since the previous reading.

    It is not known at the first reading, after a long gap, when the clock was set back, and when a counter decreased,
    because the NIC was plugged in again.
    """
    elapsed = (now.at - before.at).total_seconds() if before else 0.0
    if not 0 < elapsed <= GAP or not _goes_on(before, now):
        return None
    received, sent = now.received.bytes - before.received.bytes, now.sent.bytes - before.sent.bytes
    return round(received / elapsed), round(sent / elapsed)


def minutes_of(unfinished: Sequence[float], before: Reading | None, now: Reading) -> tuple[list[Sample], list[float]]:
    """Return the samples of the minutes that end with a reading, and the minute in progress.

    A minute in progress is its number since 1970, the seconds that were measured, received and sent bytes; it is empty
    if nothing was measured. The latter two are spread evenly over the time between two readings.
    """
    parts = {int(unfinished[0]): [*unfinished[1:]]} if unfinished else {}
    current = int(now.at.timestamp() // MINUTE)
    if rate := rate_between(before, now):
        begin, end = before.at.timestamp(), now.at.timestamp()
        for minute in range(int(begin // MINUTE), current + 1):
            seconds = min(end, (minute + 1) * MINUTE) - max(begin, minute * MINUTE)
            part = parts.setdefault(minute, [0.0, 0.0, 0.0])
            part[:] = part[0] + seconds, part[1] + rate[0] * seconds, part[2] + rate[1] * seconds
    finished = [
        Sample(minute=minute, mean=(round(received / seconds), round(sent / seconds)))
        for minute, (seconds, received, sent) in sorted(parts.items())
        if minute < current and seconds > 0
    ]
    return finished, [current, *parts[current]] if current in parts else []


def _goes_on(before: Reading, now: Reading) -> bool:
    return before.received.goes_on_as(now.received) and before.sent.goes_on_as(now.sent)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The traffic of a NIC as pages show it; `rate` is None while it is unknown."""

    reading: Reading
    rate: Rate | None

    @property
    def ways(self) -> tuple["Way", "Way"]:
        rates = self.rate or (None, None)
        words = (("in", "received", self.reading.received), ("out", "sent", self.reading.sent))
        return tuple(
            Way(label=label, verb=verb, counters=counters, rate=rate)
            for (label, verb, counters), rate in zip(words, rates, strict=True)
        )

    @property
    def trouble(self) -> tuple[str, ...]:
        """Return errors and drops as text; "" if there are none."""
        return tuple(
            counted(count, word, way.verb)
            for way in self.ways
            for count, word in ((way.counters.errors, "error"), (way.counters.drops, "drop"))
            if count
        )


@dataclass(frozen=True, kw_only=True)
class Way:
    """One direction of a NIC's traffic, as text for the page."""

    label: str
    verb: str
    counters: Counters
    rate: int | None

    @property
    def total(self) -> str:
        return size(self.counters.bytes)

    @property
    def speed(self) -> str:
        return "" if self.rate is None else speed(self.rate)

    @property
    def hint(self) -> str:
        return ", ".join(
            counted(count, word, self.verb)
            for count, word in zip(self.counters.values[1:], ("packet", "error", "drop"), strict=True)
        )


def counted(count: int, word: str, verb: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'} {verb}"


def size(count: float) -> str:
    """Return bytes as text, by powers of 1024, with at most four digits to fit narrow columns."""
    power = 0
    while count >= 1023.5 and power < len(UNITS) - 1:
        count, power = count / 1024, power + 1
    return f"{count:.1f} {UNITS[power]}" if power and count < 99.95 else f"{count:.0f} {UNITS[power]}"


def speed(rate: float) -> str:
    """Return bytes a second as text in bits a second, by powers of 1000, with at most four digits."""
    count, power = rate * 8, 0
    while count >= 999.5 and power < len(SPEEDS) - 1:
        count, power = count / 1000, power + 1
    return f"{count:.1f} {SPEEDS[power]}" if power and count < 99.95 else f"{count:.0f} {SPEEDS[power]}"
