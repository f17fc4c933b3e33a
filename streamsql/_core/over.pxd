from libc.stdint cimport int64_t

from streamsql._core.batch cimport ChangeBatch
from streamsql._core.merge cimport RowQueue
from streamsql._core.operator cimport Operator, Output


cdef class OverAggregateOperator(Operator):
    cdef tuple keep
    cdef list sets              # one FrameSet per PARTITION BY list
    cdef list outputs           # per call: (set, frame in it or -1, position in its results or places)
    cdef list types
    cdef RowQueue queue         # rows that came out of order and wait for the watermark
    cdef int64_t clock_us

    cdef int _slide(self, ChangeBatch batch, Output out) except -1
    cdef int _release(self, int64_t limit_us, Output out) except -1
