from libc.stdint cimport int64_t

from streamsql._core.batch cimport ChangeBatch
from streamsql._core.operator cimport Operator, Output


cdef class Slot:
    cdef readonly object graph_node
    cdef readonly Operator operator
    cdef readonly object origin
    cdef readonly object combiner
    cdef readonly int64_t watermark_us
    cdef readonly int64_t forwarded_us
    cdef readonly int64_t elapsed_ns
    cdef public list collected
    cdef list consumers
    cdef list consumer_ports
    cdef list ports
    cdef list batches
    cdef list moved
    cdef bint is_dirty
    cdef Output out

    cpdef int advance(self, int port, int64_t watermark_us) except -1
    cdef int visit(self, list failures) except -1


cdef class StepLoop:
    cdef readonly Slot current
    cdef list failures

    cpdef int push(self, Slot source, list slots, ChangeBatch batch, int64_t watermark_us) except -1
    cpdef int run(self, list slots) except -1
