"""Expressions against a naive reading of the rules in Python, and batches against their rows."""

import re
from decimal import ROUND_HALF_UP, Context, Decimal

import numpy as np
import pyarrow as pa
import pytest
from conftest import column, literal
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsql._core.batch import ChangeBatch
from streamsql.expr.compile import EvalContext, compile_expr, compile_predicate
from streamsql.expr.functions import SignatureError, function_names, lookup, resolve, specs
from streamsql.expr.kernels import names
from streamsql.expr.nodes import Call, Cast
from streamsql.expr.patterns import PatternError, like_regex, similar_regex
from streamsql.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    TIME,
    TIMESTAMP,
    TINYINT,
    IntervalUnit,
    TypeKind,
    char,
    decimal,
    interval,
    varchar,
)  # fmt: skip

EXACT = Context(prec=100)
FEW = settings(max_examples=60, deadline=None)


def evaluate(expr, *columns):
    arrays = tuple(pa.array(values, sql_type.arrow) for sql_type, values in columns)
    batch = ChangeBatch(pa.array(range(len(arrays[0])), pa.timestamp("us")), arrays)
    value = compile_expr(expr).eval(batch, EvalContext())
    codes = np.zeros(len(arrays[0]), int) if value.errors is None else value.errors.codes
    return [("error", int(c)) if c else v for v, c in zip(value.array.to_pylist(), codes, strict=True)]


def rounded(value: Decimal, scale: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, EXACT)


integers = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-10, 10))


@FEW
@given(st.lists(st.tuples(integers, integers), min_size=1, max_size=40), st.sampled_from("+-*/"), st.booleans())
def test_integer_arithmetic(pairs, operator, with_constant):
    lefts, rights = (list(side) for side in zip(*pairs, strict=True))
    x, y = column(0, BIGINT), column(1, BIGINT)
    if with_constant and rights[0] is not None:
        y = literal(rights[0], BIGINT)
        rights = [rights[0]] * len(lefts)

    def expected(a, b):
        if a is None or b is None:
            return None
        if operator == "/" and b == 0:
            return ("error", 1)
        if operator == "/":
            exact = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        else:
            exact = {"+": a + b, "-": a - b, "*": a * b}[operator]
        return exact if -(2**63) <= exact < 2**63 else ("error", 2)

    result = evaluate(resolve(operator, (x, y)), (BIGINT, lefts), (BIGINT, rights))
    assert result == [expected(a, b) for a, b in zip(lefts, rights, strict=True)]


