"""Every benchmark runs at toy size and its results are right. Nothing here looks at a time."""

from __future__ import annotations

import bisect
import json
from collections import defaultdict
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from benchmarks.__main__ import SECTIONS, main
from benchmarks.checksum import checksum
from benchmarks.data import bids, bids_jsonl, with_arrival_order
from benchmarks.workloads import WORKLOADS

EVENTS = 3_000


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("section", SECTIONS)
def test_runs_and_is_right(section: str, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--toy", "--only", section, "--cache", str(cache)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines
    assert all("workload" in line for line in lines)
    if section.startswith("W") or section in ("batch-size", "churn"):
        assert all(line["matches"] is True for line in lines)


def reference(name: str, cache: Path) -> list[tuple[object, ...]]:
    (workload,) = (each for each in WORKLOADS if each.name == name)
    with duckdb.connect() as connection:
        connection.register("bids", with_arrival_order(bids(EVENTS, cache)))
        table = connection.sql(workload.reference_sql).to_arrow_table()
    return [tuple(row.values()) for row in table.to_pylist()]


def rows(cache: Path) -> list[tuple[int, int, int, int]]:
    table = bids(EVENTS, cache)
    times = (np.asarray(table["ROWTIME"]).astype("datetime64[us]").astype(np.int64) // 1000).tolist()
    return list(zip(times, *(table[name].to_pylist() for name in ("auction", "bidder", "price")), strict=True))


def test_reference_of_the_window(cache: Path) -> None:
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for time, auction, _, price in rows(cache):
        groups[auction, time // 10_000].append(price)
    expected = [(key[0], len(p), sum(p), sum(p) / len(p), max(p)) for key, p in groups.items()]
    assert sorted(reference("W2", cache)) == sorted(expected)


def test_reference_of_the_sliding_average_counts_rows_up_to_the_current_one(tmp_path: Path) -> None:
    """Ten rows share each millisecond, so both ends of the frame have ties."""
    times = np.repeat(np.arange(0, 20_003, 1000), 10)
    generator = np.random.default_rng(1)
    table = pa.table(
        {
            "ROWTIME": pa.array(times * 1000, pa.timestamp("us")),
            "auction": pa.array(generator.integers(0, 3, len(times))),
            "bidder": pa.array(np.arange(len(times))),
            "price": pa.array(generator.integers(0, 1000, len(times))),
        }
    )
    (workload,) = (each for each in WORKLOADS if each.name == "W6")
    with duckdb.connect() as connection:
        connection.register("bids", with_arrival_order(table))
        result = connection.sql(workload.reference_sql).to_arrow_table()
    found = dict(zip(result["bidder"].to_pylist(), result.column(4).to_pylist(), strict=True))
    seen: dict[int, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for row, time in enumerate(times.tolist()):
        moments, prices = seen[table["auction"][row].as_py()]
        moments.append(time)
        prices.append(table["price"][row].as_py())
        frame = prices[bisect.bisect_left(moments, time - 10_000) :]
        assert found[row] == sum(frame) // len(frame)


def test_data_are_cached_whole(tmp_path: Path) -> None:
    first = bids(EVENTS, tmp_path)
    assert first.num_rows == EVENTS // 50 * 46
    assert bids(EVENTS, tmp_path).equals(first)
    lines = [json.loads(line) for line in bids_jsonl(EVENTS, tmp_path).read_text().splitlines()]
    assert len(lines) == first.num_rows
    assert lines[77]["dateTime"] == first["dateTime"][77].as_py().isoformat(" ", "milliseconds")
    assert {name: lines[77][name] for name in ("auction", "extra")} == {
        name: first[name][77].as_py() for name in ("auction", "extra")
    }
    assert not list(tmp_path.glob("*.partial"))


def test_checksum_notices_what_it_should() -> None:
    table = pa.table({"a": [1, 2, 3], "x": [0.5, 1.5, 2.5]})
    same = checksum(table)
    assert checksum(table.take([2, 0, 1])).matches(same)
    assert checksum(pa.table({"b": [1, 2, 3], "y": [0.5, 1.5, 2.5 + 1e-12]})).matches(same)
    for other in (
        pa.table({"a": [1, 2, 4], "x": [0.5, 1.5, 2.5]}),
        pa.table({"a": [1, 2, 3], "x": [1.5, 0.5, 2.5]}),
        pa.table({"a": [1, 2, 3], "x": [0.5, 1.5, 2.5001]}),
        table.slice(0, 2),
    ):
        assert not checksum(other).matches(same)
    times = pa.table({"t": pa.array([1000, 2000], pa.timestamp("us"))})
    assert checksum(times).matches(checksum(pa.table({"t": pa.array([1, 2], pa.timestamp("ms"))})))
