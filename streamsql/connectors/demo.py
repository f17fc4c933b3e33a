"""The demo stream of stock ticks: `demo:stock-ticker`, the shape of the stream the Kinesis console used to offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from streamsql.clock import Clock
from streamsql.connectors.base import SourceBatch
from streamsql.errors import ConnectorError, ErrorCode
from streamsql.schema import Column, Schema
from streamsql.types import REAL, varchar

SCHEMA = Schema(
    (
        Column("TICKER_SYMBOL", varchar(4)),
        Column("SECTOR", varchar(16)),
        Column("CHANGE", REAL),
        Column("PRICE", REAL),
    )
)

#: Symbol, sector, and the price in cents from which the walk starts.
TICKERS: tuple[tuple[str, str, int], ...] = (
    ("AAPL", "TECHNOLOGY", 9_500),
    ("ABC", "RETAIL", 2_200),
    ("ALY", "ENERGY", 8_300),
    ("AMZN", "TECHNOLOGY", 74_000),
    ("ASD", "FINANCIAL", 6_300),
    ("BFH", "RETAIL", 1_600),
    ("CRM", "HEALTHCARE", 2_600),
    ("CVB", "TECHNOLOGY", 5_300),
    ("DEG", "ENERGY", 500),
    ("DFT", "RETAIL", 11_100),
    ("HJK", "TECHNOLOGY", 600),
    ("INTC", "TECHNOLOGY", 3_100),
    ("IOP", "TECHNOLOGY", 11_900),
    ("JYB", "HEALTHCARE", 4_500),
    ("KIN", "ENERGY", 500),
    ("MMB", "ENERGY", 2_400),
    ("MSFT", "TECHNOLOGY", 5_200),
    ("NFLX", "TECHNOLOGY", 10_000),
    ("NGC", "HEALTHCARE", 500),
    ("PLM", "FINANCIAL", 2_000),
    ("PPL", "HEALTHCARE", 3_100),
    ("QAZ", "FINANCIAL", 21_000),
    ("QXZ", "HEALTHCARE", 8_400),
    ("RFV", "FINANCIAL", 4_900),
    ("SAC", "ENERGY", 5_900),
    ("SED", "FINANCIAL", 300),
    ("SLW", "ENERGY", 9_800),
    ("TBV", "HEALTHCARE", 19_200),
    ("TGT", "RETAIL", 7_100),
    ("UHN", "ENERGY", 9_200),
    ("VVY", "HEALTHCARE", 2_300),
    ("WAS", "RETAIL", 1_500),
    ("WMT", "RETAIL", 6_900),
    ("WSB", "FINANCIAL", 14_000),
    ("XTC", "HEALTHCARE", 12_100),
)

_STARTS = np.array([start for _, _, start in TICKERS], dtype=np.int64)


@cache
def _names() -> tuple[pa.Array, pa.Array]:
    """Symbols and sectors. Made at the first row: pyarrow imports pandas, where there is one, to make an array."""
    return pa.array([symbol for symbol, _, _ in TICKERS]), pa.array([sector for _, sector, _ in TICKERS])


class StockTickerSource:
    """Ticks of 35 symbols, each price on its own random walk: `demo:stock-ticker?rate=50&rows=1000&seed=1&duration=20`.

    `rate` is rows per second by the clock (50 without it); the source ends after `rows` rows or `duration` seconds'
    worth of rows, whichever comes first, and is endless without either. Which rows come depends on the seed alone,
    never on timing: only when they come does. CHANGE is the last move of PRICE. A position is the number of rows
    delivered.
    """

    has_rowtime = False
    is_live = True

    def __init__(self, params: Mapping[str, str], clock: Clock) -> None:
        known = ("rate", "rows", "seed", "duration")
        for name in params:
            if name not in known:
                raise ConnectorError(
                    ErrorCode.URI,
                    f"demo:stock-ticker has no option {name!r}",
                    hint=f"the options are {', '.join(known)}",
                )
        self._clock = clock
        self._rate = _positive(params, "rate") or Fraction(50)
        limits = []
        rows = _positive(params, "rows")
        if rows is not None:
            limits.append(int(rows))
        duration = _positive(params, "duration")
        if duration is not None:
            limits.append(int(duration * self._rate))
        self._limit = min(limits) if limits else None
        self._walk = _Walk(_seed(params))
        self._started_us: int | None = None
        self._delivered = 0
        self._columns: tuple[str, ...] = SCHEMA.names
        self.schema = SCHEMA
        self.is_bounded = self._limit is not None

    def project(self, columns: Sequence[str]) -> None:
        """Deliver only these columns."""
        self._columns = tuple(columns)

    def next_batch(self, max_rows: int) -> SourceBatch | None:
        """The rows due by now, at most `max_rows`; the clock starts with the first call. None after the last row."""
        if self._delivered == self._limit:
            return None
        now_us = self._clock.now_us()
        if self._started_us is None:
            self._started_us = now_us
        # The first row is due at once, the next ones at equal distances.
        due = 1 + int((now_us - self._started_us) * self._rate / 1_000_000)
        if self._limit is not None:
            due = min(due, self._limit)
        columns = self._walk.next_rows(min(max_rows, due - self._delivered))
        self._delivered += len(columns["PRICE"])
        rows = pa.RecordBatch.from_arrays(list(columns.values()), schema=SCHEMA.arrow)
        return SourceBatch(rows.select(list(self._columns)))

    def next_awake(self) -> float | None:
        """Seconds until the next row is due; 0 when one already is."""
        if self._started_us is None or self._delivered == self._limit:
            return None
        due_us = self._started_us + self._delivered * 1_000_000 / self._rate
        return max(0.0, float(due_us - self._clock.now_us()) / 1e6)

    def position(self) -> str:
        """Rows delivered so far."""
        return str(self._delivered)

    def progress(self) -> float | None:
        """Fraction delivered, None when endless."""
        return None if self._limit is None else self._delivered / self._limit

    def close(self) -> None:
        """Nothing is held."""


class _Walk:
    """The endless sequence of rows of one seed, cut into pieces of any size without changing it."""

    def __init__(self, seed: int) -> None:
        self._seed = _mix(np.array([seed], dtype=np.uint64))
        self._next_row = 0
        # How far each ticker has walked from its start, in cents, before folding.
        self._walked = np.zeros(len(TICKERS), dtype=np.int64)

    def next_rows(self, count: int) -> dict[str, pa.Array]:
        """The next `count` rows, by column."""
        rows = np.arange(self._next_row, self._next_row + count, dtype=np.uint64)
        self._next_row += count
        draws = _mix(self._seed ^ _mix(rows))
        tickers = (draws % np.uint64(len(TICKERS))).astype(np.int64)
        # Steps of -1.5 % to +1.5 % of the starting price, in cents, and of at least one cent either way.
        reach = np.maximum(_STARTS[tickers] * 3 // 200, 1)
        steps = ((draws >> np.uint64(20)) % (2 * reach + 1).astype(np.uint64)).astype(np.int64) - reach
        walked = np.empty(count, dtype=np.int64)
        for ticker in np.unique(tickers):
            mine = tickers == ticker
            walked[mine] = self._walked[ticker] + np.cumsum(steps[mine])
            self._walked[ticker] = walked[mine][-1]
        price = _folded(walked, _STARTS[tickers])
        before = _folded(walked - steps, _STARTS[tickers])
        indices = pa.array(tickers)
        symbols, sectors = _names()
        return {
            "TICKER_SYMBOL": symbols.take(indices),
            "SECTOR": sectors.take(indices),
            "CHANGE": _cents(price - before),
            "PRICE": _cents(price),
        }


def _folded(walked: npt.NDArray[np.int64], start: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Prices that follow the walk but turn back at half and at one and a half times the start."""
    half = start // 2
    price: npt.NDArray[np.int64] = start - half + np.abs((walked - half) % (4 * half) - 2 * half)
    return price


def _cents(values: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array((values / 100).astype(np.float32))


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64, element by element (unsigned arithmetic wraps)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _positive(params: Mapping[str, str], name: str) -> Fraction | None:
    text = params.get(name)
    if text is None:
        return None
    whole = name == "rows"
    try:
        value = Fraction(int(text) if whole else text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0:
        kind = "integer" if whole else "number"
        raise ConnectorError(ErrorCode.URI, f"option {name} must be a positive {kind}, got {text!r}")
    return value


def _seed(params: Mapping[str, str]) -> int:
    text = params.get("seed", "0")
    if not text.isdecimal() or int(text) >= 2**64:
        raise ConnectorError(ErrorCode.URI, f"option seed must be an integer from 0 to 2^64 - 1, got {text!r}")
    return int(text)
