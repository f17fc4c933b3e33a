"""Comparison, IN, IS DISTINCT FROM, LIKE, SIMILAR TO (language reference §5.3, §5.4) and period predicates (§5.6)."""

from __future__ import annotations

from streamsql.errors import ErrorCode, Span
from streamsql.expr.coercion import comparable, wider_integer
from streamsql.expr.functions.spec import (
    Args,
    FunctionSpec,
    Resolver,
    SignatureError,
    call,
    cannot_apply,
    cast_to,
    typed_nulls,
)
from streamsql.expr.nodes import Expr, Literal
from streamsql.expr.patterns import PatternError, like_regex, similar_regex
from streamsql.types import BOOLEAN, DOUBLE, TIMESTAMP, TypeKind, varchar


def comparison_operands(left: Expr, right: Expr) -> tuple[Expr, Expr]:
    """The two sides with the types the comparison kernels take.

    Exact numbers of different scale are compared as they are (exactly); a REAL or DOUBLE makes both DOUBLE, except REAL
    with REAL.
    """
    one, other = left.type, right.type
    if one.is_integer and other.is_integer:
        wide = wider_integer(one, other)
        return cast_to(left, wide), cast_to(right, wide)
    if one.is_numeric and (one.is_approximate or other.is_approximate) and one.kind is not other.kind:
        return cast_to(left, DOUBLE), cast_to(right, DOUBLE)
    return left, right


def _compare(name: str) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        if not comparable(args[0].type, args[1].type):
            raise cannot_apply(name, args)
        left, right = typed_nulls(args, BOOLEAN)
        return call(name, comparison_operands(left, right), BOOLEAN, span)

    return resolve


def _in(args: Args, span: Span | None) -> Expr:
    if not all(comparable(args[0].type, arg.type) for arg in args[1:]):
        raise cannot_apply("IN", args)
    value, *elements = typed_nulls(args, BOOLEAN)
    numbers = [arg.type for arg in (value, *elements)]
    if all(t.is_integer for t in numbers):
        wide = numbers[0]
        for t in numbers[1:]:
            wide = wider_integer(wide, t)
        return call("IN", [cast_to(arg, wide) for arg in (value, *elements)], BOOLEAN, span)
    if any(t.is_approximate for t in numbers) and len({t.kind for t in numbers}) > 1:
        return call("IN", [cast_to(arg, DOUBLE) for arg in (value, *elements)], BOOLEAN, span)
    return call("IN", (value, *elements), BOOLEAN, span)


def _pattern(name: str) -> Resolver:
    translate = like_regex if name == "LIKE" else similar_regex

    def resolve(args: Args, span: Span | None) -> Expr:
        typed = typed_nulls(args, varchar(1))
        if not all(arg.type.is_string for arg in typed):
            raise cannot_apply(name, args)
        escape = typed[2] if len(typed) > 2 else None
        if isinstance(escape, Literal) and escape.value is not None and len(escape.value) != 1:
            raise SignatureError(ErrorCode.LITERAL, f"the ESCAPE literal of {name} must be one character")
        pattern = typed[1]
        if isinstance(pattern, Literal) and pattern.value is not None:
            character = escape.value if isinstance(escape, Literal) else None
            if escape is None or character is not None:
                try:
                    translate(pattern.value, character)
                except PatternError as error:
                    raise SignatureError(ErrorCode.LITERAL, f"{name} pattern literal: {error}") from error
        return call(name, typed, BOOLEAN, span)

    return resolve


def _period(name: str) -> Resolver:
    def resolve(args: Args, span: Span | None) -> Expr:
        if len(args) == 3 and "CONTAINS" not in name:
            raise cannot_apply(name, args)
        typed = tuple(cast_to(arg, TIMESTAMP) if arg.type.kind is TypeKind.NULL else arg for arg in args)
        if any(arg.type != TIMESTAMP for arg in typed):
            raise cannot_apply(name, args)
        return call(name, typed, BOOLEAN, span)

    return resolve


def _compare_spec(name: str, doc: str, example: str, aliases: tuple[str, ...] = ()) -> FunctionSpec:
    return FunctionSpec(
        name,
        "scalar",
        (2, 2),
        (f"value {name} value",),
        doc,
        example,
        resolve=_compare(name),
        nulls="custom" if name.startswith("IS ") else "propagate",
        is_operator=True,
        aliases=aliases,
    )


_STRINGS_PAD = "Strings are compared by code point with the shorter side padded with blanks."

