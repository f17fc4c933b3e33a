import pytest

from streamsql._core.operator import Operator
from streamsql.errors import ErrorCode, RunError, StateError
from streamsql.operators.registry import OPERATORS, OperatorClass
from streamsql.runtime.executor import EXECUTOR_STATE, Executor
from streamsql.runtime.graph import build_graph
from streamsql.testing import chunk, rows
from tests.unit.runtime import plans
from tests.unit.runtime.plans import SCHEMA, GatherExec, HoldExec, plan, source, stream


@pytest.fixture(autouse=True)
def hold_operators():
    with plans.test_operators():
        yield


def batch(*values):
    lines = [f"00:00:0{second} | {key} | {value}" for second, key, value in values]
    return chunk("\n".join(["ROWTIME | K | V", "TIMESTAMP | VARCHAR(4) | BIGINT", *lines]))


def push(executor, name, *values):
    executor.push(name, batch(*values), values[-1][0] * 1_000_000, 0)


def out(executor, name="OUT"):
    return [row[1:] for row in rows(executor.take(name), SCHEMA)]


def test_rows_pass_from_source_to_stream_and_are_taken_once():
    executor = Executor(plan(stream(source())), checks=True)
    push(executor, "S", (1, "a", 1), (2, "b", 2))
    assert out(executor) == [("a", 1), ("b", 2)]
    assert out(executor) == []


def test_rows_imply_their_watermark():
    executor = Executor(plan(stream(HoldExec(schema=SCHEMA, input=source()))), checks=True)
    push(executor, "S", (1, "a", 1), (1, "b", 2), (2, "c", 3))
    assert out(executor) == [("a", 1), ("b", 2)]


def test_a_bound_from_the_clock_and_the_end_of_input():
    executor = Executor(plan(stream(HoldExec(schema=SCHEMA, input=source()))), checks=True)
    push(executor, "S", (1, "a", 1))
    assert out(executor) == []
    executor.advance({"S": 1_000_000}, 0)
    assert out(executor) == []
    executor.advance({"S": 1_000_001}, 0)
    assert out(executor) == [("a", 1)]
    push(executor, "S", (2, "b", 2))
    executor.end("S", 0)
    assert out(executor) == [("b", 2)]


def test_the_end_flushes_one_operator_after_the_other():
    lower = HoldExec(schema=SCHEMA, input=source())
    executor = Executor(plan(stream(HoldExec(schema=SCHEMA, input=lower))), checks=True)
    push(executor, "S", (1, "a", 1), (2, "b", 2))
    executor.end("S", 0)
    assert out(executor) == [("a", 1), ("b", 2)]
    assert all(each.is_finished for each in executor.metrics())


def test_a_shared_node_runs_once_and_every_reader_sees_its_rows():
    shared = stream(source(), "FIRST")
    executor = Executor(plan(shared, stream(shared, "SECOND"), stream(HoldExec(schema=SCHEMA, input=shared), "THIRD")))
    push(executor, "S", (1, "a", 1))
    executor.end("S", 0)
    assert [out(executor, name) for name in ("FIRST", "SECOND", "THIRD")] == [[("a", 1)]] * 3
    assert [each.rows_in for each in executor.metrics()] == [1, 1, 1, 1, 1]


def test_the_same_input_on_two_ports():
    node = source()
    executor = Executor(plan(stream(GatherExec(schema=SCHEMA, sources=(node, node)))), checks=True)
    push(executor, "S", (1, "a", 1), (2, "b", 2))
    executor.end("S", 0)
    assert out(executor) == [("a", 1), ("a", 1), ("b", 2), ("b", 2)]


def test_inputs_wait_for_the_slowest():
    left, right = source("L"), source("R")
    executor = Executor(plan(stream(GatherExec(schema=SCHEMA, sources=(left, right)))), checks=True)
    push(executor, "L", (1, "a", 1), (3, "b", 2))
    assert out(executor) == []
    push(executor, "R", (2, "x", 9))
    assert out(executor) == [("a", 1)]
    executor.end("R", 0)
    assert out(executor) == [("x", 9)]
    executor.end("L", 0)
    assert out(executor) == [("b", 2)]


