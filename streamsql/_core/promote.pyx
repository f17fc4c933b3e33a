"""`PromoteRowtimeOperator`: a TIMESTAMP column becomes the ROWTIME."""

from streamsql._core.arrow_c cimport ColumnView, allocate, buffer_address, fixed_width_array, is_valid
from streamsql._core.batch cimport ChangeBatch
from streamsql._core.operator cimport Output
from streamsql._core.panes cimport arrow_times

import numpy as np
import pyarrow as pa

from streamsql._core.operator import MAX_WATERMARK as _MAX_WATERMARK, MIN_WATERMARK as _MIN_WATERMARK, StateTable

cdef int64_t _MIN = _MIN_WATERMARK
cdef int64_t _MAX = _MAX_WATERMARK
#: RowError.NULL_ROWTIME
cdef int _NULL_ROWTIME = 12


cdef class PromoteRowtimeOperator(Operator):
    """Rows with the values of `node.column` as ROWTIME and the columns in `node.keep`.

    Built from a `PromoteRowtimeExec`.
    Rows leave in ROWTIME order: one whose value is below the largest so far is late, one whose value is NULL fails.
    The watermark forwarded is the largest value so far, whatever comes in; at the end of input it passes through.
    """

    STATE = (StateTable("clock", 1, "one row"),)

    def __init__(self, object node):
        Operator.__init__(self, node)
        self.column = node.column
        self.keep = tuple(node.keep)
        self.unit_us = arrow_times(node.input.schema[node.column].type.arrow)
        self.largest_us = _MIN

    cpdef int process(self, int port, ChangeBatch batch, Output out) except -1:
        cdef ColumnView view
        cdef int64_t n = batch.num_rows
        cdef int64_t i, value, largest, unit = self.unit_us
        cdef int64_t late = 0, missing = 0
        cdef int64_t* times
        cdef const int64_t* values
        cdef char* verdicts
        if n == 0:
            return 0
        self.counters.rows_in += n
        view = batch.view(self.column)
        values = <const int64_t*> view.values + view.offset
        buffer = allocate(n * 8)
        times = <int64_t*> buffer_address(buffer)
        flags = np.zeros(n, dtype=np.int8)                  # 1 late, 2 NULL
        verdicts = <char*> <size_t> flags.ctypes.data
        with nogil:
            largest = self.largest_us
            for i in range(n):
                if view.null_count and not is_valid(view.validity, view.offset + i):
                    verdicts[i] = 2
                    times[i] = 0
                    missing += 1
                    continue
                value = values[i] * unit
                times[i] = value
                if value < largest:
                    verdicts[i] = 1
                    late += 1
                else:
                    largest = value
            self.largest_us = largest
        rowtime = fixed_width_array(pa.timestamp("us"), buffer, None, n, 0)
        promoted = ChangeBatch(rowtime, tuple([batch.columns[index] for index in self.keep]), batch.weights)
        if missing:
            rows = pa.array(np.flatnonzero(flags == 2))
            out.fail(batch.take(rows), np.full(missing, _NULL_ROWTIME, dtype=np.uint8), ["ROWTIME is NULL"] * missing)
        if late:
            out.late(
                batch.take(pa.array(np.flatnonzero(flags == 1))), "the promoted ROWTIME is before one already emitted"
            )
        if late or missing:
            promoted = promoted.take(pa.array(np.flatnonzero(flags == 0)))
        self.counters.rows_late += late
        self.counters.rows_error += missing
        self.counters.rows_out += promoted.num_rows
        out.emit(promoted)
        return 0

    cpdef int64_t on_watermark(self, int64_t watermark_us, Output out) except? -1:
        self.watermark_us = watermark_us
        return _MAX if watermark_us == _MAX else self.largest_us

    cpdef dict snapshot(self):
        return {"clock": pa.record_batch({"largest_us": pa.array([self.largest_us], pa.int64())})}

    cpdef int restore(self, int version, dict tables) except -1:
        if version != 1:
            raise ValueError(f"state version {version} of a ROWTIME promotion is not known; this version reads 1")
        self.largest_us = tables["clock"]["largest_us"][0].as_py()
        return 0
