"""Every cell of the ingest coercion table, and the decoder's promises about lines and blocks."""



import datetime as dt
import json
from decimal import Decimal

import pytest

from streamsql.connectors.formats.json_lines import JsonLinesDecoder
from streamsql.errors import RowError
from streamsql.schema import Column, Schema
from streamsql.types import parse_type

ERROR = object()


def decode(data: bytes, *columns: tuple[str, str], rowtime=None, wanted=None, max_rows=1 << 20, cut=None):
    """`(rows, bad)` of the whole input, fed in the pieces that `cut` makes."""
    schema = Schema(tuple(Column(name, parse_type(text)) for name, text in columns))
    decoder = JsonLinesDecoder(schema, schema.names if wanted is None else wanted, rowtime)
    decoder.restart("in.jsonl")
    rows, bad = [], []
    pieces = [data] if cut is None else cut(data)
    for index, piece in enumerate(pieces):
        decoder.feed(piece)
        is_last = index == len(pieces) - 1
        while True:
            batch = decoder.decode(max_rows, is_last)
            batch.rows.validate(full=True)
            rows += batch.rows.to_pylist()
            bad += batch.bad
            if decoder.needs_more:
                break
    return rows, bad


def value(sql_type: str, text: str):
    """What the JSON value `text` becomes in a column of this type; ERROR for a coercion error."""
    rows, bad = decode(b'{"x":' + text.encode() + b"}\n", ("x", sql_type))
    if bad:
        assert not rows
        assert bad[0].error is RowError.COERCION_ERROR
        assert '"x"' in bad[0].message
        return ERROR
    return rows[0]["x"]


NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "DECIMAL(9,2)", "REAL", "DOUBLE")
ALL = (*NUMERIC, "BOOLEAN", "CHAR(3)", "VARCHAR(3)", "BINARY(3)", "VARBINARY(3)", "DATE", "TIME", "TIMESTAMP")


@pytest.mark.parametrize("sql_type", ALL)
def test_null_and_absent_are_null(sql_type):
    assert value(sql_type, "null") is None
    assert decode(b'{"y":1}\n', ("x", sql_type))[0] == [{"x": None}]


@pytest.mark.parametrize("sql_type", NUMERIC)
def test_booleans_and_whole_numbers_in_numeric_columns(sql_type):
    assert (value(sql_type, "true"), value(sql_type, "false")) == (1, 0)
    assert (value(sql_type, "7"), value(sql_type, "-7")) == (7, -7)
    assert (value(sql_type, '"7"'), value(sql_type, '" -7 "'), value(sql_type, '"+07"')) == (7, -7, 7)
    for text in ('"x"', '""', '"1 2"', '"1e"', '"0x1"', '"NaN"', "[]", "{}", "[1]"):
        assert value(sql_type, text) is ERROR, text


@pytest.mark.parametrize(("sql_type", "bits"), [("TINYINT", 8), ("SMALLINT", 16), ("INTEGER", 32), ("BIGINT", 64)])
def test_integers_take_their_whole_range_and_nothing_else(sql_type, bits):
    top = 2 ** (bits - 1)
    for text in ("{}", '"{}"'):
        assert value(sql_type, text.format(top - 1)) == top - 1
        assert value(sql_type, text.format(-top)) == -top
        assert value(sql_type, text.format(top)) is ERROR
        assert value(sql_type, text.format(-top - 1)) is ERROR
        assert value(sql_type, text.format("1" * 40)) is ERROR
        assert value(sql_type, text.format("1.5")) is ERROR
        assert value(sql_type, text.format("1e-1")) is ERROR
        assert value(sql_type, text.format("12.0")) == 12
        assert value(sql_type, text.format("1.2e1")) == 12
        assert value(sql_type, text.format("0e99")) == 0
        assert value(sql_type, text.format("1." + "0" * 30)) == 1
        assert value(sql_type, text.format("1." + "0" * 30 + "1")) is ERROR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.5", Decimal("1.50")),
        ("1.005", Decimal("1.01")),
        ("-1.005", Decimal("-1.01")),
        ("1.004999999999999999999", Decimal("1.00")),
        ("9999999.99", Decimal("9999999.99")),
        ("9999999.995", ERROR),
        ("10000000", ERROR),
        ("1e-30", Decimal("0.00")),
        ("1e6", Decimal("1000000.00")),
        ("1e30", ERROR),
        ('"0.125"', Decimal("0.13")),
    ],
)
def test_decimals_round_half_away_from_zero(text, expected):
    assert value("DECIMAL(9,2)", text) == expected


