import datetime as dt
import threading

import pyarrow as pa
import pytest

import streamsql
from streamsql.clock import ManualClock
from streamsql.connectors.memory import MemorySink, MemorySource
from streamsql.errors import ConnectorError, ErrorCode, RunError

PASS = "SELECT K, V FROM S"
WINDOW = "SELECT K, COUNT(*) AS N FROM S GROUP BY K, STEP(S.ROWTIME BY INTERVAL '10' SECOND)"
SCHEMAS = {"S": "K VARCHAR(4), V BIGINT"}
CHECKED = {"checks": True}


def application(sql=PASS, **keywords):
    keywords.setdefault("schemas", SCHEMAS)
    keywords.setdefault("options", CHECKED)
    keywords.setdefault("clock", ManualClock(1_000_000))
    return streamsql.Application(sql, **keywords)


def values(batches, column="V"):
    return [value for batch in batches for value in batch.column(column).to_pylist()]


def stamped(times_ms, first=0):
    times = pa.array(times_ms, pa.int64()).cast(pa.timestamp("ms"))
    numbers = list(range(first, first + len(times_ms)))
    return pa.table({"ROWTIME": times, "K": ["a"] * len(times_ms), "V": numbers})


def test_push_and_poll():
    with application() as app:
        app.push("S", [{"K": "a", "V": 1}, {"K": "b", "V": 2}])
        app.push("S", {"K": "c", "V": 3})
        app.push("S", pa.table({"K": ["d"], "V": [4]}))
        app.push("S", pa.table({"V": ["5"], "K": ["e"]}))
        assert values(app.poll("RESULT")) == [1, 2, 3, 4, 5]
        assert app.poll("RESULT") == []


def test_pushed_rows_arrive_by_the_clock_at_the_moment_of_the_push():
    clock = ManualClock(1_000_000)
    with application(clock=clock) as app:
        app.push("S", {"K": "a", "V": 1})
        clock.advance(2_500)
        app.push("S", {"K": "a", "V": 2})
        clock.advance(1_000_000)
        [batch] = app.poll("RESULT")
        assert batch.column("ROWTIME").cast(pa.int64()).to_pylist() == [1000, 1002]


def test_windows_fire_on_an_idle_stream():
    clock = ManualClock(12_000_000)
    with application(WINDOW, clock=clock) as app:
        app.push("S", [{"K": "a", "V": 1}, {"K": "a", "V": 2}])
        assert app.poll("RESULT") == []
        clock.set(19_999_999)
        assert app.poll("RESULT") == []
        clock.set(20_000_000)
        [batch] = app.poll("RESULT")
        assert batch.to_pylist() == [{"ROWTIME": dt.datetime(1970, 1, 1, 0, 0, 20), "K": "a", "N": 2}]
        assert app.poll("RESULT") == []


def test_event_time_advances_with_rows_and_bounds_not_with_the_clock():
    clock = ManualClock(10**15)
    with application(WINDOW, clock=clock) as app:
        app.push("S", stamped([1_000, 9_999]))
        clock.advance(10**9)
        assert app.poll("RESULT") == []
        app.advance_to(dt.datetime(1970, 1, 1, 0, 0, 10))
        assert values(app.poll("RESULT"), "N") == [2]
        app.push("S", stamped([9_998, 12_000]))
        app.advance_to("1970-01-01T00:00:20+00:00")
        assert values(app.poll("RESULT"), "N") == [1]
        [late] = app.poll("error_stream")[0].to_pylist()
        assert (late["ERROR_NAME"], late["ERROR_TIME"]) == ("LATE_ROW", dt.datetime(2001, 9, 9, 2, 3, 20))


def test_one_input_has_one_kind_of_time():
    with application() as app:
        app.push("S", stamped([1]))
        with pytest.raises(RunError, match="do not have a ROWTIME column"):
            app.push("S", {"K": "a", "V": 1})


def test_end_of_input_flushes_and_takes_no_more():
    with application(WINDOW) as app:
        app.push("S", {"K": "a", "V": 1})
        app.end_of_input()
        assert values(app.poll("RESULT"), "N") == [1]
        with pytest.raises(RunError, match="has ended"):
            app.push("S", {"K": "a", "V": 1})


