"""CSV records: quoting, fields, bad records, and independence of where the input is cut."""



import csv
import datetime as dt
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsql.connectors.formats.csv_records import CsvDecoder, CsvLayout
from streamsql.errors import ConnectorError, RowError
from streamsql.schema import Column, Schema
from streamsql.types import parse_type


def decode(
    data,
    *columns,
    fields=None,
    header=False,
    delimiter=",",
    quote='"',
    rowtime=None,
    wanted=None,
    max_rows=1 << 20,
    cut=None,
):
    """`(rows, bad)` of the whole input, fed in the pieces that `cut` makes."""
    schema = Schema(tuple(Column(name, parse_type(text)) for name, text in columns))
    layout = CsvLayout(tuple(fields or schema.names), schema, header, delimiter, quote)
    decoder = CsvDecoder(layout, schema.names if wanted is None else wanted, rowtime)
    decoder.restart("in.csv")
    rows, bad = [], []
    pieces = [data] if cut is None else cut(data)
    for index, piece in enumerate(pieces):
        decoder.feed(piece)
        while True:
            batch = decoder.decode(max_rows, index == len(pieces) - 1)
            batch.rows.validate(full=True)
            rows += batch.rows.to_pylist()
            bad += batch.bad
            if decoder.needs_more:
                break
    return rows, bad


AB = (("a", "BIGINT"), ("b", "VARCHAR(20)"))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"1,x\n", [(1, "x")]),
        (b"1,x", [(1, "x")]),
        (b"1,x\r\n2,y\r\n", [(1, "x"), (2, "y")]),
        (b",\n", [(None, "")]),
        (b'"",""\n', [(None, "")]),
        (b'"1","a,b"\n', [(1, "a,b")]),
        (b'1,"a ""b"" c"\n', [(1, 'a "b" c')]),
        (b'1,"a\nb\r\nc"\n2,d', [(1, "a\nb\r\nc"), (2, "d")]),
        (b'1,a"b\n', [(1, 'a"b')]),
        (b'1,"""\n"""\n', [(1, '"\n"')]),
        (b"\n\r\n1,x\n\n", [(1, "x")]),
        (b'1,"x"\r\n2,"y"', [(1, "x"), (2, "y")]),
        (b"1, x \n", [(1, " x ")]),
        (b" 1 ,x\n", [(1, "x")]),
        ("1,ä😀\n".encode(), [(1, "ä😀")]),
        (b"\xef\xbb\xbf1,x\n", [(1, "x")]),
    ],
)
def test_records(data, expected):
    rows, bad = decode(data, *AB)
    assert not bad
    assert [(row["a"], row["b"]) for row in rows] == expected


def test_fields_follow_the_string_row_of_the_ingest_table():
    columns = [
        ("i", "INTEGER"), ("d", "DECIMAL(5,2)"), ("f", "DOUBLE"), ("o", "BOOLEAN"), ("c", "CHAR(3)"),
        ("v", "VARCHAR(2)"), ("x", "VARBINARY(2)"), ("t", "TIMESTAMP"), ("e", "DATE"), ("m", "TIME"),
    ]  # fmt: skip
    data = b"7,1.005,1e3,TRUE,a,abc,X'00ff',1992-02-14T18:35:44Z,1992-02-14,18:35:44.5\n,,,,,,,,,\n"
    rows, bad = decode(data, *columns)
    assert not bad
    first, empty = rows
    assert [str(v) for v in first.values()] == [
        "7", "1.01", "1000.0", "True", "a  ", "ab", r"b'\x00\xff'", "1992-02-14 18:35:44",
        "1992-02-14", "18:35:44.500000",
    ]  # fmt: skip
    assert empty == dict.fromkeys(empty) | {"c": "   ", "v": ""}


def test_wrong_values_and_wrong_counts_are_bad_records():
    data = b"1,x\n1.5,x\nz,x\n1\n1,2,3\n2,\xff\n3,y\n"
    rows, bad = decode(data, *AB)
    assert [row["a"] for row in rows] == [1, 3]
    assert [(record.data, record.error.name, record.position) for record in bad] == [
        (b"1.5,x", "COERCION_ERROR", "in.csv line 2"),
        (b"z,x", "COERCION_ERROR", "in.csv line 3"),
        (b"1", "PARSE_ERROR", "in.csv line 4"),
        (b"1,2,3", "PARSE_ERROR", "in.csv line 5"),
        (b"2,\xff", "PARSE_ERROR", "in.csv line 6"),
    ]
    assert bad[2].message == "1 fields where 2 are expected"
    assert bad[0].message == 'column "a" BIGINT: 1.5 has a fraction'


