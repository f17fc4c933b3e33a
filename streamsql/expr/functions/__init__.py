"""The registry of functions and operators: lookup by name, typing of calls, documentation.

Operators are functions with names such as `+`, `AND`, `IS NULL`, `LIKE`, `FLOOR_TO`. Where the grammar of a function is
its own, its arguments are given in this order: `TRIM(Literal 'BOTH', character, string)`, `POSITION(needle, string)`,
`OVERLAY(string, replacement, start [, length])`, `EXTRACT(Literal 'YEAR', value)`, `FLOOR_TO(value, Literal 'MINUTE')`,
`STEP(value, Literal size)`; `SUBSTRING` is the form with commas, `SUBSTRING FROM` the one with FROM and FOR; the period
predicates are `PERIOD OVERLAPS(start1, end1, start2, end2)`.
"""

from __future__ import annotations

from streamsql.errors import ErrorCode, Span
from streamsql.expr.functions import (
    aggregates,
    arithmetic,
    comparison,
    conditional,
    datetime,
    logic,
    numeric,
    strings,
)
from streamsql.expr.functions.aggregates import aggregate_args, check_literals
from streamsql.expr.functions.conditional import resolve_case
from streamsql.expr.functions.datetime import resolve_datetime_difference
from streamsql.expr.functions.spec import Args, FunctionSpec, SignatureError, cannot_apply
from streamsql.expr.nodes import Aggregate, Expr
from streamsql.types import SqlType

_FAMILIES = (arithmetic, comparison, logic, conditional, numeric, strings, datetime, aggregates)
_BY_NAME: dict[str, FunctionSpec] = {
    name: spec for family in _FAMILIES for spec in family.SPECS for name in (spec.name, *spec.aliases)
}


def lookup(name: str) -> FunctionSpec | None:
    """The function or operator called `name` (any case, aliases included), or None."""
    return _BY_NAME.get(name.upper())


def function_names(*, operators: bool = False) -> tuple[str, ...]:
    """Names and aliases in alphabetical order, for "did you mean"; operators only on request."""
    return tuple(sorted(name for name, spec in _BY_NAME.items() if operators or not spec.is_operator))


def specs() -> tuple[FunctionSpec, ...]:
    """Every function and operator once, by family; the reference documentation is made from them."""
    return tuple(spec for family in _FAMILIES for spec in family.SPECS)


def _known(name: str) -> FunctionSpec:
    spec = lookup(name)
    if spec is None:
        raise KeyError(f"no function is called {name!r}")
    return spec


def resolve(name: str, args: Args, span: Span | None = None) -> Expr:
    """The typed call of a scalar function or operator, with `Cast`s inserted where the signature wants other types.

    The result is a `Call`, except that clock functions give a `Clock` and NULLIF a `Case`. Raises SignatureError when
    the arguments do not fit, KeyError when `lookup(name)` is None.
    """
    spec = _known(name)
    spec.check_count(len(args))
    if spec.resolve is None:
        raise cannot_apply(spec.name, args)
    return spec.resolve(args, span)


def resolve_aggregate(name: str, args: Args, distinct: bool = False, span: Span | None = None) -> Aggregate:
    """The typed aggregate; COUNT(*) has no argument. Raises SignatureError; KeyError for an unknown name.

    Whether COUNT(DISTINCT) is allowed depends on the dialect and is the caller's to decide.
    """
    spec = _known(name)
    result = _value_type(spec, args, ("aggregate",))
    if distinct and (not spec.takes_distinct or not args):
        raise SignatureError(ErrorCode.DISTINCT_AGG, f"{spec.name} does not take DISTINCT")
    return Aggregate(spec.name, aggregate_args(spec.name, args), result, distinct, span)


def analytic_type(name: str, args: Args) -> SqlType:
    """The type of an aggregate or analytic function called with OVER. Raises SignatureError; KeyError if unknown.

    `aggregate_args(name, args)` gives the arguments with the Casts the core expects.
    """
    return _value_type(_known(name), args, ("aggregate", "analytic"))


def _value_type(spec: FunctionSpec, args: Args, kinds: tuple[str, ...]) -> SqlType:
    spec.check_count(len(args))
    if spec.kind not in kinds or spec.result is None:
        raise cannot_apply(spec.name, args)
    check_literals(spec.name, args)
    result = spec.result(tuple(arg.type for arg in args))
    if result is None:
        raise cannot_apply(spec.name, args)
    return result


__all__ = [
    "Args",
    "FunctionSpec",
    "SignatureError",
    "aggregate_args",
    "analytic_type",
    "function_names",
    "lookup",
    "resolve",
    "resolve_aggregate",
    "resolve_case",
    "resolve_datetime_difference",
    "specs",
]