def test_an_idle_input_on_the_clock_does_not_hold_another_back():
    sql = "SELECT V FROM L UNION ALL SELECT V FROM R"
    clock = ManualClock(1_000_000)
    with application(sql, schemas={"L": "V BIGINT", "R": "V BIGINT"}, clock=clock) as app:
        app.push("L", {"V": 1})
        clock.advance(1_000)
        assert values(app.poll("RESULT")) == [1]


def test_many_small_pushes_are_one_step():
    with application(options={"max_batch_rows": 1000}) as app:
        for number in range(500):
            app.push("S", pa.table({"K": ["a"] * 4, "V": range(4 * number, 4 * number + 4)}))
        batches = app.poll("RESULT")
        assert [batch.num_rows for batch in batches] == [1000, 1000]
        assert values(batches) == list(range(2000))


def test_a_bad_row_among_small_pushes_costs_only_itself():
    clock = ManualClock(1_000_000)
    with application(clock=clock) as app:
        for value in (1, 2, "x", 4):
            app.push("S", [{"K": "a", "V": str(value)}])
            clock.advance(1_000)
        [*batches] = app.poll("RESULT")
        assert values(batches) == [1, 2, 4]
        times = [time for batch in batches for time in batch.column("ROWTIME").cast(pa.int64()).to_pylist()]
        assert times == [1000, 1001, 1003]
        [error] = app.poll("error_stream")[0].to_pylist()
        assert "row 2" in error["MESSAGE"]


def test_push_runs_steps_when_the_queue_is_full_and_refuses_when_nobody_fetches():
    options = {"queue_rows": 100, "max_batch_rows": 50}
    with application(options=options) as app:
        app.poll("RESULT")
        pushed = 0

        def push_on():
            nonlocal pushed
            for _ in range(1000):
                app.push("S", pa.table({"K": ["a"] * 10, "V": range(pushed, pushed + 10)}))
                pushed += 10

        with pytest.raises(RunError, match='"RESULT" is full') as caught:
            push_on()
        assert caught.value.error_code is ErrorCode.APPLICATION_STATE
        assert pushed <= 300
        assert values(app.poll("RESULT")) == list(range(pushed))
        app.push("S", {"K": "a", "V": pushed})
        assert values(app.poll("RESULT")) == [pushed]


def test_an_inner_stream_nobody_fetches_holds_nothing_up_and_says_what_is_gone():
    sql = """CREATE STREAM A (V BIGINT); CREATE PUMP P AS INSERT INTO A SELECT STREAM V FROM S;
             CREATE STREAM B (V BIGINT); CREATE PUMP Q AS INSERT INTO B SELECT STREAM V FROM A;"""
    with application(sql, options={"queue_rows": 10, "max_batch_rows": 5}) as app:
        for number in range(10):
            app.push("S", pa.table({"K": ["a"] * 5, "V": range(5 * number, 5 * number + 5)}))
            app.poll("B")
        with pytest.raises(RunError, match="rows of stream \"A\" are gone"):
            app.poll("A")
        app.push("S", {"K": "a", "V": 99})
        assert values(app.poll("A"))[-1] == 99


def test_outputs_names_what_is_kept():
    sql = """CREATE STREAM A (V BIGINT); CREATE PUMP P AS INSERT INTO A SELECT STREAM V FROM S;
             CREATE STREAM B (V BIGINT); CREATE PUMP Q AS INSERT INTO B SELECT STREAM V FROM S;"""
    with application(sql, outputs=["A"], options={"queue_rows": 10, "max_batch_rows": 5}) as app:
        for number in range(20):
            app.push("S", {"K": "a", "V": number})
            assert values(app.poll("A")) == [number]


