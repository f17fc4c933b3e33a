"""Logical plans: what a query means, before it is decided how to run it.

Nodes are frozen, compare by meaning (spans never count) and refuse to exist in a wrong state. What follows from a
node's inputs (`schema`, `changelog`, `time_column`, `state_bound`) is a property, so it cannot disagree with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from streamsql.errors import Span
from streamsql.expr.nodes import Aggregate, Analytic, Expr
from streamsql.plan.format import title
from streamsql.plan.physical import CalendarWindow, FixedWindow, InstantWindow, over_state_bound
from streamsql.plan.rewriting import columns_of, is_nullable
from streamsql.schema import ROWTIME, ChangelogMode, Column, Schema
from streamsql.types import BOOLEAN, TIMESTAMP, SqlType


@dataclass(frozen=True, kw_only=True)
class LogicalNode:
    """Base of all logical nodes."""

    span: Span | None = field(default=None, compare=False, repr=False)

    @property
    def inputs(self) -> tuple[LogicalNode, ...]:
        """The nodes it reads."""
        return ()

    @property
    def schema(self) -> Schema:
        """The columns of its rows; ROWTIME travels beside them."""
        raise NotImplementedError

    @property
    def changelog(self) -> ChangelogMode:
        """What it emits; the kinesis dialect produces nothing but insertions."""
        return ChangelogMode.APPEND

    @property
    def time_column(self) -> str:
        """What its ROWTIME is, in words for people."""
        return self.inputs[0].time_column if self.inputs else ROWTIME

    @property
    def state_bound(self) -> str:
        """What bounds its state; `none` for stateless nodes."""
        return "none"

    def with_inputs(self, inputs: tuple[LogicalNode, ...]) -> LogicalNode:
        """The same node over other inputs of the same schema."""
        return replace(self, input=inputs[0]) if inputs else self  # type: ignore[call-arg]


def _check_columns(node: LogicalNode, *exprs: Expr) -> None:
    """Every column an expression names must be one of the input's."""
    width = len(node.inputs[0].schema)
    for number in columns_of(*exprs):
        if not 0 <= number < width:
            raise ValueError(f"{type(node).__name__}: column {number} of an input with {width} columns")


@dataclass(frozen=True, kw_only=True)
class Scan(LogicalNode):
    """The rows of an input stream or of an in-application stream; only the columns numbered in `keep`."""

    name: str
    declared: Schema
    is_input: bool
    keep: tuple[int, ...]

    def __post_init__(self) -> None:
        if any(not 0 <= number < len(self.declared) for number in self.keep):
            raise ValueError(f"Scan: {self.keep} are not all columns of {self.name}")

    @property
    def schema(self) -> Schema:
        """The kept columns."""
        return Schema(tuple(self.declared[number] for number in self.keep))


@dataclass(frozen=True, kw_only=True)
class Unary(LogicalNode):
    """A node with one input."""

    input: LogicalNode

    @property
    def inputs(self) -> tuple[LogicalNode, ...]:
        """The one input."""
        return (self.input,)


@dataclass(frozen=True, kw_only=True)
class Filter(Unary):
    """Rows for which `predicate` is TRUE; of those the columns numbered in `keep`."""

    predicate: Expr
    keep: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_columns(self, self.predicate)
        if self.predicate.type != BOOLEAN:
            raise ValueError(f"Filter: the predicate is {self.predicate.type}")

    @property
    def schema(self) -> Schema:
        """The kept columns."""
        return Schema(tuple(self.input.schema[number] for number in self.keep))


@dataclass(frozen=True, kw_only=True)
class Project(Unary):
    """One column per item."""

    names: tuple[str, ...]
    items: tuple[Expr, ...]

    def __post_init__(self) -> None:
        _check_columns(self, *self.items)
        if len(self.names) != len(self.items):
            raise ValueError("Project: one name per item")

    @property
    def schema(self) -> Schema:
        """The items with their names."""
        pairs = zip(self.names, self.items, strict=True)
        return Schema(tuple(Column(name, item.type, is_nullable(item)) for name, item in pairs))


@dataclass(frozen=True, kw_only=True)
class Promote(Unary):
    """Makes TIMESTAMP column `column` the ROWTIME; the columns numbered in `keep` stay (language reference §8.3)."""

    column: int
    keep: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.input.schema[self.column].type != TIMESTAMP:
            raise ValueError("Promote: the column is no TIMESTAMP")

    @property
    def schema(self) -> Schema:
        """The kept columns."""
        return Schema(tuple(self.input.schema[number] for number in self.keep))

    @property
    def time_column(self) -> str:
        """The promoted column."""
        return self.input.schema[self.column].name


@dataclass(frozen=True, kw_only=True)
class UnionAll(LogicalNode):
    """All rows of all inputs, merged by ROWTIME; at equal ROWTIME an earlier input's first."""

    sources: tuple[LogicalNode, ...]
    types: tuple[SqlType, ...]

    def __post_init__(self) -> None:
        # A branch may have shorter strings than the result: their representation is the same.
        wanted = [column_type.arrow for column_type in self.types]
        given = [[column.type.arrow for column in source.schema] for source in self.sources]
        if len(given) < 2 or any(types != wanted for types in given):
            raise ValueError("UnionAll: two or more inputs with the columns of the result")

    @property
    def inputs(self) -> tuple[LogicalNode, ...]:
        """The branches from left to right."""
        return self.sources

    @property
    def schema(self) -> Schema:
        """Names from the first branch; a column is nullable if it is so in any."""
        columns = []
        for index, column_type in enumerate(self.types):
            nullable = any(source.schema[index].nullable for source in self.sources)
            columns.append(Column(self.sources[0].schema[index].name, column_type, nullable))
        return Schema(tuple(columns))

    @property
    def state_bound(self) -> str:
        """Rows wait for the slowest input."""
        return "rows ahead of the slowest input"

    def with_inputs(self, inputs: tuple[LogicalNode, ...]) -> LogicalNode:
        """The same union over other branches."""
        return replace(self, sources=inputs)


