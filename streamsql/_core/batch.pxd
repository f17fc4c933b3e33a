from libc.stdint cimport int64_t

from streamsql._core.arrow_c cimport ColumnView


cdef class ChangeBatch:
    cdef readonly int64_t num_rows
    cdef object _rowtime
    cdef tuple _columns
    cdef object _weights
    cdef object _bounds
    cdef list _views
    cdef ChangeBatch _whole         # what this is a slice of; its arrays are sliced only when somebody asks for them
    cdef int64_t _start

    cdef ColumnView view(self, Py_ssize_t index)
    cdef ColumnView rowtime_view(self)
    cdef Py_ssize_t _width(self)
    cpdef int64_t last_us(self)
    cpdef ChangeBatch with_columns(self, tuple columns)
    cpdef ChangeBatch slice(self, int64_t offset, int64_t length)
    cpdef ChangeBatch take(self, object indices)
