"""`ChangeBatch`: the unit of work. Columns of Arrow arrays, the rows' ROWTIME, and optional weights.

- `rowtime`: `timestamp[us]`, no nulls.
- `columns`: Arrow arrays of `num_rows` values each.
- `weights`: None for append-only (every weight is +1), else `int64` without nulls; an update is -1 then +1, adjacent.
- `bounds`: None when the rows are in ROWTIME order, so that each row implies the watermark of its own ROWTIME; else
  `timestamp[us]`: the watermark in force when the row arrives, from the rows before it in its split. This is what makes
  lateness independent of where batches are cut.

A batch is immutable. C views of its columns are made once, on first use, and shared by every operator that reads it.
A slice takes its views from the batch it is part of, and makes Arrow arrays only for who asks for them: small
batches cut from large ones cost next to nothing.
"""

from streamsql._core.arrow_c cimport ColumnView, import_array, part_of_view

import pyarrow as pa


cdef class ChangeBatch:
    """See the module's docstring."""

    def __init__(self, object rowtime, tuple columns, object weights=None, object bounds=None):
        self.num_rows = len(rowtime)
        self._rowtime = rowtime
        self._columns = columns
        self._weights = weights
        self._bounds = bounds

    @property
    def rowtime(self):
        """The rows' ROWTIME (`timestamp[us]`, no nulls)."""
        if self._rowtime is None:
            self._rowtime = self._whole.rowtime.slice(self._start, self.num_rows)
        return self._rowtime

    @property
    def columns(self):
        """The Arrow arrays, a tuple."""
        if self._columns is None:
            self._columns = tuple([column.slice(self._start, self.num_rows) for column in self._whole.columns])
        return self._columns

    @property
    def weights(self):
        """The weights (`int64`), or None."""
        if self._weights is None and self._whole is not None and self._whole.weights is not None:
            self._weights = self._whole.weights.slice(self._start, self.num_rows)
        return self._weights

    @property
    def bounds(self):
        """The watermark before each row (`timestamp[us]`), or None."""
        if self._bounds is None and self._whole is not None and self._whole.bounds is not None:
            self._bounds = self._whole.bounds.slice(self._start, self.num_rows)
        return self._bounds

    cdef ColumnView view(self, Py_ssize_t index):
        """The C view of column `index`."""
        if self._views is None:
            self._views = [None] * (self._width() + 1)
        view = self._views[index]
        if view is None:
            if self._whole is None:
                view = import_array(self._columns[index])
            else:
                view = part_of_view(self._whole.view(index), self._start, self.num_rows)
            self._views[index] = view
        return <ColumnView> view

    cdef ColumnView rowtime_view(self):
        """The C view of the ROWTIME column (int64 microseconds, no nulls)."""
        cdef Py_ssize_t last = self._width()
        if self._views is None:
            self._views = [None] * (last + 1)
        view = self._views[last]
        if view is None:
            if self._whole is None:
                view = import_array(self._rowtime)
            else:
                view = part_of_view(self._whole.rowtime_view(), self._start, self.num_rows)
            self._views[last] = view
        return <ColumnView> view

    cdef Py_ssize_t _width(self):
        return len(self._columns) if self._whole is None else self._whole._width()

    cpdef int64_t last_us(self):
        """ROWTIME of the last row in microseconds; the batch must not be empty."""
        cdef ColumnView view = self.rowtime_view()
        return (<const int64_t*> view.values)[view.offset + view.length - 1]

    cpdef ChangeBatch with_columns(self, tuple columns):
        """The same rows (ROWTIME, weights, bounds) with other columns."""
        return ChangeBatch(self.rowtime, columns, self.weights, self.bounds)

    cpdef ChangeBatch slice(self, int64_t offset, int64_t length):
        """`length` rows from row `offset` (fewer where the batch ends), without copying."""
        if offset < 0 or length < 0 or offset > self.num_rows:
            raise IndexError(f"rows {offset} to {offset + length} of a batch of {self.num_rows}")
        if length > self.num_rows - offset:
            length = self.num_rows - offset
        cdef ChangeBatch part = ChangeBatch.__new__(ChangeBatch)
        part.num_rows = length
        part._whole = self if self._whole is None else self._whole
        part._start = self._start + offset
        return part

    cpdef ChangeBatch take(self, object indices):
        """The rows numbered by `indices` (an integer Arrow array without nulls), in that order."""
        return ChangeBatch(
            self.rowtime.take(indices),
            tuple([column.take(indices) for column in self.columns]),
            None if self.weights is None else self.weights.take(indices),
            None if self.bounds is None else self.bounds.take(indices),
        )

    def to_record_batch(self, names):
        """The rows as a RecordBatch with ROWTIME (`timestamp[us]`) first and then the columns under `names`."""
        return pa.RecordBatch.from_arrays([self.rowtime, *self.columns], names=["ROWTIME", *names])

    def __repr__(self):
        return f"ChangeBatch({self.num_rows} rows, {len(self.columns)} columns)"
