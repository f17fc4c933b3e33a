"""One operator on a test bench."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import Failure, Operator, Output
from streamsql.errors import RowError
from streamsql.operators.context import StepContext
from streamsql.operators.registry import operator_for
from streamsql.plan.physical import PhysicalNode
from streamsql.runtime.checks import CheckedOperator
from streamsql.runtime.watermarks import WatermarkCombiner
from streamsql.testing.tables import chunk, rows


class OperatorHarness:
    """Drives the operator of a plan node, with the operator contract checked on every call.

    Rows given imply their watermark, as in the executor, unless `implies_watermark` is False.
    """

    def __init__(self, node: PhysicalNode, *, now_us: int = 0) -> None:
        self.node = node
        self._now_us = now_us
        self._operator: Operator = self._make()
        self._combiner = WatermarkCombiner(max(1, len(node.inputs)))
        self._out = Output()
        self._failures: list[Failure] = []
        self.forwarded_us: int | None = None

    def _make(self) -> Operator:
        return CheckedOperator(operator_for(self.node, StepContext(self._now_us)), self.node.label)

    def push(
        self, batch: ChangeBatch | str, *, port: int = 0, implies_watermark: bool = True
    ) -> list[tuple[Any, ...]]:
        """Give rows (a batch or the text of `chunk`) to one input; return what comes out, as `rows` gives it."""
        if isinstance(batch, str):
            batch = chunk(batch)
        if not batch.num_rows:
            return []
        self._operator.process(port, batch, self._out)
        emitted = self._take()
        if implies_watermark:
            emitted += self.watermark(batch.rowtime.cast(pa.int64())[-1].as_py(), port=port)
        return emitted

    def watermark(self, watermark_us: int, *, port: int = 0) -> list[tuple[Any, ...]]:
        """Raise the watermark of one input; return what comes out."""
        if self._combiner.update(port, watermark_us):
            self._operator.port_watermark(port, watermark_us)
            self.forwarded_us = self._operator.on_watermark(self._combiner.combined, self._out)
        return self._take()

    def end(self) -> list[tuple[Any, ...]]:
        """End every input; return what comes out."""
        self._operator.end_of_input(self._out)
        return self._take()

    def restart(self) -> None:
        """Go on with a new operator restored from a snapshot of the old one."""
        state = self._operator.snapshot()
        version = max((each.version for each in self._operator.STATE), default=1)
        self._operator = self._make()
        if state:
            self._operator.restore(version, state)

    @property
    def failures(self) -> list[tuple[str, str, tuple[Any, ...]]]:
        """The failed rows so far: name of the error, message, and the row (ROWTIME in microseconds first)."""
        result = []
        for failure in self._failures:
            columns = [failure.rows.rowtime.cast(pa.int64()), *failure.rows.columns]
            values = zip(*(column.to_pylist() for column in columns), strict=True)
            for row, code, message in zip(values, failure.codes.tolist(), failure.messages, strict=True):
                result.append((RowError(code).name, message, row))
        return result

    @property
    def state_size(self) -> tuple[int, int]:
        """Rows and bytes held now."""
        return self._operator.state_size()

    def _take(self) -> list[tuple[Any, ...]]:
        self._failures += self._out.take_failures()
        return rows(self._out.take_batches(), self.node.schema)
