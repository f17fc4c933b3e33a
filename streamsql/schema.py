"""Columns, schemas, and what kind of changes an edge carries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import pyarrow as pa

from streamsql.types import SqlType

ROWTIME = "ROWTIME"


class ChangelogMode(Enum):
    """What an edge may carry: only insertions, insertions and retractions, or the latest row per key."""

    APPEND = "append"
    RETRACT = "retract"
    UPSERT = "upsert"


@dataclass(frozen=True, slots=True)
class Column:
    """A named, typed column; `nullable` is False only for NOT NULL columns."""

    name: str
    type: SqlType
    nullable: bool = True

    def __str__(self) -> str:
        return f"{self.name} {self.type}{'' if self.nullable else ' NOT NULL'}"


@dataclass(frozen=True)
class Schema:
    """The declared columns of a relation, in order. ROWTIME is never one of them: it is carried beside the columns."""

    columns: tuple[Column, ...]

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, index: int) -> Column:
        return self.columns[index]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def index(self, name: str) -> int | None:
        """Position of the column of exactly this name, or None."""
        return self.names.index(name) if name in self.names else None

    @cached_property
    def arrow(self) -> pa.Schema:
        """The declared columns as an Arrow schema (without ROWTIME)."""
        return pa.schema([pa.field(c.name, c.type.arrow, c.nullable) for c in self.columns])

    def __str__(self) -> str:
        return ", ".join(str(column) for column in self.columns)