def test_decimal_of_19_digits():
    assert value("DECIMAL(19,0)", "9" * 19) == Decimal("9" * 19)
    assert value("DECIMAL(19,19)", "0." + "9" * 19) == Decimal("0." + "9" * 19)
    assert value("DECIMAL(19,19)", "true") is ERROR


def test_floats_and_their_range():
    assert value("DOUBLE", "1e308") == 1e308
    assert value("DOUBLE", "1e309") is ERROR
    assert value("REAL", "1e38") == pytest.approx(1e38)
    assert value("REAL", "1e39") is ERROR
    assert str(value("DOUBLE", "-0.0")) == "-0.0"
    assert value("DOUBLE", "4.9406564584124654e-324") == 5e-324
    assert value("DOUBLE", "2.4703282292062327e-324") == 0.0


def test_booleans():
    assert (value("BOOLEAN", "true"), value("BOOLEAN", "false")) == (True, False)
    assert [value("BOOLEAN", t) for t in ("0", "-0", "0.0e5", "1", "0.1", "-2")] == [False] * 3 + [True] * 3
    assert [value("BOOLEAN", t) for t in ('"true"', '"TRUE"', '"tRuE"')] == [True] * 3
    assert [value("BOOLEAN", t) for t in ('"yes"', '"1"', '""', '" true"')] == [False] * 4
    assert value("BOOLEAN", "[]") is ERROR


def test_strings():
    assert [value("VARCHAR(4)", t) for t in ("true", "false", "1.50", "-12345")] == ["true", "fals", "1.50", "-123"]
    assert value("VARCHAR(4)", '"abcdef"') == "abcd"
    assert value("VARCHAR(2)", '"äöü"') == "äö"
    assert value("VARCHAR(2)", r'"\ud83d\ude00\u00e4x"') == "😀ä"
    assert value("VARCHAR(99)", r'"\"\\\/\b\f\n\r\t\u0000"') == '"\\/\b\f\n\r\t\0'
    assert value("VARCHAR(99)", '[1, {"a b" : "c ]\\" d"} ]') == '[1,{"a b":"c ]\\" d"}]'
    assert value("VARCHAR(3)", '{"a": 1}') == '{"a'
    assert value("CHAR(5)", '"ab"') == "ab   "
    assert value("CHAR(3)", '"äöüx"') == "äöü"
    assert value("CHAR(2)", '""') == "  "


def test_binary():
    assert (value("VARBINARY(3)", "true"), value("VARBINARY(3)", "false")) == (b"\x01", b"\x00")
    assert (value("BINARY(3)", "true"), value("BINARY(3)", "false")) == (b"\0\0\x01", b"\0\0\0")
    assert value("VARBINARY(3)", "\"X'0aFF'\"") == b"\x0a\xff"
    assert value("BINARY(3)", "\"X'0aFF'\"") == b"\x0a\xff\0"
    assert value("VARBINARY(3)", "\"X'0102030405'\"") == b"\1\2\3"
    assert value("VARBINARY(3)", "\"X''\"") == b""
    for text in ("\"X'0'\"", "\"X'0g'\"", '"0a"', '""', '"X\'"', "1", "[]"):
        assert value("VARBINARY(3)", text) is ERROR, text


NOON = dt.datetime(1992, 2, 14, 18, 35, 44)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1992-02-14", dt.datetime(1992, 2, 14)),
        ("1992-02-14 18:35:44", NOON),
        ("1992-02-14 18:35:44.0", NOON),
        ("1992-02-14T18:35:44", NOON),
        ("1992-02-14T18:35:44.123456789", NOON.replace(microsecond=123000)),
        ("1992-02-14T18:35:44Z", NOON),
        ("1992-02-14T20:35:44.5+02:00", NOON.replace(microsecond=500000)),
        ("1992-02-14 13:05:44-0530", NOON),
        ("1992-02-14T19:35:44+01", NOON),
        ("1969-12-31 23:59:59.9999", dt.datetime(1969, 12, 31, 23, 59, 59, 999000)),
        ("2000-02-29", dt.datetime(2000, 2, 29)),
        ("0001-01-01", dt.datetime(1, 1, 1)),
        ("9999-12-31 23:59:59.999", dt.datetime(9999, 12, 31, 23, 59, 59, 999000)),
    ],
)
def test_datetimes(text, expected):
    assert value("TIMESTAMP", f'"{text}"') == expected
    assert value("DATE", f'"{text}"') == expected.date()
    assert value("TIME", f'"{text}"') == expected.time()


