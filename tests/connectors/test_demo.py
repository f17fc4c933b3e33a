"""The stock-ticker demo: shape, determinism, and pacing by an injected clock."""

from __future__ import annotations

import pyarrow as pa
import pytest

from streamsql.clock import ManualClock
from streamsql.connectors.demo import SCHEMA, TICKERS, StockTickerSource
from streamsql.errors import ConnectorError


def take(
    source: StockTickerSource, clock: ManualClock, rows: int, max_rows: int = 1000, step_us: int = 50_000
) -> pa.Table:
    """Read `rows` rows, moving the clock."""
    batches = []
    seen = 0
    while seen < rows:
        batch = source.next_batch(min(max_rows, rows - seen))
        assert batch is not None
        batches.append(batch.rows)
        seen += batch.rows.num_rows
        clock.advance(step_us)
    return pa.Table.from_batches(batches).combine_chunks()


def test_shape_and_types() -> None:
    clock = ManualClock()
    source = StockTickerSource({"rate": "1000"}, clock)
    assert not source.is_bounded
    assert not source.has_rowtime
    table = take(source, clock, 2000)
    assert table.schema.equals(SCHEMA.arrow)
    sectors = {symbol: sector for symbol, sector, _ in TICKERS}
    starts = {symbol: start / 100 for symbol, _, start in TICKERS}
    last: dict[str, float] = {}
    for row in table.to_pylist():
        symbol = row["TICKER_SYMBOL"]
        assert row["SECTOR"] == sectors[symbol]
        assert starts[symbol] * 0.49 <= row["PRICE"] <= starts[symbol] * 1.51
        assert row["CHANGE"] == pytest.approx(row["PRICE"] - last.get(symbol, starts[symbol]), abs=1e-4)
        last[symbol] = row["PRICE"]
    assert len(last) == len(TICKERS)


@pytest.mark.parametrize("max_rows", [1, 7, 1000])
def test_rows_depend_on_the_seed_alone(max_rows: int) -> None:
    clock, other = ManualClock(), ManualClock(5_000_000)
    whole = take(StockTickerSource({"rate": "1000", "seed": "3"}, clock), clock, 500)
    pieces = take(StockTickerSource({"rate": "77.5", "seed": "3"}, other), other, 500, max_rows, 333_333)
    assert pieces.equals(whole)
    different = take(StockTickerSource({"rate": "1000", "seed": "4"}, clock), clock, 500)
    assert not different.equals(whole)


def test_pacing() -> None:
    clock = ManualClock(1_000_000)
    source = StockTickerSource({"rate": "10"}, clock)
    assert source.next_batch(100).rows.num_rows == 1
    assert source.next_awake() == pytest.approx(0.1)
    clock.advance(99_999)
    assert source.next_batch(100).rows.num_rows == 0
    assert source.next_awake() == pytest.approx(0.000001)
    clock.advance(1)
    assert source.next_awake() == 0
    assert source.next_batch(100).rows.num_rows == 1
    clock.advance(1_000_000)
    assert source.next_batch(4).rows.num_rows == 4
    assert source.next_awake() == 0
    assert source.next_batch(100).rows.num_rows == 6
    assert source.position() == "12"


def test_ends_after_rows() -> None:
    clock = ManualClock()
    source = StockTickerSource({"rate": "1000", "rows": "25"}, clock)
    assert source.is_bounded
    assert take(source, clock, 25, 10).num_rows == 25
    assert source.progress() == 1.0
    assert source.next_batch(10) is None
    assert source.next_awake() is None
    source.close()
    source.close()


def test_ends_after_duration() -> None:
    clock = ManualClock()
    source = StockTickerSource({"rate": "20", "duration": "2.5"}, clock)
    clock.advance(1)
    source.next_batch(1)
    clock.advance(60_000_000)
    assert source.progress() == pytest.approx(0.02)
    assert source.next_batch(1000).rows.num_rows == 49
    assert source.next_batch(1000) is None


def test_projection() -> None:
    clock = ManualClock()
    source = StockTickerSource({"rate": "1000"}, clock)
    source.project(["PRICE", "TICKER_SYMBOL"])
    assert take(source, clock, 10).schema.names == ["PRICE", "TICKER_SYMBOL"]
    bare = StockTickerSource({"rate": "1000"}, clock)
    bare.project([])
    bare.next_batch(1)
    clock.advance(10_000)
    assert bare.next_batch(10).rows.num_rows == 10


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"speed": "3"}, "no option 'speed'"),
        ({"rate": "0"}, "rate must be"),
        ({"rate": "x"}, "rate must be"),
        ({"rate": "1/0"}, "rate must be"),
        ({"rows": "1.5"}, "rows must be"),
        ({"duration": "-1"}, "duration must be"),
        ({"seed": "-1"}, "seed must be"),
    ],
)
def test_bad_options(params: dict[str, str], message: str) -> None:
    with pytest.raises(ConnectorError, match=message):
        StockTickerSource(params, ManualClock())
