"""What SQL wants where the kernels of the libraries differ, rule by rule (language reference §4 and §5)."""

import pytest
from conftest import column, literal

from streamsql.errors import ErrorCode, RowError
from streamsql.expr.compile import EvalContext, compile_predicate
from streamsql.expr.functions import SignatureError, resolve, resolve_case
from streamsql.expr.nodes import Call, Cast, NotNull
from streamsql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    NULL,
    REAL,
    SMALLINT,
    TIME,
    TIMESTAMP,
    TINYINT,
    IntervalUnit,
    binary,
    char,
    decimal,
    interval,
    varchar,
)  # fmt: skip

BOOLEANS = (BOOLEAN, [True, True, True, False, False, False, None, None, None])
OTHERS = (BOOLEAN, [True, False, None] * 3)
A, B = column(0, BOOLEAN), column(1, BOOLEAN)


def test_and_or_are_three_valued(run):
    conjunction = [True, False, None, False, False, False, None, False, None]
    disjunction = [True, True, True, True, False, None, True, None, None]
    assert run(resolve("AND", (A, B)), BOOLEANS, OTHERS)[0] == conjunction
    assert run(resolve("OR", (A, B)), BOOLEANS, OTHERS)[0] == disjunction
    assert run(resolve("NOT", (A,)), (BOOLEAN, [True, False, None]))[0] == [False, True, None]


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("IS TRUE", [True, False, False]),
        ("IS NOT TRUE", [False, True, True]),
        ("IS FALSE", [False, True, False]),
        ("IS NOT FALSE", [True, False, True]),
        ("IS UNKNOWN", [False, False, True]),
        ("IS NOT UNKNOWN", [True, True, False]),
        ("IS NULL", [False, False, True]),
        ("IS NOT NULL", [True, True, False]),
    ],
)
def test_is_forms_are_never_unknown(run, form, expected):
    assert run(resolve(form, (A,)), (BOOLEAN, [True, False, None]))[0] == expected


def test_distinct_from_treats_null_as_a_value(run):
    left, right = (INTEGER, [1, 1, None, None]), (INTEGER, [1, 2, 1, None])
    args = (column(0, INTEGER), column(1, INTEGER))
    assert run(resolve("IS DISTINCT FROM", args), left, right)[0] == [False, True, True, False]
    assert run(resolve("IS NOT DISTINCT FROM", args), left, right)[0] == [True, False, False, True]


@pytest.mark.parametrize("elements", [2, 6])
def test_in_with_a_null_element_never_says_false(run, elements):
    listed = (*(literal(v, INTEGER) for v in range(elements - 1)), literal(None, NULL))
    test = resolve("IN", (column(0, INTEGER), *listed))
    assert run(test, (INTEGER, [0, 99, None]))[0] == [True, None, None]
    assert run(resolve("NOT", (test,)), (INTEGER, [0, 99, None]))[0] == [False, None, None]


def test_case_takes_else_when_the_condition_is_null(run):
    case = resolve_case([(A, literal(1, INTEGER))], literal(2, INTEGER))
    assert run(case, (BOOLEAN, [True, False, None]))[0] == [1, 2, 2]
    two = resolve_case([(A, literal(1, INTEGER)), (B, literal(3, INTEGER))], None)
    assert run(two, BOOLEANS, OTHERS)[0] == [1, 1, 1, 3, None, None, 3, None, None]


def test_case_pads_char_branches(run):
    case = resolve_case([(A, literal("HIGH", char(4)))], literal("LOW", char(3)))
    assert case.type == char(4)
    assert run(case, (BOOLEAN, [True, False]))[0] == ["HIGH", "LOW "]
    varying = resolve_case([(A, literal("HIGH", varchar(4)))], literal("LOW", varchar(3)))
    assert run(varying, (BOOLEAN, [True, False]))[0] == ["HIGH", "LOW"]


@pytest.mark.parametrize("sql_type", [TINYINT, SMALLINT, INTEGER, BIGINT])
def test_integers_overflow_as_row_errors_and_never_wrap(run, sql_type):
    top = 2 ** (sql_type.arrow.bit_width - 1) - 1
    x, y = column(0, sql_type), column(1, sql_type)
    values = ((sql_type, [top, -top - 1, 5, None]), (sql_type, [1, -1, 2, top]))
    over = RowError.NUMERIC_OVERFLOW
    assert run(resolve("+", (x, y)), *values) == ([None, None, 7, None], [over, over, 0, 0])
    assert run(resolve("-", (x, y)), *values)[0] == [top - 1, -top, 3, None]
    assert run(resolve("*", (x, y)), *values) == ([top, None, 10, None], [0, over, 0, 0])
    assert run(resolve("/", (x, y)), *values) == ([top, None, 2, None], [0, over, 0, 0])
    assert run(resolve("NEGATE", (x,)), values[0]) == ([-top, None, -5, None], [0, over, 0, 0])
    assert run(resolve("ABS", (x,)), values[0]) == ([top, None, 5, None], [0, over, 0, 0])


