from libc.stdint cimport int64_t, uint32_t

from streamsql._core.accum cimport AggregatePlan
from streamsql._core.batch cimport ChangeBatch
from streamsql._core.hashing cimport KeyEncoder
from streamsql._core.merge cimport RowQueue
from streamsql._core.operator cimport Operator, Output
from streamsql._core.panes cimport Pane, ResultBuilder


cdef class StaggerAggregateOperator(Operator):
    cdef int64_t range_us
    cdef KeyEncoder keys
    cdef AggregatePlan plan
    cdef ResultBuilder results
    cdef Pane pane              # group = window, numbered in order of opening, which is the order of closing
    cdef int64_t* opens         # by group: when it opened
    cdef int64_t opens_capacity
    cdef int64_t first          # groups before this one are emitted, but not yet given up
    cdef int64_t clock_us
    cdef RowQueue queue         # rows that came out of order and wait for the watermark
    cdef uint32_t* groups
    cdef int64_t groups_capacity

    cdef int _add(self, ChangeBatch batch, Output out) except -1
    cdef int _assign(self, const int64_t* times, int64_t n) except -1 nogil
    cdef int _fire(self, int64_t watermark_us, Output out) except -1
    cdef int _emit(self, int64_t upto, Output out) except -1
    cdef int _release(self, int64_t limit_us, Output out) except -1
