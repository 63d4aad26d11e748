"""Charts of the traffic of the last hour and day, as paths of SVG and as text. Pure: values in, values out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby

from .history import QUARTER, Rate, Sample
from .rates import MINUTE, speed

WAYS = (("in", "received"), ("out", "sent"))
SPARK = 30  # points
STEP, HEIGHT = 10, 100  # of a sample in a chart, and of the chart, in its own units
LOWEST = 1000  # bit/s at the upper edge of a chart without traffic
TICKS = 4  # parts of the time axis
NICE = (1, 2, 5)  # times a power of ten: figures that an axis may end with


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a chart with its class."""

    label: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Sparkline:
    """The last hour in a cell of a table. `lines` is empty if nothing was measured."""

    title: str
    lines: tuple[Line, ...]


def sparkline(samples: Sequence[Sample], width: int = 60, height: int = 18) -> Sparkline:
    """Return the last hour as a small chart, each point the higher of two minutes."""
    size = len(samples) // SPARK
    pairs = [_peak(samples[index : index + size]) for index in range(0, len(samples), size)]
    top = max((max(pair) for pair in pairs if pair), default=0)
    lines = tuple(
        Line(label=label, path=_small_path([pair and pair[way] for pair in pairs], top, width // SPARK, height))
        for way, (label, _) in enumerate(WAYS)
    )
    return Sparkline(title=f"Last hour: {in_words(samples)}", lines=lines if any(pairs) else ())


def in_words(samples: Sequence[Sample]) -> str:
    """Return the highest rates as text."""
    peak = _peak(samples)
    if not peak:
        return "not measured"
    if not any(peak):
        return "no traffic"
    return ", ".join(f"up to {speed(rate)} {verb}" for rate, (_, verb) in zip(peak, WAYS, strict=True))


def _peak(samples: Sequence[Sample]) -> Rate | None:
    peaks = [sample.peak for sample in samples if sample.peak]
    return tuple(map(max, zip(*peaks, strict=True))) if peaks else None


def _small_path(values: Sequence[int | None], top: int, step: int, height: int) -> str:
    """Return a path in whole units, without the points in the middle of level parts."""
    parts = []
    for run in runs(values):
        points = [(step * index, height - 1 - round((height - 2) * value / top if top else 0)) for index, value in run]
        kept = [
            point
            for index, point in enumerate(points)
            if index in (0, len(points) - 1) or {points[index - 1][1], points[index + 1][1]} != {point[1]}
        ]
        parts.append("M" + "L".join(f"{x} {y}" for x, y in kept) + ("h1" if len(kept) == 1 else ""))
    return "".join(parts)


def runs(values: Sequence[object]) -> Iterator[list[tuple[int, int]]]:
    """Yield the values between gaps, each with its index."""
    for measured, run in groupby(enumerate(values), key=lambda pair: pair[1] is not None):
        if measured:
            yield list(run)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The figures of a minute, or of a quarter of an hour, as text; all "" if it was not measured."""

    at: datetime
    received: str = ""
    sent: str = ""
    most_received: str = ""
    most_sent: str = ""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The rates of the last hour, or the means and highest rates of the last day."""

    samples: tuple[Sample, ...]

    @property
    def is_day(self) -> bool:
        return self.samples[1].minute - self.samples[0].minute == QUARTER

    @property
    def width(self) -> int:
        return STEP * len(self.samples)

    @property
    def summary(self) -> str:
        return f"Last {'day' if self.is_day else 'hour'}: {in_words(self.samples)}"

    @property
    def measured(self) -> bool:
        return any(sample.mean for sample in self.samples)

    @property
    def has_gaps(self) -> bool:
        """Return whether a line has a gap; before the first sample and after the last one there is none."""
        return sum(1 for _ in runs([sample.mean for sample in self.samples])) > 1

    @cached_property
    def top(self) -> int:
        """Return the rate at the upper edge, in bits a second."""
        return nice(8 * max(_peak(self.samples) or (0,)))

    @property
    def ticks(self) -> tuple[str, ...]:
        """Return the labels of the rates, from the top."""
        return tuple(speed(self.top * part / 8) for part in (1, 0.5, 0))

    @property
    def times(self) -> tuple[datetime, ...]:
        """Return the labels of the time axis, at equal distances; the last one is the end of the last sample."""
        first, second = (sample.minute for sample in self.samples[:2])
        step = (second - first) * len(self.samples) // TICKS
        return tuple(_time(first + step * index) for index in range(TICKS + 1))

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(Line(label=label, path=self._path(way)) for way, (label, _) in enumerate(WAYS))

    @property
    def peaks(self) -> tuple[Line, ...]:
        """Return the highest rates of each quarter of an hour; none for an hour, whose samples are minutes."""
        if not self.is_day:
            return ()
        return tuple(Line(label=label, path=self._path(way, highest=True)) for way, (label, _) in enumerate(WAYS))

    @property
    def area(self) -> str:
        """Return the path of the area below what was received."""
        return "".join(
            f"M{points[0][0]} {HEIGHT}L" + "L".join(f"{x} {y}" for x, y in points) + f"L{points[-1][0]} {HEIGHT}Z"
            for points in self._points(0)
        )

    @property
    def figures(self) -> tuple[Figure, ...]:
        return tuple(
            Figure(
                at=_time(sample.minute),
                received=speed(sample.mean[0]),
                sent=speed(sample.mean[1]),
                most_received=speed(sample.peak[0]) if self.is_day else "",
                most_sent=speed(sample.peak[1]) if self.is_day else "",
            )
            if sample.mean
            else Figure(at=_time(sample.minute))
            for sample in self.samples
        )

    def _path(self, way: int, *, highest: bool = False) -> str:
        return "".join("M" + "L".join(f"{x} {y}" for x, y in points) for points in self._points(way, highest=highest))

    def _points(self, way: int, *, highest: bool = False) -> Iterator[list[tuple[float, float]]]:
        """Yield the points between gaps, in the middle of their samples; a single one is as wide as its sample."""
        rates = [sample.peak if highest else sample.mean for sample in self.samples]
        for run in runs([rate and rate[way] for rate in rates]):
            points = [(STEP * index + STEP / 2, round(HEIGHT * (1 - 8 * rate / self.top), 1)) for index, rate in run]
            x, y = points[0]
            yield points if len(points) > 1 else [(x - STEP / 2, y), (x + STEP / 2, y)]


def table(samples: Sequence[Sample]) -> Iterator[tuple[str | int | None, ...]]:
    """Yield the samples with their times, in bits a second; None where nothing was measured."""
    for sample in samples:
        rates = (*(sample.mean or (None, None)), *(sample.peak or (None, None)))
        yield _time(sample.minute).isoformat(), *(None if rate is None else 8 * rate for rate in rates)


def nice(rate: float) -> int:
    """Return the next higher rate that an axis can end with."""
    power = LOWEST
    while True:
        for factor in NICE:
            if rate <= factor * power:
                return factor * power
        power *= 10


def _time(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * MINUTE, UTC)
