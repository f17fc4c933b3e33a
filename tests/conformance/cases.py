"""The worked cases of `language.yaml` and `functions.yaml` in one shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from streamsql.schema import Schema
from tests.support.values import schema_of

HERE = Path(__file__).parent

#: The stream type that can hold an expression's value whatever its exact type, by the family the case names.
_EXPRESSION_TYPES = {"VARCHAR": "VARCHAR(1024)", "DECIMAL": "DECIMAL(18, 9)"}


@dataclass(frozen=True)
class Expectation:
    """The rows one stream must hold at the end."""

    stream: str
    rows: Sequence[Sequence[Any]]
    is_ordered: bool
    with_rowtime: bool


@dataclass(frozen=True)
class Case:
    """One case: an application, its input, and either a refusal or what the streams hold at the end."""

    id: str
    sql: str
    streams: Mapping[str, Schema]
    rows: Mapping[str, Sequence[Sequence[Any]]]
    expectations: tuple[Expectation, ...] = ()
    error_rows: int = 0
    #: None, or the phrase the refusal must contain ("" when the case does not say which).
    refusal: str | None = None
    property: str | None = None
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def _streams(raw: Mapping[str, Any]) -> dict[str, Schema]:
    return {name: schema_of([tuple(column) for column in s["columns"]]) for name, s in raw.items()}


def _expectations(raw: Mapping[str, Any] | None) -> tuple[Expectation, ...]:
    return tuple(
        Expectation(name, e["rows"], e["ordered"], e.get("with_rowtime", False))
        for name, e in (raw or {}).items()
        if name != "error_stream"
    )


def language_cases() -> list[Case]:
    """Every case of `language.yaml`."""
    return [
        Case(
            id=raw["id"],
            sql=raw["sql"],
            streams=_streams(raw["streams"]),
            rows=raw["rows"],
            expectations=_expectations(raw["expect"]),
            error_rows=(raw["expect"] or {}).get("error_stream", {}).get("count", 0),
            refusal=raw["expect_error"],
            tables=raw["reference_tables"] or {},
        )
        for raw in yaml.safe_load((HERE / "language.yaml").read_text())
    ]


def _expression_case(raw: Mapping[str, Any]) -> Case:
    sql_type = _EXPRESSION_TYPES.get(raw.get("type", "VARCHAR"), raw.get("type"))
    error = raw.get("expect_error")
    if error is not None:
        # The type is not given and must not matter: a predicate takes a value of any type.
        sql_type, expression = "BOOLEAN", f"({raw['expr']}) IS NULL"
    else:
        expression = raw["expr"]
    return Case(
        id=raw["id"],
        sql=f'CREATE OR REPLACE STREAM "OUT" (A {sql_type});\n'
        f'CREATE OR REPLACE PUMP "P" AS INSERT INTO "OUT"\nSELECT STREAM {expression} FROM "S";\n',
        streams={"S": schema_of([("X", "INTEGER")])},
        rows={"S": [["2026-01-01 00:00:00.000", 1]]},
        expectations=(
            ()
            if error == "compile"
            else (Expectation("OUT", [] if error else [[raw["expect"]]], is_ordered=True, with_rowtime=False),)
        ),
        error_rows=1 if error == "row" else 0,
        refusal="" if error == "compile" else None,
    )


def function_cases() -> list[Case]:
    """Every case of `functions.yaml`."""
    cases = []
    for raw in yaml.safe_load((HERE / "functions.yaml").read_text()):
        if "expr" in raw:
            cases.append(_expression_case(raw))
            continue
        cases.append(
            Case(
                id=raw["id"],
                sql=raw["sql"],
                streams=_streams(raw["streams"]),
                rows=raw.get("rows", {}),
                expectations=_expectations(raw.get("expect")),
                refusal="" if raw.get("expect_error") == "compile" else None,
                property=raw.get("expect_property"),
            )
        )
    return cases


def not_yet() -> dict[str, str]:
    """Ids of cases that cannot pass yet, with the feature each waits for."""
    raw = yaml.safe_load((HERE / "notyet.yaml").read_text()) or {}
    return {case: feature for feature, cases in raw.items() for case in cases}
