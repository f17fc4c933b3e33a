"""Physical plans: what the executor runs, one operator per node.

Operators that keep state work on column numbers only; expressions in keys and arguments are computed by a `ProjectExec`
below them. A node that several nodes read (a stream with fan-out) is one object in the tree of each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from streamsql.errors import Span
from streamsql.expr.nodes import Expr
from streamsql.schema import ChangelogMode, Schema
from streamsql.types import SqlType


@dataclass(frozen=True, eq=False, kw_only=True)
class PhysicalNode:
    """Base of all physical nodes; compared by identity, because a plan is a graph with shared nodes.

    `label` is the stem used everywhere (EXPLAIN line, operator class, metric label, test folder). `pump` names the pump
    whose rows fail here, for `error_stream.PUMP_NAME`; None above sources and in streams.
    """

    label: ClassVar[str] = ""
    schema: Schema
    pump: str | None = None
    span: Span | None = field(default=None, repr=False)

    @property
    def inputs(self) -> tuple[PhysicalNode, ...]:
        """Nodes this one reads; port numbers are positions in this tuple."""
        return ()

    @property
    def changelog(self) -> ChangelogMode:
        """What the node emits."""
        return ChangelogMode.APPEND

    @property
    def state_bound(self) -> str:
        """What bounds the state, in words for EXPLAIN; `none` for stateless nodes."""
        return "none"


@dataclass(frozen=True, eq=False, kw_only=True)
class SourceExec(PhysicalNode):
    """An input stream. `schema` holds only the columns the plan reads; `columns` are their positions as declared."""

    label: ClassVar[str] = "source"
    name: str
    declared: Schema
    columns: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class UnaryExec(PhysicalNode):
    """A node with one input."""

    input: PhysicalNode

    @property
    def inputs(self) -> tuple[PhysicalNode, ...]:
        """The one input."""
        return (self.input,)


@dataclass(frozen=True, eq=False, kw_only=True)
class FilterExec(UnaryExec):
    """Rows for which `predicate` is TRUE; then only the columns numbered in `keep`, in that order."""

    label: ClassVar[str] = "filter"
    predicate: Expr
    keep: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class ProjectExec(UnaryExec):
    """One output column per item of `items`; a row for which any item fails yields one error row and nothing else."""

    label: ClassVar[str] = "project"
    items: tuple[Expr, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class PromoteRowtimeExec(UnaryExec):
    """Makes TIMESTAMP column `column` the ROWTIME (language reference §8.3); the columns in `keep` stay.

    A NULL is a row error; a value below the largest so far is a late row. Incoming watermarks are not forwarded.
    """

    label: ClassVar[str] = "promote_rowtime"
    column: int
    keep: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class MergeExec(PhysicalNode):
    """All rows of all inputs in ROWTIME order; at equal ROWTIME rows of an earlier input come first."""

    label: ClassVar[str] = "merge"
    sources: tuple[PhysicalNode, ...]

    @property
    def inputs(self) -> tuple[PhysicalNode, ...]:
        """The merged inputs in order of precedence."""
        return self.sources

    @property
    def state_bound(self) -> str:
        """Rows wait for the slowest input."""
        return "rows ahead of the slowest input"


@dataclass(frozen=True, eq=False, kw_only=True)
class StreamExec(UnaryExec):
    """A named in-application stream: what pumps write into it, converted to its columns. Fan-out happens here."""

    label: ClassVar[str] = "stream"
    name: str


@dataclass(frozen=True, slots=True)
class FixedWindow:
    """Windows of `size_us` aligned to 1970-01-01 00:00:00 UTC.

    `closed` is "left" for `[start, end)` (FLOOR, STEP), "right" for `(start, end]` (CEIL).
    """

    size_us: int
    closed: str = "left"

    def __str__(self) -> str:
        return f"{self.size_us / 1_000_000:g} s{' closed right' if self.closed == 'right' else ''}"


@dataclass(frozen=True, slots=True)
class CalendarWindow:
    """Windows of `months` calendar months counted from 1970-01; `closed` as in FixedWindow."""

    months: int
    closed: str = "left"

    def __str__(self) -> str:
        return f"{self.months} months{' closed right' if self.closed == 'right' else ''}"


@dataclass(frozen=True, slots=True)
class InstantWindow:
    """One window per distinct ROWTIME (`GROUP BY s.ROWTIME`)."""

    def __str__(self) -> str:
        return "each ROWTIME"


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """A new window whenever column `column` changes value (`GROUP BY MONOTONIC(e)`).

    The result's ROWTIME is that of the row that changed the value; at end of input the last ROWTIME of the stream.
    """

    column: int

    def __str__(self) -> str:
        return f"until column {self.column} changes"


GroupWindow = FixedWindow | CalendarWindow | InstantWindow | ChangeWindow


@dataclass(frozen=True, slots=True)
class AggregateSpec:
    """One aggregate: `function` (upper case), the argument's column number (None for COUNT(*)) and the result type.

    AVG of an exact type with a DOUBLE result is the exact sum divided once (rule `exact_average`).
    """

    function: str
    column: int | None
    type: SqlType
    distinct: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class TumbleAggregateExec(UnaryExec):
    """One row per (window, keys), emitted when the window is complete.

    Output columns: the key columns in the order of `keys`, then, unless the window is a ChangeWindow, window start and
    window end (TIMESTAMP), then the aggregates. Rows of one window leave in order of the keys' first appearance.
    Output ROWTIME: window end; for InstantWindow the instant; for ChangeWindow see there.
    """

    label: ClassVar[str] = "tumble_aggregate"
    window: GroupWindow
    keys: tuple[int, ...]
    aggregates: tuple[AggregateSpec, ...]

    @property
    def state_bound(self) -> str:
        """One accumulator per key of the open windows."""
        return "keys of the open window"


@dataclass(frozen=True, eq=False, kw_only=True)
class StaggerAggregateExec(UnaryExec):
    """One row per stagger window (language reference §9.3). Output: keys, window start, window end, aggregates.

    Output ROWTIME is the window's end. Windows leave in order of their end, at equal ends in order of opening.
    """

    label: ClassVar[str] = "stagger_aggregate"
    range_us: int
    keys: tuple[int, ...]
    aggregates: tuple[AggregateSpec, ...]

    @property
    def state_bound(self) -> str:
        """One accumulator per key with an open window."""
        return f"keys seen in the last {self.range_us / 1_000_000:g} s"


@dataclass(frozen=True, slots=True)
class Frame:
    """A sliding frame that ends at the current row.

    `unit` is "rows" or "range"; `preceding` is a row count (so the frame has `preceding` + 1 rows) or microseconds
    (lower end included), None for UNBOUNDED. `allow_partial` False: NULL until the frame has all its rows.
    """

    partition: tuple[int, ...]
    unit: str
    preceding: int | None
    allow_partial: bool = True

    def __str__(self) -> str:
        if self.preceding is None:
            size = "unbounded"
        elif self.unit == "rows":
            size = f"{self.preceding} rows"
        else:
            size = f"{self.preceding / 1_000_000:g} s"
        return f"{size} preceding" + (f" per {self.partition}" if self.partition else "")


@dataclass(frozen=True, slots=True)
class AnalyticSpec:
    """One analytic call: `frame` indexes OverAggregateExec.frames; `columns` are the arguments' column numbers.

    `n` is the row number of NTH_VALUE and the offset of LAG; the default value of LAG is the second of `columns`.
    """

    function: str
    columns: tuple[int, ...]
    type: SqlType
    frame: int
    distinct: bool = False
    ignore_nulls: bool = False
    from_last: bool = False
    n: int | None = None


def over_state_bound(frames: Sequence[tuple[str, int | None, bool]]) -> str:
    """What bounds the state of sliding frames, given as (unit, preceding, has a partition)."""
    parts = []
    timed = [preceding for unit, preceding, _ in frames if unit == "range" and preceding is not None]
    if timed:
        parts.append(f"rows of the last {max(timed) / 1_000_000:g} s")
    for has_partition in (False, True):
        counts = [p for unit, p, part in frames if part is has_partition and (unit == "rows" or p is None)]
        if counts:
            rows = max((count or 0) + 1 for count in counts)
            where = " of every partition ever seen" if has_partition else ""
            parts.append(f"{rows} row{'s' if rows > 1 else ''}{where}")
    return ", ".join(parts)


@dataclass(frozen=True, eq=False, kw_only=True)
class OverAggregateExec(UnaryExec):
    """Every input row with the values of analytic functions (language reference §9.2).

    Output columns: the input columns numbered in `keep`, then one per call. ROWTIME is the input row's.
    """

    label: ClassVar[str] = "over_aggregate"
    frames: tuple[Frame, ...]
    calls: tuple[AnalyticSpec, ...]
    keep: tuple[int, ...]

    @property
    def state_bound(self) -> str:
        """Time bounds RANGE frames; other frames last as long as there are partitions."""
        return over_state_bound(
            [(frame.unit, frame.preceding, bool(frame.partition)) for frame in self.frames]
        )

    @property
    def keeps_every_partition(self) -> bool:
        """A partition, once seen, has state for ever: nothing says that none of its rows will come again."""
        return any(frame.partition and (frame.unit == "rows" or frame.preceding is None) for frame in self.frames)


@dataclass(frozen=True, slots=True)
class Pump:
    """A pump of the application, for people: its name, target and whether it runs."""

    name: str
    target: str
    is_running: bool


@dataclass(frozen=True, slots=True)
class ApplicationPlan:
    """Everything the runtime needs: the declared inputs, every stream by name, and the pumps.

    `streams` holds each in-application stream created by the SQL, in order of creation, with its schema; `nodes` the
    `StreamExec` of each stream that at least one running pump writes (a stream without one stays empty).
    """

    sources: tuple[SourceExec, ...]
    streams: tuple[tuple[str, Schema], ...]
    nodes: dict[str, StreamExec]
    pumps: tuple[Pump, ...]
    warnings: tuple[str, ...] = ()
