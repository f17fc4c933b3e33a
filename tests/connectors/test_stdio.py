"""Pipes: slow writers never block, closed readers end cleanly."""

import os

import pyarrow as pa
import pytest

from streamsql.connectors.stdio import ReaderGoneError, StdinSource, StdoutSink
from streamsql.errors import ConnectorError
from streamsql.schema import Column, Schema
from streamsql.types import BIGINT

A = Schema((Column("a", BIGINT),))


@pytest.fixture
def pipe():
    """The ends of a pipe: (read, write); a test may close the write end itself."""
    read, write = os.pipe()
    yield read, write
    for fd in (read, write):
        try:
            os.close(fd)
        except OSError:
            continue


def values(source):
    """The values of one reading, None at the end."""
    batch = source.next_batch(100)
    return None if batch is None else batch.rows.column("a").to_pylist()


def test_rows_come_as_they_are_written_and_nothing_blocks(pipe):
    read, write = pipe
    source = StdinSource(A, fd=read)
    assert values(source) == []
    assert values(source) == []
    assert source.next_awake() > 0
    os.write(write, b'{"a":1}\n{"a":')
    assert values(source) == [1]
    os.write(write, b'2}\noops\n{"a":3}')
    batch = source.next_batch(100)
    assert batch.rows.column("a").to_pylist() == [2]
    assert [record.position for record in batch.bad] == ["stdin line 3"]
    os.close(write)
    assert values(source) == [3]
    assert values(source) is None
    assert source.progress() is None


def test_columns_are_inferred_from_the_first_lines(pipe):
    read, write = pipe
    os.write(write, b'{"ROWTIME":"2020-01-01 00:00:00","a":1}\n{"a":2')
    source = StdinSource(fd=read)
    assert source.schema.names == ("a",)
    assert source.has_rowtime
    os.write(write, b',"ROWTIME":5}\n')
    os.close(write)
    seen = []
    while (batch := values(source)) is not None:
        seen += batch
    assert seen == [1, 2]


def test_csv_through_a_pipe(pipe):
    read, write = pipe
    os.write(write, b"a,t\n1,5\n")
    os.close(write)
    source = StdinSource(A, format="csv", rowtime="t", fd=read)
    batch = source.next_batch(10)
    assert batch.rows.column(0).cast(pa.int64()).to_pylist() == [5000]
    assert batch.rows.column(1).to_pylist() == [1]


def test_an_empty_pipe_has_no_columns(pipe):
    read, write = pipe
    os.close(write)
    with pytest.raises(ConnectorError, match="cannot be inferred"):
        StdinSource(fd=read)


def test_stdout_writes_when_flushed_and_notices_a_gone_reader(pipe):
    read, write = pipe
    batch = pa.record_batch({"a": [1, 2]})
    sink = StdoutSink(fd=write)
    sink.open(batch.schema)
    sink.write(batch)
    sink.flush()
    assert os.read(read, 100) == b'{"a":1}\n{"a":2}\n'
    os.close(read)
    sink.write(batch)
    with pytest.raises(ReaderGoneError):
        sink.flush()
    sink.close()
