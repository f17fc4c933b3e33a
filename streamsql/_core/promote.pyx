"""`PromoteRowtimeOperator`: a TIMESTAMP column becomes the rows' ROWTIME (language reference §8.3).

The new ROWTIME must not decrease. A row below the largest so far is late, a NULL fails the row, an equal value passes.
What the input's watermark says about its old ROWTIME says nothing about the new one, so only promoted values advance
the clock downstream.
"""

from libc.stdint cimport int64_t, uint8_t

from streamsql._core.arrow_c cimport ColumnView, allocate, buffer_address, fixed_width_array, is_valid
from streamsql._core.batch cimport ChangeBatch
from streamsql._core.operator cimport Operator, Output

import numpy as np
import pyarrow as pa

from streamsql._core.operator import MIN_WATERMARK, StateTable

cdef object _ROWTIME = pa.timestamp("us")
cdef int _NULL_ROWTIME = 12             # RowError.NULL_ROWTIME

cdef enum:
    PASSES = 0
    IS_LATE = 1
    IS_NULL = 2


cdef int64_t _sort_out(
    ColumnView times, int64_t n, int64_t* clock_us, int64_t* rowtime, uint8_t* verdicts
) noexcept nogil:
    """Promoted times in microseconds of the rows that pass, and a verdict per row; returns how many pass."""
    cdef const int64_t* values = <const int64_t*> times.values + times.offset
    cdef int64_t row, time_us
    cdef int64_t latest = clock_us[0]
    cdef int64_t passed = 0
    for row in range(n):
        if not is_valid(times.validity, times.offset + row):
            verdicts[row] = IS_NULL
            continue
        time_us = values[row] * 1000
        if time_us < latest:
            verdicts[row] = IS_LATE
            continue
        verdicts[row] = PASSES
        latest = time_us
        rowtime[passed] = time_us
        passed += 1
    clock_us[0] = latest
    return passed


cdef class PromoteRowtimeOperator(Operator):
    """See the module's docstring; built from a `PromoteRowtimeExec`."""

    STATE = (StateTable("clock", 1, "one row"),)

    def __init__(self, object node):
        Operator.__init__(self, node)
        self.column = node.column
        self.keep = tuple(node.keep)
        self.clock_us = MIN_WATERMARK

    cpdef int process(self, int port, ChangeBatch batch, Output out) except -1:
        cdef int64_t n = batch.num_rows
        cdef ColumnView times = batch.view(self.column)
        cdef object buffer = allocate(n * 8)
        cdef object verdicts = np.empty(n, dtype=np.uint8)
        # SAFETY: both blocks have room for n entries and live until the end of this call.
        cdef int64_t* rowtime = <int64_t*> buffer_address(buffer)
        cdef uint8_t* verdict = <uint8_t*> <size_t> verdicts.ctypes.data
        cdef int64_t passed
        with nogil:
            passed = _sort_out(times, n, &self.clock_us, rowtime, verdict)
        self.counters.rows_in += n
        self.counters.rows_out += passed
        columns = tuple([batch.columns[index] for index in self.keep])
        if passed < n:
            self._report(batch, verdicts, out)
            chosen = pa.array(np.flatnonzero(verdicts == PASSES))
            columns = tuple([column.take(chosen) for column in columns])
        out.emit(ChangeBatch(fixed_width_array(_ROWTIME, buffer, None, passed, 0), columns))
        return 0

    cdef int _report(self, ChangeBatch batch, object verdicts, Output out) except -1:
        late = np.flatnonzero(verdicts == IS_LATE)
        null = np.flatnonzero(verdicts == IS_NULL)
        self.counters.rows_late += len(late)
        self.counters.rows_error += len(null)
        if len(late):
            out.late(batch.take(pa.array(late)), "the new ROWTIME is before one already emitted")
        if len(null):
            codes = np.full(len(null), _NULL_ROWTIME, dtype=np.uint8)
            out.fail(batch.take(pa.array(null)), codes, ["the new ROWTIME is NULL"] * len(null))
        return 0

    cpdef int64_t on_watermark(self, int64_t watermark_us, Output out) except? -1:
        self.watermark_us = watermark_us
        return self.clock_us

    cpdef dict snapshot(self):
        return {"clock": pa.record_batch({"clock_us": pa.array([self.clock_us], pa.int64())})}

    cpdef int restore(self, int version, dict tables) except -1:
        if version != 1:
            raise ValueError(f"state version {version} of a ROWTIME promotion is not known; this version reads 1")
        self.clock_us = tables["clock"]["clock_us"][0].as_py()
        return 0
