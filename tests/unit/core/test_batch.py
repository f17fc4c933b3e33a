"""`ChangeBatch`: slices of slices, with and without weights, as arrays and through the core's own views."""

from __future__ import annotations

import pyarrow as pa
import pytest

from streamsql._core.batch import ChangeBatch


def batch(rows: int, *, weights: bool = False) -> ChangeBatch:
    values = list(range(rows))
    return ChangeBatch(
        pa.array([v * 10 for v in values], pa.timestamp("us")),
        (pa.array([None if v % 3 == 0 else v for v in values]), pa.array([f"t{v}" for v in values])),
        pa.array([1 - 2 * (v % 2) for v in values]) if weights else None,
        pa.array([v * 5 for v in values], pa.timestamp("us")) if weights else None,
    )


@pytest.mark.parametrize("weights", [False, True])
def test_slices_equal_slices_of_the_arrays(weights: bool) -> None:
    whole = batch(20, weights=weights)
    for start in range(21):
        for length in range(21 - start):
            part = whole.slice(start, length)
            assert part.num_rows == length
            assert part.rowtime.equals(whole.rowtime.slice(start, length))
            for column, expected in zip(part.columns, whole.columns, strict=True):
                assert column.equals(expected.slice(start, length))
            if weights:
                assert part.weights.equals(whole.weights.slice(start, length))
                assert part.bounds.equals(whole.bounds.slice(start, length))
            else:
                assert part.weights is None
                assert part.bounds is None


def test_a_slice_of_a_slice_counts_from_the_slice() -> None:
    part = batch(20).slice(3, 10).slice(2, 4)
    assert part.columns[1].to_pylist() == ["t5", "t6", "t7", "t8"]
    assert part.take(pa.array([3, 0])).columns[1].to_pylist() == ["t8", "t5"]
    other = part.with_columns((pa.array([1, 2, 3, 4]),))
    assert other.rowtime.equals(part.rowtime)
    assert other.slice(1, 2).columns[0].to_pylist() == [2, 3]


def test_a_slice_outlives_its_whole() -> None:
    part = batch(1000).slice(500, 2)
    assert part.columns[1].to_pylist() == ["t500", "t501"]


def test_slices_outside_are_refused() -> None:
    with pytest.raises(IndexError, match="of a batch of 3"):
        batch(3).slice(4, 1)
    with pytest.raises(IndexError, match="of a batch of 3"):
        batch(3).slice(-1, 1)
