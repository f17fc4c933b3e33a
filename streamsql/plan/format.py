"""Expressions as text, for EXPLAIN and for people; the text is stable and nearly SQL."""

from __future__ import annotations

import datetime

from streamsql.expr.nodes import Aggregate, Analytic, Call, Case, Cast, Clock, Column, Expr, Literal, NotNull, Rowtime
from streamsql.types import TypeKind

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_POSTFIX = tuple(f"IS {word}{what}" for word in ("", "NOT ") for what in ("NULL", "TRUE", "FALSE", "UNKNOWN"))
_WORDS = ("AND", "OR", "LIKE", "SIMILAR TO", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")


_LONGEST_TITLE = 60


def title(expr: Expr) -> str:
    """A name for the column that holds the expression's value; cut, so that names made of names stay short."""
    text = format_expr(expr)
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"


def format_expr(expr: Expr) -> str:
    """The expression; binary operators are put in parentheses so that no precedence need be known."""
    match expr:
        case Column():
            return expr.name or f"${expr.index}"
        case Rowtime():
            return "ROWTIME"
        case Literal():
            return _literal(expr)
        case Call():
            return _call(expr)
        case Case():
            whens = "".join(f" WHEN {format_expr(c)} THEN {format_expr(r)}" for c, r in expr.whens)
            return f"CASE{whens} ELSE {format_expr(expr.otherwise)} END"
        case Cast():
            word = "ASSIGN" if expr.assignment else "CAST"
            return f"{word}({format_expr(expr.arg)} AS {expr.type})"
        case NotNull():
            return f"NOT_NULL({format_expr(expr.arg)})"
        case Clock():
            return expr.function
        case Aggregate() | Analytic():
            distinct = "DISTINCT " if expr.distinct else ""
            args = ", ".join(format_expr(arg) for arg in expr.args) or "*"
            return f"{expr.function}({distinct}{args})"
        case _:
            raise TypeError(f"format_expr does not know {type(expr).__name__}")


def _call(call: Call) -> str:
    args = [format_expr(arg) for arg in call.args]
    name = call.function
    if name in _POSTFIX:
        return f"({args[0]} {name})"
    if name == "NOT":
        return f"(NOT {args[0]})"
    if name == "NEGATE":
        return f"(-{args[0]})"
    if name == "IN":
        return f"({args[0]} IN ({', '.join(args[1:])}))"
    if name in ("FLOOR_TO", "CEIL_TO"):
        return f"{name.removesuffix('_TO')}({args[0]} TO {args[1].strip(chr(39))})"
    if name == "STEP":
        return f"STEP({args[0]} BY {args[1]})"
    if name == "DATETIME_DIFF":
        return f"({args[0]} - {args[1]}) {str(call.type).removeprefix('INTERVAL ')}"
    if not name[0].isalpha() or name in _WORDS:
        text = f" {name} ".join(args[:2] if name in _WORDS[2:4] else args)
        return f"({text} ESCAPE {args[2]})" if name in _WORDS[2:4] and len(args) > 2 else f"({text})"
    return f"{name}({', '.join(args)})"


def _literal(literal: Literal) -> str:
    value = literal.value
    if value is None:
        return "NULL"
    match literal.type.kind:
        case TypeKind.CHAR | TypeKind.VARCHAR:
            return "'" + str(value).replace("'", "''") + "'"
        case TypeKind.BINARY | TypeKind.VARBINARY:
            return f"X'{value.hex().upper()}'"
        case TypeKind.BOOLEAN:
            return "TRUE" if value else "FALSE"
        case TypeKind.DATE:
            return f"DATE '{(_EPOCH + datetime.timedelta(days=value)).date()}'"
        case TypeKind.TIME | TypeKind.TIMESTAMP:
            moment = _EPOCH + datetime.timedelta(milliseconds=value)
            text = str(moment.replace(tzinfo=None, microsecond=0))
            if moment.microsecond:
                text += f".{moment.microsecond // 1000:03d}"
            return f"{literal.type} '{text.split(' ')[1] if literal.type.kind is TypeKind.TIME else text}'"
        case TypeKind.INTERVAL_DAY:
            return f"INTERVAL '{value / 1000:g}' SECOND"
        case TypeKind.INTERVAL_YEAR:
            return f"INTERVAL '{value}' MONTH"
        case TypeKind.DOUBLE | TypeKind.REAL:
            return f"{value!r}E0" if "e" not in repr(value) else repr(value).replace("e", "E")
        case _:
            return str(value)
