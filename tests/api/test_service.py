import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import pyarrow as pa
import pytest

import streamsql
from streamsql.connectors.base import BadRecord, SourceBatch
from streamsql.connectors.memory import MemorySink, MemorySource
from streamsql.errors import ConnectorError, ErrorCode, RowError, RunError
from streamsql.schema import Column, Schema
from streamsql.types import BIGINT

PASS = "SELECT V FROM S"
WINDOW = "SELECT COUNT(*) AS N FROM S GROUP BY STEP(S.ROWTIME BY INTERVAL '10' SECOND)"
SCHEMA = Schema((Column("V", BIGINT),))


def stamped(times_ms, first=0):
    times = pa.array(times_ms, pa.int64()).cast(pa.timestamp("ms"))
    return pa.table({"ROWTIME": times, "V": range(first, first + len(times_ms))})


def memory(table, schema=SCHEMA):
    return MemorySource(table.to_batches(), table.schema, schema, table.num_rows)


class Endless:
    """Numbers without an end and without a time of their own, `rows` at a time."""

    schema = SCHEMA
    has_rowtime = False
    is_bounded = False
    is_live = True

    def __init__(self, rows=100, limit=None):
        self.rows, self.limit, self.next, self.is_closed = rows, limit, 0, False

    def project(self, columns):
        assert tuple(columns) == ("V",)

    def next_batch(self, max_rows):
        if self.limit is not None and self.next >= self.limit:
            return SourceBatch(pa.RecordBatch.from_pydict({"V": pa.array([], pa.int64())}))
        count = min(self.rows, max_rows)
        values = pa.array(range(self.next, self.next + count), pa.int64())
        self.next += count
        return SourceBatch(pa.RecordBatch.from_arrays([values], names=["V"]))

    def next_awake(self):
        return 0.001 if self.limit is not None and self.next >= self.limit else None

    def position(self):
        return str(self.next)

    def progress(self):
        return None

    def close(self):
        self.is_closed = True


def run(sql, sources, sinks, **keywords):
    keywords.setdefault("options", {"checks": True, "linger_ms": 1})
    app = streamsql.Application(sql, sources=sources, sinks=sinks, **keywords)
    return app


def test_finite_sources_run_to_their_end_and_are_flushed():
    sink, errors = MemorySink(), MemorySink()
    rows = [{"V": 1}, {"V": "x"}, {"V": 3}]
    app = run(WINDOW, {"S": rows}, {"RESULT": sink, "error_stream": errors}, schemas={"S": "V BIGINT"})
    app.run_forever()
    assert sink.table["N"].to_pylist() == [2]
    assert errors.table["ERROR_NAME"].to_pylist() == ["COERCION_ERROR"]
    assert sink.is_closed
    assert errors.is_closed
    with pytest.raises(RunError, match="closed"):
        app.run_forever()


def test_finite_sources_are_read_in_time_order():
    sink = MemorySink()
    sources = {"L": memory(stamped([1, 5, 9])), "R": memory(stamped(range(4, 304), 100))}
    options = {"max_batch_rows": 1, "queue_rows": 3, "checks": True}
    app = run("SELECT V FROM L UNION ALL SELECT V FROM R", sources, {"RESULT": sink}, options=options)
    app.run_forever()
    times = sink.table["ROWTIME"].cast(pa.int64()).to_pylist()
    assert times == sorted(times)
    assert sink.table["V"].to_pylist()[:5] == [0, 100, 1, 101, 102]
    assert len(times) == 303


def test_bad_records_of_a_source_reach_the_error_stream():
    class Spoiled(Endless):
        is_bounded = True
        is_live = False

        def next_batch(self, max_rows):
            if self.next:
                return None
            self.next = 1
            rows = pa.RecordBatch.from_arrays([pa.array([7])], names=["V"])
            return SourceBatch(rows, (BadRecord(b"\xff{", RowError.PARSE_ERROR, "not JSON", "a.jsonl line 2"),))

    sink, errors = MemorySink(), MemorySink()
    run(PASS, {"S": Spoiled()}, {"RESULT": sink, "error_stream": errors}).run_forever()
    assert sink.table["V"].to_pylist() == [7]
    [row] = errors.table.to_pylist()
    assert (row["ERROR_NAME"], row["DATA_ROW"], row["PUMP_NAME"]) == ("PARSE_ERROR", "ff7b", None)
    assert row["MESSAGE"] == 'not JSON (a.jsonl line 2) in input "S"'