@FEW
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=70),
    st.one_of(st.integers(1, 1000), st.integers(1, 2**63 - 1), st.integers(0, 62).map(lambda k: 2**k)),
)
def test_division_by_a_constant(values, divisor):
    x = column(0, BIGINT)
    remainders = evaluate(resolve("MOD", (x, literal(divisor, BIGINT))), (BIGINT, values))
    assert remainders == [abs(v) % divisor * (-1 if v < 0 else 1) for v in values]
    quotients = evaluate(resolve("/", (x, literal(divisor, BIGINT))), (BIGINT, values))
    assert quotients == [abs(v) // divisor * (-1 if v < 0 else 1) for v in values]
    stepped = evaluate(resolve("STEP", (x, literal(divisor, BIGINT))), (BIGINT, values))
    assert stepped == [abs(v) // divisor * divisor * (-1 if v < 0 else 1) for v in values]
    times = [v // 4 for v in values]
    size = min(divisor, 2**60)
    expr = resolve("STEP", (column(0, TIMESTAMP), literal(size, interval(IntervalUnit.SECOND))))
    array = pa.array(times, pa.int64()).view(pa.timestamp("ms"))
    batch = ChangeBatch(pa.array(range(len(times)), pa.timestamp("us")), (array,))
    assert compile_expr(expr).eval(batch, EvalContext()).array.view(pa.int64()).to_pylist() == [
        v // size * size for v in times
    ]


decimal_types = st.integers(1, 19).flatmap(lambda p: st.integers(0, p).map(lambda s: decimal(p, s)))


def decimals(sql_type):
    top = 10**sql_type.precision - 1
    return st.one_of(st.none(), st.integers(-top, top), st.integers(-min(top, 99), min(top, 99))).map(
        lambda v: None if v is None else Decimal(v).scaleb(-sql_type.scale, EXACT)
    )


@FEW
@given(st.data(), decimal_types, st.one_of(decimal_types, st.sampled_from([TINYINT, INTEGER, BIGINT])))
def test_decimal_arithmetic_and_comparison(data, left_type, right_type):
    if right_type.is_integer:
        half = 2 ** (right_type.arrow.bit_width - 1)
        right_values = st.one_of(st.none(), st.integers(-half, half - 1), st.integers(-9, 9))
    else:
        right_values = decimals(right_type)
    rows = data.draw(st.lists(st.tuples(decimals(left_type), right_values), min_size=1, max_size=20))
    lefts, rights = (list(side) for side in zip(*rows, strict=True))
    columns = ((left_type, lefts), (right_type, rights))
    x, y = column(0, left_type), column(1, right_type)
    if rights[0] is not None and data.draw(st.booleans()):
        y = literal(rights[0], right_type)
        columns = ((left_type, lefts), (right_type, [rights[0]] * len(lefts)))
        rights = [rights[0]] * len(lefts)
    for operator in "+-*/":
        expr = resolve(operator, (x, y))

        def expected(a, b, operator=operator, expr=expr):
            if a is None or b is None:
                return None
            if operator == "/" and b == 0:
                return ("error", 1)
            a, b = Decimal(a), Decimal(b)
            if operator == "/":
                exact = EXACT.divide(a, b)
            else:
                exact = {"+": EXACT.add, "-": EXACT.subtract, "*": EXACT.multiply}[operator](a, b)
            value = rounded(exact, expr.type.scale)
            return value if abs(value) < Decimal(10) ** (expr.type.precision - expr.type.scale) else ("error", 2)

        assert evaluate(expr, *columns) == [expected(a, b) for a, b in zip(lefts, rights, strict=True)]
    for operator, test in {"=": "__eq__", "<": "__lt__", ">=": "__ge__"}.items():
        result = evaluate(resolve(operator, (x, y)), *columns)
        assert result == [
            None if a is None or b is None else getattr(Decimal(a), test)(Decimal(b))
            for a, b in zip(lefts, rights, strict=True)
        ]


@FEW
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1), decimal_types)
def test_double_casts_are_exact(values, target):
    def to_decimal(v):
        if v is None:
            return None
        exact = Decimal(v)
        if abs(exact) >= Decimal(10) ** 30:
            return ("error", 2)
        value = rounded(exact, target.scale)
        return value if abs(value) < Decimal(10) ** (target.precision - target.scale) else ("error", 2)

    x = column(0, DOUBLE)
    assert evaluate(Cast(x, target), (DOUBLE, values)) == [to_decimal(v) for v in values]
    for lenient in (False, True):
        text = evaluate(Cast(x, varchar(40), lenient=lenient), (DOUBLE, values))
        assert [None if t is None else float(t) for t in text] == values
        assert evaluate(Cast(Cast(x, varchar(40), lenient=lenient), DOUBLE), (DOUBLE, values)) == values
    assert all(t is None or re.fullmatch(r"-?\d(\.\d*[1-9])?E-?\d+", t)
               for t in evaluate(Cast(x, varchar(40)), (DOUBLE, values)))  # fmt: skip


numbers_as_text = st.from_regex(r"\A ?[+-]?[0-9]{0,25}(\.[0-9]{0,25})?([eE][+-]?[0-9]{1,2})? ?\Z")


@FEW
@given(st.lists(numbers_as_text, min_size=1, max_size=20), decimal_types)
def test_text_to_numbers(texts, target):
    def number(text):
        body = text.strip(" ")
        return Decimal(body) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", body) else None

    def expected(text, precision, scale):
        value = number(text)
        if value is None:
            return ("error", 3)
        if value and value.adjusted() > 40:
            return ("error", 2)
        value = value or Decimal(0)
        value = value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, Context(prec=300))
        return value if abs(value) < Decimal(10) ** (precision - scale) else ("error", 2)

    x = column(0, varchar(100))
    result = evaluate(Cast(x, target), (varchar(100), texts))
    assert result == [expected(t, target.precision, target.scale) for t in texts]
    doubles = evaluate(Cast(x, DOUBLE), (varchar(100), texts))
    assert doubles == [("error", 3) if number(t) is None else float(number(t)) for t in texts]


