"""Comparison, LIKE, SIMILAR TO and the period predicates on columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsql._core.elementwise import Elementwise
from streamsql._core.text import PaddedComparison
from streamsql.errors import RowError
from streamsql.expr.coercion import digits_and_scale
from streamsql.expr.kernels.interface import Bind, Codes, Constants, Kernel, Result, layout, raw
from streamsql.expr.kernels.numbers import constant_side, exact_operands, with_casts
from streamsql.expr.nodes import Call
from streamsql.expr.patterns import PatternError, like_parts, like_regex, similar_regex
from streamsql.types import BOOLEAN

_LOOPS = {"=": "eq", "<>": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_BOOLEAN: dict[str, Callable[..., pa.Array]] = {
    "=": pc.equal,
    "<>": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def bind_comparison(call: Call, constants: Constants) -> Kernel:
    """`= <> < <= > >=`: strings as if padded with blanks, exact numbers of any scale exactly."""
    left, right = (arg.type for arg in call.args)
    name = _LOOPS[call.function]
    if left.is_string or left.is_binary:
        return PaddedComparison(
            name, 0x20 if left.is_string else 0, *(None if c is None else _encoded(c.value) for c in constants)
        )
    if left.is_decimal or right.is_decimal:
        (_, s1), (_, s2) = digits_and_scale(left), digits_and_scale(right)
        scale = max(s1, s2)
        layouts, constants, casts = exact_operands(call, constants)
        loop = Elementwise(
            f"{name}_{layouts[0]}_{layouts[1]}",
            pa.bool_(),
            factor_a=10 ** (scale - s1),
            factor_b=10 ** (scale - s2),
            **constant_side(constants, layouts),
        )
        return with_casts(loop, casts)
    if left == BOOLEAN:
        return _bind_booleans(call.function, constants)
    kind = layout(left)
    return Elementwise(f"{name}_{kind}", pa.bool_(), **constant_side(constants, (kind, kind)))


def _encoded(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _bind_booleans(function: str, constants: Constants) -> Kernel:
    compare = _BOOLEAN[function]
    left, right = (None if c is None else pa.scalar(c.value, pa.bool_()) for c in constants)

    def kernel(*arrays: pa.Array) -> Result:
        columns = iter(arrays)
        return compare(next(columns) if left is None else left, next(columns) if right is None else right), None

    return kernel


def bind_pattern(call: Call, constants: Constants) -> Kernel:
    """LIKE and SIMILAR TO. A constant pattern is translated once, others once per distinct pattern of a batch."""
    pattern, escape = constants[1], constants[2] if len(constants) > 2 else None
    value = constants[0]
    is_like = call.function == "LIKE"
    if pattern is not None and (escape is not None or len(call.args) == 2):
        escape_text = None if escape is None else escape.value
        try:
            if is_like:
                matcher = _like_matcher(pattern.value, escape_text)
            else:
                matcher = _regex(similar_regex, pattern.value, escape_text)
        except PatternError:
            return _always_fails
        return lambda array: (matcher(array), None)

    def kernel(*arrays: pa.Array) -> Result:
        columns = iter(arrays)
        n = len(arrays[0])
        parts = [
            next(columns) if constant is None else pa.repeat(pa.scalar(constant.value, pa.string()), n)
            for constant in (value, pattern, *([escape] if len(call.args) > 2 else []))
        ]
        return _match_distinct(parts, is_like)

    return kernel


def _always_fails(array: pa.Array) -> Result:
    codes = np.where(array.is_valid().to_numpy(zero_copy_only=False), RowError.INVALID_PATTERN, 0).astype(np.uint8)
    return pa.nulls(len(array), pa.bool_()), codes if codes.any() else None


def _regex(
    translate: Callable[[str, str | None], str], pattern: str, escape: str | None
) -> Callable[[pa.Array], pa.Array]:
    expression = translate(pattern, escape)
    return lambda array: pc.match_substring_regex(array, expression)


def _like_matcher(pattern: str, escape: str | None) -> Callable[[pa.Array], pa.Array]:
    """The cheapest kernel for the pattern: most are one text with `%` before, after or on both sides."""
    match like_parts(pattern, escape):
        case [str(text), None] if text:
            return lambda array: pc.starts_with(array, text)
        case [None, str(text)] if text:
            return lambda array: pc.ends_with(array, text)
        case [None, str(text), None] if text:
            return lambda array: pc.match_substring(array, text)
        case [str(text)] if text:
            return lambda array: pc.equal(array, pa.scalar(text, pa.string()))
        case [None]:
            return lambda array: pc.if_else(pc.is_valid(array), True, None)
        case _:
            return _regex(like_regex, pattern, escape)


def _match_distinct(parts: list[pa.Array], is_like: bool) -> Result:
    """Rows matched pattern by pattern: one pass over the strings per distinct pattern of the batch."""
    value, *rest = parts
    n = len(value)
    keys = rest[0] if len(rest) == 1 else pc.binary_join_element_wise(rest[1], rest[0], "\x00")
    codes_of_pattern = keys.dictionary_encode()
    rows = pc.fill_null(codes_of_pattern.indices, -1).to_numpy(zero_copy_only=False)
    is_valid = value.is_valid().to_numpy(zero_copy_only=False) & (rows >= 0)
    matches = np.zeros(n, dtype=bool)
    codes = np.zeros(n, dtype=np.uint8)
    for index, key in enumerate(codes_of_pattern.dictionary.to_pylist()):
        chosen = np.flatnonzero(is_valid & (rows == index))
        escape, _, pattern = key.partition("\x00") if len(rest) > 1 else (None, "", key)
        try:
            expression = (like_regex if is_like else similar_regex)(pattern, escape)
        except PatternError:
            codes[chosen] = RowError.INVALID_PATTERN
            continue
        if len(chosen):
            found = pc.match_substring_regex(value.take(pa.array(chosen)), expression)
            matches[chosen] = found.to_numpy(zero_copy_only=False)
    result = pa.array(matches, mask=~is_valid)
    failed: Codes = codes if codes.any() else None
    return result, failed


#: Each predicate as an AND of comparisons of s1, e1, s2, e2; an OR of such for LEADS and LAGS.
_Terms = tuple[tuple[str, str, str], ...]
_PERIODS: dict[str, tuple[_Terms, ...]] = {
    "EQUALS": ((("s1", "=", "s2"), ("e1", "=", "e2")),),
    "CONTAINS": ((("s1", "<=", "s2"), ("e2", "<=", "e1")),),
    "STRICTLY CONTAINS": ((("s1", "<", "s2"), ("e2", "<", "e1")),),
    "OVERLAPS": ((("s1", "<", "e2"), ("s2", "<", "e1")),),
    "STRICTLY OVERLAPS": ((("s1", "<", "e2"), ("s2", "<", "e1"), ("s1", "<>", "s2"), ("e1", "<>", "e2")),),
    "PRECEDES": ((("e1", "<=", "s2"),),),
    "IMMEDIATELY PRECEDES": ((("e1", "=", "s2"),),),
    "STRICTLY PRECEDES": ((("e1", "<", "s2"),),),
    "SUCCEEDS": ((("e2", "<=", "s1"),),),
    "IMMEDIATELY SUCCEEDS": ((("e2", "=", "s1"),),),
    "STRICTLY SUCCEEDS": ((("e2", "<", "s1"),),),
    "STRICTLY LEADS": ((("s1", "<", "s2"), ("s2", "<", "e1"), ("e1", "<", "e2")),),
    "IMMEDIATELY LEADS": ((("s1", "<", "s2"), ("e1", "=", "e2")),),
    "STRICTLY LAGS": ((("s2", "<", "s1"), ("s1", "<", "e2"), ("e2", "<", "e1")),),
    "IMMEDIATELY LAGS": ((("s1", "=", "s2"), ("e2", "<", "e1")),),
}
_PERIODS["LEADS"] = _PERIODS["STRICTLY LEADS"] + _PERIODS["IMMEDIATELY LEADS"]
_PERIODS["LAGS"] = _PERIODS["STRICTLY LAGS"] + _PERIODS["IMMEDIATELY LAGS"]
_INSTANT: dict[str, tuple[_Terms, ...]] = {
    "CONTAINS": ((("s1", "<=", "s2"), ("s2", "<", "e1")),),
    "STRICTLY CONTAINS": ((("s1", "<", "s2"), ("s2", "<", "e1")),),
}


def bind_period(call: Call, constants: Constants) -> Kernel:
    """A period predicate: NULL when any operand is NULL, whatever the others are."""
    predicate = call.function.removeprefix("PERIOD ")
    alternatives = _INSTANT[predicate] if len(call.args) == 3 else _PERIODS[predicate]
    names = ("s1", "e1", "s2", "e2")[: len(call.args)]
    scalars = [None if c is None else pa.scalar(raw(c), pa.timestamp("ms")) for c in constants]

    def kernel(*arrays: pa.Array) -> Result:
        columns = iter(arrays)
        operands = {
            name: next(columns) if scalar is None else scalar for name, scalar in zip(names, scalars, strict=True)
        }
        result = None
        for terms in alternatives:
            both = None
            for left, operator, right in terms:
                one = _BOOLEAN[operator](operands[left], operands[right])
                both = one if both is None else pc.and_(both, one)
            result = both if result is None else pc.or_(result, both)
        for operand in operands.values():
            result = pc.if_else(pc.is_valid(operand), result, pa.scalar(None, pa.bool_()))
        return result, None

    return kernel


BINDS: dict[str, Bind] = {
    **dict.fromkeys(_LOOPS, bind_comparison),
    "LIKE": bind_pattern,
    "SIMILAR TO": bind_pattern,
    **{f"PERIOD {predicate}": bind_period for predicate in _PERIODS},
}