def test_an_operator_with_two_inputs_learns_both_watermarks():
    executor = Executor(plan(stream(GatherExec(schema=SCHEMA, sources=(source("L"), source("R"))))))
    operator = executor._slots[2].operator
    executor.advance({"L": 5}, 0)
    executor.advance({"R": 3}, 0)
    executor.advance({"L": 7}, 0)
    assert operator.calls[-2:] == [("port", 0, 7), ("watermark", 3)]
    push(executor, "L", (1, "a", 1))
    assert operator.calls[-3:] == [("rows", 0, 1), ("port", 0, 1_000_000), ("watermark", 3)]


def test_failures_name_their_pump_and_columns():
    hold = HoldExec(schema=SCHEMA, input=source(), pump="P")
    executor = Executor(plan(stream(hold)), checks=True)
    push(executor, "S", (1, "a", -1), (2, "b", 2))
    [(origin, failure)] = executor.take_failures()
    assert (origin.pump, origin.names(failure.rows), failure.rows.num_rows) == ("P", ["K", "V"], 1)
    assert executor.take_failures() == []


def test_the_state_of_a_snapshot_continues_as_if_nothing_had_happened():
    def make():
        left, right = source("L"), source("R")
        gather = GatherExec(schema=SCHEMA, sources=(left, right))
        return plan(stream(HoldExec(schema=SCHEMA, input=gather)))

    steps = [("L", (1, "a", 1)), ("R", (1, "x", 2)), ("L", (4, "b", 3)), ("R", (2, "y", 4)), ("R", (5, "z", 5))]
    plain, restarted = Executor(make(), checks=True), Executor(make(), checks=True)
    for name, row in steps:
        push(plain, name, row)
        push(restarted, name, row)
        assert out(restarted) == out(plain)
        state = restarted.snapshot()
        restarted = Executor(make(), checks=True)
        restarted.restore(state)
    for executor in (plain, restarted):
        executor.end("L", 0)
        executor.end("R", 0)
    assert out(restarted) == out(plain) != []


def test_state_of_another_plan_is_refused():
    state = Executor(plan(stream(source()))).snapshot()
    assert EXECUTOR_STATE in state
    other = Executor(plan(stream(HoldExec(schema=SCHEMA, input=source()))))
    with pytest.raises(StateError, match="another plan"):
        other.restore(state)


class Broken(Operator):
    def process(self, port, batch, out):
        raise ZeroDivisionError("oops")


def test_a_crash_of_an_operator_names_it(monkeypatch):
    monkeypatch.setitem(OPERATORS, HoldExec, OperatorClass(__name__, "Broken"))
    executor = Executor(plan(stream(HoldExec(schema=SCHEMA, input=source()))))
    with pytest.raises(RunError, match="operator 1:hold failed: ZeroDivisionError: oops") as caught:
        push(executor, "S", (1, "a", 1))
    assert caught.value.error_code is ErrorCode.RUN_FAILED


def test_metrics_count_rows_state_and_time():
    executor = Executor(plan(stream(HoldExec(schema=SCHEMA, input=source(), pump="P"))))
    push(executor, "S", (1, "a", -1), (2, "b", 2))
    hold = executor.metrics()[1]
    assert (hold.label, hold.pump, hold.rows_in, hold.rows_out, hold.rows_error) == ("hold", "P", 2, 0, 1)
    assert (hold.state_rows, hold.state_bytes, hold.watermark_us) == (1, 32, 2_000_000)
    assert hold.seconds > 0


def test_the_graph_visits_inputs_first_and_reaches_what_reads_them():
    left, right = source("L"), source("R")
    only_left = stream(HoldExec(schema=SCHEMA, input=left), "A")
    both = stream(GatherExec(schema=SCHEMA, sources=(only_left, right)), "B")
    graph = build_graph(plan(only_left, both))
    assert [each.id for each in graph.nodes] == [
        "0:source:L", "1:source:R", "2:hold", "3:stream:A", "4:gather", "5:stream:B",
    ]  # fmt: skip
    assert graph.reachable(0) == (0, 2, 3, 4, 5)
    assert graph.reachable(1) == (1, 4, 5)
