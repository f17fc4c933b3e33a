from libc.stdint cimport int64_t

from streamsql._core.operator cimport Operator


cdef class PromoteRowtimeOperator(Operator):
    cdef int column
    cdef tuple keep
    cdef int64_t unit_us        # microseconds per unit of the column
    cdef int64_t largest_us     # the new clock: the largest value promoted so far
