"""The operator contract, checked while it runs: a wrapper around any operator."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from streamsql._core.batch import ChangeBatch
from streamsql._core.operator import MIN_WATERMARK, Operator, Output
from streamsql.errors import ErrorCode, RunError
from streamsql.plan.physical import PhysicalNode
from streamsql.schema import ChangelogMode


class CheckedOperator(Operator):
    """Runs another operator and raises RunError (S4002) as soon as it breaks the contract.

    Checked: every batch emitted has the node's columns, types and lengths; ROWTIME never decreases along the output and
    is never behind the watermark forwarded before; watermarks given and forwarded never decrease; an append-only node
    emits no weights, others one non-zero weight per row.
    """

    node: PhysicalNode

    def __init__(self, inner: Operator, operator_id: str) -> None:
        super().__init__(inner.node)
        self._inner = inner
        self._id = operator_id
        self._types = inner.node.schema.arrow.types
        self._is_append = inner.node.changelog is ChangelogMode.APPEND
        self._last_rowtime = MIN_WATERMARK
        self._forwarded = MIN_WATERMARK
        self._given = MIN_WATERMARK
        self._out = Output()
        self.STATE = inner.STATE  # type: ignore[misc]

    def process(self, port: int, batch: ChangeBatch, out: Output) -> int:
        """Process and check what comes out."""
        if not batch.num_rows:
            self._fail("was given an empty batch")
        self._inner.process(port, batch, self._out)
        self._pass_on(out)
        return 0

    def port_watermark(self, port: int, watermark_us: int) -> int:
        """Pass on."""
        return self._inner.port_watermark(port, watermark_us)

    def on_watermark(self, watermark_us: int, out: Output) -> int:
        """Pass on, and check what comes out and what is forwarded."""
        if watermark_us < self._given:
            self._fail(f"was given watermark {watermark_us} after {self._given}")
        self._given = watermark_us
        forwarded = self._inner.on_watermark(watermark_us, self._out)
        self._pass_on(out)
        if forwarded < self._forwarded:
            self._fail(f"forwarded watermark {forwarded} after {self._forwarded}")
        self._forwarded = forwarded
        return forwarded

    def end_of_input(self, out: Output) -> int:
        """Pass on and check what comes out."""
        self._inner.end_of_input(self._out)
        self._pass_on(out)
        return 0

    def snapshot(self) -> dict[str, pa.RecordBatch]:
        """The inner operator's state; its tables are the declared ones, numbers may follow a name."""
        tables = self._inner.snapshot()
        declared = {table.name for table in self._inner.STATE}
        undeclared = sorted(name for name in tables if name.split("/")[0].rstrip("0123456789") not in declared)
        if undeclared:
            self._fail(f"has state tables {undeclared} that it does not declare")
        return tables

    def restore(self, version: int, tables: dict[str, pa.RecordBatch]) -> int:
        """Pass on."""
        return self._inner.restore(version, tables)

    def state_size(self) -> tuple[int, int]:
        """The inner operator's."""
        return self._inner.state_size()

    @property
    def stats(self):  # type: ignore[no-untyped-def]
        """The inner operator's."""
        return self._inner.stats

    def _pass_on(self, out: Output) -> None:
        for batch in self._out.take_batches():
            self._check(batch)
            out.emit(batch)
        for failure in self._out.take_failures():
            rows = failure.rows.num_rows
            if not rows == len(failure.codes) == len(failure.messages):
                self._fail("reported failures whose rows, codes and messages differ in number")
            if not np.all(failure.codes):
                self._fail("reported a failed row with code 0")
            out.fail(failure.rows, failure.codes, failure.messages)

    def _check(self, batch: ChangeBatch) -> None:
        if len(batch.columns) != len(self._types):
            self._fail(f"emitted {len(batch.columns)} columns, declared are {len(self._types)}")
        for number, (column, declared) in enumerate(zip(batch.columns, self._types, strict=True)):
            if column.type != declared:
                self._fail(f"emitted {column.type} in column {number}, declared is {declared}")
            if len(column) != batch.num_rows:
                self._fail(f"emitted {len(column)} values in column {number} of {batch.num_rows} rows")
            column.validate(full=True)
        if batch.rowtime.type != pa.timestamp("us") or batch.rowtime.null_count:
            self._fail(f"emitted ROWTIME of type {batch.rowtime.type} with {batch.rowtime.null_count} nulls")
        self._check_weights(batch)
        rowtime = batch.rowtime.cast(pa.int64()).to_numpy(zero_copy_only=False)
        if batch.bounds is None:
            if rowtime[0] < self._last_rowtime or np.any(rowtime[1:] < rowtime[:-1]):
                self._fail("emitted rows out of ROWTIME order")
            self._last_rowtime = int(rowtime[-1])
        if rowtime.min() < self._forwarded:
            self._fail(f"emitted a row at {rowtime.min()} behind its own watermark {self._forwarded}")

    def _check_weights(self, batch: ChangeBatch) -> None:
        weights = batch.weights
        if weights is None:
            return
        if self._is_append:
            self._fail("emitted weights, but is append-only")
        if len(weights) != batch.num_rows or weights.type != pa.int64() or weights.null_count:
            self._fail("emitted weights that are not one int64 per row")
        if not np.all(weights.to_numpy(zero_copy_only=False)):
            self._fail("emitted a row with weight 0")

    def _fail(self, what: str) -> None:
        raise RunError(ErrorCode.INVARIANT, f"operator {self._id} {what}")
