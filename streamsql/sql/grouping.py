"""GROUP BY over a stream (language reference §9.1): which key delimits the windows, and what may be selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from streamsql.errors import ErrorCode, PlanError, Span
from streamsql.expr.nodes import Aggregate, Analytic, Call, Column, Expr, Literal, Rowtime
from streamsql.plan.format import title
from streamsql.plan.logical import ChangeOfKey, TumbleWindow
from streamsql.plan.monotonic import Monotonicity, monotonicity
from streamsql.plan.physical import CalendarWindow, FixedWindow, InstantWindow
from streamsql.plan.rewriting import is_nullable, transform
from streamsql.sql.scope import OutputRowtime, Relation
from streamsql.types import TIMESTAMP, IntervalUnit, TypeKind


@dataclass(frozen=True, slots=True)
class TimeKey:
    """A group key built on ROWTIME: its windows, and its value as an expression over the window's start or end."""

    window: TumbleWindow
    from_end: bool
    shifts: tuple[Call, ...] = ()

    def value(self, start: Column, end: Column) -> Expr:
        """The key's value in the rows of the aggregate."""
        value: Expr = end if self.from_end else start
        for shift in reversed(self.shifts):
            args = tuple(value if arg.type == TIMESTAMP else arg for arg in shift.args)
            value = replace(shift, args=args)
        return value


def time_key(key: Expr) -> TimeKey | None:
    """`key` as FLOOR, CEIL or STEP of ROWTIME or ROWTIME itself, plus or minus constant intervals; else None."""
    match key:
        case Rowtime():
            return TimeKey(InstantWindow(), False)
        case Call(function="+" | "-", args=(inner, Literal(type=constant))) if constant.kind is TypeKind.INTERVAL_DAY:
            found = time_key(inner)
            return None if found is None else replace(found, shifts=(key, *found.shifts))
        case Call(function="FLOOR_TO" | "CEIL_TO", args=(Rowtime(), Literal(value=unit))):
            is_end = key.function == "CEIL_TO"
            return TimeKey(_unit_window(IntervalUnit[unit], "right" if is_end else "left"), is_end)
        case Call(function="STEP", args=(Rowtime(), Literal(value=size, type=constant))):
            if constant.kind is TypeKind.INTERVAL_YEAR:
                return TimeKey(CalendarWindow(size), False)
            return TimeKey(FixedWindow(size * 1000), False)
        case _:
            return None


def _unit_window(unit: IntervalUnit, closed: str) -> TumbleWindow:
    if unit in (IntervalUnit.YEAR, IntervalUnit.MONTH):
        return CalendarWindow(unit.value, closed)
    return FixedWindow(unit.value * 1000, closed)


@dataclass
class Grouping:
    """The keys of a grouped query as columns of the aggregate's result, and the aggregates found so far.

    `values` gives for each group expression its value over that result; `aggregates` grows as `rewrite` meets new ones.
    """

    window: TumbleWindow | None
    keys: tuple[Expr, ...]
    first_aggregate: int
    values: list[tuple[Expr, Expr]] = field(default_factory=list)
    aggregates: list[Aggregate] = field(default_factory=list)
    monotonic: dict[int, Monotonicity] = field(default_factory=dict)
    clause: str = "GROUP BY"

    def rewrite(self, expr: Expr) -> Expr:
        """`expr` over the aggregate's result; raises PlanError (NOT_GROUPED) for a column that is no key."""
        return transform(expr, self._visit)

    def _visit(self, node: Expr) -> Expr | None:
        plain = transform(node, _input_rowtime)
        for key, value in self.values:
            # ROWTIME alone is the output row's; as part of a repeated key it is the key's.
            if plain == key and not isinstance(node, OutputRowtime):
                return value
        match node:
            case Aggregate():
                if node not in self.aggregates:
                    self.aggregates.append(node)
                number = self.first_aggregate + self.aggregates.index(node)
                return Column(number, node.type, title(node), is_nullable(node), node.span)
            case Analytic():
                raise PlanError(
                    ErrorCode.AGG_PLACE,
                    "analytic functions (OVER) cannot be mixed with the aggregates of a group",
                    node.span,
                    hint="nest one of the queries in FROM",
                )
            case OutputRowtime():
                return Rowtime(node.span)
            case Rowtime() | Column():
                name = "ROWTIME" if isinstance(node, Rowtime) else f'"{node.name}"' if isinstance(node, Column) else ""
                keys = "a PARTITION BY expression" if self.clause != "GROUP BY" else "a GROUP BY expression"
                raise PlanError(
                    ErrorCode.NOT_GROUPED,
                    f"expression {name} is not being grouped",
                    node.span,
                    detail=f"neither {keys} nor inside an aggregate",
                    hint="write ROWTIME alone for the time of the result, or MIN(s.ROWTIME)"
                    if isinstance(node, Rowtime)
                    else None,
                )
        return None


