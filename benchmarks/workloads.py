"""The workloads: Kinesis SQL for streamsql, the same work for DuckDB, and how the two results compare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

import streamsql
from benchmarks.data import BATCH_ROWS, NUMBERS, bids, bids_jsonl, with_arrival_order
from benchmarks.measure import Preparation

WINDOW_STREAM = """
    CREATE OR REPLACE STREAM "OUT" ("auction" BIGINT, "n" BIGINT, "total" BIGINT, "mean" DOUBLE, "highest" BIGINT);
    CREATE OR REPLACE PUMP "OUT_PUMP" AS INSERT INTO "OUT"
    SELECT STREAM "auction", COUNT(*), SUM("price"), AVG(CAST("price" AS DOUBLE)), MAX("price")
    FROM BIDS
    GROUP BY "auction", STEP(BIDS.ROWTIME BY INTERVAL '10' SECOND);
"""


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload. `floor` is the ratio to the reference that must be reached.

    `columns` are those of our result that the reference also has, in its order; the results are compared by them.
    """

    name: str
    floor: float
    sql: str
    reference_sql: str
    columns: tuple[str, ...]


WORKLOADS = (
    Workload(
        "W1",
        0.25,
        """
        CREATE OR REPLACE STREAM "OUT" ("auction" BIGINT, "bidder" BIGINT, "price" DOUBLE);
        CREATE OR REPLACE PUMP "OUT_PUMP" AS INSERT INTO "OUT"
        SELECT STREAM "auction", "bidder", "price" * 0.908E0 FROM BIDS;
        """,
        "SELECT ROWTIME, auction, bidder, price * 0.908::DOUBLE FROM bids",
        ("ROWTIME", "auction", "bidder", "price"),
    ),
    Workload(
        "W1b",
        1.0,
        """
        CREATE OR REPLACE STREAM "OUT" ("auction" BIGINT, "price" BIGINT);
        CREATE OR REPLACE PUMP "OUT_PUMP" AS INSERT INTO "OUT"
        SELECT STREAM "auction", "price" FROM BIDS WHERE MOD("auction", 123) = 0;
        """,
        "SELECT ROWTIME, auction, price FROM bids WHERE auction % 123 = 0",
        ("ROWTIME", "auction", "price"),
    ),
    Workload(
        "W2",
        0.75,
        WINDOW_STREAM,
        """
        SELECT auction, COUNT(*), SUM(price), AVG(price), MAX(price)
        FROM bids GROUP BY auction, epoch_us(ROWTIME) // 10000000
        """,
        ("auction", "n", "total", "mean", "highest"),
    ),
    Workload(
        "W6",
        0.45,
        """
        CREATE OR REPLACE STREAM "OUT" ("auction" BIGINT, "bidder" BIGINT, "price" BIGINT, "mean" BIGINT);
        CREATE OR REPLACE PUMP "OUT_PUMP" AS INSERT INTO "OUT"
        SELECT STREAM "auction", "bidder", "price",
               AVG("price") OVER (PARTITION BY "auction" RANGE INTERVAL '10' SECOND PRECEDING)
        FROM BIDS;
        """,
        # Ten seconds and half a millisecond: ten rows share a millisecond and `arrival` counts them in microseconds,
        # so this reaches all rows of the boundary's millisecond and none of the one before.
        """
        SELECT ROWTIME, auction, bidder, price,
               CAST(trunc(AVG(price) OVER (
                   PARTITION BY auction ORDER BY arrival RANGE BETWEEN 10000500 PRECEDING AND CURRENT ROW
               )) AS BIGINT)
        FROM bids
        """,
        ("ROWTIME", "auction", "bidder", "price", "mean"),
    ),
)


@dataclass(frozen=True, slots=True)
class Contest:
    """A workload with its data: how each side prepares a run, what it results in, and how many rows it reads."""

    name: str
    floor: float
    rows: int
    ours: Preparation
    reference: Preparation
    ours_result: Callable[[Any], pa.Table]
    reference_result: Callable[[Any], pa.Table]


def in_memory(workload: Workload, events: int, cache: Path, batch_rows: int = BATCH_ROWS) -> Contest:
    """The workload over Arrow in memory, results as Arrow; ours is fed batches of `batch_rows`."""
    table = bids(events, cache)
    fed = pa.Table.from_batches(table.to_batches(max_chunksize=batch_rows)) if batch_rows < BATCH_ROWS else table
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    numbers = table.select(list(NUMBERS))
    connection.register("bids", with_arrival_order(numbers) if "arrival" in workload.reference_sql else numbers)

    def ours() -> Callable[[], Any]:
        options = {"max_batch_rows": batch_rows}
        return lambda: streamsql.run(workload.sql, {"BIDS": fed}, dialect="kinesis", options=options)["OUT"]

    def reference() -> Callable[[], pa.Table]:
        return lambda: connection.sql(workload.reference_sql).to_arrow_table()

    return Contest(
        workload.name,
        workload.floor,
        table.num_rows,
        ours,
        reference,
        lambda result: result.select(list(workload.columns)),
        lambda result: result,
    )


def files(events: int, cache: Path) -> Contest:
    """W10: a file of JSON lines through W2 into a file of JSON lines."""
    lines = bids_jsonl(events, cache)
    ours_out, reference_out = cache / "w10-ours.jsonl", cache / "w10-reference.jsonl"
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    sql = f"""
        COPY (
            SELECT auction, COUNT(*) AS n, SUM(price) AS total, AVG(price) AS mean, MAX(price) AS highest
            FROM read_json('{lines}', format = 'newline_delimited',
                           columns = {{auction: 'BIGINT', price: 'BIGINT', "dateTime": 'TIMESTAMP'}})
            GROUP BY auction, epoch_us("dateTime") // 10000000
        ) TO '{reference_out}' (FORMAT json)
    """
    columns = '"auction" BIGINT, "bidder" BIGINT, "price" BIGINT, "channel" VARCHAR(16), "url" VARCHAR(128), '
    columns += '"dateTime" TIMESTAMP, "extra" VARCHAR(128)'

    def ours() -> Callable[[], None]:
        application = streamsql.Application(
            WINDOW_STREAM,
            schemas={"BIDS": columns},
            dialect="kinesis",
            sources={"BIDS": f"{lines}?rowtime=dateTime"},
            sinks={"OUT": f"{ours_out}?mode=overwrite"},
        )
        return application.run_forever

    def reference() -> Callable[[], object]:
        return lambda: connection.sql(sql)

    def read(path: Path) -> pa.Table:
        return connection.sql(
            f"SELECT auction, n, total, mean::DOUBLE, highest FROM read_json('{path}', format = 'newline_delimited')"
        ).to_arrow_table()

    return Contest(
        "W10",
        0.95,
        bids(events, cache).num_rows,
        ours,
        reference,
        lambda _: read(ours_out),
        lambda _: read(reference_out),
    )
