import numpy as np
import pyarrow as pa
import pytest

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import Operator, Output
from streamsql.errors import ErrorCode, RunError
from streamsql.runtime.checks import CheckedOperator
from streamsql.testing import chunk
from tests.unit.runtime.plans import source

GOOD = """
    ROWTIME   | K          | V
    TIMESTAMP | VARCHAR(4) | BIGINT
    00:00:01  | a          | 1
    00:00:02  | b          | 2
"""


class Emits(Operator):
    """Emits what it was told to, whatever it is given."""

    def __init__(self, node, batch=None, forward=None):
        super().__init__(node)
        self.batch, self.forward = batch, forward

    def process(self, port, batch, out):
        out.emit(self.batch)
        return 0

    def on_watermark(self, watermark_us, out):
        return watermark_us if self.forward is None else self.forward


def breaks(batch, message, *, after=None):
    operator = Emits(source(), batch)
    checked = CheckedOperator(operator, "1:test")
    if after is not None:
        checked.on_watermark(after, Output())
    with pytest.raises(RunError, match=message) as caught:
        checked.process(0, chunk(GOOD), Output())
    assert caught.value.error_code is ErrorCode.INVARIANT
    assert "1:test" in str(caught.value)


def with_columns(*columns):
    return ChangeBatch(chunk(GOOD).rowtime, columns)


def test_what_keeps_the_contract_passes():
    out = Output()
    checked = CheckedOperator(Emits(source(), chunk(GOOD)), "1:test")
    checked.process(0, chunk(GOOD), out)
    assert checked.on_watermark(2_000_000, out) == 2_000_000
    assert out.take_batches()[0].num_rows == 2


def test_columns_types_and_lengths():
    key, value = chunk(GOOD).columns
    breaks(with_columns(key), "emitted 1 columns, declared are 2")
    breaks(with_columns(key, value.cast(pa.int32())), "emitted int32 in column 1, declared is int64")
    breaks(with_columns(key, value.slice(1)), "emitted 1 values in column 1 of 2 rows")


def test_rowtime_is_in_order_within_and_across_batches():
    batch = chunk(GOOD)
    reverse = batch.take(pa.array([1, 0]))
    breaks(reverse, "out of ROWTIME order")
    checked = CheckedOperator(Emits(source(), batch), "1:test")
    checked.process(0, batch, Output())
    with pytest.raises(RunError, match="out of ROWTIME order"):
        checked.process(0, batch, Output())


def test_nothing_is_emitted_behind_the_watermark_forwarded():
    breaks(chunk(GOOD), "behind its own watermark 1000001", after=1_000_001)


def test_watermarks_rise():
    checked = CheckedOperator(Emits(source(), forward=5), "1:test")
    checked.on_watermark(5, Output())
    checked._inner.forward = 4
    with pytest.raises(RunError, match="forwarded watermark 4 after 5"):
        checked.on_watermark(6, Output())
    with pytest.raises(RunError, match="was given watermark 3 after 6"):
        checked.on_watermark(3, Output())


def test_an_append_only_node_emits_no_weights():
    batch = chunk(GOOD)
    breaks(ChangeBatch(batch.rowtime, batch.columns, pa.array([1, 1])), "append-only")


def test_failures_have_one_code_and_message_per_row():
    class Fails(Operator):
        def process(self, port, batch, out):
            out.fail(batch, np.array([0, 1], dtype=np.uint8), ["a", "b"])
            return 0

    with pytest.raises(RunError, match="code 0"):
        CheckedOperator(Fails(source()), "1:test").process(0, chunk(GOOD), Output())


def test_undeclared_state_is_refused():
    class Keeps(Operator):
        def snapshot(self):
            return {"secret": pa.RecordBatch.from_pydict({"a": [1]})}

    with pytest.raises(RunError, match=r"\['secret'\]"):
        CheckedOperator(Keeps(source()), "1:test").snapshot()
