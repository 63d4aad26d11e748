"""A history keeps the minutes of an hour and the quarters of a day in a kilobyte, with gaps where nothing is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.observed.history import FORM, HIGHEST, MINUTES, QUARTER, QUARTERS, History, Sample, coded, decoded

NOW = 29_000_020  # a minute; its quarter begins ten minutes before
rates = st.tuples(st.integers(0, 2**41), st.integers(0, 2**41))


def empty() -> History:
    return History.unpacked(b"")


def kept(found: dict[int, tuple[int, int]]) -> History:
    history = empty()
    for minute, rate in found.items():
        history = History.unpacked(history.packed())
        history.add(minute, rate)
    return history


def measured(samples: tuple[Sample, ...]) -> dict[int, tuple[int, int]]:
    return {sample.minute: sample.mean for sample in samples if sample.mean}


def near(rate: tuple[int, int]) -> object:
    return pytest.approx(rate, rel=5e-4, abs=0.5)


@given(st.integers(0, 2**42 - 1))
def test_a_rate_is_exact_to_a_small_part(rate):
    assert 0 <= coded(rate) <= HIGHEST
    assert abs(decoded(coded(rate)) - rate) <= 0.5 + 3e-4 * rate


@given(st.integers(0, 2**70), st.integers(0, 2**70))
def test_a_higher_rate_is_never_shown_as_a_lower_one(one, other):
    assert (coded(one) <= coded(other)) == (one <= other or coded(one) == coded(other))


def test_zero_is_no_gap():
    samples = kept({NOW: (0, 0)}).hour(NOW + 1)
    assert [sample.mean for sample in samples[-2:]] == [None, (0, 0)]


def test_a_history_takes_a_kilobyte_however_much_was_added():
    history = kept({NOW + minute: (minute, 2**41) for minute in range(2000)})
    assert len(history.packed()) == FORM.size <= 1024


@pytest.mark.parametrize("stored", [b"", b"\0", b"x" * 1000, memoryview(b"x" * 2000)])
def test_what_is_no_history_is_an_empty_one(stored):
    assert measured(History.unpacked(stored).hour(NOW)) == {}
    assert measured(History.unpacked(stored).day(NOW)) == {}


def test_an_empty_history_has_as_many_samples_as_a_full_one():
    assert len(empty().hour(NOW)) == MINUTES
    assert len(empty().day(NOW)) == QUARTERS
    assert empty().hour(NOW)[-1].minute == NOW - 1
    assert empty().day(NOW)[-1].minute == NOW // QUARTER * QUARTER == NOW - 10


@given(st.lists(st.tuples(st.integers(1, 90), rates), max_size=40), st.integers(0, 90))
def test_the_hour_has_what_was_measured_in_it_and_gaps_elsewhere(steps, later):
    minute, added = NOW, {}
    for pause, rate in steps:
        minute += pause
        added[minute] = rate
    now = minute + 1 + later
    found = measured(kept(added).hour(now))
    assert found == {key: near(rate) for key, rate in added.items() if now - MINUTES <= key < now}


@given(st.lists(st.tuples(st.integers(1, 300), rates), max_size=40))
def test_the_day_has_means_and_highest_minutes_and_gaps_elsewhere(steps):
    minute, added = NOW, {}
    for pause, rate in steps:
        minute += pause
        added[minute] = rate
    quarters: dict[int, list] = {}
    first = (minute // QUARTER - QUARTERS + 1) * QUARTER
    for key, rate in added.items():
        if key >= first:
            quarters.setdefault(key // QUARTER * QUARTER, []).append(rate)
    for sample in kept(added).day(minute + 1):
        rates_of = quarters.get(sample.minute)
        if not rates_of:
            assert sample == Sample(minute=sample.minute)
            continue
        ways = list(zip(*rates_of, strict=True))
        assert sample.mean == pytest.approx([sum(way) / len(way) for way in ways], rel=1e-3, abs=1)
        assert sample.peak == pytest.approx([max(way) for way in ways], rel=1e-3, abs=0.5)


@given(st.integers(1, 3000), st.lists(rates, min_size=1, max_size=70))
def test_samples_that_a_clock_set_back_leaves_in_the_future_are_removed(back, later):
    history = kept({NOW + index: rate for index, rate in enumerate(later)})
    minute = NOW + len(later) - 1 - back
    history.add(minute, (7, 7))
    assert max(measured(history.hour(minute + 1))) == minute
    assert measured(history.hour(NOW + 100)) == {
        key: rate for key, rate in measured(history.hour(minute + 1)).items() if key >= NOW + 100 - MINUTES
    }
    assert all(sample.minute <= minute for sample in history.day(NOW + 200) if sample.mean)


def test_a_minute_that_is_measured_twice_has_the_later_figure():
    history = kept({NOW: (5, 5)})
    history.add(NOW, (9, 9))
    assert measured(history.hour(NOW + 1)) == {NOW: (9, 9)}
    assert measured(history.day(NOW + 1)) == {NOW // QUARTER * QUARTER: (9, 9)}
