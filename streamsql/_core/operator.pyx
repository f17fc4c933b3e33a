"""The operator interface. One base class serves compiled and Python operators.

The contract:

1. One thread, no locks, no clock reads, no I/O. The same calls give the same bytes out.
2. `watermark_us` is already the minimum over the node's inputs and never decreases. It asserts that every later row has
   ROWTIME >= watermark. Results go to `out` before `on_watermark` returns the watermark to forward.
3. `batch.weights is None` means append-only: every weight is +1. Otherwise int64; an update is -1 then +1, adjacent.
4. A late row is never lost silently: it goes to `out.late(...)`, and `stats.rows_late` counts it.
5. `snapshot()` is called only between batches and shares no memory with live state; `restore(snapshot())` is the
   identity.
6. Memory is bounded by something `STATE` names (watermark, row count, key domain); the planner refuses what has no
   bound.
7. `end_of_input` is called once, after the last batch of every input; it emits everything still held.

How rows are cut into batches, and how many watermarks arrive between them, never changes what is emitted.
"""

from typing import NamedTuple

from streamsql._core.batch cimport ChangeBatch

#: The watermark before any row or bound was seen.
MIN_WATERMARK = -(2**63) + 1
#: The watermark at the end of input: no later row exists.
MAX_WATERMARK = 2**63 - 1


class StateTable(NamedTuple):
    """One table of an operator's state: what a snapshot holds under `name`."""

    name: str
    version: int
    bounded_by: str


class Failure(NamedTuple):
    """Rows that failed: `codes` (numpy uint8, values of RowError) and `messages` (a list of str), one entry per row."""

    rows: ChangeBatch
    codes: object
    messages: list


class OperatorStats(NamedTuple):
    """What an operator has done so far. `state_*` is what it holds now."""

    rows_in: int
    rows_out: int
    rows_late: int
    rows_error: int
    state_rows: int
    state_bytes: int
    watermark_us: int


cdef class Output:
    """Collects what an operator emits during one call; the executor takes it afterwards, in order."""

    def __init__(self):
        self.batches = []
        self.failures = []

    cpdef int emit(self, ChangeBatch batch) except -1:
        """Emit rows downstream. Empty batches are dropped."""
        if batch.num_rows:
            self.batches.append(batch)
        return 0

    cpdef int fail(self, ChangeBatch rows, object codes, object messages) except -1:
        """Report failed rows: one RowError code and one message per row."""
        if rows.num_rows:
            self.failures.append(Failure(rows, codes, messages))
        return 0

    cpdef int late(self, ChangeBatch rows, str message) except -1:
        """Report late rows, all with the same message."""
        import numpy as np

        if rows.num_rows:
            self.failures.append(
                Failure(rows, np.full(rows.num_rows, 7, dtype=np.uint8), [message] * rows.num_rows)
            )
        return 0

    cpdef list take_batches(self):
        """The batches emitted since the last call."""
        batches = self.batches
        if batches:
            self.batches = []
        return batches

    cpdef list take_failures(self):
        """The failures reported since the last call."""
        failures = self.failures
        if failures:
            self.failures = []
        return failures


cdef class Operator:
    """Base of all operators; see the module's docstring for the contract. The defaults pass everything through."""

    #: State tables, empty for stateless operators.
    STATE = ()

    def __init__(self, object node):
        self.node = node
        self.watermark_us = MIN_WATERMARK

    cpdef int process(self, int port, ChangeBatch batch, Output out) except -1:
        """Take the next rows of input `port`."""
        self.counters.rows_in += batch.num_rows
        self.counters.rows_out += batch.num_rows
        out.emit(batch)
        return 0

    cpdef int port_watermark(self, int port, int64_t watermark_us) except -1:
        """Learn the watermark of one input; called before `on_watermark`, and also when the minimum stays."""
        return 0

    cpdef int64_t on_watermark(self, int64_t watermark_us, Output out) except? -1:
        """Emit what is now complete; return the watermark to forward."""
        self.watermark_us = watermark_us
        return watermark_us

    cpdef int end_of_input(self, Output out) except -1:
        """Emit everything still held."""
        return 0

    cpdef dict snapshot(self):
        """The state as Arrow record batches by table name."""
        return {}

    cpdef int restore(self, int version, dict tables) except -1:
        """Put back what `snapshot` gave; called on a new operator, before any row."""
        return 0

    def state_size(self):
        """Rows and bytes held now, as a pair."""
        return 0, 0

    def count(self, int64_t rows_in=0, int64_t rows_out=0, int64_t rows_late=0, int64_t rows_error=0):
        """Add to the counters; for operators written in Python."""
        self.counters.rows_in += rows_in
        self.counters.rows_out += rows_out
        self.counters.rows_late += rows_late
        self.counters.rows_error += rows_error

    @property
    def stats(self):
        """An OperatorStats of this moment."""
        rows, size = self.state_size()
        return OperatorStats(
            self.counters.rows_in,
            self.counters.rows_out,
            self.counters.rows_late,
            self.counters.rows_error,
            rows,
            size,
            self.watermark_us,
        )
