import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsql._core.operator import MIN_WATERMARK
from streamsql._core.rowtime import arrive, constant, counted, on_time, to_milliseconds

TIMES = st.lists(st.integers(-(10**15), 10**15), max_size=20)


def stamps(values, unit="us"):
    return pa.array(values, pa.int64()).cast(pa.timestamp(unit))


def ints(array):
    return array.cast(pa.int64()).to_pylist()


@given(TIMES, st.sampled_from(["ms", "us"]), st.integers(-(10**17), 10**17))
def test_arriving_rows_against_a_loop(values, unit, clock):
    values = [value // 1000 for value in values] if unit == "ms" else values
    rowtime, late, after = arrive(stamps(values, unit), clock)
    expected = [value * 1000 for value in values] if unit == "ms" else values
    running, missed, good, bad = clock, [], [], []
    for row, value in enumerate(expected):
        if value < running:
            bad.append(row)
            missed.append(running)
        else:
            good.append(row)
            running = value
    assert rowtime.type == pa.timestamp("us")
    assert ints(rowtime) == expected
    assert (late, after) == (len(bad), running)
    assert on_time(rowtime, clock) == (good, bad, missed)


def test_slices_are_read_from_where_they_start():
    rowtime, late, after = arrive(stamps([9, 1, 2, 3, 0], "ms").slice(1, 3), MIN_WATERMARK)
    assert (ints(rowtime), late, after) == ([1000, 2000, 3000], 0, 3000)


def test_microseconds_are_not_copied():
    rowtime = stamps([1, 2, 3])
    assert arrive(rowtime, 0)[0] is rowtime


def test_nulls_are_refused():
    with pytest.raises(ValueError, match="nulls"):
        arrive(stamps([1, None]), 0)


@given(TIMES)
def test_milliseconds_are_rounded_down(values):
    result = to_milliseconds(stamps(values))
    assert result.type == pa.timestamp("ms")
    assert ints(result) == [value // 1000 for value in values]
    assert ints(to_milliseconds(stamps(values).slice(len(values) // 2))) == [
        value // 1000 for value in values[len(values) // 2 :]
    ]


def test_made_rowtimes():
    assert ints(constant(7, 3)) == [7, 7, 7]
    assert ints(counted(2, 3)) == [2000, 3000, 4000]
    assert ints(constant(7, 0)) == []
