import pyarrow as pa
import pytest

from streamsql.expr.nodes import Call, Clock, Column, Literal, Rowtime
from streamsql.plan.physical import FilterExec, ProjectExec, StreamExec
from streamsql.schema import Column as Field
from streamsql.schema import Schema
from streamsql.testing import OperatorHarness, chunk
from streamsql.types import BIGINT, BOOLEAN, TIMESTAMP, varchar
from tests.unit.runtime.plans import SCHEMA, source

K = Column(0, varchar(4), "K")
V = Column(1, BIGINT, "V")
ROWS = """
    ROWTIME   | K          | V
    TIMESTAMP | VARCHAR(4) | BIGINT
    00:00:01  | a          | 1
    00:00:01  | b          | 0
    00:00:02  | null       | null
    00:00:03  | c          | 5
"""


def number(value):
    return Literal(value, BIGINT)


def ratio():
    return Call("/", (number(10), V), BIGINT)


def filter_node(predicate, keep=(0, 1)):
    kept = Schema(tuple(SCHEMA[index] for index in keep))
    return FilterExec(schema=kept, input=source(), predicate=predicate, keep=keep, pump="P")


def project_node(*items):
    schema = Schema(tuple(Field(f"C{index}", item.type) for index, item in enumerate(items)))
    return ProjectExec(schema=schema, input=source(), items=items, pump="P")


def test_a_filter_keeps_rows_for_which_the_predicate_is_true():
    harness = OperatorHarness(filter_node(Call(">", (V, number(0)), BOOLEAN), keep=(1,)))
    assert harness.push(ROWS) == [(1_000_000, 1), (3_000_000, 5)]
    assert harness.failures == []
    assert harness.forwarded_us == 3_000_000


@pytest.mark.parametrize("limit", [-1, 9])
def test_a_filter_that_keeps_all_or_none(limit):
    harness = OperatorHarness(filter_node(Call(">", (V, number(limit)), BOOLEAN), keep=(1, 0)))
    expected = [(1_000_000, 1, "a"), (1_000_000, 0, "b"), (3_000_000, 5, "c")] if limit < 0 else []
    assert harness.push(ROWS) == expected
    assert harness.forwarded_us == 3_000_000, "the watermark passes even when no row does"


def test_a_row_that_fails_in_a_filter_is_reported_once_as_it_came_in():
    harness = OperatorHarness(filter_node(Call(">", (ratio(), number(3)), BOOLEAN), keep=(0,)))
    assert harness.push(ROWS) == [(1_000_000, "a")]
    [(name, message, row)] = harness.failures
    assert (name, row) == ("DIVISION_BY_ZERO", (1_000_000, "b", 0))
    assert message


def test_a_row_in_which_two_items_fail_is_reported_once():
    harness = OperatorHarness(project_node(K, ratio(), ratio()))
    assert harness.push(ROWS) == [(1_000_000, "a", 10, 10), (2_000_000, None, None, None), (3_000_000, "c", 2, 2)]
    assert [(name, row) for name, _, row in harness.failures] == [("DIVISION_BY_ZERO", (1_000_000, "b", 0))]


def test_a_batch_of_failures_only_gives_nothing():
    harness = OperatorHarness(project_node(Call("/", (V, number(0)), BIGINT)))
    assert harness.push(ROWS) == [(2_000_000, None)]
    assert len(harness.failures) == 3


def test_the_clock_and_the_rowtime():
    harness = OperatorHarness(project_node(Clock("CURRENT_TIMESTAMP", TIMESTAMP), Rowtime()), now_us=5_000_000)
    rows = harness.push(ROWS)
    assert {row[1].second for row in rows} == {5}
    assert [row[2].second for row in rows] == [1, 1, 2, 3]


def test_weights_stay_with_their_rows():
    batch = chunk(
        """
        +/- | ROWTIME   | K          | V
            | TIMESTAMP | VARCHAR(4) | BIGINT
        -   | 00:00:01  | a          | 1
        +   | 00:00:01  | b          | 0
        +   | 00:00:02  | c          | 2
        """
    )
    from streamsql._core.operator import Output
    from streamsql.operators.context import StepContext
    from streamsql.operators.stateless import FilterOperator, ProjectOperator

    out = Output()
    FilterOperator(filter_node(Call(">", (V, number(0)), BOOLEAN)), StepContext(0)).process(0, batch, out)
    ProjectOperator(project_node(ratio()), StepContext(0)).process(0, batch, out)
    assert [each.weights.to_pylist() for each in out.take_batches()] == [[-1, 1], [-1, 1]]


def wide(rows):
    columns = tuple(Field(f"T{index}", varchar(65534)) for index in range(3))
    schema = Schema(columns)
    node = StreamExec(schema=schema, input=source(schema=schema), name="OUT")
    times = pa.array([1_000_000] * len(rows), pa.int64()).cast(pa.timestamp("us"))
    from streamsql._core.batch import ChangeBatch

    arrays = tuple(pa.array([row[index] for row in rows], pa.string()) for index in range(3))
    return OperatorHarness(node), ChangeBatch(times, arrays)


def test_rows_beyond_the_limit_leave_a_stream():
    euro = "\u20ac" * 60_000                      # 180,000 bytes each
    harness, batch = wide([("a", "b", None), (euro, euro, euro), ("c", None, euro), ("d", "e", "f")])
    assert [row[1] for row in harness.push(batch)] == ["a", "c", "d"]
    [(name, message, row)] = harness.failures
    assert (name, row[1]) == ("ROW_TOO_LARGE", euro)
    assert "512 KB" in message


def test_many_small_rows_are_not_one_large_row():
    harness, batch = wide([("x" * 100, "y" * 100, None)] * 5_000)
    assert len(harness.push(batch)) == 5_000
    assert harness.failures == []


def test_only_streams_that_could_hold_too_much_are_measured():
    from streamsql.operators.stateless import StreamOperator

    assert StreamOperator(StreamExec(schema=SCHEMA, input=source(), name="OUT"))._text_columns == ()