words = st.text(alphabet="ab %_é\n", max_size=6)


def naive_like(text, pattern, escape):
    parts, i = [], 0
    while i < len(pattern):
        if pattern[i] == escape:
            parts.append(re.escape(pattern[i + 1]))
            i += 2
            continue
        parts.append({"%": ".*", "_": "."}.get(pattern[i], re.escape(pattern[i])))
        i += 1
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


@FEW
@given(st.lists(st.tuples(words, words), min_size=1, max_size=10))
def test_like(pairs):
    texts, patterns = (list(side) for side in zip(*pairs, strict=True))
    t = varchar(10)
    by_row = evaluate(resolve("LIKE", (column(0, t), column(1, t))), (t, texts), (t, patterns))
    assert by_row == [naive_like(a, p, None) for a, p in pairs]
    constant = evaluate(resolve("LIKE", (column(0, t), literal(patterns[0], t))), (t, texts))
    assert constant == [naive_like(a, patterns[0], None) for a in texts]


@FEW
@given(words, st.text(alphabet="ab", max_size=2), st.lists(words, min_size=1, max_size=10))
def test_like_with_escape(head, tail, texts):
    pattern = head.replace("%", "!%").replace("_", "!_") + "%" + tail
    t = varchar(20)
    expr = resolve("LIKE", (column(0, t), literal(pattern, t), literal("!", char(1))))
    texts = [*texts, head + tail]
    assert evaluate(expr, (t, texts)) == [naive_like(a, pattern, "!") for a in texts]


@pytest.mark.parametrize("pattern", ["a!", "!a", "a!b"])
def test_like_refuses_a_stray_escape(pattern):
    with pytest.raises(PatternError):
        like_regex(pattern, "!")
    with pytest.raises(SignatureError, match="literal"):
        resolve("LIKE", (column(0, varchar(3)), literal(pattern, char(3)), literal("!", char(1))))
    rows = evaluate(
        resolve("LIKE", (column(0, varchar(3)), column(1, varchar(3)), literal("!", char(1)))),
        (varchar(3), ["a", None]),
        (varchar(3), [pattern, pattern]),
    )
    assert rows == [("error", 5), None]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("amy|fred", ["amy", "fred"], ["amyfred", "am", ""]),
        ("", [""], ["123aXYZ"]),
        ("[a-e^c]+", ["abde"], ["abc", "c", ""]),
        ("[^a-c]_", ["dé", "é\n"], ["ab", "d"]),
        ("(ab)*c?", ["", "abab", "ababc"], ["aba", "cc"]),
        ("a{2}b{1,2}", ["aab", "aabb"], ["ab", "aabbb"]),
        ("[[:DIGIT:][:UPPER:]]+%", ["1A", "Zxyz"], ["a", ""]),
        ("[[:ALNUM:]-]*", ["a-1"], ["a b"]),
        ("[[:WHITESPACE:]]", [" ", "\t"], ["x", "  "]),
        ("a.b$", ["a.b$"], ["axb$", "a.b"]),
        ("a!%_", ["a%c"], ["abc"]),
    ],
)
def test_similar_to(pattern, yes, no):
    t = varchar(20)
    expr = resolve("SIMILAR TO", (column(0, t), literal(pattern, t), literal("!", char(1))))
    assert evaluate(expr, (t, [*yes, *no, None])) == [True] * len(yes) + [False] * len(no) + [None]


