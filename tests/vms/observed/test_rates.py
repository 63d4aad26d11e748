"""Counters of a NIC become rates, samples of minutes, and text."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.observed.rates import GAP, MINUTE, Counters, Reading, Traffic, minutes_of, rate_between, size, speed

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
    assert rate_between(read(0, 1000, 500), read(5, 2000, 550)) == (200, 10)
    assert rate_between(read(0), read(5)) == (0, 0)


def test_the_first_reading_has_no_rate():
    assert rate_between(None, read(0, 1000)) is None


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (read(0, 1000), read(5, 999)),
        (read(0, 0, 1000), read(5, 2000, 999)),
        (read(0, 1000, packets=10), read(5, 1000, packets=3)),
        (read(0, 1000), read(0, 2000)),
        (read(0, 1000), read(-3600, 2000)),
        (read(0, 1000), read(GAP + 1, 2000)),
        (read(3500, 1000), read(0, 2000)),
    ],
)
def test_nothing_is_known_after_a_reset_counter_a_clock_that_was_set_or_a_long_gap(before, now):
    assert rate_between(before, now) is None
    assert minutes_of((), before, now) == ([], [])


def test_a_minute_is_finished_by_the_first_reading_after_it():
    finished, minute = minutes_of((), read(0), read(5, 500, 50))
    assert (finished, minute) == ([], [NOON.timestamp() // MINUTE, 5, 500, 50])
    finished, minute = minutes_of(minute, read(5, 500, 50), read(59, 500, 50))
    assert finished == []
    finished, minute = minutes_of(minute, read(59, 500, 50), read(61, 700, 50))
    (sample,) = finished
    assert sample.minute == NOON.timestamp() // MINUTE
    assert sample.mean == (10, 1), "600 bytes and 50 bytes in 60 seconds"
    assert minute == [sample.minute + 1, 1, 100, 0]


def test_a_reading_after_two_minutes_gives_both_minutes_their_parts():
    finished, minute = minutes_of((), read(30), read(150, 1200))
    assert [sample.mean for sample in finished] == [(10, 0), (10, 0)]
    assert minute[1:] == [30, 300, 0]


def test_what_was_measured_before_a_restart_of_the_guest_stays():
    _, minute = minutes_of((), read(0, 9000), read(30, 12000))
    _, kept = minutes_of(minute, read(30, 12000), read(40, 100))
    assert kept == minute
    ((sample,), _) = minutes_of(kept, read(40, 100), read(60, 300))
    assert sample.mean == (64, 0), "3200 bytes in the 50 seconds that were measured"


def test_a_minute_in_progress_is_discarded_when_the_clock_was_set_back():
    _, minute = minutes_of((), read(3600), read(3605, 500))
    assert minutes_of(minute, read(3605, 500), read(0, 600)) == ([], [])


@given(st.lists(readings, max_size=5))
def test_no_rate_is_negative_and_none_is_above_the_highest_of_its_readings(found):
    minute = []
    highest = 0
    for before, now in zip([None, *found], found, strict=False):
        finished, minute = minutes_of(minute, before, now)
        highest = max(highest, *(rate_between(before, now) or (0, 0)))
        assert all(-1 < rate <= highest * 1.0001 + 1 for sample in finished for rate in sample.mean)


@given(st.lists(st.tuples(st.floats(1, GAP), st.integers(0, 10**9)), min_size=1, max_size=50))
def test_finished_minutes_and_the_one_in_progress_have_all_bytes(steps):
    seconds, received, before, minute, bytes_in_minutes = 0.0, 0, read(0), [], 0.0
    for pause, more in steps:
        seconds, received = seconds + pause, received + more
        now = read(seconds, received)
        finished, minute = minutes_of(minute, before, now)
        bytes_in_minutes += sum(sample.mean[0] * MINUTE for sample in finished)
        before = now
    rest = minute[2] if minute else 0
    assert bytes_in_minutes + rest == pytest.approx(received, rel=1e-6, abs=2 * seconds + MINUTE)


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


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0, "0 bit/s"),
        (124, "992 bit/s"),
        (125, "1.0 kbit/s"),
        (150_000, "1.2 Mbit/s"),
        (12_493_000, "99.9 Mbit/s"),
        (12_500_000, "100 Mbit/s"),
        (1_250_000_000, "10.0 Gbit/s"),
        (2**64, "147573953 Tbit/s"),
    ],
)
def test_rates_are_in_bits_a_second_by_powers_of_1000(rate, words):
    assert speed(rate) == words


def test_errors_and_drops_are_shown_for_each_direction():
    reading = Reading(
        at=NOON,
        received=Counters(bytes=2048, packets=12, errors=1),
        sent=Counters(bytes=512, packets=1, drops=3),
    )
    traffic = Traffic(reading=reading, rate=(1024, 100))
    assert traffic.trouble == ("1 error received", "3 drops sent")
    assert [(way.label, way.total, way.speed) for way in traffic.ways] == [
        ("in", "2.0 KiB", "8.2 kbit/s"),
        ("out", "512 B", "800 bit/s"),
    ]
    assert traffic.ways[0].hint == "12 packets received, 1 error received, 0 drops received"
    calm = Traffic(reading=read(0), rate=None)
    assert (calm.trouble, [way.speed for way in calm.ways]) == ((), ["", ""])