@pytest.mark.parametrize(
    "text",
    [
        "1900-02-29", "2001-02-29", "2000-13-01", "2000-00-01", "2000-01-32", "2000-1-01", "0000-01-01", "x", "",
        "2000-01-01 24:00:00", "2000-01-01 00:60:00", "2000-01-01 00:00:60", "2000-01-01 00:00", "2000-01-01 00:00:00.",
        "2000-01-01X00:00:00", "2000-01-01T00:00:00+1", "2000-01-01T00:00:00+01:0", "2000-01-01T00:00:00Zx",
        "2000-01-01Z", "20000101", "2000/01/01", "946684800000",
    ],
)  # fmt: skip
def test_what_is_no_datetime(text):
    assert value("TIMESTAMP", f'"{text}"') is ERROR


def test_times_alone_and_other_kinds_in_datetime_columns():
    assert value("TIME", '"18:35:44.5"') == dt.time(18, 35, 44, 500000)
    for sql_type in ("DATE", "TIMESTAMP"):
        assert value(sql_type, '"18:35:44"') is ERROR
    for sql_type in ("DATE", "TIME", "TIMESTAMP"):
        for text in ("true", "0", "1.5", "[]", "{}"):
            assert value(sql_type, text) is ERROR


def test_rowtime_is_text_or_epoch_milliseconds_and_never_null():
    rows, bad = decode(
        b'{"t":1000}\n{"t":"1970-01-01 00:00:01.000001"}\n{"t":"1000"}\n'
        b'{"t":null}\n{}\n{"t":"x"}\n{"t":1.5}\n{"t":true}\n',
        ("t", "VARCHAR(9)"),
        rowtime="t",
    )
    second = dt.datetime(1970, 1, 1, 0, 0, 1)
    assert [row["ROWTIME"] for row in rows] == [second, second.replace(microsecond=1), second]
    assert [row["t"] for row in rows] == ["1000", "1970-01-0", "1000"]
    assert [(record.error, record.position) for record in bad] == [
        (RowError.COERCION_ERROR, f"in.jsonl line {line}") for line in (4, 5, 6, 7, 8)
    ]


def test_a_bad_line_never_costs_its_neighbours():
    good = b'{"a":1,"b":"x"}'
    wrong = [
        b"{",
        b"[]",
        b'{"a":1}junk',
        b'{"a":"x"}',
        b'{"a":1,"b":"\xff"}',
        b"nul",
        b'{"b":"q","a":99999999999}',
        b'"',
    ]
    data = b"\n".join(line for each in wrong for line in (good, each)) + b"\n" + good
    rows, bad = decode(data, ("a", "INTEGER"), ("b", "VARCHAR(9)"))
    assert rows == [{"a": 1, "b": "x"}] * (len(wrong) + 1)
    assert [record.data for record in bad] == wrong
    assert [record.position for record in bad] == [f"in.jsonl line {2 * n + 2}" for n in range(len(wrong))]
    coercions = [record for record in bad if record.error is RowError.COERCION_ERROR]
    assert [record.message for record in coercions] == [
        'column "a" INTEGER: "x" is not a number',
        'column "a" INTEGER: 99999999999 does not fit',
    ]
    assert "end of the line after the object, found junk at byte 8" in bad[2].message


def test_values_of_a_failing_row_leave_no_trace():
    rows, bad = decode(
        b'{"s":"long","n":1,"z":"x"}\n{"s":"b"}\n', ("s", "VARCHAR(9)"), ("n", "BIGINT"), ("z", "BIGINT")
    )
    assert rows == [{"s": "b", "n": None, "z": None}]
    assert len(bad) == 1


def test_the_last_of_equal_names_counts():
    columns = (("a", "INTEGER"), ("b", "VARCHAR(9)"))
    assert decode(b'{"a":1,"b":"x","a":2,"b":"yy"}', *columns)[0] == [{"a": 2, "b": "yy"}]
    assert decode(b'{"a":"x","a":2,"b":null}', *columns) == ([{"a": 2, "b": None}], [])
    rows, bad = decode(b'{"a":2,"a":"x"}', *columns)
    assert not rows
    assert len(bad) == 1


