"""`ChangeBatch`: the unit of work. Columns of Arrow arrays, the rows' ROWTIME, and optional weights.

- `rowtime`: `timestamp[us]`, no nulls.
- `columns`: Arrow arrays of `num_rows` values each.
- `weights`: None for append-only (every weight is +1), else `int64` without nulls; an update is -1 then +1, adjacent.
- `bounds`: None when the rows are in ROWTIME order, so that each row implies the watermark of its own ROWTIME; else
  `timestamp[us]`: the watermark in force when the row arrives, from the rows before it in its split. This is what makes
  lateness independent of where batches are cut.

A batch is immutable. C views of its columns are made once, on first use, and shared by every operator that reads it.
"""

from streamsql._core.arrow_c cimport ColumnView, import_array

import pyarrow as pa

cdef object _take = None


cdef class ChangeBatch:
    """See the module's docstring."""

    def __init__(self, object rowtime, tuple columns, object weights=None, object bounds=None):
        self.num_rows = len(rowtime)
        self.rowtime = rowtime
        self.columns = columns
        self.weights = weights
        self.bounds = bounds
        self._views = None

    cdef ColumnView view(self, Py_ssize_t index):
        """The C view of column `index`."""
        if self._views is None:
            self._views = [None] * (len(self.columns) + 1)
        view = self._views[index]
        if view is None:
            view = import_array(self.columns[index])
            self._views[index] = view
        return <ColumnView> view

    cdef ColumnView rowtime_view(self):
        """The C view of the ROWTIME column (int64 microseconds, no nulls)."""
        cdef Py_ssize_t last = len(self.columns)
        if self._views is None:
            self._views = [None] * (last + 1)
        view = self._views[last]
        if view is None:
            view = import_array(self.rowtime)
            self._views[last] = view
        return <ColumnView> view

    cpdef ChangeBatch with_columns(self, tuple columns):
        """The same rows (ROWTIME, weights, bounds) with other columns."""
        return ChangeBatch(self.rowtime, columns, self.weights, self.bounds)

    cpdef ChangeBatch slice(self, int64_t offset, int64_t length):
        """`length` rows from row `offset`, without copying."""
        return ChangeBatch(
            self.rowtime.slice(offset, length),
            tuple([column.slice(offset, length) for column in self.columns]),
            None if self.weights is None else self.weights.slice(offset, length),
            None if self.bounds is None else self.bounds.slice(offset, length),
        )

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