def test_a_slow_sink_stops_the_source():
    source = Endless(rows=100)
    gate = threading.Event()

    class Slow(MemorySink):
        def write(self, batch):
            gate.wait(10)
            super().write(batch)

    sink = Slow()
    options = {"queue_rows": 500, "max_batch_rows": 100, "linger_ms": 0}
    app = run(PASS, {"S": source}, {"RESULT": sink}, options=options)
    thread = threading.Thread(target=app.run_forever)
    thread.start()
    read = _settled(lambda: source.next)
    assert 500 <= read <= 1500
    app.stop()
    gate.set()
    thread.join(10)
    assert not thread.is_alive()
    assert sink.table["V"].to_pylist() == list(range(source.next)), "a drain delivers everything that was read"
    assert source.is_closed


def _settled(value):
    """The value once it has stopped changing."""
    last, same = value(), 0
    pause = threading.Event()
    while same < 10:
        pause.wait(0.02)
        now = value()
        same = same + 1 if now == last and now else 0
        last = now
    return last


def test_a_drain_does_not_flush_live_windows():
    source, sink = Endless(rows=10, limit=10), MemorySink()
    app = run(WINDOW, {"S": source}, {"RESULT": sink}, clock=streamsql.ManualClock(12_000_000))
    thread = threading.Thread(target=app.run_forever)
    thread.start()
    _settled(lambda: source.next)
    app.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert not sink.batches


def test_live_windows_fire_by_the_clock():
    clock = streamsql.ManualClock(12_000_000)
    source, sink = Endless(rows=10, limit=10), MemorySink()
    app = run(WINDOW, {"S": source}, {"RESULT": sink}, clock=clock)
    thread = threading.Thread(target=app.run_forever)
    thread.start()
    _settled(lambda: app.metrics().inputs[0].rows)
    clock.set(20_000_000)
    _settled(lambda: len(sink.batches))
    app.stop()
    thread.join(10)
    assert sink.table["N"].to_pylist() == [10]


@pytest.mark.parametrize(("method", "code"), [("write", ErrorCode.SINK), ("open", ErrorCode.SINK)])
def test_a_failing_sink_ends_the_run(method, code):
    def fail(self, *_):
        raise ConnectionResetError("peer went away")

    sink = type("Failing", (MemorySink,), {method: fail})()
    source = Endless()
    with pytest.raises(ConnectorError, match='sink of stream "RESULT" failed: peer went away') as caught:
        run(PASS, {"S": source}, {"RESULT": sink}).run_forever()
    assert caught.value.error_code is code
    assert caught.value.retryable
    assert source.is_closed
    assert sink.is_closed


def test_a_failing_source_ends_the_run():
    class Failing(Endless):
        def next_batch(self, max_rows):
            raise OSError("disk on fire")

    with pytest.raises(ConnectorError, match='source of input "S" failed: disk on fire'):
        run(PASS, {"S": Failing()}, {"RESULT": MemorySink()}).run_forever()


def test_nothing_to_run():
    with pytest.raises(RunError, match="nothing to run"):
        streamsql.Application(PASS, schemas={"S": "V BIGINT"}).run_forever()


CHILD = """
import sys, threading, time
sys.path.insert(0, {root!r})
import streamsql
from tests.api.test_service import Endless, PASS
from streamsql.connectors.memory import MemorySink

class Sink(MemorySink):
    written = 0
    def write(self, batch):
        if {stuck}:
            print("stuck", flush=True)
            threading.Event().wait()
        if not Sink.written:
            print("running", flush=True)
        Sink.written += batch.num_rows
    def close(self):
        print("closed", flush=True)

source = Endless(rows=10, limit={limit})
app = streamsql.Application(PASS, sources={{"S": source}}, sinks={{"RESULT": Sink()}}, options={{"linger_ms": 1}})
app.run_forever()
print("drained", Sink.written == source.next, flush=True)
"""


@contextmanager
def child(*, stuck=False, limit=None):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = CHILD.format(root=root, stuck=stuck, limit=limit)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path])}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(number):
    with child() as process:
        assert process.stdout.readline() == "running\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (out, err, process.returncode) == ("closed\ndrained True\n", "", 0)


def test_a_second_signal_stops_at_once():
    with child(stuck=True) as process:
        assert process.stdout.readline() == "stuck\n"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "stopped by a second signal" in err
