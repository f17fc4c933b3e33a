"""The data every workload reads: Nexmark bids, generated once and cached as Arrow IPC and as JSON lines."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from streamsql.connectors.nexmark import NexmarkSource

SEED = 42
#: Events per second of event time: one every 100 µs, ten in each millisecond of ROWTIME.
RATE = 10_000
BATCH_ROWS = 65_536
#: The columns most workloads read, ROWTIME first; the others are there so that not reading them is measured as well.
NUMBERS = ("ROWTIME", "auction", "bidder", "price")


def bids(events: int, cache: Path) -> pa.Table:
    """All bids among `events` events in record batches of 65,536 rows, mapped from the cache file."""
    path = cache / f"bids-{SEED}-{RATE}-{events}.arrow"
    if not path.exists():
        _write_bids(events, path)
    with pa.memory_map(str(path)) as mapped:
        return pa.ipc.open_file(mapped).read_all()


def _write_bids(events: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = NexmarkSource({"events": str(events), "rate": str(RATE), "seed": str(SEED)})
    partial = path.with_suffix(".partial")
    writer = None
    while (batch := source.next_batch(BATCH_ROWS)) is not None:
        if writer is None:
            writer = pa.ipc.new_file(str(partial), batch.rows.schema)
        writer.write_batch(batch.rows)
    if writer is None:
        raise ValueError("no events, nothing to measure")
    writer.close()
    # Renamed only when whole, so that an interrupted run leaves no half a file to be measured.
    partial.rename(path)


def bids_jsonl(events: int, cache: Path) -> Path:
    """The same bids as a file of JSON lines with all seven columns; dateTime is `yyyy-MM-dd HH:mm:ss.SSS` text."""
    path = cache / f"bids-{SEED}-{RATE}-{events}.jsonl"
    if not path.exists():
        partial = path.with_suffix(".partial")
        with duckdb.connect() as connection:
            connection.register("bids", bids(events, cache))
            connection.execute(f"""
                COPY (SELECT auction, bidder, price, channel, url,
                             strftime("dateTime", '%Y-%m-%d %H:%M:%S.%g') AS "dateTime", extra
                      FROM bids) TO '{partial}' (FORMAT json)
            """)
        partial.rename(path)
    return path


def with_arrival_order(table: pa.Table) -> pa.Table:
    """The table with a column `arrival`: ROWTIME in microseconds plus the place among rows of the same millisecond.

    It gives rows of one ROWTIME an order, which a batch engine needs to know what "up to the current row" means.
    """
    times = table["ROWTIME"].to_numpy().astype("datetime64[us]").astype(np.int64)
    rows = np.arange(len(times))
    is_first = np.ones(len(times), dtype=bool)
    is_first[1:] = times[1:] != times[:-1]
    place = rows - np.maximum.accumulate(np.where(is_first, rows, 0))
    if len(place) and place.max() >= 500:
        raise ValueError("too many rows share one ROWTIME for the frame's half-millisecond margin")
    return table.append_column("arrival", pa.array(times + place))
