"""Expressions as short SQL-like text, for error messages and EXPLAIN."""

from __future__ import annotations

from streamsql.expr import nodes
from streamsql.expr.functions import lookup
from streamsql.expr.nodes import Expr
from streamsql.types import TypeKind


def render(expr: Expr) -> str:
    """The expression as text; operators in parentheses where they nest."""
    match expr:
        case nodes.Column(name=name):
            return name
        case nodes.Rowtime():
            return "ROWTIME"
        case nodes.Literal():
            return _literal(expr)
        case nodes.Clock(function=function):
            return function
        case nodes.NotNull(arg=arg):
            return render(arg)
        case nodes.Cast(arg=arg, type=target):
            return f"CAST({render(arg)} AS {target})"
        case nodes.Case(whens=whens, otherwise=otherwise):
            branches = " ".join(f"WHEN {render(c)} THEN {render(r)}" for c, r in whens)
            return f"CASE {branches} ELSE {render(otherwise)} END"
        case nodes.Call():
            return _call(expr)
        case nodes.Aggregate(function=function, args=args) | nodes.Analytic(function=function, args=args):
            return f"{function}({', '.join(render(arg) for arg in args) or '*'})"
        case _:
            return type(expr).__name__


def _operand(expr: Expr) -> str:
    text = render(expr)
    spec = lookup(expr.function) if isinstance(expr, nodes.Call) else None
    return f"({text})" if spec is not None and spec.is_operator and len(expr.children()) > 1 else text


def _call(expr: nodes.Call) -> str:
    name, args = expr.function, expr.args
    if name in ("FLOOR_TO", "CEIL_TO"):
        return f"{name[:-3]}({render(args[0])} TO {_word(args[1])})"
    if name == "STEP":
        return f"STEP({render(args[0])} BY {render(args[1])})"
    if name == "EXTRACT":
        return f"EXTRACT({_word(args[0])} FROM {render(args[1])})"
    if name == "DATETIME_DIFF":
        return f"({render(args[0])} - {render(args[1])}) {str(expr.type).removeprefix('INTERVAL ')}"
    if name == "NEGATE":
        return f"-{_operand(args[0])}"
    if name == "NOT":
        return f"NOT {_operand(args[0])}"
    if name == "IN":
        return f"{_operand(args[0])} IN ({', '.join(render(arg) for arg in args[1:])})"
    if name.startswith("IS ") and len(args) == 1:
        return f"{_operand(args[0])} {name}"
    spec = lookup(name)
    if spec is not None and spec.is_operator and not name.startswith("PERIOD"):
        return f" {name} ".join(_operand(arg) for arg in args)
    return f"{name}({', '.join(render(arg) for arg in args)})"


def _word(expr: Expr) -> str:
    return str(expr.value) if isinstance(expr, nodes.Literal) else render(expr)


def _literal(literal: nodes.Literal) -> str:
    value = literal.value
    if value is None:
        return "NULL"
    match literal.type.kind:
        case TypeKind.CHAR | TypeKind.VARCHAR:
            return "'" + str(value).replace("'", "''") + "'"
        case TypeKind.BOOLEAN:
            return str(value).upper()
        case TypeKind.BINARY | TypeKind.VARBINARY:
            return f"X'{value.hex().upper()}'"
        case TypeKind.DATE | TypeKind.TIME | TypeKind.TIMESTAMP | TypeKind.INTERVAL_DAY | TypeKind.INTERVAL_YEAR:
            return f"{literal.type} {value}"
        case _:
            return str(value)
