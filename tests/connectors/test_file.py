"""Files as sources and sinks: formats, compression, globs, following, inference, refusals."""

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streamsql.clock import ManualClock
from streamsql.connectors.file import FileOptions, FileSource
from streamsql.connectors.uri import open_sink, open_source, parse_uri
from streamsql.errors import ConnectorError
from streamsql.schema import Column, Schema
from streamsql.types import BIGINT, DOUBLE, TIMESTAMP, varchar

ROWS = [{"a": n, "b": f"text {n}", "c": n / 4} for n in range(1000)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
ABC = Schema((Column("a", BIGINT), Column("b", varchar(20)), Column("c", DOUBLE)))


def drain(source, max_rows=300):
    """`(rows, bad)` of a finite source; no batch is larger than asked, positions never go back."""
    rows, bad, last = [], [], ""
    while (batch := source.next_batch(max_rows)) is not None:
        assert batch.rows.num_rows <= max_rows
        rows += batch.rows.to_pylist()
        bad += batch.bad
        assert source.position() >= last
        last = source.position()
        assert source.progress() is None or 0 <= source.progress() <= 1
    source.close()
    source.close()
    return rows, bad


OPENED = []


@pytest.fixture(autouse=True)
def _close_sources():
    yield
    while OPENED:
        OPENED.pop().close()


def open_uri(uri, schema=None):
    """The source of a URI; closed after the test."""
    OPENED.append(open_source(str(uri), schema, ManualClock()))
    return OPENED[-1]


def write(path, data):
    """Write a file compressed as its name says."""
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(data))
    elif path.suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as out:
            out.write(data)
    else:
        path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.ndjson", "t.jsonl.gz", "t.jsonl.zst"])
def test_json_files(tmp_path, name):
    path = write(tmp_path / name, LINES)
    source = open_uri(path)
    assert str(source.schema) == "a BIGINT, b VARCHAR(65534), c DOUBLE"
    assert (source.has_rowtime, source.is_bounded) == (False, True)
    assert drain(source) == (ROWS, [])
    assert source.progress() == 1


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.csv.zst"])
def test_csv_files(tmp_path, name):
    data = b"b,a,c\n" + b"".join(b"%s,%d,%r\n" % (r["b"].encode(), r["a"], r["c"]) for r in [ROWS[1], ROWS[2]])
    source = open_uri(write(tmp_path / name, data))
    assert source.schema.names == ("b", "a", "c")
    assert drain(source)[0] == [{k: r[k] for k in ("b", "a", "c")} for r in ROWS[1:3]]
    source = open_uri(tmp_path / name, ABC)
    source.project(["c"])
    assert drain(source)[0] == [{"c": 0.25}, {"c": 0.5}]


def test_csv_without_header(tmp_path):
    path = write(tmp_path / "t.csv", b"1;x\n2;y\n")
    assert drain(open_uri(f"{path}?header=false&delimiter=;"))[0] == [
        {"COL_0": 1, "COL_1": "x"},
        {"COL_0": 2, "COL_1": "y"},
    ]
    schema = Schema((Column("n", BIGINT), Column("s", varchar(9))))
    assert drain(open_uri(f"{path}?header=false&delimiter=semicolon", schema))[0][0] == {"n": 1, "s": "x"}
    with pytest.raises(ConnectorError, match='has no field "n"'):
        open_uri(path, schema)


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.feather"])
def test_columnar_files(tmp_path, name):
    path = tmp_path / name
    table = pa.Table.from_pylist(ROWS)
    if name.endswith("parquet"):
        pq.write_table(table, path, row_group_size=400)
    else:
        with pa.ipc.new_file(str(path), table.schema) as out:
            out.write_table(table, max_chunksize=400)
    source = open_uri(path)
    source.project(["c", "a"])
    assert drain(source)[0] == [{"c": row["c"], "a": row["a"]} for row in ROWS]