PERIOD_PREDICATES = {
    "EQUALS": "both periods start and end together",
    "CONTAINS": "the left period holds the right period or timestamp",
    "STRICTLY CONTAINS": "as CONTAINS, with neither end shared",
    "OVERLAPS": "the periods have a moment in common",
    "STRICTLY OVERLAPS": "as OVERLAPS, with neither end shared",
    "PRECEDES": "the left period ends when the right starts, or before",
    "IMMEDIATELY PRECEDES": "the left period ends exactly when the right starts",
    "STRICTLY PRECEDES": "the left period ends before the right starts",
    "SUCCEEDS": "the left period starts when the right ends, or after",
    "IMMEDIATELY SUCCEEDS": "the left period starts exactly when the right ends",
    "STRICTLY SUCCEEDS": "the left period starts after the right ends",
    "LEADS": "the left period starts first and reaches into or to the end of the right",
    "IMMEDIATELY LEADS": "the left period starts first and both end together",
    "STRICTLY LEADS": "the left period starts first and ends inside the right",
    "LAGS": "the left period ends last and starts inside or with the right",
    "IMMEDIATELY LAGS": "both periods start together and the left ends last",
    "STRICTLY LAGS": "the left period starts inside the right and ends last",
}


def _period_spec(predicate: str, meaning: str) -> FunctionSpec:
    name = f"PERIOD {predicate}"
    signatures = [f"(timestamp, timestamp) {predicate} (timestamp, timestamp)"]
    if "CONTAINS" in predicate:
        signatures.append(f"(timestamp, timestamp) {predicate} timestamp")
    return FunctionSpec(
        name,
        "scalar",
        (3 if "CONTAINS" in predicate else 4, 4),
        tuple(signatures),
        f"Whether {meaning}. Periods are half-open; UNKNOWN when an operand is NULL.",
        f"(s.t1, s.t2) {predicate} (s.t3, s.t4)",
        resolve=_period(name),
        is_operator=True,
    )


SPECS = (
    _compare_spec("=", f"Whether both sides are equal. {_STRINGS_PAD}", "'a' = 'a  '"),
    _compare_spec("<>", f"Whether the sides differ. {_STRINGS_PAD}", "1 <> 2", ("!=",)),
    _compare_spec("<", f"Whether the left side is smaller. {_STRINGS_PAD}", "1 < 2"),
    _compare_spec("<=", f"Whether the left side is smaller or equal. {_STRINGS_PAD}", "1 <= 2"),
    _compare_spec(">", f"Whether the left side is larger. {_STRINGS_PAD}", "2 > 1"),
    _compare_spec(">=", f"Whether the left side is larger or equal. {_STRINGS_PAD}", "2 >= 1"),
    _compare_spec(
        "IS DISTINCT FROM", "As <>, but NULL equals NULL and nothing else; never UNKNOWN.", "1 IS DISTINCT FROM 2"
    ),
    _compare_spec("IS NOT DISTINCT FROM", "The opposite of IS DISTINCT FROM.", "1 IS NOT DISTINCT FROM 1.0"),
    FunctionSpec(
        "IN",
        "scalar",
        (2, None),
        ("value IN (value, ...)",),
        "Whether the value equals an element; UNKNOWN when it equals none and one is NULL.",
        "2 IN (1, 2, 3)",
        resolve=_in,
        nulls="custom",
        is_operator=True,
    ),
    FunctionSpec(
        "LIKE",
        "scalar",
        (2, 3),
        ("string LIKE pattern", "string LIKE pattern ESCAPE character"),
        "Whether the whole string matches: `_` is one character, `%` any run. There is no default escape character.",
        "'stream' LIKE 'str%'",
        resolve=_pattern("LIKE"),
        is_operator=True,
    ),
    FunctionSpec(
        "SIMILAR TO",
        "scalar",
        (2, 3),
        ("string SIMILAR TO pattern", "string SIMILAR TO pattern ESCAPE character"),
        "Whether the whole string matches a SQL regular expression (`_ % | * + ? {n,m} ( ) [ ]`).",
        "'amy' SIMILAR TO 'amy|fred'",
        resolve=_pattern("SIMILAR TO"),
        is_operator=True,
    ),
    *(_period_spec(predicate, meaning) for predicate, meaning in PERIOD_PREDICATES.items()),
)


def equal(left: Expr, right: Expr, span: Span | None) -> Expr:
    """`left = right`, typed; raises SignatureError."""
    return _compare("=")((left, right), span)