@pytest.mark.parametrize("sql_type", [TINYINT, INTEGER, BIGINT, REAL, DOUBLE, decimal(10, 2)])
@pytest.mark.parametrize("shape", ["columns", "constant divisor", "constants"])
def test_division_by_zero_fails_the_row_for_every_type(run, sql_type, shape):
    zero = sql_type.arrow.bit_width and (0.0 if sql_type.is_approximate else 0)
    x, y = column(0, sql_type), column(1, sql_type)
    from decimal import Decimal

    def make(v):
        return Decimal(v) if sql_type.is_decimal else type(zero)(v)

    if shape == "constants":
        expr = Call("/", (literal(make(1), sql_type), literal(make(0), sql_type)), resolve("/", (x, y)).type)
        assert run(expr, rows=2)[1] == [RowError.DIVISION_BY_ZERO] * 2
    elif shape == "constant divisor":
        assert run(resolve("/", (x, literal(make(0), sql_type))), (sql_type, [make(1), None]))[1] == [1, 0]
    else:
        columns = ((sql_type, [make(4), make(1), None]), (sql_type, [make(2), make(0), make(0)]))
        values, codes = run(resolve("/", (x, y)), *columns)
        assert codes == [0, RowError.DIVISION_BY_ZERO, 0]
        assert values[0] == 2


def test_doubles_never_become_infinite(run):
    x = column(0, DOUBLE)
    assert run(resolve("*", (x, x)), (DOUBLE, [1e200, 2.0]))[1] == [RowError.NUMERIC_OVERFLOW, 0]
    assert run(resolve("EXP", (x,)), (DOUBLE, [1000.0, 0.0])) == ([None, 1.0], [RowError.NUMERIC_OVERFLOW, 0])
    assert run(resolve("LN", (x,)), (DOUBLE, [0.0, -1.0, 1.0]))[1] == [RowError.INVALID_ARGUMENT] * 2 + [0]
    power = resolve("POWER", (x, column(1, DOUBLE)))
    assert run(power, (DOUBLE, [0.0, -2.0, 4.0]), (DOUBLE, [-1.0, 0.5, -2.0])) == ([None, None, 0.0625], [11, 11, 0])


def test_and_or_suppress_errors_the_other_side_decides(run):
    failing = resolve(">", (resolve("/", (literal(1, INTEGER), column(0, INTEGER))), literal(0, INTEGER)))
    flag = column(1, BOOLEAN)
    data = (INTEGER, [0, 0, 0]), (BOOLEAN, [True, False, None])
    for order in ((failing, flag), (flag, failing)):
        assert run(resolve("AND", order), *data) == ([None, False, None], [1, 0, 1])
        assert run(resolve("OR", order), *data) == ([True, None, None], [0, 1, 1])


def test_case_and_coalesce_shield_what_is_not_reached(run):
    x = column(0, INTEGER)
    inverse = resolve("/", (literal(6, INTEGER), x))
    guarded = resolve_case([(resolve("=", (x, literal(0, INTEGER))), literal(-1, INTEGER))], inverse)
    assert run(guarded, (INTEGER, [0, 2, None])) == ([-1, 3, None], [0, 0, 0])
    coalesced = resolve("COALESCE", (column(1, INTEGER), inverse))
    assert run(coalesced, (INTEGER, [0, 0, 3]), (INTEGER, [7, None, None])) == ([7, None, 2], [0, 1, 0])
    in_condition = resolve_case([(resolve("=", (inverse, literal(3, INTEGER))), literal(1, INTEGER))], inverse)
    assert run(in_condition, (INTEGER, [0, 2])) == ([None, 1], [1, 0])


def test_the_first_failing_operand_gives_the_message(run):
    x = column(0, INTEGER)
    nested = resolve("+", (resolve("/", (literal(1, INTEGER), x)), resolve("+", (x, literal(2**31 - 1, INTEGER)))))
    assert run(nested, (INTEGER, [0, 1]))[1] == [RowError.DIVISION_BY_ZERO, RowError.NUMERIC_OVERFLOW]


def test_a_failing_constant_compiles_and_fails_per_row(run):
    failing = resolve("/", (literal(1, INTEGER), literal(0, INTEGER)))
    assert run(failing, rows=2)[1] == [1, 1]
    assert run(resolve_case([(A, failing)], literal(2, INTEGER)), (BOOLEAN, [True, False])) == ([None, 2], [1, 0])
    assert run(Cast(literal("x", char(1)), INTEGER), rows=1)[1] == [RowError.INVALID_CAST]


