"""Every golden script, in both dialects, cut into batches of several sizes, with and without restarts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from streamsql.columns import parse_columns
from streamsql.schema import Schema
from streamsql.types import SqlType, TypeKind
from tests.sql.script import Command, Script, parse
from tests.support.engine import Engine
from tests.support.values import same_value, timestamp_ms

HERE = Path(__file__).parent
SCRIPTS = [parse(path) for path in sorted(HERE.rglob("*.slt"))]
DAY = "2026-01-01 "


def moment(text: str) -> str:
    """A time of day, or a full timestamp, as a timestamp."""
    return text if "-" in text.lstrip("-")[:8] else DAY + text


def cell(text: str, sql_type: SqlType) -> Any:
    """The value a cell stands for."""
    if text == "null":
        return None
    if text.startswith("'") and text.endswith("'"):
        return text[1:-1]
    match sql_type.kind:
        case TypeKind.BOOLEAN:
            return {"true": True, "false": False}[text]
        case TypeKind.TIMESTAMP:
            return moment(text)
        case _ if sql_type.is_integer:
            return int(text)
        case _ if sql_type.is_approximate:
            return float(text)
        case _:
            return text


def run(script: Script, dialect: str, batch_rows: int, restarts: bool) -> None:
    """Run the steps, checking after each command what it says."""
    schemas = {name: parse_columns(columns) for name, columns in script.streams}
    engine = Engine(script.sql, schemas, dialect, batch_rows)
    outputs = dict(engine.plan.streams)
    announced: Counter[str] = Counter()
    for step in script.steps:
        place = f"{script.path.name}:{step.line}"
        match step.verb:
            case "input":
                feed(engine, step, schemas[step.argument], batch_rows)
                if restarts:
                    engine.restart()
            case "watermark":
                engine.advance_ms(timestamp_ms(moment(step.argument)))
            case "restart":
                engine.restart()
            case "end":
                engine.end()
            case "errors":
                name, count = step.argument.split()
                announced[name] += int(count)
                seen = Counter(row["ERROR_NAME"] for row in engine.errors())
                assert seen[name] == announced[name], f"{place}: {engine.errors()}"
            case "expect":
                check(engine, step, outputs[step.argument], place)
    assert len(engine.errors()) == announced.total(), f"{script.path.name}: {engine.errors()}"


def feed(engine: Engine, step: Command, schema: Schema, batch_rows: int) -> None:
    """Push a block's rows, at most `batch_rows` at a time."""
    rows = [
        [timestamp_ms(moment(time)), *(cell(text, column.type) for text, column in zip(cells, schema, strict=True))]
        for time, *cells in step.rows
    ]
    for start in range(0, len(rows), batch_rows):
        engine.push_text(step.argument, rows[start : start + batch_rows])


def check(engine: Engine, step: Command, schema: Schema, place: str) -> None:
    """Compare what came out since the last time with the block."""
    actual = engine.take(step.argument)
    expected = [
        [moment(time), *(cell(text, column.type) for text, column in zip(cells, schema, strict=True))]
        for time, *cells in step.rows
    ]
    types = [pa.timestamp("ms"), *(column.type.arrow for column in schema)]
    assert len(actual) == len(expected), f"{place}: {actual}"
    for got, wanted in zip(actual, expected, strict=True):
        assert all(map(same_value, got, wanted, types)), f"{place}: expected {wanted}, got {got}"


@pytest.mark.parametrize("restarts", [False, True], ids=["running", "restarting"])
@pytest.mark.parametrize("batch_rows", [65_536, 7, 1])
@pytest.mark.parametrize("script", SCRIPTS, ids=[str(s.path.relative_to(HERE).with_suffix("")) for s in SCRIPTS])
def test_script(script: Script, batch_rows: int, restarts: bool) -> None:
    for dialect in script.dialects:
        run(script, dialect, batch_rows, restarts)
