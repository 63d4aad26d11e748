"""Charts of the last hour and day: lines with gaps, axes that end with round figures, and text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.observed.charts import HEIGHT, Chart, nice, runs, sparkline, table
from vms.observed.history import MINUTES, QUARTER, Sample

NOON = 29_000_880  # a minute
rates = st.none() | st.tuples(st.integers(0, 2**42), st.integers(0, 2**42))


def hour(*found: tuple[int, int] | None) -> tuple[Sample, ...]:
    """The last hour, at the end with these rates."""
    filled = [None] * (MINUTES - len(found)) + list(found)
    return tuple(Sample(minute=NOON + index, mean=rate, peak=rate) for index, rate in enumerate(filled))


def day(*found: tuple[tuple[int, int], tuple[int, int]] | None) -> tuple[Sample, ...]:
    filled = [None] * (96 - len(found)) + list(found)
    return tuple(
        Sample(minute=NOON + QUARTER * index, mean=rate and rate[0], peak=rate and rate[1])
        for index, rate in enumerate(filled)
    )


def numbers(path: str) -> list[float]:
    return [float(number) for number in re.findall(r"[\d.]+", path)]


@pytest.mark.parametrize(
    ("found", "title"),
    [
        ([], "Last hour: not measured"),
        ([(0, 0)], "Last hour: no traffic"),
        ([(150_000, 25), None], "Last hour: up to 1.2 Mbit/s received, up to 200 bit/s sent"),
        ([(1, 2 * 10**9), (5, 1)], "Last hour: up to 40 bit/s received, up to 16.0 Gbit/s sent"),
    ],
)
def test_a_sparkline_has_its_peaks_as_text(found, title):
    assert sparkline(hour(*found)).title == title


def test_a_sparkline_ends_at_the_right_with_the_latest_sample_and_breaks_at_gaps():
    found = sparkline(hour((0, 0), (0, 0), None, None, (100, 50), (100, 50)))
    assert [(line.label, line.path) for line in found.lines] == [("in", "M54 17h1M58 1h1"), ("out", "M54 17h1M58 9h1")]
    assert sparkline(hour()).lines == ()


def test_level_parts_of_a_sparkline_have_two_points():
    assert sparkline(hour(*[(0, 0)] * MINUTES)).lines[0].path == "M0 17L58 17"


@given(st.lists(rates, max_size=MINUTES))
def test_no_line_leaves_its_chart(found):
    for line in sparkline(hour(*found)).lines:
        assert all(0 <= number <= 60 for number in numbers(line.path))
    chart = Chart(samples=hour(*found))
    for path in (chart.area, *(line.path for line in chart.lines)):
        values = numbers(path)
        assert all(0 <= x <= chart.width for x in values[::2])
        assert all(0 <= y <= HEIGHT for y in values[1::2])
    assert len(chart.figures) == MINUTES


@given(st.lists(st.none() | st.integers(0, 9)))
def test_runs_are_all_measured_values(values):
    found = [pair for run in runs(values) for pair in run]
    assert found == [(index, value) for index, value in enumerate(values) if value is not None]


def test_one_sample_is_visible_with_the_width_of_a_minute():
    chart = Chart(samples=hour((125, 0)))
    assert [line.path for line in chart.lines] == ["M590.0 0.0L600.0 0.0", "M590.0 100.0L600.0 100.0"]


def test_a_chart_tells_of_gaps_between_its_samples():
    assert Chart(samples=hour((1, 1), None, (1, 1))).has_gaps
    assert not Chart(samples=hour((1, 1), (1, 1))).has_gaps
    assert not Chart(samples=hour()).has_gaps


def test_the_axes_have_round_rates_and_equal_times():
    chart = Chart(samples=hour((150_000, 0)))
    assert chart.ticks == ("2.0 Mbit/s", "1.0 Mbit/s", "0 bit/s")
    assert [time.strftime("%H:%M") for time in chart.times] == ["12:00", "12:15", "12:30", "12:45", "13:00"]
    assert Chart(samples=hour()).ticks == ("1.0 kbit/s", "500 bit/s", "0 bit/s")
    assert [time.strftime("%H:%M") for time in Chart(samples=day()).times] == [
        *("12:00", "18:00", "00:00", "06:00", "12:00"),
    ]


@given(st.integers(0, 2**60))
def test_an_axis_ends_above_the_highest_rate_and_is_half_used_at_least(rate):
    assert rate <= nice(rate) <= max(1000, 2.5 * rate)


def test_a_day_has_means_and_highest_rates():
    chart = Chart(samples=day(((100, 50), (1000, 500)), None))
    assert chart.is_day
    assert len(chart.peaks) == 2
    assert chart.ticks[0] == "10.0 kbit/s", "the axis has room for the highest rates"
    assert chart.summary == "Last day: up to 8.0 kbit/s received, up to 4.0 kbit/s sent"
    shown = chart.figures[-2]
    assert (shown.received, shown.sent, shown.most_received, shown.most_sent) == (
        *("800 bit/s", "400 bit/s", "8.0 kbit/s", "4.0 kbit/s"),
    )
    assert chart.figures[-1].received == ""


def test_the_table_is_in_bits_a_second_and_empty_where_nothing_was_measured():
    rows = list(table(hour((125, 50), None)))
    assert rows[-2][1:] == (1000, 400, 1000, 400)
    assert rows[-1][1:] == (None,) * 4
    assert rows[0][0].endswith("12:00:00+00:00")
