from libc.stdint cimport int64_t

from streamsql._core.arrow_c cimport ColumnView


cdef class ChangeBatch:
    cdef readonly int64_t num_rows
    cdef readonly object weights
    cdef readonly object bounds
    cdef object _rowtime            # None in a slice until somebody asks for it
    cdef tuple _columns             # the same
    cdef ChangeBatch _whole         # what a slice was cut from, None in other batches
    cdef int64_t _start             # first row of the slice in `_whole`
    cdef list _views

    cdef ColumnView view(self, Py_ssize_t index)
    cdef ColumnView rowtime_view(self)
    cdef Py_ssize_t _width(self)
    cdef ColumnView _view(self, Py_ssize_t index, bint is_rowtime)
    cpdef ChangeBatch with_columns(self, tuple columns)
    cpdef ChangeBatch slice(self, int64_t offset, int64_t length)
    cpdef ChangeBatch take(self, object indices)