def test_arrow_stream_files(tmp_path):
    table = pa.Table.from_pylist(ROWS)
    with pa.ipc.new_stream(str(tmp_path / "t.arrow"), table.schema) as out:
        out.write_table(table)
    assert drain(open_uri(tmp_path / "t.arrow", ABC)) == (ROWS, [])


def test_columnar_values_that_do_not_fit_name_their_row(tmp_path):
    pq.write_table(pa.table({"a": ["1", "x", "3"]}), tmp_path / "t.parquet")
    rows, bad = drain(open_uri(tmp_path / "t.parquet", Schema((Column("a", BIGINT),))), max_rows=1)
    assert [row["a"] for row in rows] == [1, 3]
    assert [record.position for record in bad] == [f"{tmp_path}/t.parquet row 2"]


def test_globs_are_read_in_order_of_names(tmp_path):
    for name in ("c", "a", "b"):
        write(tmp_path / f"part-{name}.jsonl", b'{"a":"%s"}\nbad\n' % name.encode())
    rows, bad = drain(open_uri(tmp_path / "part-?.jsonl"))
    assert [row["a"] for row in rows] == ["a", "b", "c"]
    assert [record.position.rsplit("-", 1)[1] for record in bad] == [f"{n}.jsonl line 2" for n in "abc"]


def test_a_last_line_without_end_and_bad_lines(tmp_path):
    path = write(tmp_path / "t.jsonl", b'{"a":1}\n{"a":oops}\n{"a":2.5}\n{"a":3}')
    rows, bad = drain(open_uri(path, Schema((Column("a", BIGINT),))))
    assert [row["a"] for row in rows] == [1, 3]
    assert [record.data for record in bad] == [b'{"a":oops}', b'{"a":2.5}']


def test_rowtime_by_name_and_by_default(tmp_path):
    path = write(tmp_path / "t.jsonl", b'{"ROWTIME":"2020-01-01 00:00:00","ts":5,"a":1}\n')
    for uri, expected in ((path, 1577836800_000000), (f"{path}?rowtime=ts", 5000)):
        source = open_uri(uri)
        assert source.has_rowtime
        assert source.schema.names == ("ts", "a")
        batch = source.next_batch(10)
        assert batch.rows.schema.names == ["ROWTIME", "ts", "a"]
        assert batch.rows.column(0).cast(pa.int64()).to_pylist() == [expected]
    csv = write(tmp_path / "t.csv", b"ROWTIME,ts,a\n2020-01-01 00:00:00,5,1\n")
    assert open_uri(csv).next_batch(9).rows.column(0).cast(pa.int64()).to_pylist() == [1577836800_000000]
    assert open_uri(f"{csv}?rowtime=ts").next_batch(9).rows.column(0).cast(pa.int64()).to_pylist() == [5000]
    with pytest.raises(ConnectorError, match='no field "when"'):
        open_uri(f"{csv}?rowtime=when")


def test_inference(tmp_path):
    lines = [
        {"i": 1, "f": 1, "s": "x", "b": True, "t": "2020-01-01T00:00:00Z", "d": "2020-01-01", "n": None, "o": {"x": 1}},
        {"i": 2, "f": 1.5, "s": 7, "b": False, "t": "2020-01-01 00:00:00.123", "d": "2020-01-02", "late": 1 << 70},
    ]
    path = write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, lines)).encode())
    assert str(open_uri(path).schema).replace("VARCHAR(65534)", "V") == (
        "i BIGINT, f DOUBLE, s V, b BOOLEAN, t TIMESTAMP, d DATE, n V, o V, late DOUBLE"
    )
    rows, bad = drain(open_uri(path))
    assert not bad
    assert rows[0]["o"] == '{"x":1}'


def test_projection_to_no_columns_keeps_the_number_of_rows(tmp_path):
    source = open_uri(write(tmp_path / "t.jsonl", LINES))
    source.project([])
    assert source.next_batch(10_000).rows.num_rows == 1000