def _input_rowtime(node: Expr) -> Expr | None:
    return Rowtime(node.span) if isinstance(node, OutputRowtime) else None


def group(keys: Sequence[Expr], relation: Relation, span: Span) -> Grouping:
    """The grouping of a GROUP BY; raises PlanError when its keys cannot delimit windows of a stream."""
    distinct: list[Expr] = []
    for key in keys:
        if key not in distinct:
            distinct.append(key)
    timed = [key for key in distinct if any(isinstance(node, Rowtime) for node in key.walk())]
    if len(timed) > 1:
        raise PlanError(
            ErrorCode.GROUP_ROWTIME,
            "only one expression of GROUP BY can be built on ROWTIME",
            timed[1].span or span,
            hint="group by the finer one and aggregate the result again",
        )
    moves = {key: monotonicity(key, relation.monotonicities) for key in distinct}
    drivers = [key for key in timed if moves[key].can_drive] or [key for key in distinct if moves[key].can_drive]
    if not drivers:
        raise no_monotonic_key("a streaming GROUP BY", relation, span)
    driver = drivers[0]
    found = time_key(driver)
    if found is None:
        plain = tuple(distinct)
        window: TumbleWindow = ChangeOfKey(plain.index(driver))
        grouping = Grouping(window, plain, len(plain))
    else:
        plain = tuple(key for key in distinct if key != driver)
        grouping = Grouping(found.window, plain, len(plain) + 2)
        start = Column(len(plain), TIMESTAMP, "window_start", False)
        end = Column(len(plain) + 1, TIMESTAMP, "window_end", False)
        grouping.values.append((driver, found.value(start, end)))
        grouping.monotonic = {start.index: Monotonicity.ASCENDING, end.index: Monotonicity.ASCENDING}
    _add_plain_keys(grouping)
    if found is None:
        grouping.monotonic[plain.index(driver)] = moves[driver]
    return grouping


def stagger(keys: Sequence[Expr]) -> Grouping:
    """The grouping of WINDOWED BY STAGGER: any keys, no monotonic one needed."""
    plain = tuple(dict.fromkeys(keys))
    grouping = Grouping(None, plain, len(plain) + 2, clause="PARTITION BY")
    _add_plain_keys(grouping)
    return grouping


def _add_plain_keys(grouping: Grouping) -> None:
    for number, key in enumerate(grouping.keys):
        grouping.values.append((key, Column(number, key.type, title(key), is_nullable(key))))


def no_monotonic_key(what: str, relation: Relation, span: Span, hint: str = "add {} to the keys") -> PlanError:
    """The error for a query that would never be able to say that a group is complete."""
    name = f'"{relation.name}"' if relation.name else "s"
    return PlanError(
        ErrorCode.GROUP_MONOTONIC,
        f"{what} needs a monotonic expression",
        span,
        detail="no window and no time column among them",
        hint=hint.format(f"STEP({name}.ROWTIME BY INTERVAL '60' SECOND)"),
    )
