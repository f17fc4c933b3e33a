"""Three-valued logic and the IS forms (language reference §5.2)."""

from __future__ import annotations

from streamsql.errors import Span
from streamsql.expr.functions.spec import Args, FunctionSpec, Resolver, call, cannot_apply, cast_to
from streamsql.expr.nodes import Expr
from streamsql.types import BOOLEAN, TypeKind


def _booleans(name: str) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        typed = tuple(cast_to(arg, BOOLEAN) if arg.type.kind is TypeKind.NULL else arg for arg in args)
        if any(arg.type != BOOLEAN for arg in typed):
            raise cannot_apply(name, args)
        return call(name, typed, BOOLEAN, span)

    return resolve


def _any_type(name: str) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        return call(name, args, BOOLEAN, span)

    return resolve


def _is(name: str, doc: str, *, takes_any: bool = False) -> FunctionSpec:
    value = "value" if takes_any else "boolean"
    return FunctionSpec(
        name,
        "scalar",
        (1, 1),
        (f"{value} {name}",),
        doc,
        f"{'1' if takes_any else 'TRUE'} {name}",
        resolve=(_any_type if takes_any else _booleans)(name),
        nulls="custom",
        is_operator=True,
    )


SPECS = (
    FunctionSpec(
        "AND",
        "scalar",
        (2, None),
        ("boolean AND boolean",),
        "FALSE when either side is FALSE (whatever the other is, even an error), else UNKNOWN when either is UNKNOWN.",
        "TRUE AND FALSE",
        resolve=_booleans("AND"),
        nulls="custom",
        is_operator=True,
    ),
    FunctionSpec(
        "OR",
        "scalar",
        (2, None),
        ("boolean OR boolean",),
        "TRUE when either side is TRUE (whatever the other is, even an error), else UNKNOWN when either is UNKNOWN.",
        "TRUE OR FALSE",
        resolve=_booleans("OR"),
        nulls="custom",
        is_operator=True,
    ),
    FunctionSpec(
        "NOT",
        "scalar",
        (1, 1),
        ("NOT boolean",),
        "TRUE becomes FALSE, FALSE becomes TRUE, UNKNOWN stays UNKNOWN.",
        "NOT TRUE",
        resolve=_booleans("NOT"),
        is_operator=True,
    ),
    _is("IS NULL", "Whether the value is NULL.", takes_any=True),
    _is("IS NOT NULL", "Whether the value is not NULL.", takes_any=True),
    _is("IS TRUE", "Whether the condition is TRUE; never UNKNOWN."),
    _is("IS NOT TRUE", "Whether the condition is FALSE or UNKNOWN; never UNKNOWN."),
    _is("IS FALSE", "Whether the condition is FALSE; never UNKNOWN."),
    _is("IS NOT FALSE", "Whether the condition is TRUE or UNKNOWN; never UNKNOWN."),
    _is("IS UNKNOWN", "Whether the condition is UNKNOWN; never UNKNOWN itself."),
    _is("IS NOT UNKNOWN", "Whether the condition is TRUE or FALSE; never UNKNOWN."),
)