@dataclass(frozen=True, slots=True)
class ChangeOfKey:
    """A new window whenever key number `key` changes its value (`GROUP BY MONOTONIC(e)`)."""

    key: int


TumbleWindow = FixedWindow | CalendarWindow | InstantWindow | ChangeOfKey


@dataclass(frozen=True, kw_only=True)
class TumbleAggregate(Unary):
    """One row per (window, keys): the keys, window start and end (not for ChangeOfKey), the aggregates."""

    window: TumbleWindow
    keys: tuple[Expr, ...]
    aggregates: tuple[Aggregate, ...]

    def __post_init__(self) -> None:
        _check_columns(self, *self.keys, *self.aggregates)
        if isinstance(self.window, ChangeOfKey) and not 0 <= self.window.key < len(self.keys):
            raise ValueError("TumbleAggregate: the window must be one of the keys")

    @property
    def has_bounds(self) -> bool:
        """Window start and end are columns of the result."""
        return not isinstance(self.window, ChangeOfKey)

    @property
    def schema(self) -> Schema:
        """Keys, bounds, aggregates."""
        return _aggregate_schema(self.keys, self.aggregates, has_bounds=self.has_bounds)

    @property
    def time_column(self) -> str:
        """The end of the window."""
        return "window_end" if self.has_bounds else ROWTIME

    @property
    def state_bound(self) -> str:
        """One accumulator per key of the open windows."""
        return "keys of the open window"


@dataclass(frozen=True, kw_only=True)
class StaggerAggregate(Unary):
    """One row per stagger window (language reference §9.3): keys, window start and end, aggregates."""

    range_us: int
    keys: tuple[Expr, ...]
    aggregates: tuple[Aggregate, ...]

    def __post_init__(self) -> None:
        _check_columns(self, *self.keys, *self.aggregates)
        if self.range_us <= 0:
            raise ValueError(f"StaggerAggregate: the range must be positive, got {self.range_us} us")

    @property
    def schema(self) -> Schema:
        """Keys, bounds, aggregates."""
        return _aggregate_schema(self.keys, self.aggregates, has_bounds=True)

    @property
    def time_column(self) -> str:
        """The end of the window."""
        return "window_end"

    @property
    def state_bound(self) -> str:
        """One accumulator per key with an open window."""
        return f"keys seen in the last {self.range_us / 1_000_000:g} s"


def _aggregate_schema(keys: tuple[Expr, ...], aggregates: tuple[Aggregate, ...], *, has_bounds: bool) -> Schema:
    columns = [Column(title(key), key.type, is_nullable(key)) for key in keys]
    if has_bounds:
        columns += [Column("window_start", TIMESTAMP, False), Column("window_end", TIMESTAMP, False)]
    columns += [Column(title(call), call.type, is_nullable(call)) for call in aggregates]
    return Schema(tuple(columns))


@dataclass(frozen=True, slots=True)
class OverWindow:
    """One sliding window: rows of the partition up to the current one.

    `unit` is "rows" or "range", `preceding` a number of rows or microseconds, None for all rows so far.
    """

    partition: tuple[Expr, ...]
    unit: str
    preceding: int | None
    allow_partial: bool = True

    def __post_init__(self) -> None:
        if self.unit not in ("rows", "range") or (self.preceding is not None and self.preceding < 0):
            raise ValueError("OverWindow: rows or range, of zero or more")


@dataclass(frozen=True, kw_only=True)
class Over(Unary):
    """Every input row (the columns numbered in `keep`) with the values of analytic functions."""

    windows: tuple[OverWindow, ...]
    calls: tuple[Analytic, ...]
    keep: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_columns(self, *self.calls, *(e for window in self.windows for e in window.partition))
        if any(not 0 <= call.window < len(self.windows) for call in self.calls):
            raise ValueError("Over: a call names a window that is not there")

    @property
    def schema(self) -> Schema:
        """The kept input columns, then one per call."""
        calls = (Column(title(call), call.type, is_nullable(call)) for call in self.calls)
        return Schema((*(self.input.schema[number] for number in self.keep), *calls))

    @property
    def state_bound(self) -> str:
        """Time bounds RANGE frames; other frames last as long as there are partitions."""
        return over_state_bound([(window.unit, window.preceding, bool(window.partition)) for window in self.windows])


@dataclass(frozen=True, kw_only=True)
class Insert(Unary):
    """What one pump writes: one item per column of the target, already converted to its type."""

    pump: str
    target: str
    target_schema: Schema
    items: tuple[Expr, ...]

    def __post_init__(self) -> None:
        _check_columns(self, *self.items)
        if len(self.items) != len(self.target_schema):
            raise ValueError("Insert: one item per target column")

    @property
    def schema(self) -> Schema:
        """The target's columns."""
        return self.target_schema
