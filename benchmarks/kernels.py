"""Micro-benchmarks: one expression, one operator, one decoder at a time, over batches of 65,536 and of 64 rows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from benchmarks.data import RATE
from streamsql._core.batch import ChangeBatch
from streamsql._core.json_decode import JsonDecoder
from streamsql._core.json_encode import JsonEncoder
from streamsql._core.operator import Output
from streamsql._core.tumble import TumbleAggregateOperator
from streamsql.connectors.coerce import coerce_batch, infer_schema
from streamsql.connectors.nexmark import SCHEMAS, bids
from streamsql.expr.compile import EvalContext, compile_expr
from streamsql.expr.nodes import Column
from streamsql.plan.physical import ApplicationPlan, PhysicalNode, ProjectExec, TumbleAggregateExec
from streamsql.spec import Dialect
from streamsql.sql.compile import compile_sql

EXPRESSIONS = {
    "add BIGINT": '"auction" + "bidder"',
    "multiply by DOUBLE": '"price" * 0.908E0',
    "modulo": 'MOD("auction", 123)',
    "compare and AND": '"price" > 1000 AND "auction" < 5000',
    "CASE": 'CASE WHEN "price" > 1000 THEN "price" ELSE 0 END',
    "cast to DOUBLE": 'CAST("price" AS DOUBLE)',
    "cast to DECIMAL": 'CAST("price" AS DECIMAL(18, 2))',
    "cast to text": 'CAST("price" AS VARCHAR(20))',
    "LIKE": "\"channel\" LIKE 'channel-%'",
    "UPPER": 'UPPER("channel")',
    "concatenate": "\"channel\" || '!'",
    "FLOOR TO MINUTE": "FLOOR(BIDS.ROWTIME TO MINUTE)",
}
SIZES = (65_536, 64)

Node = TypeVar("Node", bound=PhysicalNode)


def kernels(repeats: int) -> Iterator[dict[str, object]]:
    """Medians over `repeats` rounds of enough calls to be worth timing."""
    for rows in SIZES:
        batch = _bids(rows)
        for name, sql in EXPRESSIONS.items():
            yield _line(f"expression: {name}", rows, _expression(sql, batch), repeats)
        yield _line("coerce: 7 columns, 3 read", rows, _coercion(batch), repeats)
    lines = _json_lines(_bids(65_536))
    for name, read in (("3 of 7 columns", ("auction", "price")), ("7 columns", SCHEMAS["bid"].names)):
        yield _line(f"decode JSON: {name}", 65_536, _decoding(lines, read), repeats) | {
            "bytes_per_row": len(lines) // 65_536
        }
    yield _line("encode JSON: 7 columns", 65_536, _encoding(_bids(65_536)), repeats)
    for keys in (100, 6_000, 100_000):
        yield _line(f"window of {keys} keys: COUNT, SUM", 65_536, _aggregation(keys), repeats)
    yield _line("nexmark: 7 columns", 65_536, lambda: _bids(65_536), repeats)


def _line(name: str, rows: int, call: Callable[[], Any], repeats: int) -> dict[str, object]:
    call()
    calls = 1 if repeats == 1 else max(1, 200_000 // rows)
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(calls):
            call()
        times.append((time.perf_counter() - started) / calls)
    seconds = median(times)
    return {
        "workload": "kernel",
        "name": name,
        "rows": rows,
        "ns_per_row": round(seconds / rows * 1e9, 2),
        "us_per_call": round(seconds * 1e6, 2),
    }


def _expression(sql: str, batch: pa.RecordBatch) -> Callable[[], Any]:
    inputs = {"BIDS": SCHEMAS["bid"]}
    plan = compile_sql(f"SELECT STREAM {sql} AS x FROM BIDS", dialect=Dialect.STREAMSQL, inputs=inputs)
    (expression,) = [
        item
        for node in _nodes(plan, ProjectExec)
        for item in node.items
        if not isinstance(item, Column)
    ]
    evaluator = compile_expr(expression)
    declared = plan.sources[0].columns
    rows = ChangeBatch(batch.column(0), tuple(batch.column(1 + index) for index in declared))
    context = EvalContext(0, 0)
    return lambda: evaluator.eval(rows, context)


def _nodes(plan: ApplicationPlan, kind: type[Node]) -> list[Node]:
    """All nodes of one kind."""
    waiting: list[PhysicalNode] = list(plan.nodes.values())
    found = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, kind):
            found.append(node)
        waiting += node.inputs
    return found


def _aggregation(keys: int) -> Callable[[], Any]:
    """65,536 rows into an open window that knows all keys: hashing, looking up, adding."""
    sql = 'SELECT STREAM "auction", COUNT(*) AS n, SUM("price") AS s FROM BIDS '
    sql += "GROUP BY \"auction\", STEP(BIDS.ROWTIME BY INTERVAL '10' SECOND)"
    plan = compile_sql(sql, dialect=Dialect.STREAMSQL, inputs={"BIDS": SCHEMAS["bid"]})
    (node,) = _nodes(plan, TumbleAggregateExec)
    operator = TumbleAggregateOperator(node)
    generator = np.random.default_rng(keys)
    rowtime = pa.array(np.zeros(65_536, dtype=np.int64)).cast(pa.timestamp("us"))
    batch = ChangeBatch(rowtime, tuple(pa.array(generator.integers(0, keys, 65_536)) for _ in node.input.schema))
    out = Output()
    return lambda: operator.process(0, batch, out)


def _encoding(batch: pa.RecordBatch) -> Callable[[], Any]:
    rows = pa.RecordBatch.from_arrays(
        [batch.column(0).cast(pa.timestamp("ms")), *batch.columns[1:]], names=batch.schema.names
    )
    encoder = JsonEncoder(rows.schema)
    return lambda: encoder.encode(rows)


def _coercion(batch: pa.RecordBatch) -> Callable[[], Any]:
    schema = infer_schema(batch.schema)
    columns = ["auction", "bidder", "price"]
    return lambda: coerce_batch(batch, schema, columns=columns, rowtime="ROWTIME", position=str)


def _bids(rows: int) -> pa.RecordBatch:
    return bids(0, rows * 50 // 46 + 50, rate=RATE).slice(0, rows)


def _json_lines(batch: pa.RecordBatch) -> bytes:
    rows = batch.drop_columns(["ROWTIME"]).to_pylist()
    return b"".join(json.dumps(row, default=str, separators=(",", ":")).encode() + b"\n" for row in rows)


def _decoding(lines: bytes, columns: Sequence[str]) -> Callable[[], Any]:
    types = {column.name: column.type for column in SCHEMAS["bid"]}
    read = [(name, types[name]) for name in columns]

    def decode() -> pa.RecordBatch:
        decoder = JsonDecoder(read, len(read), "dateTime")
        decoder.feed(lines)
        rows, bad = decoder.decode(65_536, True)
        if bad or rows.num_rows != 65_536:
            raise ValueError("every line is a good row")
        return rows

    return decode
