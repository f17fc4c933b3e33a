"""`ChangeBatch`: the unit of work. Columns of Arrow arrays, the rows' ROWTIME, and optional weights.

- `rowtime`: `timestamp[us]`, no nulls.
- `columns`: Arrow arrays of `num_rows` values each.
- `weights`: None for append-only (every weight is +1), else `int64` without nulls; an update is -1 then +1, adjacent.
- `bounds`: None when the rows are in ROWTIME order, so that each row implies the watermark of its own ROWTIME; else
  `timestamp[us]`: the watermark in force when the row arrives, from the rows before it in its split. This is what makes
  lateness independent of where batches are cut.

A batch is immutable. C views of its columns are made once, on first use, and shared by every operator that reads it.
A slice makes its Arrow arrays when they are asked for; compiled operators read it through views of the whole, because
slicing and exporting every column costs more than the work on a small batch.
"""

from streamsql._core.arrow_c cimport ColumnView, import_array, part_of

import pyarrow as pa

cdef object _take = None


cdef class ChangeBatch:
    """See the module's docstring."""

    def __init__(self, object rowtime, tuple columns, object weights=None, object bounds=None):
        self.num_rows = len(rowtime)
        self._rowtime = rowtime
        self._columns = columns
        self.weights = weights
        self.bounds = bounds

    @property
    def rowtime(self):
        """The ROWTIME column."""
        if self._rowtime is None:
            self._rowtime = self._whole.rowtime.slice(self._start, self.num_rows)
        return self._rowtime

    @property
    def columns(self):
        """The columns, in order."""
        if self._columns is None:
            self._columns = tuple([column.slice(self._start, self.num_rows) for column in self._whole._columns])
        return self._columns

    cdef ColumnView view(self, Py_ssize_t index):
        """The C view of column `index`."""
        return self._view(index, False)

    cdef ColumnView rowtime_view(self):
        """The C view of the ROWTIME column (int64 microseconds, no nulls)."""
        return self._view(self._width(), True)

    cdef Py_ssize_t _width(self):
        return len(self._columns) if self._whole is None else len(self._whole._columns)

    cdef ColumnView _view(self, Py_ssize_t index, bint is_rowtime):
        cdef ColumnView whole
        if self._views is None:
            self._views = [None] * (self._width() + 1)
        view = self._views[index]
        if view is None:
            if self._whole is not None:
                whole = self._whole._view(index, is_rowtime)
                if whole.null_count == 0:
                    view = part_of(whole, self._start, self.num_rows)
            if view is None:
                view = import_array(self.rowtime if is_rowtime else self.columns[index])
            self._views[index] = view
        return <ColumnView> view

    cpdef ChangeBatch with_columns(self, tuple columns):
        """The same rows (ROWTIME, weights, bounds) with other columns."""
        return ChangeBatch(self.rowtime, columns, self.weights, self.bounds)

    cpdef ChangeBatch slice(self, int64_t offset, int64_t length):
        """`length` rows from row `offset`, without copying; both must lie within the batch."""
        cdef ChangeBatch part = ChangeBatch.__new__(ChangeBatch)
        if offset < 0 or length < 0 or offset + length > self.num_rows:
            raise IndexError(f"rows {offset} to {offset + length} of a batch of {self.num_rows}")
        part.num_rows = length
        part._whole = self if self._whole is None else self._whole
        part._start = self._start + offset
        if self.weights is not None:
            part.weights = self.weights.slice(offset, length)
        if self.bounds is not None:
            part.bounds = self.bounds.slice(offset, length)
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
        return f"ChangeBatch({self.num_rows} rows, {self._width()} columns)"
