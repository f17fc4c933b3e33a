"""EXPLAIN: a physical plan as stable text, one line per operator with what was derived about it."""

from __future__ import annotations

from functools import singledispatch

from streamsql.plan.format import format_expr
from streamsql.plan.physical import (
    AggregateSpec,
    AnalyticSpec,
    ApplicationPlan,
    ChangeWindow,
    FilterExec,
    MergeExec,
    OverAggregateExec,
    PhysicalNode,
    ProjectExec,
    PromoteRowtimeExec,
    SourceExec,
    StaggerAggregateExec,
    StreamExec,
    TumbleAggregateExec,
)
from streamsql.schema import ROWTIME, Schema


def explain(plan: ApplicationPlan) -> str:
    """One tree per stream, in order of creation; an operator that was shown already is only referred to by its id.

    Ids number the operators in the order of the text. Each line gives the operator, what it computes, its columns, and
    after `;` the changelog, the time column and what bounds its state where these are not the plain ones.
    """
    lines: list[str] = []
    numbers: dict[int, int] = {}
    for name, schema in plan.streams:
        node = plan.nodes.get(name)
        if node is None:
            lines.append(f'stream "{name}" ({schema})')
            lines.append("  nothing writes it")
        else:
            _show(node, 0, lines, numbers)
        lines.append("")
    for pump in plan.pumps:
        state = "running" if pump.is_running else "stopped"
        lines.append(f'pump "{pump.name}" -> "{pump.target}" {state}')
    for source in plan.sources:
        if id(source) not in numbers:
            lines.append(f'input "{source.name}" is not read')
    lines += [f"warning: {warning}" for warning in plan.warnings]
    return "\n".join(lines).rstrip("\n") + "\n"


def _show(node: PhysicalNode, depth: int, lines: list[str], numbers: dict[int, int]) -> None:
    pad = "  " * depth
    if id(node) in numbers:
        lines.append(f"{pad}#{numbers[id(node)]} {node.label} (above)")
        return
    numbers[id(node)] = len(numbers) + 1
    pump = f' pump="{node.pump}"' if node.pump and isinstance(node, StreamExec | MergeExec) else ""
    facts = [f"changelog={node.changelog.value}", f"time={_time(node)}", f"state={node.state_bound}"]
    detail = _detail(node)
    lines.append(
        f"{pad}#{numbers[id(node)]} {node.label}{' ' + detail if detail else ''}{pump} "
        f"-> ({_columns(node.schema)}) [{', '.join(facts)}]"
    )
    for source in node.inputs:
        _show(source, depth + 1, lines, numbers)


def _columns(schema: Schema) -> str:
    return ", ".join(str(column) for column in schema)


def _time(node: PhysicalNode) -> str:
    match node:
        case PromoteRowtimeExec():
            return _detail(node)
        case TumbleAggregateExec() if not isinstance(node.window, ChangeWindow):
            return "window_end"
        case StaggerAggregateExec():
            return "window_end"
        case _:
            return ROWTIME


@singledispatch
def _detail(node: PhysicalNode) -> str:
    raise TypeError(f"explain does not know {type(node).__name__}")


@_detail.register
def _(node: SourceExec) -> str:
    skipped = len(node.declared) - len(node.columns)
    return f'"{node.name}"' + (f" skips {skipped} of {len(node.declared)} columns" if skipped else "")


@_detail.register
def _(node: FilterExec) -> str:
    return format_expr(node.predicate)


@_detail.register
def _(node: ProjectExec) -> str:
    return ", ".join(format_expr(item) for item in node.items)


@_detail.register
def _(node: PromoteRowtimeExec) -> str:
    below = node.input
    return format_expr(below.items[node.column]) if isinstance(below, ProjectExec) else below.schema[node.column].name


@_detail.register
def _(node: MergeExec) -> str:
    return f"{len(node.sources)} inputs by ROWTIME"


@_detail.register
def _(node: StreamExec) -> str:
    return f'"{node.name}"'


def _aggregates(node: TumbleAggregateExec | StaggerAggregateExec) -> str:
    names = node.input.schema.names
    keys = ", ".join(names[key] for key in node.keys) or "none"

    def call(spec: AggregateSpec) -> str:
        argument = "*" if spec.column is None else names[spec.column]
        return f"{spec.function}({'DISTINCT ' if spec.distinct else ''}{argument})"

    return f"keys={keys} aggregates={', '.join(call(spec) for spec in node.aggregates) or 'none'}"


@_detail.register
def _(node: TumbleAggregateExec) -> str:
    return f"window={node.window} {_aggregates(node)}"


@_detail.register
def _(node: StaggerAggregateExec) -> str:
    return f"window={node.range_us / 1_000_000:g} s from a key's first row {_aggregates(node)}"


@_detail.register
def _(node: OverAggregateExec) -> str:
    names = node.input.schema.names

    def call(spec: AnalyticSpec) -> str:
        arguments = ", ".join(names[column] for column in spec.columns) or "*"
        number = "" if spec.n is None else f", {spec.n}"
        options = "".join(
            text
            for is_set, text in ((spec.ignore_nulls, " IGNORE NULLS"), (spec.from_last, " FROM LAST"))
            if is_set
        )
        return f"{spec.function}({'DISTINCT ' if spec.distinct else ''}{arguments}{number}){options} OVER w{spec.frame}"

    frames = []
    for number, frame in enumerate(node.frames):
        partition = ", ".join(names[column] for column in frame.partition)
        size = "all rows so far" if frame.preceding is None else str(frame).split(" per ")[0]
        full = "" if frame.allow_partial else " full only"
        frames.append(f"w{number}=({size}{full}{' per ' + partition if partition else ''})")
    return f"{', '.join(call(spec) for spec in node.calls)} {' '.join(frames)}"
