from libc.stdint cimport int64_t

from streamsql._core.arrow_c cimport ColumnView


cdef class ChangeBatch:
    cdef readonly int64_t num_rows
    cdef readonly object rowtime
    cdef readonly tuple columns
    cdef readonly object weights
    cdef readonly object bounds
    cdef list _views

    cdef ColumnView view(self, Py_ssize_t index)
    cdef ColumnView rowtime_view(self)
    cpdef ChangeBatch with_columns(self, tuple columns)
    cpdef ChangeBatch slice(self, int64_t offset, int64_t length)
    cpdef ChangeBatch take(self, object indices)
