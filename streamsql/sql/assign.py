"""Assignment of a value to a column: INSERT, DEFAULT and the columns of UNION ALL (language reference §3.2)."""

from __future__ import annotations

from streamsql.errors import BindError, ErrorCode, Span
from streamsql.expr.coercion import can_assign
from streamsql.expr.nodes import Cast, Expr, Literal, NotNull
from streamsql.plan.rewriting import is_nullable
from streamsql.schema import Column
from streamsql.types import SqlType, TypeKind


def assigned(value: Expr, target: Column, source_name: str, span: Span) -> Expr:
    """`value` as it goes into a column (language reference §3.2); raises BindError (ASSIGN)."""
    if not can_assign(target.type, value.type):
        raise BindError(
            ErrorCode.ASSIGN,
            f"cannot assign to target field '{target.name}' of type {target.type} "
            f"from source field '{source_name}' of type {value.type}",
            span,
            hint=_assignment_hint(target.type, value.type),
        )
    result = value
    if value.type.kind is TypeKind.NULL:
        result = Literal(None, target.type)
    elif not holds(target.type, value.type):
        result = Cast(value, target.type, assignment=True, span=value.span or span)
    if not target.nullable and is_nullable(result):
        result = NotNull(result, target.name, target.type, span)
    return result


def holds(target: SqlType, source: SqlType) -> bool:
    """Every value of type `source` is already a value of type `target`, in the same Arrow representation."""
    if target == source:
        return True
    wide = target.kind in (TypeKind.VARCHAR, TypeKind.VARBINARY) and (source.is_string or source.is_binary)
    return wide and (target.length or 0) >= (source.length or 0)


def _assignment_hint(target: SqlType, source: SqlType) -> str | None:
    if target.kind is TypeKind.TIMESTAMP and source.is_numeric:
        return "TO_TIMESTAMP(x) makes a TIMESTAMP of milliseconds"
    return f"convert it: CAST(… AS {target})" if not target.is_interval else None
