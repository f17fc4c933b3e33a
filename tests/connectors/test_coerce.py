"""Arrow data of any type into declared columns: what fits, what is cut, what becomes a bad record, and at what cost."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from streamsql._core.ingest import BatchChecks, all_finite, longest_bytes
from streamsql.connectors.base import SourceBatch
from streamsql.connectors.coerce import coerce_batch, infer_schema
from streamsql.errors import ConnectorError, RowError
from streamsql.schema import Column, Schema
from streamsql.types import BIGINT, DOUBLE, INTEGER, TIMESTAMP, parse_type, varchar

NAN = float("nan")
UTC = datetime.UTC


def coerce(array: pa.Array, sql_type: str, nullable: bool = True) -> SourceBatch:
    schema = Schema((Column("X", parse_type(sql_type), nullable),))
    batch = pa.record_batch({"X": array})
    return coerce_batch(batch, schema, columns=None, rowtime=None, position=lambda row: f"row {row}")


FITS = [
    (pa.array([1, -128, 127, None]), "TINYINT", [1, -128, 127, None]),
    (pa.array([5, None], pa.uint8()), "BIGINT", [5, None]),
    (pa.array([2**63], pa.uint64()), "DECIMAL(19,0)", [Decimal(2**63)]),
    (pa.array([1.0, -3.0, None]), "BIGINT", [1, -3, None]),
    (pa.array([1, 2**60 + 1]), "DOUBLE", [1.0, float(2**60)]),
    (pa.array([1.5, None], pa.float16()), "DOUBLE", [1.5, None]),
    (pa.array([Decimal("2.00")]), "INTEGER", [2]),
    (pa.array([Decimal("1.555")], pa.decimal256(50, 3)), "DECIMAL(5,2)", [Decimal("1.56")]),
    (pa.array([Decimal("-1.555")], pa.decimal256(50, 3)), "DECIMAL(5,2)", [Decimal("-1.56")]),
    (pa.array([1.555, -1.555, 7.0]), "DECIMAL(5,2)", [Decimal("1.56"), Decimal("-1.56"), Decimal("7.00")]),
    (pa.array([7]), "DECIMAL(5,2)", [Decimal("7.00")]),
    (pa.array([True, False, None]), "INTEGER", [1, 0, None]),
    (pa.array([True, False, None]), "DOUBLE", [1.0, 0.0, None]),
    (pa.array([True, None]), "DECIMAL(5,2)", [Decimal("1.00"), None]),
    (pa.array([True, False, None]), "VARCHAR(4)", ["true", "fals", None]),
    (pa.array([True, False, None]), "VARBINARY(4)", [b"\1", b"\0", None]),
    (pa.array([True, False]), "BINARY(3)", [b"\0\0\1", b"\0\0\0"]),
    (pa.array(["1", " +2 ", "1e2", "007", None]), "INTEGER", [1, 2, 100, 7, None]),
    (pa.array(["1.5", " +2", "-1e2", None]), "DOUBLE", [1.5, 2.0, -100.0, None]),
    (pa.array(["1.555", "1e-30", None]), "DECIMAL(5,2)", [Decimal("1.56"), Decimal("0.00"), None]),
    (pa.array([" +2", "99999999e-6"]), "DECIMAL(5,2)", [Decimal("2.00"), Decimal("100.00")]),
    (pa.array(["true", "TRUE", "yes", "1", None]), "BOOLEAN", [True, True, False, False, None]),
    (pa.array([0, 2, None]), "BOOLEAN", [False, True, None]),
    (pa.array([0.0, 0.5]), "BOOLEAN", [False, True]),
    (pa.array(["äöü", "ab", None]), "VARCHAR(2)", ["äö", "ab", None]),
    (pa.array(["äöü", "a", None]), "CHAR(2)", ["äö", "a ", None]),
    (pa.array(["abc"], pa.large_string()), "VARCHAR(2)", ["ab"]),
    (pa.array(["abc"], pa.string_view()), "VARCHAR(8)", ["abc"]),
    (pa.array(["abc", None, "abc"]).dictionary_encode(), "VARCHAR(8)", ["abc", None, "abc"]),
    (pa.array([3, None, 3]).dictionary_encode(), "SMALLINT", [3, None, 3]),
    (pa.array([12, None]), "VARCHAR(8)", ["12", None]),
    (pa.array([[1, 2], None]), "VARCHAR(20)", ["[1,2]", None]),
    (pa.array([{"a": "ü"}]), "VARCHAR(20)", ['{"a":"ü"}']),
    (pa.array([b"abc", None]), "VARBINARY(2)", [b"ab", None]),
    (pa.array([b"a", None], pa.large_binary()), "BINARY(3)", [b"a\0\0", None]),
    (pa.array(["X'0aFF'", "x''", None]), "VARBINARY(8)", [b"\x0a\xff", b"", None]),
    (pa.array([-1, 1_999_999], pa.timestamp("ns")), "TIMESTAMP", [-1, 1]),
    (pa.array([-1, -1000, 1999], pa.timestamp("us", "Europe/Paris")), "TIMESTAMP", [-1, -1, 1]),
    (pa.array([2], pa.timestamp("s")), "TIMESTAMP", [2000]),
    (pa.array([1], pa.date32()), "TIMESTAMP", [86_400_000]),
    (
        pa.array(["1970-01-02", "1970-01-01 00:00:01.5", "1970-01-01T00:00:01Z", "1970-01-01T02:00:00+02:00"]),
        "TIMESTAMP",
        [86_400_000, 1500, 1000, 0],
    ),
    (pa.array(["1992-02-14", "1992-02-14 18:35:44.0"]), "DATE", [datetime.date(1992, 2, 14)] * 2),
    (pa.array([-1], pa.timestamp("us")), "DATE", [datetime.date(1969, 12, 31)]),
    (pa.array([86_400_000], pa.date64()), "DATE", [datetime.date(1970, 1, 2)]),
    (pa.array(["12:00:00.5", " 1:02:03"]), "TIME", [datetime.time(12, 0, 0, 500_000), datetime.time(1, 2, 3)]),
    (pa.array([1999], pa.time64("us")), "TIME", [datetime.time(0, 0, 0, 1000)]),
    (pa.nulls(2), "DECIMAL(5,2)", [None, None]),
]


@pytest.mark.parametrize(("array", "sql_type", "expected"), FITS, ids=lambda v: v if isinstance(v, str) else None)
def test_fits(array: pa.Array, sql_type: str, expected: list[object]) -> None:
    result = coerce(array, sql_type)
    assert result.bad == ()
    column = result.rows["X"]
    assert column.type == parse_type(sql_type).arrow
    values = column.view(pa.int64()) if sql_type == "TIMESTAMP" else column
    assert values.to_pylist() == expected
    column.validate(full=True)


DOES_NOT_FIT = [
    (pa.array([128, -129]), "TINYINT"),
    (pa.array([2**63], pa.uint64()), "BIGINT"),
    (pa.array([2.5, NAN, float("inf"), 2.0**63, -1e19]), "BIGINT"),
    (pa.array([Decimal("2.5")]), "INTEGER"),
    (pa.array([1000, -1000]), "DECIMAL(5,2)"),
    (pa.array([999.995, NAN, 1e300]), "DECIMAL(5,2)"),
    (pa.array([NAN, float("-inf")]), "DOUBLE"),
    (pa.array([NAN, 1e39]), "REAL"),
    (pa.array([NAN]), "BOOLEAN"),
    (pa.array([NAN]), "VARCHAR(9)"),
    (pa.array(["", "0x10", "1.5", "x", "1 2", "99999999999", "1e400"]), "INTEGER"),
    (pa.array(["", "nan", "inf", "1e400", "1,5"]), "DOUBLE"),
    (pa.array(["", "nan", "1000"]), "DECIMAL(5,2)"),
    (pa.array(["0A", "X'0'", ""]), "VARBINARY(4)"),
    (pa.array([b"\xff"]), "VARCHAR(4)"),
    (pa.array([1, 0]), "VARBINARY(4)"),
    (pa.array([1, 0]), "TIMESTAMP"),
    (pa.array([1.5]), "DATE"),
    (pa.array([True]), "TIME"),
    (pa.array([1], pa.timestamp("ms")), "BIGINT"),
    (pa.array([[1]]), "INTEGER"),
    (pa.array(["x", "2020-13-01", "2020-01-01 25:00:00"]), "TIMESTAMP"),
    (pa.array(["24:00:00", "12:60:00", "noon"]), "TIME"),
    (pa.array([1], pa.duration("s")), "VARCHAR(9)"),
    (pa.array([10**17], pa.timestamp("s")), "TIMESTAMP"),
]


@pytest.mark.parametrize(("array", "sql_type"), DOES_NOT_FIT, ids=lambda v: v if isinstance(v, str) else None)
def test_does_not_fit(array: pa.Array, sql_type: str) -> None:
    """Every value is bad on its own, and a NULL between them stays good."""
    with_null = pa.concat_arrays([array, pa.nulls(1, array.type)])
    result = coerce(with_null, sql_type)
    assert result.rows["X"].to_pylist() == [None]
    assert [bad.position for bad in result.bad] == [f"row {row}" for row in range(len(array))]
    assert {bad.error for bad in result.bad} == {RowError.COERCION_ERROR}
    assert all(str(parse_type(sql_type)) in bad.message and '"X"' in bad.message for bad in result.bad)


def test_one_bad_value_costs_its_row_only() -> None:
    values = [float(i) for i in range(5000)]
    values[1234] = 0.5
    result = coerce(pa.array(values), "INTEGER")
    assert result.rows["X"].to_pylist() == [i for i in range(5000) if i != 1234]
    (bad,) = result.bad
    assert json.loads(bad.data) == {"X": 0.5}
    assert bad.position == "row 1234"
    assert bad.message == 'value 0.5 of column "X" does not fit INTEGER'


def test_one_bad_record_per_row_with_the_first_reason() -> None:
    schema = Schema((Column("A", INTEGER), Column("B", INTEGER, False), Column("C", varchar(3))))
    batch = pa.record_batch(
        {"C": ["abcdef", "x", "y"], "B": [None, 1.5, 2.0], "A": ["q", "w", "1"], "D": [b"\xff", b"", b""]}
    )
    result = coerce_batch(batch, schema, columns=["C", "A"], rowtime=None, position=str)
    assert result.rows.to_pylist() == [{"C": "y", "A": 1}]
    assert [bad.message for bad in result.bad] == [
        'value q of column "A" does not fit INTEGER',
        'value w of column "A" does not fit INTEGER',
    ]
    assert json.loads(result.bad[0].data) == {"C": "abcdef", "B": None, "A": "q", "D": "/w=="}


def test_which_rows_are_bad_does_not_depend_on_what_is_read() -> None:
    schema = Schema((Column("A", INTEGER), Column("B", INTEGER)))
    batch = pa.record_batch({"A": [1, 2], "B": ["x", "2"]})
    for columns in (None, ["A"], []):
        result = coerce_batch(batch, schema, columns=columns, rowtime=None, position=str)
        assert result.rows.num_rows == 1
        assert len(result.bad) == 1


def test_long_values_are_shortened_in_messages() -> None:
    (bad,) = coerce(pa.array(["x" * 500]), "INTEGER").bad
    assert len(bad.message) < 150
    assert len(bad.data) > 500


def test_missing_columns_are_null_and_others_ignored() -> None:
    schema = Schema((Column("A", INTEGER), Column("B", varchar(3))))
    batch = pa.record_batch({"Z": [1], "A": [2]})
    result = coerce_batch(batch, schema, columns=None, rowtime=None, position=str)
    assert result.rows.to_pylist() == [{"A": 2, "B": None}]
    assert result.rows.schema.equals(schema.arrow)


def test_not_null_columns_refuse_null() -> None:
    result = coerce(pa.array([1, None]), "BIGINT", nullable=False)
    assert result.rows["X"].to_pylist() == [1]
    assert result.bad[0].message == 'NULL in column "X", which takes no NULL'


def test_names_are_exact_and_unique() -> None:
    schema = Schema((Column("price", INTEGER),))
    result = coerce_batch(pa.record_batch({"PRICE": [1]}), schema, columns=None, rowtime=None, position=str)
    assert result.rows["price"].to_pylist() == [None]
    twice = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], names=["price", "price"])
    with pytest.raises(ConnectorError, match='2 columns called "price"'):
        coerce_batch(twice, schema, columns=None, rowtime=None, position=str)


@pytest.mark.parametrize(
    ("times", "expected_us"),
    [
        (pa.array([1500, -1]), [1_500_000, -1000]),
        (pa.array([7], pa.uint32()), [7000]),
        (pa.array([1], pa.timestamp("s")), [1_000_000]),
        (pa.array([1], pa.timestamp("ms", "Asia/Tokyo")), [1000]),
        (pa.array([1], pa.timestamp("us")), [1]),
        (pa.array([-1, 1999], pa.timestamp("ns")), [-1, 1]),
        (pa.array(["1970-01-01 00:00:00.000001"]), [1]),
        (pa.array([1], pa.date32()), [86_400_000_000]),
    ],
)
def test_rowtime(times: pa.Array, expected_us: list[int]) -> None:
    schema = Schema((Column("A", INTEGER),))
    batch = pa.record_batch({"A": pa.array([1] * len(times), pa.int32()), "T": times})
    result = coerce_batch(batch, schema, columns=None, rowtime="T", position=str)
    assert result.bad == ()
    assert result.rows.schema.names == ["ROWTIME", "A"]
    assert result.rows.schema.field("ROWTIME").type == pa.timestamp("us")
    assert result.rows["ROWTIME"].view(pa.int64()).to_pylist() == expected_us


def test_bad_rowtimes() -> None:
    schema = Schema((Column("A", INTEGER),))
    times = pa.array([1, None, 2**62])
    batch = pa.record_batch({"ROWTIME": times, "A": pa.array([1, 2, 3], pa.int32())})
    result = coerce_batch(batch, schema, columns=["A"], rowtime="ROWTIME", position=str)
    assert result.rows["A"].to_pylist() == [1]
    assert [bad.message for bad in result.bad] == [
        'NULL in column "ROWTIME", which takes no NULL',
        f'value {2**62} of column "ROWTIME" does not fit ROWTIME',
    ]
    with pytest.raises(ConnectorError, match='no column "T" to take ROWTIME from'):
        coerce_batch(batch, schema, columns=None, rowtime="T", position=str)


def test_matching_columns_are_not_copied() -> None:
    schema = Schema((Column("A", BIGINT), Column("D", DOUBLE), Column("S", varchar(8)), Column("T", TIMESTAMP)))
    batch = pa.record_batch(
        {
            "ROWTIME": pa.array([1, 2], pa.timestamp("us")),
            "A": pa.array([1, None]),
            "D": pa.array([1.0, None]),
            "S": pa.array(["abcdefgh", None]),
            "T": pa.array([1, None], pa.timestamp("ms")),
        }
    )
    rows = coerce_batch(batch, schema, columns=None, rowtime="ROWTIME", position=str).rows
    for name in batch.schema.names:
        assert rows[name].buffers()[-1].address == batch[name].buffers()[-1].address


def test_data_schema_may_change_between_batches() -> None:
    schema = Schema((Column("A", INTEGER),))
    for values in (pa.array([1], pa.int32()), pa.array(["1"]), pa.array([1.0]), pa.array([1], pa.int32())):
        batch = pa.record_batch({"A": values})
        assert coerce_batch(batch, schema, columns=None, rowtime=None, position=str).rows["A"].to_pylist() == [1]


def test_slices() -> None:
    array = pa.array(["x", "1", "2", "y", "3"])[1:4]
    result = coerce(array, "INTEGER")
    assert result.rows["X"].to_pylist() == [1, 2]
    assert [bad.position for bad in result.bad] == ["row 2"]


def test_infer_schema() -> None:
    schema = infer_schema(
        pa.schema(
            [
                ("ROWTIME", pa.timestamp("ns")),
                ("a", pa.uint32()),
                ("b", pa.list_(pa.int8())),
                ("c", pa.dictionary(pa.int32(), pa.string())),
                ("d", pa.timestamp("ns", "UTC")),
            ]
        )
    )
    assert str(schema) == "a BIGINT, b VARCHAR(65534), c VARCHAR(65534), d TIMESTAMP"
    with pytest.raises(ConnectorError, match='column "n" of Arrow type uint64'):
        infer_schema(pa.schema([("n", pa.uint64())]))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("rubbish", [np.nan, np.inf, -np.inf])
def test_all_finite(kind: type, rubbish: float) -> None:
    values = np.arange(100, dtype=kind)
    values[3] = np.finfo(kind).max
    assert all_finite(pa.array(values))
    values[77] = rubbish
    assert not all_finite(pa.array(values))
    assert all_finite(pa.array(values)[:77])
    assert all_finite(pa.array(values)[78:])
    # Rubbish under a null does not count.
    mask = np.zeros(100, dtype=bool)
    mask[77] = True
    assert all_finite(pa.array(values, mask=mask)[50:])


def test_longest_bytes() -> None:
    array = pa.array(["a", "äöü", None, "", "bc"])
    assert longest_bytes(array) == 6
    assert longest_bytes(array[2:]) == 2
    assert longest_bytes(array[:0]) == 0
    assert longest_bytes(array.cast(pa.binary())) == 6


@pytest.mark.parametrize("start", [0, 1, 3])
def test_batch_checks_see_slices(start: int) -> None:
    batch = pa.record_batch(
        {
            "s": ["abc", "a", "b", "cd", "abcd"],
            "d": [NAN, 1.0, 2.0, 3.0, 4.0],
            "f": pa.array([1.0, 1.0, 2.0, 3.0, float("inf")], pa.float32()),
            "n": [1, 2, None, 4, 5],
        }
    )
    checks = {0: ("short", 2), 1: ("finite64", 0), 2: ("finite32", 0), 3: ("no null", 0)}
    bad = {0: {0, 4}, 1: {0}, 2: {4}, 3: {2}}
    for length in range(6 - start):
        rows = set(range(start, start + length))
        for column, (what, limit) in checks.items():
            held = BatchChecks([(column, what, limit)]).hold(batch.slice(start, length))
            assert held == (not rows & bad[column]), (column, start, length)
        assert BatchChecks([(c, *w) for c, w in checks.items()]).hold(batch.slice(start, length)) == (
            not any(rows & b for b in bad.values())
        )
    assert BatchChecks([]).hold(batch)
