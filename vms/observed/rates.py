"""Converts counters of a NIC to rates, a short history of them, a graph and text. Pure: values in, values out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

STEP = 5.0  # seconds per sample
SAMPLES = 60  # samples that are kept: five minutes
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
GAP = 60.0  # seconds without a reading after which the history is discarded

Rate = Sequence[int]
"""Bytes a second, received and sent: a pair, as JSON has it too."""


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


def follow(samples: Iterable[Rate], before: Reading | None, now: Reading) -> tuple[Rate, ...]:
    """Return the samples extended by the traffic since the previous reading: one per STEP, the latest last.

    The result is empty at the first reading, after a long gap, when the clock was set back, and when a counter
    decreased, because the NIC was plugged in again.
    """
    elapsed = (now.at - before.at).total_seconds() if before else 0.0
    if not 0 < elapsed <= GAP or not _goes_on(before, now):
        return ()
    rate = (
        round((now.received.bytes - before.received.bytes) / elapsed),
        round((now.sent.bytes - before.sent.bytes) / elapsed),
    )
    return (*samples, *[rate] * max(1, round(elapsed / STEP)))[-SAMPLES:]


def _goes_on(before: Reading, now: Reading) -> bool:
    return before.received.goes_on_as(now.received) and before.sent.goes_on_as(now.sent)


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """The traffic of a NIC as pages show it; `rate` is None while it is unknown."""

    reading: Reading
    samples: tuple[Rate, ...]
    rate: Rate | None

    @property
    def ways(self) -> tuple["Way", "Way"]:
        rates = self.rate or (None, None)
        words = (("in", "received", self.reading.received), ("out", "sent", self.reading.sent))
        return tuple(
            Way(label=label, verb=verb, counters=counters, rate=rate, points=points(self._of(index), self.peak))
            for index, ((label, verb, counters), rate) in enumerate(zip(words, rates, strict=True))
        )

    @property
    def peak(self) -> int:
        """Return the highest rate in the samples, in bytes per second, of both directions, as their common scale."""
        return max((max(sample) for sample in self.samples), default=0)

    @property
    def summary(self) -> str:
        """Return the graph as text."""
        most = [size(max(self._of(index), default=0)) for index in (0, 1)]
        return f"The last {minutes(len(self.samples))}: received at most {most[0]}/s, sent at most {most[1]}/s"

    @property
    def trouble(self) -> tuple[str, ...]:
        """Return errors and drops as text; "" if there are none."""
        return tuple(
            counted(count, word, way.verb)
            for way in self.ways
            for count, word in ((way.counters.errors, "error"), (way.counters.drops, "drop"))
            if count
        )

    def _of(self, index: int) -> list[int]:
        return [sample[index] for sample in self.samples]


@dataclass(frozen=True, kw_only=True)
class Way:
    """One direction of a NIC's traffic, as text for the page."""

    label: str
    verb: str
    counters: Counters
    rate: int | None
    points: str

    @property
    def total(self) -> str:
        return size(self.counters.bytes)

    @property
    def speed(self) -> str:
        return "" if self.rate is None else f"{size(self.rate)}/s"

    @property
    def hint(self) -> str:
        return ", ".join(
            counted(count, word, self.verb)
            for count, word in zip(self.counters.values[1:], ("packet", "error", "drop"), strict=True)
        )


def counted(count: int, word: str, verb: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'} {verb}"


def minutes(samples: int) -> str:
    seconds = round(samples * STEP)
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"


def size(count: float) -> str:
    """Return bytes as text, by powers of 1024, with at most four digits to fit narrow columns."""
    power = 0
    while count >= 1023.5 and power < len(UNITS) - 1:
        count, power = count / 1024, power + 1
    return f"{count:.1f} {UNITS[power]}" if power and count < 99.95 else f"{count:.0f} {UNITS[power]}"


def points(values: Sequence[float], top: float, width: int = 96, height: int = 20) -> str:
    """Return the points of an SVG polyline with the latest value at the right edge; a short history is narrower.

    Zero is a pixel above the lower edge and `top` a pixel below the upper edge, so that lines are drawn completely.
    """
    step, first = width / (SAMPLES - 1), SAMPLES - len(values)
    heights = [(height - 2) * (value / top) if top > 0 else 0.0 for value in values]
    return " ".join(f"{(first + index) * step:.4g},{height - 1 - up:.3g}" for index, up in enumerate(heights))
