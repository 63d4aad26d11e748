"""Counters of a NIC become rates, samples of five minutes, a graph and text."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.observed.rates import GAP, SAMPLES, STEP, Counters, Reading, Traffic, follow, points, size

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
counts = st.integers(min_value=0, max_value=2**64 - 1)
counters = st.builds(Counters, bytes=counts, packets=counts, errors=counts, drops=counts)
readings = st.builds(
    Reading,
    at=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2026, 1, 1, 0, 2)),
    received=counters,
    sent=counters,
)


def read(seconds: float, received: int = 0, sent: int = 0, **others: int) -> Reading:
    at = NOON + timedelta(seconds=seconds)
    return Reading(at=at, received=Counters(bytes=received, **others), sent=Counters(bytes=sent))


def test_a_rate_is_computed_from_the_previous_reading():
    assert follow((), read(0, 1000, 500), read(5, 2000, 550)) == ((200, 10),)
    assert follow([(1, 2)], read(0), read(5, 50)) == ((1, 2), (10, 0))


def test_the_first_reading_has_no_rate():
    assert follow((), None, read(0, 1000)) == ()


def test_a_late_reading_fills_all_samples_since_the_previous_one():
    assert follow((), read(0), read(15.4, 154)) == ((10, 0),) * 3
    assert follow((), read(0), read(1, 10)) == ((10, 0),)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (read(0, 1000), read(5, 999)),
        (read(0, 0, 1000), read(5, 2000, 999)),
        (read(0, 1000, packets=10), read(5, 1000, packets=3)),
        (read(0, 1000), read(0, 2000)),
        (read(0, 1000), read(-3600, 2000)),
        (read(0, 1000), read(GAP + 1, 2000)),
    ],
)
def test_rates_start_again_after_a_reset_counter_a_clock_set_back_or_a_long_gap(before, now):
    assert follow([(7, 7)] * 9, before, now) == ()


@given(st.lists(readings, max_size=5))
def test_a_rate_is_never_negative(found):
    samples = ()
    for before, now in zip([None, *found], found, strict=False):
        samples = follow(samples, before, now)
        assert all(rate >= 0 for sample in samples for rate in sample)
        assert len(samples) <= SAMPLES


@given(st.lists(st.tuples(st.floats(1, GAP), counts, counts), min_size=1, max_size=100))
def test_the_samples_are_those_of_five_minutes(steps):
    seconds, received, sent, before, samples = 0.0, 0, 0, None, ()
    for pause, more, further in steps:
        seconds, received, sent = seconds + pause, received + more, sent + further
        now = read(seconds, received, sent)
        samples = follow(samples, before, now)
        if before:
            assert samples[-1] == pytest.approx((more / pause, further / pause), rel=1e-3, abs=1)
        before = now
    assert len(samples) * STEP <= 300


def test_the_picture_ends_at_the_right_edge_and_stays_within():
    assert points([0.0, 50.0, 100.0], 100.0).split()[-1] == "96,1"
    assert [point.split(",")[1] for point in points([0.0, 50.0, 100.0], 100.0).split()] == ["19", "10", "1"]
    assert points([3.0] * SAMPLES, 3.0).split()[0] == "0,1"
    assert points([], 0.0) == ""
    assert points([0.0], 0.0) == "96,19"


@given(st.lists(counts, max_size=SAMPLES))
def test_no_point_lies_outside_the_picture(values):
    for point in points(values, max(values, default=0.0)).split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= 96
        assert 0 <= y <= 20


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1023.7, "1.0 KiB"),
        (1024, "1.0 KiB"),
        (99.94 * 1024, "99.9 KiB"),
        (99.96 * 1024, "100 KiB"),
        (1023.7 * 1024, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (2.0**64, "16384 PiB"),
    ],
)
def test_sizes_are_in_words_of_at_most_four_digits_below_pebibytes(count, words):
    assert size(count) == words


def test_errors_and_drops_are_shown_for_each_direction():
    reading = Reading(
        at=NOON,
        received=Counters(bytes=2048, packets=12, errors=1),
        sent=Counters(bytes=512, packets=1, drops=3),
    )
    traffic = Traffic(reading=reading, samples=((0, 0), (1024, 100)), rate=(1024, 100))
    assert traffic.trouble == ("1 error received", "3 drops sent")
    assert [(way.label, way.total, way.speed) for way in traffic.ways] == [
        ("in", "2.0 KiB", "1.0 KiB/s"),
        ("out", "512 B", "100 B/s"),
    ]
    assert traffic.ways[0].hint == "12 packets received, 1 error received, 0 drops received"
    assert traffic.summary == "The last 10 s: received at most 1.0 KiB/s, sent at most 100 B/s"
    calm = Traffic(reading=read(0), samples=(), rate=None)
    assert (calm.trouble, [way.speed for way in calm.ways]) == ((), ["", ""])
