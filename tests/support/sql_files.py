"""SQL files of the golden tests: comments at the top say what exists before the first statement.

    -- dialect: kinesis
    -- input: TRADES (ticker VARCHAR(4), PRICE DOUBLE)
    -- table: COMPANIES (ticker VARCHAR(4), name VARCHAR(32))
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from streamsql.plan.physical import ApplicationPlan
from streamsql.schema import Schema
from streamsql.spec import Dialect
from streamsql.sql.compile import compile_sql
from tests.support.values import schema_of

_HEADER = re.compile(r"-- (dialect|input|table): (\S+)(?: \((.*)\))?$", re.M)
_COLUMN = re.compile(r"\s*(\S+)\s+([^,(]+(?:\([^)]*\))?)\s*(?:,|$)")


@dataclass(frozen=True)
class SqlFile:
    """One file."""

    sql: str
    dialect: Dialect
    inputs: Mapping[str, Schema]
    tables: Mapping[str, Schema]

    def compile(self) -> ApplicationPlan:
        """The plan; raises CompileErrors."""
        return compile_sql(self.sql, dialect=self.dialect, inputs=self.inputs, tables=self.tables, name="app.sql")


def read(path: Path) -> SqlFile:
    """The file with what its comments declare; the dialect is streamsql unless they say otherwise."""
    text = path.read_text(encoding="utf-8")
    dialect = Dialect.STREAMSQL
    relations: dict[str, dict[str, Schema]] = {"input": {}, "table": {}}
    for kind, name, columns in _HEADER.findall(text):
        if kind == "dialect":
            dialect = Dialect(name)
        else:
            relations[kind][name] = schema_of([(n, t.strip()) for n, t in _COLUMN.findall(columns)])
    return SqlFile(text, dialect, relations["input"], relations["table"])
