"""Window specifications (language reference §9.2, §9.3): named and inline windows, frames, stagger ranges."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from streamsql.errors import BindError, ErrorCode, PlanError, Span
from streamsql.expr.nodes import Expr, Literal
from streamsql.plan.logical import OverWindow
from streamsql.sql import nodes as syntax
from streamsql.sql.clauses import PARTITION_BY
from streamsql.sql.expressions import ExpressionBinder
from streamsql.sql.spans import did_you_mean
from streamsql.types import TypeKind


def frame_error(message: str, span: Span, hint: str | None = None) -> PlanError:
    """A FRAME error; the message must contain the word window."""
    return PlanError(ErrorCode.FRAME, message, span, hint=hint)


@dataclass
class WindowBinder:
    """The windows of one SELECT; `windows` grows as calls refer to them, equal ones are one."""

    named: dict[str, syntax.WindowSpec] = field(default_factory=dict)
    windows: list[OverWindow] = field(default_factory=list)

    def define(self, name: syntax.Name, spec: syntax.WindowSpec) -> None:
        """Add a window of the WINDOW clause."""
        if name.text in self.named:
            raise frame_error(f'window "{name.text}" is defined twice', name.span)
        self.named[name.text] = spec

    def number(self, over: syntax.WindowSpec | syntax.Name, binder: ExpressionBinder) -> int:
        """The number of the window in `windows`."""
        spec = self._named(over) if isinstance(over, syntax.Name) else over
        window = self.bind(spec, binder)
        if window not in self.windows:
            self.windows.append(window)
        return self.windows.index(window)

    def _named(self, name: syntax.Name) -> syntax.WindowSpec:
        if name.text not in self.named:
            raise BindError(
                ErrorCode.NOT_FOUND,
                f'window "{name.text}" not found',
                name.span,
                hint=did_you_mean(name.text, self.named)
                or f"define it: WINDOW {name.text} AS (RANGE INTERVAL '1' MINUTE PRECEDING)",
            )
        return self.named[name.text]

    def _merged(self, spec: syntax.WindowSpec, depth: int = 0) -> syntax.WindowSpec:
        """`spec` with what it takes from the window it is built on."""
        if spec.base is None:
            return spec
        if depth > len(self.named):
            raise frame_error(f'window "{spec.base.text}" is defined by itself', spec.base.span)
        base = self._merged(self._named(spec.base), depth + 1)
        if base.frame is not None and (spec.frame is not None or spec.partition or spec.order):
            raise frame_error(f'window "{spec.base.text}" has a frame and cannot be refined', spec.span)
        if base.partition and spec.partition:
            raise frame_error(f'window "{spec.base.text}" has a PARTITION BY already', spec.span)
        return replace(
            spec,
            base=None,
            partition=spec.partition or base.partition,
            order=spec.order or base.order,
            frame=spec.frame or base.frame,
            allow_partial=base.allow_partial if spec.allow_partial is None else spec.allow_partial,
        )

    def bind(self, spec: syntax.WindowSpec, binder: ExpressionBinder) -> OverWindow:
        """The window a specification means; raises PlanError (FRAME) for one that cannot slide over a stream."""
        spec = self._merged(spec)
        if spec.order:
            raise frame_error(
                "ORDER BY is not allowed in the window of an aggregate over a stream",
                spec.order[0].span,
                "leave it out: a stream is in ROWTIME order already",
            )
        partition = binder.keys(spec.partition, PARTITION_BY)
        unit, preceding = ("rows", None) if spec.frame is None else frame_size(spec.frame, binder)
        if spec.allow_partial is False and unit != "rows":
            raise frame_error("DISALLOW PARTIAL needs a window of ROWS", spec.span)
        allow_partial = spec.allow_partial is not False or preceding is None
        return OverWindow(partition, unit, preceding, allow_partial)


def frame_size(frame: syntax.FrameClause, binder: ExpressionBinder) -> tuple[str, int | None]:
    """The unit and how far before the current row the frame begins, None for all rows so far."""
    unit = frame.unit.lower()
    for bound in (frame.start, frame.end):
        if bound is not None and "FOLLOWING" in bound.kind:
            raise frame_error(
                f"{bound.kind} is not supported: the window of a streaming aggregate ends at the current row",
                bound.span,
                "use PRECEDING, or CURRENT ROW",
            )
    start = _offset(frame.start, unit, binder)
    end = 0 if frame.end is None else _offset(frame.end, unit, binder)
    if end is None:
        raise frame_error("a window cannot end at UNBOUNDED PRECEDING", frame.span)
    if start is not None and end > start:
        raise frame_error("this window has a negative size", frame.span, "write the larger offset first")
    if end != 0:
        raise frame_error(
            "offset windows are not supported: a window over a stream ends at the current row", frame.span
        )
    return unit, start


def _offset(bound: syntax.FrameBound, unit: str, binder: ExpressionBinder) -> int | None:
    """Rows or microseconds before the current row."""
    if bound.kind == "CURRENT ROW":
        return 0
    if bound.value is None:
        return None
    value = binder.bind(bound.value, PARTITION_BY)
    if unit == "rows":
        if not isinstance(value, Literal) or not value.type.is_integer or value.value is None:
            negative = isinstance(bound.value, syntax.Operation) and bound.value.operator == "NEGATE"
            what = "a negative size" if negative else "no whole number of rows"
            raise frame_error(f"this window has {what}", bound.span, "write a count, for example ROWS 10 PRECEDING")
        return int(value.value)
    return interval_us(value, bound.span, "RANGE INTERVAL '1' MINUTE PRECEDING")


def interval_us(value: Expr, span: Span, example: str) -> int:
    """The microseconds of a day-time interval literal, zero or more."""
    if not isinstance(value, Literal) or value.type.kind is not TypeKind.INTERVAL_DAY or value.value is None:
        raise frame_error(
            f"the size of a RANGE window must be a day-time interval literal, not <{value.type}>",
            span,
            f"for example {example}",
        )
    if value.value < 0:
        raise frame_error("this window has a negative size", span)
    return int(value.value) * 1000
