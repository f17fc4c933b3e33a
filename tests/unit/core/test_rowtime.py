"""ROWTIME between micro- and milliseconds, and rows behind the clock, against plain Python."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from streamsql._core.rowtime import arrive, to_milliseconds

EDGES = [0, 1, 499, 500, 501, 999, 1000, 1001, 2**52 - 1, 2**52 - 2, 4_503_599_627_370_000, 4_503_599_627_369_999]
FAR = [-1, -999, -1000, -1001, 2**52, 2**62, 2**63 - 1, -(2**63)]


def milliseconds(values: list[int]) -> list[int]:
    return to_milliseconds(pa.array(values, pa.timestamp("us"))).view(pa.int64()).to_pylist()


def test_milliseconds_round_down() -> None:
    assert milliseconds(EDGES) == [v // 1000 for v in EDGES]
    assert milliseconds(FAR) == [v // 1000 for v in FAR]
    assert milliseconds(EDGES + FAR) == [v // 1000 for v in EDGES + FAR]
    assert milliseconds([]) == []


def test_milliseconds_of_random_values() -> None:
    generator = random.Random(5)
    values = [generator.getrandbits(generator.randrange(1, 53)) for _ in range(20_000)]
    values += [v // 1000 * 1000 + d for v in values[:2000] for d in (0, 999) if v // 1000 * 1000 + d < 2**52]
    assert milliseconds(values) == [v // 1000 for v in values]


def test_milliseconds_of_a_slice() -> None:
    array = pa.array([1000, 2500, 3999, 4000], pa.timestamp("us"))[1:3]
    assert to_milliseconds(array).view(pa.int64()).to_pylist() == [2, 3]


@pytest.mark.parametrize("clock", [-(2**63) + 1, 0, 5, 10])
@pytest.mark.parametrize("unit", ["us", "ms"])
def test_arrive_counts_late_rows(clock: int, unit: str) -> None:
    generator = random.Random(clock)
    factor = 1000 if unit == "ms" else 1
    for disorder in (0, 1, 5):
        for rows in range(20):
            values = sorted(generator.randrange(0, 15) for _ in range(rows))
            for _ in range(disorder if rows > 1 else 0):
                i = generator.randrange(rows - 1)
                values[i], values[i + 1] = values[i + 1], values[i]
            late, highest = 0, clock
            for value in values:
                late += value * factor < highest
                highest = max(highest, value * factor)
            rowtime, found, after = arrive(pa.array(values, pa.timestamp(unit)), clock)
            assert (found, after) == (late, highest)
            assert rowtime.view(pa.int64()).to_pylist() == [value * factor for value in values]