def test_a_stray_quote_costs_one_line_only():
    good = b"".join(b"%d,x\n" % n for n in range(5))
    for stray in (b'9,"open\n', b'9,"closed"x\n', b'"9,x\n', b'9,"a"b"\n'):
        rows, bad = decode(good + stray + good, *AB)
        assert [row["a"] for row in rows] == [*range(5), *range(5)], stray
        assert [(record.data, record.position) for record in bad] == [(stray[:-1], "in.csv line 6")]


def test_an_open_quote_is_given_up_after_64_kilobytes():
    lines = b"".join(b"%d,x\n" % n for n in range(100_000))
    rows, bad = decode(b'9,"open\n' + lines, *AB)
    assert len(rows) == 100_000
    assert len(bad) == 1
    assert "64 KB" in bad[0].message


def test_multi_line_records_count_their_lines():
    rows, bad = decode(b'1,"a\nb"\nbad,x\n', *AB)
    assert len(rows) == 1
    assert bad[0].position == "in.csv line 3"


@pytest.mark.parametrize(
    "data",
    [
        b'1,"a ""b""\r\nc"\r\n2,x\n\n3,"y"\n4,"open\n5,z\n6,"q"r\nbad,x\n7,"end"',
        b'h1,h2\r\n1,"x\n""',
        b'1,"',
        b'\xef\xbb\xbf"1","\xc3\xa4"\n2,"\xff"\n',
    ],
)
def test_cutting_the_input_anywhere_changes_nothing(data):
    expected = decode(data, *AB)
    for at in range(len(data) + 1):
        assert decode(data, *AB, cut=lambda d, at=at: [d[:at], d[at:]]) == expected
    assert decode(data, *AB, cut=lambda d: [d[i : i + 1] for i in range(len(d))]) == expected
    assert decode(data, *AB, max_rows=1) == expected


def test_header_maps_fields_by_name_and_must_be_equal_in_every_file():
    rows, _ = decode(b"b,z,a\nx,9,1\n", *AB, fields=["b", "z", "a"], header=True)
    assert rows == [{"a": 1, "b": "x"}]
    with pytest.raises(ConnectorError, match="differs from that of the first file"):
        decode(b"b,a,z\nx,1,9\n", *AB, fields=["b", "z", "a"], header=True)
    assert decode(b"", *AB, fields=["b", "z", "a"], header=True) == ([], [])


def test_delimiter_and_quote_can_be_chosen():
    assert decode(b"1\t'a\tb''c'\n", *AB, delimiter="\t", quote="'")[0] == [{"a": 1, "b": "a\tb'c"}]


def test_rowtime_field():
    rows, bad = decode(b"1,2020-01-01 00:00:00.5\n2,\n3,1000\n", ("a", "BIGINT"), fields=["a", "t"], rowtime="t")
    assert [row["ROWTIME"] for row in rows] == [
        dt.datetime(2020, 1, 1, 0, 0, 0, 500000),
        dt.datetime(1970, 1, 1, 0, 0, 1),
    ]
    assert [record.error for record in bad] == [RowError.COERCION_ERROR]


def test_an_over_long_record_is_bad_and_its_neighbours_survive():
    long = b"1," + b"x" * (600 * 1024)
    rows, bad = decode(
        b"1,a\n" + long + b"\n2,b\n", *AB, cut=lambda d: [d[i : i + 70_000] for i in range(0, len(d), 70_000)]
    )
    assert [row["a"] for row in rows] == [1, 2]
    assert [record.error for record in bad] == [RowError.ROW_TOO_LARGE]


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), _TEXT), max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_what_the_standard_library_writes_is_read_back(records, line_end):
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=line_end, quoting=csv.QUOTE_NONNUMERIC).writerows(records)
    rows, bad = decode(out.getvalue().encode(), *AB)
    assert not bad
    assert [(row["a"], row["b"]) for row in rows] == [(a, b[:20]) for a, b in records]
