"""The Nexmark auction benchmark (profile D) as record batches and as the source `nexmark:`.

The same (seed, rate) always gives the same bits, for any range of events. Fifty events are one person, three auctions
and 46 bids, in that order. ROWTIME is the event's `dateTime`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from streamsql._core.nexmark import generate, rows_before
from streamsql.connectors.base import SourceBatch
from streamsql.errors import ConnectorError, ErrorCode
from streamsql.schema import ROWTIME, Column, Schema
from streamsql.types import BIGINT, ROWTIME_ARROW, TIMESTAMP, varchar

#: 2015-07-15T00:00:00Z, the time of event 0.
BASE_MS = 1_436_918_400_000

#: The columns of each kind of event.
SCHEMAS: Mapping[str, Schema] = {
    "person": Schema(
        (
            Column("id", BIGINT, False),
            Column("name", varchar(16)),
            Column("emailAddress", varchar(16)),
            Column("creditCard", varchar(19)),
            Column("city", varchar(16)),
            Column("state", varchar(2)),
            Column("dateTime", TIMESTAMP),
            Column("extra", varchar(256)),
        )
    ),
    "auction": Schema(
        (
            Column("id", BIGINT, False),
            Column("itemName", varchar(32)),
            Column("description", varchar(128)),
            Column("initialBid", BIGINT),
            Column("reserve", BIGINT),
            Column("dateTime", TIMESTAMP),
            Column("expires", TIMESTAMP),
            Column("seller", BIGINT),
            Column("category", BIGINT),
            Column("extra", varchar(1024)),
        )
    ),
    "bid": Schema(
        (
            Column("auction", BIGINT),
            Column("bidder", BIGINT),
            Column("price", BIGINT),
            Column("channel", varchar(16)),
            Column("url", varchar(128)),
            Column("dateTime", TIMESTAMP),
            Column("extra", varchar(128)),
        )
    ),
}


def persons(
    start: int, stop: int, *, seed: int = 42, rate: int = 1000, columns: Sequence[str] | None = None
) -> pa.RecordBatch:
    """The persons among the events with numbers from `start` to `stop` - 1, ROWTIME first; see `bids`."""
    return _events("person", start, stop, seed, rate, columns)


def auctions(
    start: int, stop: int, *, seed: int = 42, rate: int = 1000, columns: Sequence[str] | None = None
) -> pa.RecordBatch:
    """The auctions among the events with numbers from `start` to `stop` - 1, ROWTIME first; see `bids`."""
    return _events("auction", start, stop, seed, rate, columns)


def bids(
    start: int, stop: int, *, seed: int = 42, rate: int = 1000, columns: Sequence[str] | None = None
) -> pa.RecordBatch:
    """The bids among the events with numbers from `start` to `stop` - 1: ROWTIME (`timestamp[us]`), then `columns`.

    `rate` is how many events fall into one second of event time. `columns` None means all of them.

    >>> bids(0, 6, columns=["auction", "price"]).to_pydict()["price"]
    [45909, 34422]
    """
    return _events("bid", start, stop, seed, rate, columns)


def _events(
    kind: str, start: int, stop: int, seed: int, rate: int, columns: Sequence[str] | None
) -> pa.RecordBatch:
    first = rows_before(kind, start)
    return _rows(kind, first, rows_before(kind, max(start, stop)) - first, seed, rate, columns)


def _rows(
    kind: str, first: int, count: int, seed: int, rate: int, columns: Sequence[str] | None
) -> pa.RecordBatch:
    declared = SCHEMAS[kind].arrow
    names = SCHEMAS[kind].names if columns is None else tuple(columns)
    fields = [pa.field(ROWTIME, ROWTIME_ARROW, nullable=False), *(declared.field(name) for name in names)]
    arrays = generate(kind, (ROWTIME, *names), first, count, seed=seed, rate=rate, base_ms=BASE_MS)
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


class NexmarkSource:
    """Events of one kind, as fast as they are asked for: `nexmark:?kind=bid&events=1000000&rate=10000&seed=42`.

    `events` counts all three kinds (46 of 50 are bids) and makes the source end; without it the source is endless.
    `rate` is the density in event time (events per second, 1000 without it), not the speed of the source. `kind` is
    `bid`, `person` or `auction`. A position is the number of rows delivered.
    """

    has_rowtime = True
    is_live = False

    def __init__(self, params: Mapping[str, str]) -> None:
        known = ("kind", "events", "rate", "seed")
        for name in params:
            if name not in known:
                raise ConnectorError(
                    ErrorCode.URI, f"nexmark has no option {name!r}", hint=f"the options are {', '.join(known)}"
                )
        self._kind = params.get("kind", "bid")
        if self._kind not in SCHEMAS:
            raise ConnectorError(
                ErrorCode.URI,
                f"nexmark has no kind {self._kind!r}",
                hint=f"the kinds are {', '.join(SCHEMAS)}",
            )
        self._seed = _count(params, "seed", 42, 0)
        self._rate = _count(params, "rate", 1000, 1)
        self._rows = rows_before(self._kind, _count(params, "events", 0, 0)) if "events" in params else None
        self._next = 0
        self._columns: tuple[str, ...] | None = None
        self.schema = SCHEMAS[self._kind]
        self.is_bounded = self._rows is not None

    def project(self, columns: Sequence[str]) -> None:
        """Generate only these columns."""
        self._columns = tuple(columns)

    def next_batch(self, max_rows: int) -> SourceBatch | None:
        """The next `max_rows` rows, fewer at the end, then None."""
        count = max_rows if self._rows is None else min(max_rows, self._rows - self._next)
        if count == 0 and self._next == self._rows:
            return None
        rows = _rows(self._kind, self._next, count, self._seed, self._rate, self._columns)
        self._next += count
        return SourceBatch(rows)

    def next_awake(self) -> float | None:
        """At once: rows are made when asked for."""
        return None

    def position(self) -> str:
        """Rows delivered so far."""
        return str(self._next)

    def progress(self) -> float | None:
        """Fraction delivered, None when endless."""
        if self._rows is None:
            return None
        return self._next / self._rows if self._rows else 1.0

    def close(self) -> None:
        """Nothing is held."""


def _count(params: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or not least <= int(text) < 2**63:
        raise ConnectorError(
            ErrorCode.URI, f"nexmark option {name} must be an integer from {least} to 2^63 - 1, got {text!r}"
        )
    return int(text)
