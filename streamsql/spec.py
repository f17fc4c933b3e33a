"""`ApplicationSpec`: the one description of an application that every front door produces and the engine consumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum

from streamsql.schema import Schema


class Dialect(Enum):
    """The two languages: exactly that of Kinesis, or the superset."""

    KINESIS = "kinesis"
    STREAMSQL = "streamsql"


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """How to run; every field has a unit and a reason to change it.

    Results never depend on any of these.
    """

    #: Rows per step at most. Smaller lowers latency under load, larger raises throughput.
    max_batch_rows: int = 65_536
    #: How long a live source may gather rows before a step runs, in milliseconds. Bounds the latency.
    linger_ms: int = 100
    #: Rows that may wait between a source or sink and the engine before the source is held back.
    queue_rows: int = 262_144
    #: Bytes that may wait there.
    queue_bytes: int = 64 * 1024 * 1024
    #: Verify every operator's invariants while running (schemas, watermarks, weights). Costs time; on in all tests.
    checks: bool = False
    #: Rows of `error_stream` kept in memory for `Application.poll` before the oldest are dropped and counted.
    error_rows: int = 100_000

    def __post_init__(self) -> None:
        for name in ("max_batch_rows", "queue_rows", "queue_bytes", "error_rows"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.linger_ms < 0:
            raise ValueError(f"linger_ms must not be negative, got {self.linger_ms}")

    def with_fields(self, values: Mapping[str, object]) -> RuntimeOptions:
        """A copy with some fields replaced; raises ValueError naming an unknown field."""
        known = {f.name for f in fields(self)}
        for name in values:
            if name not in known:
                raise ValueError(f"unknown option {name!r}; the options are {', '.join(sorted(known))}")
        return replace(self, **values)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input stream or reference table: its in-application name, its columns, and where its rows come from.

    `schema` is None when it is inferred from the data; `uri` is None when the rows are pushed by the embedding program.
    """

    name: str
    schema: Schema | None = None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One delivery: an in-application stream and where its rows go."""

    stream: str
    uri: str


@dataclass(frozen=True, slots=True)
class ApplicationSpec:
    """Everything needed to run an application; frozen, so it can be compared, rendered and shared."""

    sql: str
    dialect: Dialect = Dialect.STREAMSQL
    inputs: tuple[InputSpec, ...] = ()
    tables: tuple[InputSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    options: RuntimeOptions = field(default_factory=RuntimeOptions)
    name: str = "<sql>"
