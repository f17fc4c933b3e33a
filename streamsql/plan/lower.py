"""Logical plans to the physical plan of the whole application.

Operators with state work on column numbers, so computed keys and arguments get a projection below them. What all
readers of an input need is read once; streams are shared by everything that reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatchmethod

from streamsql.expr.nodes import Aggregate, Analytic, Column, Expr, Literal
from streamsql.plan.format import title
from streamsql.plan.logical import (
    ChangeOfKey,
    Filter,
    Insert,
    LogicalNode,
    Over,
    Project,
    Promote,
    Scan,
    StaggerAggregate,
    TumbleAggregate,
    UnionAll,
)
from streamsql.plan.physical import (
    AggregateSpec,
    AnalyticSpec,
    ApplicationPlan,
    ChangeWindow,
    FilterExec,
    Frame,
    MergeExec,
    OverAggregateExec,
    PhysicalNode,
    ProjectExec,
    PromoteRowtimeExec,
    Pump,
    SourceExec,
    StaggerAggregateExec,
    StreamExec,
    TumbleAggregateExec,
)
from streamsql.plan.rewriting import is_nullable, renumber
from streamsql.plan.traversal import walk
from streamsql.schema import Column as SchemaColumn
from streamsql.schema import Schema


@dataclass(frozen=True, slots=True)
class LogicalPump:
    """A pump in order of creation; `plan` is what it writes."""

    name: str
    target: str
    is_running: bool
    plan: Insert


@dataclass(frozen=True, slots=True)
class _Lowered:
    """A physical node, and where the columns of the logical one are in it."""

    node: PhysicalNode
    at: dict[int, int]


def lower(
    inputs: Mapping[str, Schema], streams: Sequence[tuple[str, Schema]], pumps: Sequence[LogicalPump]
) -> ApplicationPlan:
    """The physical plan of an application whose streams exist in the order of `streams`."""
    sources = {name: _source(name, schema, pumps) for name, schema in inputs.items()}
    lowering = _Lowering(sources, dict(streams), pumps)
    nodes = {}
    for name, _ in streams:
        node = lowering.stream(name)
        if node is not None:
            nodes[name] = node
    return ApplicationPlan(
        sources=tuple(sources.values()),
        streams=tuple(streams),
        nodes=nodes,
        pumps=tuple(Pump(pump.name, pump.target, pump.is_running) for pump in pumps),
        warnings=tuple(lowering.warnings),
    )


def _source(name: str, declared: Schema, pumps: Sequence[LogicalPump]) -> SourceExec:
    """The input with the columns that any running pump reads."""
    needed: set[int] = set()
    for pump in pumps:
        if pump.is_running:
            for node in walk(pump.plan):
                if isinstance(node, Scan) and node.is_input and node.name == name:
                    needed.update(node.keep)
    columns = tuple(sorted(needed))
    return SourceExec(
        schema=Schema(tuple(declared[n] for n in columns)), name=name, declared=declared, columns=columns
    )


@dataclass
class _Lowering:
    """State while one application is lowered: which streams are done, and the pump at hand."""

    sources: dict[str, SourceExec]
    schemas: dict[str, Schema]
    pumps: Sequence[LogicalPump]
    done: dict[str, StreamExec | None] = field(default_factory=dict)
    pump: str | None = None
    warnings: list[str] = field(default_factory=list)

    def stream(self, name: str) -> StreamExec | None:
        """The node of an in-application stream, or None when no running pump writes it."""
        if name not in self.done:
            outer = self.pump
            writers = []
            for pump in self.pumps:
                if pump.target == name and pump.is_running and self._is_fed(pump.plan):
                    self.pump = pump.name
                    writers.append(self._lower(pump.plan).node)
            self.pump = outer
            self.done[name] = self._stream_of(name, writers)
        return self.done[name]

    def _stream_of(self, name: str, writers: list[PhysicalNode]) -> StreamExec | None:
        schema = self.schemas[name]
        if not writers:
            return None
        below = writers[0] if len(writers) == 1 else MergeExec(schema=schema, sources=tuple(writers))
        return StreamExec(schema=schema, input=below, name=name)

    def _is_fed(self, plan: LogicalNode) -> bool:
        """Some stream the plan reads can have rows: one that only stopped pumps write stays empty."""
        return any(
            isinstance(node, Scan) and (node.is_input or self.stream(node.name) is not None) for node in walk(plan)
        )

    @singledispatchmethod
    def _lower(self, node: LogicalNode) -> _Lowered:
        raise TypeError(f"lower does not know {type(node).__name__}")

    @_lower.register
    def _(self, node: Scan) -> _Lowered:
        if node.is_input:
            source = self.sources[node.name]
            return _Lowered(source, {i: source.columns.index(n) for i, n in enumerate(node.keep)})
        stream = self.stream(node.name)
        if stream is None:
            raise ValueError(f"nothing writes stream {node.name}")
        return _Lowered(stream, dict(enumerate(node.keep)))

    @_lower.register
    def _(self, node: Filter) -> _Lowered:
        below = self._lower(node.input)
        keep = tuple(below.at[n] for n in node.keep)
        return self._made(
            FilterExec(
                schema=node.schema,
                pump=self.pump,
                span=node.span,
                input=below.node,
                predicate=renumber(node.predicate, below.at),
                keep=keep,
            )
        )

    @_lower.register
    def _(self, node: Project) -> _Lowered:
        below = self._lower(node.input)
        items = tuple(renumber(item, below.at) for item in node.items)
        if _is_identity(items, below.node.schema):
            return self._made(below.node)
        return self._made(
            ProjectExec(schema=node.schema, pump=self.pump, span=node.span, input=below.node, items=items)
        )

    @_lower.register
    def _(self, node: Promote) -> _Lowered:
        below = self._lower(node.input)
        return self._made(
            PromoteRowtimeExec(
                schema=node.schema,
                pump=self.pump,
                span=node.span,
                input=below.node,
                column=below.at[node.column],
                keep=tuple(below.at[n] for n in node.keep),
            )
        )

    @_lower.register
    def _(self, node: UnionAll) -> _Lowered:
        branches = []
        for source in node.sources:
            if self._is_fed(source):
                branches.append(self._aligned(self._lower(source), source.schema))
        if len(branches) == 1:
            return self._made(branches[0])
        return self._made(
            MergeExec(schema=node.schema, pump=self.pump, span=node.span, sources=tuple(branches))
        )

    @_lower.register
    def _(self, node: TumbleAggregate) -> _Lowered:
        below = self._lower(node.input)
        exprs = [*node.keys, *(arg for call in node.aggregates for arg in call.args)]
        inputs = _Inputs(below, exprs, self.pump, node)
        keys = tuple(inputs.number(key) for key in node.keys)
        aggregates = tuple(self._aggregate(call, inputs) for call in node.aggregates)
        window = ChangeWindow(keys[node.window.key]) if isinstance(node.window, ChangeOfKey) else node.window
        return self._made(
            TumbleAggregateExec(
                schema=node.schema,
                pump=self.pump,
                span=node.span,
                input=inputs.node,
                window=window,
                keys=keys,
                aggregates=aggregates,
            )
        )

    @_lower.register
    def _(self, node: StaggerAggregate) -> _Lowered:
        below = self._lower(node.input)
        exprs = [*node.keys, *(arg for call in node.aggregates for arg in call.args)]
        inputs = _Inputs(below, exprs, self.pump, node)
        keys = tuple(inputs.number(key) for key in node.keys)
        aggregates = tuple(self._aggregate(call, inputs) for call in node.aggregates)
        return self._made(
            StaggerAggregateExec(
                schema=node.schema,
                pump=self.pump,
                span=node.span,
                input=inputs.node,
                range_us=node.range_us,
                keys=keys,
                aggregates=aggregates,
            )
        )

    @_lower.register
    def _(self, node: Over) -> _Lowered:
        below = self._lower(node.input)
        schema = node.input.schema
        kept = [Column(n, schema[n].type, schema[n].name, schema[n].nullable) for n in node.keep]
        keys = [key for window in node.windows for key in window.partition]
        data = [arg for call in node.calls for arg in _data_arguments(call)]
        inputs = _Inputs(below, [*kept, *keys, *data], self.pump, node)
        frames = tuple(
            Frame(
                tuple(inputs.number(key) for key in window.partition),
                window.unit,
                window.preceding,
                window.allow_partial,
            )
            for window in node.windows
        )
        calls = tuple(self._analytic(call, inputs) for call in node.calls)
        keep = tuple(inputs.number(column) for column in kept)
        result = OverAggregateExec(
            schema=node.schema,
            pump=self.pump,
            span=node.span,
            input=inputs.node,
            frames=frames,
            calls=calls,
            keep=keep,
        )
        if result.keeps_every_partition:
            self.warnings.append(
                f'pump "{self.pump}" keeps {result.state_bound}: only a RANGE window forgets partitions that have ended'
            )
        return self._made(result)

    @_lower.register
    def _(self, node: Insert) -> _Lowered:
        below = self._lower(node.input)
        items = tuple(renumber(item, below.at) for item in node.items)
        if _is_identity(items, below.node.schema):
            return self._made(below.node)
        return self._made(
            ProjectExec(schema=node.target_schema, pump=self.pump, span=node.span, input=below.node, items=items)
        )

    def _aligned(self, lowered: _Lowered, schema: Schema) -> PhysicalNode:
        """A branch of a union with its columns where the union expects them."""
        items = tuple(
            Column(lowered.at[i], column.type, column.name, column.nullable) for i, column in enumerate(schema)
        )
        if _is_identity(items, lowered.node.schema):
            return lowered.node
        return ProjectExec(schema=schema, pump=self.pump, input=lowered.node, items=items)

    @staticmethod
    def _made(node: PhysicalNode) -> _Lowered:
        return _Lowered(node, {i: i for i in range(len(node.schema))})

    @staticmethod
    def _aggregate(call: Aggregate, inputs: _Inputs) -> AggregateSpec:
        column = inputs.number(call.args[0]) if call.args else None
        return AggregateSpec(call.function, column, call.type, call.distinct)

    @staticmethod
    def _analytic(call: Analytic, inputs: _Inputs) -> AnalyticSpec:
        number = None
        if call.function == "NTH_VALUE" or (call.function == "LAG" and len(call.args) > 1):
            literal = call.args[1]
            number = literal.value if isinstance(literal, Literal) else None
        elif call.function == "LAG":
            number = 1
        return AnalyticSpec(
            call.function,
            tuple(inputs.number(arg) for arg in _data_arguments(call)),
            call.type,
            call.window,
            call.distinct,
            call.ignore_nulls,
            call.from_last,
            number,
        )


def _data_arguments(call: Analytic) -> tuple[Expr, ...]:
    """The arguments that are values of rows: not the row number of NTH_VALUE or the offset of LAG."""
    if call.function == "NTH_VALUE":
        return call.args[:1]
    return (*call.args[:1], *call.args[2:]) if call.function == "LAG" else call.args


def _is_identity(items: tuple[Expr, ...], schema: Schema) -> bool:
    return len(items) == len(schema) and all(
        isinstance(item, Column) and item.index == position for position, item in enumerate(items)
    )


class _Inputs:
    """What an operator with state reads: `node`, and in it a column number for each of `exprs` (over `below`).

    The node is the input itself when all are plain columns, else a projection that computes each expression once.
    """

    def __init__(self, below: _Lowered, exprs: Sequence[Expr], pump: str | None, reader: LogicalNode) -> None:
        self._at = below.at
        self._items: list[Expr] | None = None
        self.node: PhysicalNode = below.node
        if not all(isinstance(expr, Column) for expr in exprs):
            items = list(dict.fromkeys(renumber(expr, below.at) for expr in exprs))
            columns = tuple(
                SchemaColumn(title(item), item.type, is_nullable(item)) for item in items
            )
            self._items = items
            self.node = ProjectExec(
                schema=Schema(columns), pump=pump, span=reader.span, input=below.node, items=tuple(items)
            )

    def number(self, expr: Expr) -> int:
        """The number of the column that holds the value of one of the expressions."""
        moved = renumber(expr, self._at)
        if self._items is not None:
            return self._items.index(moved)
        if not isinstance(moved, Column):
            raise ValueError("an expression that was not announced")
        return moved.index