def follow(path, schema=None):
    """A source that follows; closed after the test."""
    OPENED.append(FileSource(str(path), schema or Schema((Column("a", BIGINT),)), FileOptions(follow=True)))
    return OPENED[-1]


def values(source, calls=4):
    """The values of column a that a few readings give."""
    return [value for _ in range(calls) for value in source.next_batch(100).rows.column("a").to_pylist()]


def test_following_a_growing_file(tmp_path):
    path = write(tmp_path / "t.jsonl", b'{"a":1}\n{"a"')
    source = follow(path)
    assert not source.is_bounded
    assert source.progress() is None
    assert values(source) == [1]
    assert source.next_awake() > 0
    with path.open("ab") as out:
        out.write(b":2}\n")
        out.flush()
        assert values(source) == [2]
        assert values(source) == []
        out.write(b'{"a":3}\n')
    assert values(source) == [3]
    source.close()
    assert source.next_batch(1) is None


def test_following_through_truncation(tmp_path):
    path = write(tmp_path / "t.jsonl", b'{"a":1}\n{"a":2}')
    source = follow(path)
    assert values(source) == [1]
    path.write_bytes(b'{"a":3}\n')
    assert values(source) == [2, 3]


def test_following_through_rotation(tmp_path):
    path = write(tmp_path / "t.jsonl", b'{"a":1}\n')
    source = follow(path)
    assert values(source) == [1]
    with path.open("ab") as old:
        path.rename(tmp_path / "t.jsonl.1")
        assert values(source) == []
        old.write(b'{"a":2}\n{"a":3}')
    write(path, b'{"a":4}\n')
    assert values(source, 8) == [2, 3, 4]


def test_follow_is_refused_where_it_means_nothing(tmp_path):
    write(tmp_path / "a.jsonl.gz", LINES)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    write(tmp_path / "a.jsonl", LINES)
    for name in ("a.jsonl.gz", "a.parquet", "*.jsonl"):
        with pytest.raises(ConnectorError, match="follow works on"):
            open_uri(f"{tmp_path}/{name}?follow=true")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("missing.jsonl", 'file "missing.jsonl" does not exist'),
        ("missing-*.jsonl", 'no file matches "missing-'),
        ("data.txt", "does not tell its format"),
        ("data.txt?format=xml", 'unknown format "xml"'),
        ("data.parquet.gz", "is a compressed parquet file"),
        ("data.jsonl?rowtme=ts", 'unknown option "rowtme"'),
        ("data.jsonl?follow=maybe", "follow is true or false"),
        ("data.jsonl?delimiter=ab", "delimiter is one ASCII character"),
        ("data.jsonl?rowtime=a&rowtime=b", "given twice"),
        ("kafka://localhost/topic", "kafka is not supported yet in this version"),
        ("s3://bucket/key", "s3 is not supported yet in this version"),
        ("ftp://host/file", 'unknown scheme "ftp"'),
        ("demo:nothing", 'no demo "nothing"'),
        ("-?follow=true", 'unknown option "follow"'),
        ("", "names no file"),
    ],
)
def test_refusals_say_what_is_wrong(tmp_path, monkeypatch, uri, message):
    monkeypatch.chdir(tmp_path)
    for name in ("data.txt", "data.parquet.gz", "data.jsonl"):
        write(tmp_path / name, LINES) if name == "data.jsonl" else (tmp_path / name).write_bytes(LINES)
    with pytest.raises(ConnectorError) as caught:
        open_uri(uri)
    assert message in str(caught.value)


def test_broken_and_empty_files(tmp_path):
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(os.urandom(1000).hex().encode() + b"\n")[:200])
    with pytest.raises(ConnectorError, match=r"reading .* failed"):
        open_uri(cut)
    empty = write(tmp_path / "empty.jsonl", b"")
    with pytest.raises(ConnectorError, match="cannot be inferred"):
        open_uri(empty)
    assert drain(open_uri(empty, ABC)) == ([], [])
    (tmp_path / "no.parquet").write_bytes(b"not parquet")
    with pytest.raises(ConnectorError, match=r"reading .* failed"):
        open_uri(tmp_path / "no.parquet")