def test_names_match_exactly_also_when_escaped_and_in_any_order():
    data = b'{"a":1,"A":2,"\\u0061b":3}\n{"A":5,"ab":6,"a":4}\n{"ab":9}\n{ "ab" :1 , "a": 2 }\r\n'
    rows, bad = decode(data, ("a", "BIGINT"), ("ab", "BIGINT"))
    assert not bad
    assert rows == [{"a": 1, "ab": 3}, {"a": 4, "ab": 6}, {"a": None, "ab": 9}, {"a": 2, "ab": 1}]


def test_which_lines_are_bad_does_not_depend_on_the_columns_read():
    data = b'{"a":1,"b":"x"}\n{"a":"no","b":"y"}\n'
    columns = (("a", "INTEGER"), ("b", "VARCHAR(9)"))
    assert decode(data, *columns, wanted=["b"])[0] == [{"b": "x"}]
    assert len(decode(data, *columns, wanted=["b"])[1]) == 1
    assert decode(data, *columns, wanted=[])[0] == [{}]


def test_blank_lines_byte_order_mark_and_missing_line_end():
    data = b'\xef\xbb\xbf{"a":1}\n\n  \t\r\n{"a":2}\r\n{"a":3}'
    rows, bad = decode(data, ("a", "BIGINT"))
    assert [row["a"] for row in rows] == [1, 2, 3]
    assert not bad


def test_depth_is_limited_and_neighbours_survive():
    deep = b'{"a":' + b"[" * 511 + b"]" * 511 + b"}"
    too_deep = b'{"a":' + b"[" * 512 + b"]" * 512 + b"}"
    rows, bad = decode(deep + b"\n" + too_deep + b"\n" + deep, ("b", "BIGINT"))
    assert len(rows) == 2
    assert [record.error for record in bad] == [RowError.PARSE_ERROR]


@pytest.mark.parametrize("piece", [1 << 30, 1 << 16, 300_001])
def test_an_over_long_line_is_bad_in_bounded_memory_however_it_is_cut(piece):
    long = b'{"a":"' + b"x" * (2 << 20) + b'"}'
    data = b'{"a":"1"}\n' + long + b'\n{"a":"2"}\n'
    rows, bad = decode(data, ("a", "VARCHAR(9)"), cut=lambda d: [d[i : i + piece] for i in range(0, len(d), piece)])
    assert [row["a"] for row in rows] == ["1", "2"]
    assert [(record.error, record.position) for record in bad] == [(RowError.ROW_TOO_LARGE, "in.jsonl line 2")]
    assert bad[0].data == long[: 64 * 1024]


def test_cutting_the_input_anywhere_changes_nothing():
    data = (
        b'\xef\xbb\xbf{"a":1,"b":"\xc3\xa4\\u00e4"}\r\n\n{"a":2.5,"b":[1, 2]}\n{"b":"x"}junk\n'
        b'{"a":-3,"b":null,"c":{"d":[]}}\n'
        b'{"a":"4","b":"\xff"}\n{"b":"last","a":5}'
    )
    columns = (("a", "BIGINT"), ("b", "VARCHAR(20)"))
    expected = decode(data, *columns)
    assert len(expected[0]) == 3
    assert len(expected[1]) == 3
    for at in range(len(data) + 1):
        assert decode(data, *columns, cut=lambda d, at=at: [d[:at], d[at:]]) == expected
    assert decode(data, *columns, cut=lambda d: [d[i : i + 1] for i in range(len(d))]) == expected
    for max_rows in (1, 2):
        assert decode(data, *columns, max_rows=max_rows) == expected


def test_more_bad_lines_than_one_call_reports():
    data = b"oops\n" * 1000 + b'{"a":1}\n'
    rows, bad = decode(data, ("a", "BIGINT"))
    assert len(bad) == 1000
    assert bad[-1].position == "in.jsonl line 1000"
    assert rows == [{"a": 1}]


def test_many_rows_with_nulls_and_long_texts():
    source = [{"a": i if i % 3 else None, "b": "é" * (i % 50)} for i in range(5000)]
    data = "\n".join(json.dumps(row, ensure_ascii=i % 2 == 0) for i, row in enumerate(source)).encode()
    rows, bad = decode(data, ("a", "INTEGER"), ("b", "VARCHAR(100)"), max_rows=777)
    assert rows == source
    assert not bad
