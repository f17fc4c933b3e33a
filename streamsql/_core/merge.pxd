from libc.stdint cimport int64_t

from streamsql._core.batch cimport ChangeBatch
from streamsql._core.operator cimport Operator, Output


cdef class MergeOperator(Operator):
    cdef int ports
    cdef list waiting           # per port: ChangeBatches in ROWTIME order
    cdef list bounds_us         # per port: its watermark

    cdef int64_t _limit(self, int port)
    cdef int _release(self, Output out) except -1
