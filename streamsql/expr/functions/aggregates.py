"""Aggregate and analytic functions: what they take and give (function reference §5). They are computed in the core."""

from __future__ import annotations

from streamsql.errors import ErrorCode
from streamsql.expr.coercion import average_type, can_assign, sum_type
from streamsql.expr.functions.spec import Args, FunctionSpec, SignatureError, Typing, cannot_apply, cast_to
from streamsql.expr.nodes import Literal
from streamsql.types import BIGINT, BOOLEAN, DOUBLE, SqlType

_MOMENTS = ("STDDEV_POP", "STDDEV_SAMP", "VAR_POP", "VAR_SAMP")


def _count(types: tuple[SqlType, ...]) -> SqlType | None:
    return BIGINT


def _sum(types: tuple[SqlType, ...]) -> SqlType | None:
    return sum_type(types[0])


def _average(types: tuple[SqlType, ...]) -> SqlType | None:
    return average_type(types[0])


def _extreme(types: tuple[SqlType, ...]) -> SqlType | None:
    (value,) = types
    return value if value.is_numeric or value.is_string or value.is_datetime else None


def _moment(types: tuple[SqlType, ...]) -> SqlType | None:
    return DOUBLE if types[0].is_numeric else None


def _boolean(types: tuple[SqlType, ...]) -> SqlType | None:
    return BOOLEAN if types[0] == BOOLEAN else None


def _first(types: tuple[SqlType, ...]) -> SqlType | None:
    return types[0]


def aggregate_args(name: str, args: Args) -> Args:
    """The arguments as the core takes them: variances are of DOUBLE, the default of LAG has the type of the value."""
    if name in _MOMENTS:
        return (cast_to(args[0], DOUBLE),)
    if name == "LAG" and len(args) == 3:
        if not can_assign(args[0].type, args[2].type):
            raise cannot_apply(name, args)
        return (args[0], args[1], cast_to(args[2], args[0].type))
    return args


def check_literals(name: str, args: Args) -> None:
    """The row number of NTH_VALUE and the offset of LAG are integer literals, at least 1 and 0."""
    least = {"NTH_VALUE": 1, "LAG": 0}.get(name)
    if least is None or len(args) < 2:
        return
    number = args[1].value if isinstance(args[1], Literal) and args[1].type.is_integer else None
    if number is None or number < least:
        raise SignatureError(ErrorCode.LITERAL, f"the second argument of {name} must be a literal from {least} up")


def _aggregate(
    name: str,
    typing: Typing,
    signature: str,
    doc: str,
    example: str,
    *,
    arity: tuple[int, int] = (1, 1),
    takes_distinct: bool = False,
) -> FunctionSpec:
    return FunctionSpec(
        name,
        "aggregate",
        arity,
        (signature,),
        doc,
        example,
        result=typing,
        nulls="custom",
        takes_distinct=takes_distinct,
    )


def _analytic(name: str, signature: str, doc: str, example: str, arity: tuple[int, int]) -> FunctionSpec:
    return FunctionSpec(name, "analytic", arity, (signature,), doc, example, result=_first, nulls="custom")


SPECS = (
    _aggregate(
        "COUNT",
        _count,
        "COUNT(*) | COUNT(value)",
        "The number of rows, or of rows where the value is not NULL; BIGINT, never NULL.",
        "COUNT(*)",
        arity=(0, 1),
        takes_distinct=True,
    ),
    _aggregate(
        "SUM",
        _sum,
        "SUM([DISTINCT] number)",
        "The sum: BIGINT for integers, DECIMAL(18, s) for DECIMAL, DOUBLE for REAL and DOUBLE; NULL without values.",
        "SUM(price)",
        takes_distinct=True,
    ),
    _aggregate(
        "AVG",
        _average,
        "AVG([DISTINCT] number)",
        "The mean, in the argument's own type for exact types (integers truncate) and DOUBLE for REAL and DOUBLE.",
        "AVG(price)",
        takes_distinct=True,
    ),
    _aggregate("MIN", _extreme, "MIN(value)", "The smallest value.", "MIN(price)", takes_distinct=True),
    _aggregate("MAX", _extreme, "MAX(value)", "The largest value.", "MAX(price)", takes_distinct=True),
    *(
        _aggregate(
            name,
            _moment,
            f"{name}([DISTINCT] number)",
            f"The {'standard deviation' if name.startswith('STD') else 'variance'} of the "
            f"{'population' if name.endswith('POP') else 'sample (NULL for a single value)'}, DOUBLE.",
            f"{name}(price)",
            takes_distinct=True,
        )
        for name in _MOMENTS
    ),
    _aggregate("ANY", _boolean, "ANY(boolean)", "TRUE if the condition is TRUE in some row, else FALSE.", "ANY(a > 1)"),
    _aggregate(
        "EVERY",
        _boolean,
        "EVERY(boolean)",
        "FALSE if the condition is FALSE in some row, else TRUE; NULL when it is never known.",
        "EVERY(a > 1)",
    ),
    _analytic(
        "FIRST_VALUE",
        "FIRST_VALUE(value) [IGNORE NULLS]",
        "The value of the first row of the frame.",
        "FIRST_VALUE(price) OVER w",
        (1, 1),
    ),
    _analytic(
        "LAST_VALUE",
        "LAST_VALUE(value) [IGNORE NULLS]",
        "The value of the last row of the frame.",
        "LAST_VALUE(price) OVER w",
        (1, 1),
    ),
    _analytic(
        "NTH_VALUE",
        "NTH_VALUE(value, n) [FROM FIRST | FROM LAST] [IGNORE NULLS]",
        "The value of the n-th row of the frame; NULL when it has fewer.",
        "NTH_VALUE(price, 2) OVER w",
        (2, 2),
    ),
    _analytic(
        "LAG",
        "LAG(value [, n [, default]]) [IGNORE NULLS]",
        "The value n rows (default 1) before the current row within the frame, else the default, else NULL.",
        "LAG(price, 2, 0) OVER w",
        (1, 3),
    ),
)
