"""The operators again, slow and obvious: one row at a time, every window recomputed from its rows."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from streamsql.plan.physical import AggregateSpec, AnalyticSpec, Frame
from streamsql.types import SqlType, TypeKind

Row = tuple[Any, ...]


def _distinct(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def aggregate(function: str, values: list[Any], type_: SqlType, *, distinct: bool = False) -> Any:
    """The aggregate of a group's argument values in order, NULLs included; COUNT(*) gets one value per row."""
    values = [value for value in values if value is not None]
    if distinct:
        values = _distinct(values)
    if function == "COUNT":
        return len(values)
    if function == "ANY":
        return any(values)
    if not values:
        return None
    if function == "EVERY":
        return all(values)
    if function in ("MIN", "MAX"):
        return (min if function == "MIN" else max)(values)
    total = math.fsum(values) if isinstance(values[0], float) else sum(values)
    if function == "SUM":
        return total
    n = len(values)
    if function == "AVG":
        if type_.kind is TypeKind.DOUBLE:
            return float(total) / n
        if type_.is_decimal:
            return (Decimal(total) / n).quantize(Decimal(1).scaleb(-(type_.scale or 0)), ROUND_HALF_UP)
        return int(math.copysign(abs(total) // n, total))
    numbers = [float(value) for value in values]
    mean = math.fsum(numbers) / n
    squares = math.fsum((number - mean) ** 2 for number in numbers)
    divisor = n - 1 if function.endswith("SAMP") else n
    if divisor == 0:
        return None
    variance = squares / divisor
    return math.sqrt(variance) if function.startswith("STDDEV") else variance


def _results(rows: list[Row], aggregates: list[AggregateSpec]) -> list[Any]:
    return [
        aggregate(a.function, [1 if a.column is None else r[a.column + 1] for r in rows], a.type, distinct=a.distinct)
        for a in aggregates
    ]


def tumble(
    rows: list[Row], size_us: int, right: bool, keys: tuple[int, ...], aggregates: list[AggregateSpec]
) -> list[Row]:
    """(rowtime, keys, start ms, end ms, aggregates) of every window, by end and first appearance."""
    windows: dict[int, dict[Any, list[Row]]] = {}
    for row in rows:
        end = -(-row[0] // size_us) * size_us if right else (row[0] // size_us + 1) * size_us
        windows.setdefault(end, {}).setdefault(tuple(row[k + 1] for k in keys), []).append(row)
    return [
        (end, *key, (end - size_us) // 1000, end // 1000, *_results(members, aggregates))
        for end in sorted(windows)
        for key, members in windows[end].items()
    ]


def stagger(rows: list[Row], range_us: int, keys: tuple[int, ...], aggregates: list[AggregateSpec]) -> list[Row]:
    """(rowtime, keys, start ms, end ms, aggregates) of every window, by end and order of opening."""
    done: list[tuple[int, Any, list[Row]]] = []
    current: dict[Any, tuple[int, list[Row]]] = {}
    for row in rows:
        key = tuple(row[k + 1] for k in keys)
        if key not in current or row[0] >= current[key][0] + range_us:
            current[key] = (row[0], [])
            done.append((row[0], key, current[key][1]))
        current[key][1].append(row)
    return [
        (t + range_us, *key, t // 1000, (t + range_us) // 1000, *_results(members, aggregates))
        for t, key, members in done
    ]


def _place(call: AnalyticSpec, frame: list[Row]) -> Any:
    column = call.columns[0] + 1
    current = frame[-1]
    kept = [row for row in frame if not call.ignore_nulls or row[column] is not None]
    if call.function == "LAG":
        n = 1 if call.n is None else call.n
        if n == 0:
            return current[column]
        before = [row for row in frame[:-1] if not call.ignore_nulls or row[column] is not None]
        if n <= len(before):
            return before[-n][column]
        return current[call.columns[1] + 1] if len(call.columns) > 1 else None
    n = call.n if call.function == "NTH_VALUE" else 1
    assert n is not None
    if n > len(kept):
        return None
    from_last = call.function == "LAST_VALUE" or call.from_last
    return kept[-n if from_last else n - 1][column]


def over(rows: list[Row], frames: list[Frame], calls: list[AnalyticSpec], keep: tuple[int, ...]) -> list[Row]:
    """(rowtime, kept columns, results) per row."""
    result = []
    for i, row in enumerate(rows):
        values = []
        for call in calls:
            frame = frames[call.frame]
            members = [
                r for r in rows[: i + 1] if all(r[k + 1] == row[k + 1] for k in frame.partition)
            ]
            if frame.preceding is not None and frame.unit == "rows":
                members = members[-(frame.preceding + 1) :]
                if not frame.allow_partial and len(members) <= frame.preceding:
                    values.append(None)
                    continue
            elif frame.preceding is not None:
                members = [r for r in members if r[0] >= row[0] - frame.preceding]
            if call.function in ("FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", "LAG"):
                values.append(_place(call, members))
            else:
                arguments = [r[call.columns[0] + 1] if call.columns else 1 for r in members]
                values.append(aggregate(call.function, arguments, call.type, distinct=call.distinct))
        result.append((row[0], *(row[k + 1] for k in keep), *values))
    return result


def same(a: Any, b: Any) -> bool:
    """Equal, floats up to a few units in the last place."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b) or math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-9)
    return type(a) is type(b) and bool(a == b)


def assert_same_rows(found: list[Row], expected: list[Row]) -> None:
    assert len(found) == len(expected)
    for mine, theirs in zip(found, expected, strict=True):
        assert len(mine) == len(theirs)
        assert all(map(same, mine, theirs)), (mine, theirs)
