"""Counters of a NIC become rates, a short history of them, a picture, and words. Pure: values in, values out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

STEP = 5.0  # seconds that a sample stands for
SAMPLES = 60  # kept: five minutes
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
GAP = 60.0  # seconds without a reading after which nobody knows what went on meanwhile

Rate = Sequence[int]
"""Bytes a second, received and sent: a pair, as JSON has it too."""


@dataclass(frozen=True, kw_only=True)
class Counters:
    """What went one way since the NIC was plugged in."""

    bytes: int = 0
    packets: int = 0
    errors: int = 0
    drops: int = 0

    @classmethod
    def of(cls, values: Iterable[int]) -> Self:
        """From bytes, packets, errors and drops, in this order."""
        return cls(**dict(zip(("bytes", "packets", "errors", "drops"), values, strict=True)))

    def goes_on_as(self, later: "Counters") -> bool:
        """Whether none of them went back."""
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
    """The samples with what went since the reading before: one for each STEP, the latest last.

    None are left where that cannot be told: at the first reading, after a long silence, when the clock was put back,
    and when a counter went back, for then the NIC was plugged in anew.
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
    """What a page says of a NIC's traffic; `rate` is None while it is not known."""

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
        """The most bytes a second in the samples, of both ways, so that the two lines can be compared."""
        return max((max(sample) for sample in self.samples), default=0)

    @property
    def summary(self) -> str:
        """The picture in words."""
        most = [size(max(self._of(index), default=0)) for index in (0, 1)]
        return f"The last {minutes(len(self.samples))}: received at most {most[0]}/s, sent at most {most[1]}/s"

    @property
    def trouble(self) -> tuple[str, ...]:
        """What was lost, in words; empty if nothing was."""
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
    """One of a NIC's two ways, in words for the page."""

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
    """Bytes in words, by powers of 1024: at most four digits, for they stand in narrow columns."""
    power = 0
    while count >= 1023.5 and power < len(UNITS) - 1:
        count, power = count / 1024, power + 1
    return f"{count:.1f} {UNITS[power]}" if power and count < 99.95 else f"{count:.0f} {UNITS[power]}"


def points(values: Sequence[float], top: float, width: int = 96, height: int = 20) -> str:
    """The points of an SVG polyline, the latest value at the right edge: a short history does not fill the width.

    Zero lies a pixel above the bottom and `top` as far below the upper edge, so that a line is drawn whole.
    """
    step, first = width / (SAMPLES - 1), SAMPLES - len(values)
    heights = [(height - 2) * (value / top) if top > 0 else 0.0 for value in values]
    return " ".join(f"{(first + index) * step:.4g},{height - 1 - up:.3g}" for index, up in enumerate(heights))