@pytest.mark.parametrize("pattern", ["[^(a-e)]", "(a", "a)", "[a", "*a", "a{2", "[b-a]", "[]", "[:FOO:]a[", "a{3,1}"])
def test_similar_to_refuses(pattern):
    with pytest.raises(PatternError):
        similar_regex(pattern)


@FEW
@given(
    st.lists(st.one_of(st.none(), st.integers(-(10**15), 10**15)), min_size=1),
    st.sampled_from(["YEAR", "MONTH", "DAY"]),
)
def test_calendar(values, unit):
    stamps = pa.array(values, pa.int64()).view(pa.timestamp("ms"))
    batch = ChangeBatch(pa.array(range(len(values)), pa.timestamp("us")), (stamps,))
    x, u = column(0, TIMESTAMP), literal(unit, varchar(5))

    def text(value):
        return None if value is None else str(np.datetime64(value, "ms"))

    def naive_floor(value):
        return None if value is None else np.datetime64(value, "ms").astype(f"datetime64[{unit[0]}]")

    floors = compile_expr(resolve("FLOOR_TO", (x, u))).eval(batch, EvalContext()).array.view(pa.int64()).to_pylist()
    assert [text(v) for v in floors] == [
        None if v is None else str(naive_floor(v).astype("datetime64[ms]")) for v in values
    ]
    ceils = compile_expr(resolve("CEIL_TO", (x, u))).eval(batch, EvalContext()).array.view(pa.int64()).to_pylist()
    for value, floor, ceil in zip(values, floors, ceils, strict=True):
        if value is not None:
            following = (naive_floor(value) + np.timedelta64(1, unit[0])).astype("datetime64[ms]").astype(int)
            assert ceil == (value if floor == value else following)
    years = compile_expr(resolve("EXTRACT", (u, x))).eval(batch, EvalContext()).array.to_pylist()
    position = {"YEAR": 0, "MONTH": 1, "DAY": 2}[unit]
    parts = [None if v is None else [int(p) for p in text(v).lstrip("-").partition("T")[0].split("-")] for v in values]
    signs = [-1 if v is not None and unit == "YEAR" and text(v).startswith("-") else 1 for v in values]
    assert years == [None if p is None else sign * p[position] for p, sign in zip(parts, signs, strict=True)]


