from libc.stdint cimport int64_t

from streamsql._core.batch cimport ChangeBatch
from streamsql._core.operator cimport Operator, Output


cdef class PromoteRowtimeOperator(Operator):
    cdef Py_ssize_t column
    cdef tuple keep
    cdef int64_t clock_us

    cdef int _report(self, ChangeBatch batch, object verdicts, Output out) except -1