def test_comparison_pads_with_blanks(run):
    x, y = column(0, varchar(5)), column(1, varchar(5))
    data = (varchar(5), ["a", "a  ", "a", "b", "é", None]), (varchar(5), ["a ", "a", "a\x01", "a", "z", "a"])
    assert run(resolve("=", (x, y)), *data)[0] == [True, True, False, False, False, None]
    assert run(resolve("<", (x, y)), *data)[0] == [False, False, False, False, False, None]
    assert run(resolve(">", (x, y)), *data)[0] == [False, False, True, True, True, None]
    for constant in ("a", "a   "):
        assert run(resolve("=", (x, literal(constant, char(4)))), data[0])[0] == [True, True, True, False, False, None]
        assert run(resolve("<>", (literal(constant, char(4)), x)), data[0])[0] == [False] * 3 + [True, True, None]
        many = tuple(literal(c, char(1)) for c in (constant, "q", "r", "s"))
        assert run(resolve("IN", (x, *many)), data[0])[0] == [True, True, True, False, False, None]


def test_exact_numbers_of_any_scale_compare_exactly(run):
    from decimal import Decimal

    big = column(0, BIGINT)
    nearly = literal(Decimal("9007199254740993.5"), decimal(17, 1))
    assert run(resolve("<", (big, nearly)), (BIGINT, [2**53 + 1, 2**53 + 2]))[0] == [True, False]
    assert run(resolve("=", (literal(1, INTEGER), literal(Decimal("1.0"), decimal(2, 1)))), rows=1)[0] == [True]


def test_not_null(run):
    checked = NotNull(column(0, INTEGER), "C", INTEGER)
    assert run(checked, (INTEGER, [1, None])) == ([1, None], [0, RowError.NOT_NULL_VIOLATION])


def test_predicates_pick_true_rows_only():
    import pyarrow as pa

    from streamsql._core.batch import ChangeBatch

    failing = resolve(">", (resolve("/", (literal(6, INTEGER), column(0, INTEGER))), literal(2, INTEGER)))
    values = [0, 1, 2, 3, None, *range(1, 200)]
    batch = ChangeBatch(pa.array(range(len(values)), pa.timestamp("us")), (pa.array(values, pa.int32()),))
    rows, errors = compile_predicate(failing).eval(batch, EvalContext())
    assert rows.to_pylist() == [i for i, v in enumerate(values) if v and 6 // v > 2]
    assert errors.codes.nonzero()[0].tolist() == [0]
    sliced = batch.slice(3, 60)
    assert compile_predicate(failing).eval(sliced, EvalContext()).rows.to_pylist() == [2, 3]


def test_clock_functions_read_the_context(run):
    def text(name):
        return run(Cast(resolve(name, ()), varchar(30)), rows=2)[0]

    assert text("CURRENT_DATE") == ["2020-09-13"] * 2
    assert text("CURRENT_TIME") == ["12:26:40.123"] * 2
    assert text("CURRENT_TIMESTAMP") == ["2020-09-13 12:26:40.123"] * 2
    assert text("CURRENT_ROW_TIMESTAMP") == ["2020-09-13 12:26:41.123"] * 2


DAY_TO_SECOND = interval(IntervalUnit.DAY, IntervalUnit.SECOND)


def test_datetime_and_interval_arithmetic(run):
    hour = literal(3_600_000, interval(IntervalUnit.HOUR))
    day = literal(86_400_000, interval(IntervalUnit.DAY))
    assert run(Cast(resolve("+", (literal(82_800_000, TIME), resolve("*", (hour, literal(2, INTEGER))))), varchar(20)))[
        0
    ] == ["01:00:00"]
    assert run(Cast(resolve("-", (literal(0, TIME), hour)), varchar(20)))[0] == ["23:00:00"]
    assert run(Cast(resolve("+", (literal(0, DATE), hour)), varchar(20)))[0] == ["1970-01-01"]
    assert run(Cast(resolve("-", (literal(0, DATE), hour)), varchar(20)))[0] == ["1969-12-31"]
    assert run(Cast(resolve("+", (day, literal(0, TIMESTAMP))), varchar(20)))[0] == ["1970-01-02 00:00:00"]
    spanning = resolve("+", (day, hour))
    assert spanning.type == interval(IntervalUnit.DAY, IntervalUnit.HOUR)
    assert run(Cast(resolve("-", (day, literal(97_200_000, spanning.type))), varchar(20)))[0] == ["-0 03"]


@pytest.mark.parametrize(
    ("name", "args"),
    [
        (">", (column(0, DOUBLE), literal("a", char(1)))),
        ("+", (column(0, DATE), literal(1, INTEGER))),
        ("-", (column(0, DATE), column(1, DATE))),
        ("+", (column(0, TIMESTAMP), literal(1, interval(IntervalUnit.MONTH)))),
        ("/", (literal(1, DAY_TO_SECOND), literal(1, DAY_TO_SECOND))),
        ("MOD", (column(0, DOUBLE), literal(1, INTEGER))),
        ("||", (column(0, varchar(1)), literal(b"a", binary(1)))),
        ("EXTRACT", (literal("YEAR", varchar(4)), column(0, TIME))),
        ("AND", (column(0, INTEGER), column(1, BOOLEAN))),
    ],
)
def test_wrong_types_are_refused(name, args):
    with pytest.raises(SignatureError, match="cannot apply") as caught:
        resolve(name, args)
    assert caught.value.error_code is ErrorCode.TYPES
