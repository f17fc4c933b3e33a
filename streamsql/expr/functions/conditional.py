"""COALESCE, NULLIF, and the typing of CASE (language reference §5.5)."""

from __future__ import annotations

from collections.abc import Sequence

from streamsql.errors import ErrorCode, Span
from streamsql.expr.coercion import common_type, comparable
from streamsql.expr.functions.comparison import equal
from streamsql.expr.functions.spec import (
    Args,
    FunctionSpec,
    SignatureError,
    call,
    cannot_apply,
    cast_to,
    is_null_literal,
    typed_nulls,
)
from streamsql.expr.nodes import Case, Expr, Literal
from streamsql.types import BOOLEAN, INTEGER, NULL


def resolve_case(
    whens: Sequence[tuple[Expr, Expr]], otherwise: Expr | None, span: Span | None = None, operand: Expr | None = None
) -> Case:
    """A typed CASE. With `operand` the first of each pair is a value to compare with it, else a condition.

    Branches get the common type (CHAR branches are blank padded). Raises SignatureError (TYPES) when conditions are not
    BOOLEAN, branches do not go together or all branches are NULL.
    """
    default = Literal(None, NULL) if otherwise is None else otherwise
    results = (*(result for _, result in whens), default)
    result_type = common_type([result.type for result in results])
    if result_type is None:
        types = ", ".join(f"<{result.type}>" for result in results)
        raise SignatureError(ErrorCode.TYPES, f"cannot apply 'CASE' to branches of type {types}")
    typed = []
    for condition, result in whens:
        test = condition if operand is None else equal(operand, condition, getattr(condition, "span", None))
        if is_null_literal(test):
            test = cast_to(test, BOOLEAN)
        if test.type != BOOLEAN:
            raise SignatureError(ErrorCode.TYPES, f"cannot apply 'CASE' to a condition of type <{test.type}>")
        typed.append((test, cast_to(result, result_type)))
    return Case(tuple(typed), cast_to(default, result_type), result_type, span)


def _coalesce(args: Args, span: Span | None) -> Expr:
    result_type = common_type([arg.type for arg in args])
    if result_type is None:
        raise cannot_apply("COALESCE", args)
    return call("COALESCE", [cast_to(arg, result_type) for arg in args], result_type, span)


def _nullif(args: Args, span: Span | None) -> Expr:
    if not comparable(args[0].type, args[1].type):
        raise cannot_apply("NULLIF", args)
    left, right = typed_nulls(args, INTEGER)
    return Case(((equal(left, right, span), Literal(None, left.type)),), left, left.type, span)


SPECS = (
    FunctionSpec(
        "COALESCE",
        "scalar",
        (1, None),
        ("COALESCE(value, ...)",),
        "The first argument that is not NULL; later ones are not evaluated.",
        "COALESCE(NULL, 2, 5)",
        resolve=_coalesce,
        nulls="custom",
    ),
    FunctionSpec(
        "NULLIF",
        "scalar",
        (2, 2),
        ("NULLIF(value, value)",),
        "NULL when both arguments are equal, else the first: CASE WHEN a = b THEN NULL ELSE a END.",
        "NULLIF(4, 5)",
        resolve=_nullif,
        nulls="custom",
    ),
)