def test_the_registry_is_whole():
    custom = {"AND", "OR", "NOT", "IN", "COALESCE", "NULLIF", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"}
    for spec in specs():
        assert all((spec.doc, spec.example, spec.signatures)), spec.name
        assert lookup(spec.name.lower()) is spec
        if spec.kind == "scalar":
            is_evaluator = spec.name in custom or spec.name.startswith(("IS ", "CURRENT_"))
            assert is_evaluator != (spec.name in names()), spec.name
    assert names() <= {spec.name for spec in specs()}
    assert "CEILING" in function_names()
    assert lookup("REGEX_REPLACE") is None


_VALUES: dict[TypeKind, list] = {
    TypeKind.BOOLEAN: [True, False, None, True],
    TypeKind.INTEGER: [3, -2, None, 0],
    TypeKind.BIGINT: [3, -(2**40), None, 0],
    TypeKind.DOUBLE: [1.5, -2.0, None, 0.0],
    TypeKind.VARCHAR: ["ab c", "", None, "ß%b"],
    TypeKind.TIMESTAMP: [0, 10**12 + 1, None, -5],
    TypeKind.DATE: [0, 20000, None, -5],
    TypeKind.TIME: [0, 80_000_000, None, 1],
    TypeKind.INTERVAL_DAY: [0, 90_061_001, None, -3_600_001],
    TypeKind.INTERVAL_YEAR: [0, 13, None, -25],
    TypeKind.DECIMAL: [Decimal("1.25"), Decimal("-3.50"), None, Decimal(0)],
}
_TYPES = [
    BOOLEAN, INTEGER, BIGINT, DOUBLE, varchar(8), TIMESTAMP, DATE, TIME,
    interval(IntervalUnit.DAY, IntervalUnit.SECOND), interval(IntervalUnit.YEAR, IntervalUnit.MONTH), decimal(8, 2),
]  # fmt: skip


def signatures():
    """Every scalar function with columns of one type or of two types that it accepts, and its grammar's literals."""
    for spec in specs():
        if spec.kind != "scalar" or spec.arity[0] == 0:
            continue
        leading = {
            "EXTRACT": [literal("HOUR", varchar(4))],
            "TRIM": [literal("LEADING", varchar(7))],
        }.get(spec.name, [])
        trailing = {
            "FLOOR_TO": [literal("HOUR", varchar(4))],
            "CEIL_TO": [literal("HOUR", varchar(4))],
            "STEP": [literal(7000, interval(IntervalUnit.SECOND))],
        }.get(spec.name, [])
        count = spec.arity[0] - len(leading) - len(trailing)
        for one in _TYPES:
            for other in _TYPES if count > 1 else [one]:
                types = [one, other, other, other][:count]
                args = (*leading, *(column(i, t) for i, t in enumerate(types)), *trailing)
                try:
                    yield spec, types, resolve(spec.name, args)
                except SignatureError:
                    continue


CASES = list(signatures())


@pytest.mark.parametrize(("spec", "types", "expr"), CASES, ids=[f"{s.name}({t})" for s, t, _ in CASES])
def test_batch_equals_row_by_row_and_nulls_propagate(spec, types, expr):
    rows = [[(i * 3 + j) % 4 for j in range(len(types))] for i in range(4)] + [[i] * len(types) for i in range(4)]
    arrays = []
    for j, sql_type in enumerate(types):
        values = [_VALUES[sql_type.kind][row[j]] for row in rows]
        if sql_type.is_datetime or sql_type.is_interval:
            storage = pa.int32() if sql_type.arrow.bit_width == 32 else pa.int64()
            arrays.append(pa.array(values, storage).view(sql_type.arrow))
        else:
            arrays.append(pa.array(values, sql_type.arrow))
    batch = ChangeBatch(pa.array(range(len(rows)), pa.timestamp("us")), tuple(arrays))
    evaluator = compile_expr(expr)

    def outcomes(part):
        value = evaluator.eval(part, EvalContext())
        assert value.array.type == expr.type.arrow
        assert value.array.validate(full=True) is None
        codes = [0] * part.num_rows if value.errors is None else value.errors.codes.tolist()
        shown = value.array if not pa.types.is_temporal(value.array.type) else value.array.view(
            pa.int32() if value.array.type.bit_width == 32 else pa.int64())  # fmt: skip
        return [("error", c) if c else v for v, c in zip(shown.to_pylist(), codes, strict=True)]

    whole = outcomes(batch)
    assert whole == [outcomes(batch.slice(i, 1))[0] for i in range(len(rows))]
    assert whole[3:] == outcomes(batch.slice(3, 5))
    if spec.nulls == "propagate":
        for row, outcome in zip(rows, whole, strict=True):
            if any(_VALUES[t.kind][k] is None for k, t in zip(row, types, strict=True)):
                assert outcome is None
    if expr.type == BOOLEAN:
        picked = compile_predicate(expr).eval(batch, EvalContext()).rows.to_pylist()
        assert picked == [i for i, outcome in enumerate(whole) if outcome is True]


def test_calls_of_unknown_functions_do_not_compile():
    with pytest.raises(KeyError):
        compile_expr(Call("NO SUCH", (column(0, INTEGER),), INTEGER))