def test_paths_with_question_marks_and_encoded_options():
    assert parse_uri("a?.jsonl").path == "a?.jsonl"
    assert parse_uri("a?.csv?delimiter=%7C").options == {"delimiter": "|"}
    assert parse_uri("a.csv?delimiter=").options == {"delimiter": ""}
    assert parse_uri("file:///tmp/a.csv").path == "/tmp/a.csv"
    assert parse_uri("demo:stock-ticker?rate=5").path == "stock-ticker"


OUT = pa.schema([("ROWTIME", pa.timestamp("ms")), ("a", pa.int64()), ("b", pa.string())])
OUT_BATCH = pa.record_batch(
    [pa.array([0, 1], pa.timestamp("ms")), pa.array([1, None]), pa.array(["x,y", None])], schema=OUT
)


@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.gz", "o.jsonl.zst", "o.csv", "o.csv.gz", "o.parquet", "o.arrow"])
def test_what_a_sink_writes_a_source_reads(tmp_path, name):
    sink = open_sink(str(tmp_path / name))
    sink.open(OUT)
    sink.write(OUT_BATCH)
    sink.flush()
    sink.write(OUT_BATCH.slice(0, 1))
    sink.close()
    sink.close()
    source = open_uri(tmp_path / name)
    assert source.has_rowtime
    rows, bad = drain(source)
    assert not bad
    assert [(row["a"], row["b"] or None) for row in rows] == [(1, "x,y"), (None, None), (1, "x,y")]
    assert [row["ROWTIME"].microsecond for row in rows] == [0, 1000, 0]
    assert os.listdir(tmp_path) == [name]


def test_text_sinks_are_visible_when_flushed(tmp_path):
    sink = open_sink(str(tmp_path / "o.jsonl"))
    sink.open(OUT)
    sink.write(OUT_BATCH)
    sink.flush()
    assert (tmp_path / "o.jsonl").read_text().splitlines()[
        1
    ] == '{"ROWTIME":"1970-01-01 00:00:00.001","a":null,"b":null}'
    sink.close()


def test_columnar_sinks_appear_when_closed(tmp_path):
    sink = open_sink(str(tmp_path / "o.parquet"))
    sink.open(OUT)
    sink.write(OUT_BATCH)
    assert not (tmp_path / "o.parquet").exists()
    sink.close()
    assert pq.read_table(tmp_path / "o.parquet").num_rows == 2


def test_sink_modes(tmp_path):
    path = tmp_path / "o.csv"

    def once(uri):
        sink = open_sink(uri)
        sink.open(OUT)
        sink.write(OUT_BATCH.slice(0, 1))
        sink.close()
        return path.read_text().splitlines()

    first = once(str(path))
    assert len(first) == 2
    with pytest.raises(ConnectorError, match="exists"):
        open_sink(str(path))
    assert once(f"{path}?mode=append") == [*first, first[1]]
    assert once(f"{path}?mode=overwrite") == first
    for uri, message in (
        (f"{path}?mode=replace", "unknown mode"),
        (f"{tmp_path}/o.parquet?mode=append", "append works on"),
        (f"{tmp_path}/missing/o.csv", "does not exist"),
        (f"{path}?follow=1", "unknown option"),
        ("nexmark:", "is a source"),
    ):
        with pytest.raises(ConnectorError, match=message):
            open_sink(uri)


def test_generators_keep_their_columns():
    source = open_uri("nexmark:?events=100", Schema((Column("price", BIGINT),)))
    assert source.has_rowtime
    with pytest.raises(ConnectorError, match="no column price TIMESTAMP"):
        open_uri("nexmark:?events=100", Schema((Column("price", TIMESTAMP),)))