def test_pushing_from_another_thread():
    with application() as app:
        threads = [
            threading.Thread(target=lambda: [app.push("S", {"K": "a", "V": 1}) for _ in range(200)]) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        seen = 0
        while any(thread.is_alive() for thread in threads):
            seen += len(values(app.poll("RESULT")))
        for thread in threads:
            thread.join()
        assert seen + len(values(app.poll("RESULT"))) == 600


def test_sources_and_sinks_in_an_embedded_application():
    source = MemorySource(stamped([1_000, 12_000]).to_batches(), stamped([1]).schema)
    sink = MemorySink()
    with application(WINDOW, schemas=None, sources={"S": source}, sinks={"RESULT": sink}) as app:
        while not sink.batches:
            app.poll("error_stream")
        with pytest.raises(RunError, match="go to its sink"):
            app.poll("RESULT")
    assert sink.table["N"].to_pylist()[0] == 1
    assert sink.is_closed


def test_a_failing_sink_is_an_error_with_the_streams_name():
    class Full(MemorySink):
        def write(self, batch):
            raise OSError("no space left on device")

    app = application(sinks={"RESULT": Full()})
    app.push("S", {"K": "a", "V": 1})
    with pytest.raises(ConnectorError, match='stream "RESULT" failed: no space left') as caught:
        app.poll("error_stream")
    assert caught.value.error_code is ErrorCode.SINK


def test_names_that_do_not_exist():
    with application() as app:
        with pytest.raises(RunError, match='input "T" not found') as caught:
            app.push("T", {"K": "a"})
        assert "the inputs are S" in caught.value.hint
        with pytest.raises(RunError, match='stream "NOPE" not found') as caught:
            app.poll("NOPE")
        assert "RESULT, error_stream" in caught.value.hint


def test_a_closed_application_takes_nothing():
    app = application()
    app.close()
    app.close()
    for use in (lambda: app.push("S", {"V": 1}), lambda: app.poll("RESULT"), lambda: app.advance_to(1)):
        with pytest.raises(RunError, match="closed"):
            use()


def test_checkpoints_and_templates_are_refused_for_now(tmp_path):
    with pytest.raises(RunError, match="checkpoint= is not supported"):
        application(checkpoint="state/")
    with pytest.raises(ConnectorError, match="templates are not supported"):
        streamsql.Application.from_file(tmp_path / "template.yaml")


def test_from_file(tmp_path):
    path = tmp_path / "app.sql"
    path.write_text(PASS)
    with streamsql.Application.from_file(path, schemas=SCHEMAS) as app:
        app.push("S", {"K": "a", "V": 1})
        assert values(app.poll("RESULT")) == [1]
    path.write_text("SELECT\n  NOPE FROM S")
    with pytest.raises(streamsql.errors.StreamSQLError, match=r"app\.sql:2:3"):
        streamsql.Application.from_file(path, schemas=SCHEMAS)


def test_explain_check_and_metrics():
    with application(WINDOW) as app:
        app.push("S", [{"K": "a", "V": 1}, {"K": "b", "V": "x"}])
        app.poll("RESULT")
        assert "tumble_aggregate" in app.explain()
        assert app.check() == app.plan.warnings
        metrics = app.metrics()
        assert (metrics.inputs[0].rows, metrics.inputs[0].bad_records, metrics.error_rows) == (1, 1, 1)
        window = next(each for each in metrics.operators if each.label == "tumble_aggregate")
        assert (window.rows_in, window.state_rows) == (1, 1)
        assert window.state_bytes > 0
        assert metrics.to_dict()["operators"][0]["label"] == "source"


def test_the_error_stream_keeps_the_latest_rows():
    with application(options={"error_rows": 3}) as app:
        app.push("S", [{"K": "a", "V": f"bad{number}"} for number in range(5)])
        app.poll("RESULT")
        [errors] = app.poll("error_stream")
        assert [message.split()[1] for message in errors.column("MESSAGE").to_pylist()] == ["bad2", "bad3", "bad4"]
        assert app.metrics().error_rows_dropped == 2


def test_a_snapshot_continues_in_a_new_application():
    def make():
        return application(WINDOW)

    app = make()
    app.push("S", stamped([1_000, 2_000]))
    assert app.poll("RESULT") == []
    state = app.snapshot()
    again = make()
    again.restore(state)
    again.push("S", stamped([500, 3_000, 10_000]))
    assert values(again.poll("RESULT"), "N") == [3]
    assert again.poll("error_stream")[0].column("ERROR_NAME").to_pylist() == ["LATE_ROW"]
