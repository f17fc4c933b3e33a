from libc.stdint cimport int64_t

from streamsql._core.arrow_c cimport ColumnView
from streamsql._core.batch cimport ChangeBatch
from streamsql._core.operator cimport Operator, Output


cdef class RowQueue:
    cdef readonly list runs         # (port, batch): rows in ROWTIME order, runs in order of arrival
    cdef readonly int64_t rows

    cdef int push(self, int port, ChangeBatch batch) except -1
    cdef ChangeBatch pop(self, list limits)


cdef class MergeOperator(Operator):
    cdef RowQueue queue
    cdef list watermarks            # one per port
    cdef int _release(self, Output out) except -1


cdef ChangeBatch split_late(ChangeBatch batch, int64_t clock_us, Output out, int64_t* late_count)


cdef inline int64_t last_time(ChangeBatch batch):
    """ROWTIME of the last row of a batch that is not empty."""
    cdef ColumnView view = batch.rowtime_view()
    return (<const int64_t*> view.values)[view.offset + batch.num_rows - 1]
