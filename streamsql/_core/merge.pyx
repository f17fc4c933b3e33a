"""`MergeOperator`: the rows of several inputs in ROWTIME order; and the queue that puts rows in order.

A row leaves as soon as no row that belongs before it can still come: its own and every later input has reached its
ROWTIME, and every earlier input, whose rows come first at equal ROWTIME, is past it.
"""

from streamsql._core.arrow_c cimport ColumnView
from streamsql._core.panes cimport first_at_least

import numpy as np
import pyarrow as pa

from streamsql._core.operator import MAX_WATERMARK as _MAX_WATERMARK, MIN_WATERMARK as _MIN_WATERMARK, StateTable

cdef int64_t _MIN = _MIN_WATERMARK
cdef int64_t _MAX = _MAX_WATERMARK


cdef ChangeBatch split_late(ChangeBatch batch, int64_t clock_us, Output out, int64_t* late_count):
    """The rows of a batch that are not late, in ROWTIME order and without bounds; the late ones go to `out`.

    In a batch with bounds a row is late when its ROWTIME is below its bound (or the clock); in one without, below the
    clock.
    """
    cdef ColumnView rowtime = batch.rowtime_view()
    cdef const int64_t* times = <const int64_t*> rowtime.values + rowtime.offset
    cdef int64_t start
    late_count[0] = 0
    if batch.bounds is None:
        if batch.num_rows and times[0] < clock_us:
            start = first_at_least(times, 0, batch.num_rows, clock_us)
            late_count[0] = start
            out.late(batch.slice(0, start), "ROWTIME is before the stream's clock")
            batch = batch.slice(start, batch.num_rows - start)
        return batch
    values = np.asarray(batch.rowtime).view(np.int64)
    bounds = np.maximum(np.asarray(batch.bounds).view(np.int64), clock_us)
    late = values < bounds
    order = np.argsort(values, kind="stable")
    if late.any():
        rows = np.flatnonzero(late)
        late_count[0] = len(rows)
        out.late(batch.take(pa.array(rows)), "ROWTIME is before the stream's clock")
        order = order[~late[order]]
    batch = ChangeBatch(batch.rowtime, batch.columns, batch.weights)
    return batch.take(pa.array(order))


cdef ChangeBatch _concatenate_batches(list batches):
    cdef ChangeBatch first = <ChangeBatch> batches[0]
    cdef ChangeBatch batch
    cdef bint has_weights = False
    if len(batches) == 1:
        return first
    for batch in batches:
        has_weights = has_weights or batch.weights is not None
    weights = None
    if has_weights:
        weights = pa.concat_arrays(
            [pa.array(np.ones(b.num_rows, dtype=np.int64)) if b.weights is None else b.weights for b in batches]
        )
    return ChangeBatch(
        pa.concat_arrays([b.rowtime for b in batches]),
        tuple([pa.concat_arrays([b.columns[k] for b in batches]) for k in range(len(first.columns))]),
        weights,
    )


cdef class RowQueue:
    """Rows that wait until they may be released, as runs in ROWTIME order."""

    def __cinit__(self):
        self.runs = []

    cdef int push(self, int port, ChangeBatch batch) except -1:
        """Take a batch whose rows are in ROWTIME order."""
        if batch.num_rows:
            self.runs.append((port, batch))
            self.rows += batch.num_rows
        return 0

    cdef ChangeBatch pop(self, list limits):
        """All rows with ROWTIME <= limits[port], in order of (ROWTIME, port, arrival); None when there are none."""
        cdef ChangeBatch batch
        cdef ColumnView rowtime
        cdef const int64_t* times
        cdef int64_t upto
        cdef list taken = []
        cdef list left = []
        cdef int port
        for port, batch in self.runs:
            rowtime = batch.rowtime_view()
            times = <const int64_t*> rowtime.values + rowtime.offset
            limit = limits[port]
            upto = batch.num_rows if times[batch.num_rows - 1] <= <int64_t> limit else first_at_least(
                times, 0, batch.num_rows, <int64_t> limit + 1
            )
            if upto == batch.num_rows:
                taken.append((port, len(taken), batch))
            else:
                if upto:
                    taken.append((port, len(taken), batch.slice(0, upto)))
                left.append((port, batch.slice(upto, batch.num_rows - upto)))
        if not taken:
            return None
        self.runs = left
        taken.sort(key=_port_and_arrival)
        batch = _concatenate_batches([part for _, _, part in taken])
        self.rows -= batch.num_rows
        if len(taken) == 1:
            return batch
        values = np.asarray(batch.rowtime).view(np.int64)
        if (np.diff(values) < 0).any():
            batch = batch.take(pa.array(np.argsort(values, kind="stable")))
        return batch


def _port_and_arrival(item):
    return item[:2]


cdef class MergeOperator(Operator):
    """All rows of all inputs in ROWTIME order, at equal ROWTIME those of an earlier input first.

    Built from a `MergeExec`. The watermark forwarded is the least of the inputs'. A row below the watermark of its
    own input is late.
    """

    STATE = (
        StateTable("watermarks", 1, "one row per input"),
        StateTable("waiting", 1, "rows ahead of the slowest input"),
    )

    def __init__(self, object node):
        Operator.__init__(self, node)
        self.queue = RowQueue()
        self.watermarks = [_MIN] * len(node.inputs)

    cpdef int process(self, int port, ChangeBatch batch, Output out) except -1:
        cdef int64_t late = 0
        cdef bint is_ordered = batch.bounds is None
        cdef ChangeBatch rows
        self.counters.rows_in += batch.num_rows
        rows = split_late(batch, self.watermarks[port], out, &late)
        self.counters.rows_late += late
        self.queue.push(port, rows)
        if is_ordered and rows.num_rows:
            self.watermarks[port] = last_time(rows)
        return self._release(out)

    cpdef int port_watermark(self, int port, int64_t watermark_us) except -1:
        self.watermarks[port] = max(self.watermarks[port], watermark_us)
        return 0

    cpdef int64_t on_watermark(self, int64_t watermark_us, Output out) except? -1:
        cdef int port
        self.watermark_us = watermark_us
        for port in range(len(self.watermarks)):
            if self.watermarks[port] < watermark_us:
                self.watermarks[port] = watermark_us
        self._release(out)
        return min(self.watermarks)

    cpdef int end_of_input(self, Output out) except -1:
        self.watermarks = [_MAX] * len(self.watermarks)
        return self._release(out)

    cdef int _release(self, Output out) except -1:
        """Emit the rows nothing can come before any more."""
        cdef ChangeBatch batch
        cdef list limits = []
        cdef int port
        if not self.queue.runs:
            return 0
        for port in range(len(self.watermarks)):
            limit = min(self.watermarks[port:])
            if port:
                before = min(self.watermarks[:port])
                limit = min(limit, before if before == _MAX else before - 1)
            limits.append(limit)
        batch = self.queue.pop(limits)
        if batch is not None:
            self.counters.rows_out += batch.num_rows
            out.emit(batch)
        return 0

    def state_size(self):
        """Rows that wait, and the bytes of their columns."""
        size = 0
        for _, batch in self.queue.runs:
            size += batch.num_rows * 8 + sum([column.nbytes for column in batch.columns])
        return self.queue.rows, size

    cpdef dict snapshot(self):
        cdef dict tables = {"watermarks": pa.record_batch({"watermark_us": pa.array(self.watermarks, pa.int64())})}
        for index, (port, batch) in enumerate(self.queue.runs):
            tables[f"waiting{index}"] = save_rows(port, batch)
        return tables

    cpdef int restore(self, int version, dict tables) except -1:
        if version != 1:
            raise ValueError(f"state version {version} of a merge is not known; this version reads 1")
        self.watermarks = tables["watermarks"]["watermark_us"].to_pylist()
        for index in range(len(tables) - 1):
            port, batch = load_rows(tables[f"waiting{index}"])
            self.queue.push(port, batch)
        return 0


def save_rows(port, batch):
    """A run of waiting rows as one record batch with port, ROWTIME, weight (if any) and the columns."""
    columns = {"port": pa.array(np.full(batch.num_rows, port, dtype=np.int32)), "rowtime": batch.rowtime}
    if batch.weights is not None:
        columns["weight"] = batch.weights
    for index, column in enumerate(batch.columns):
        columns[f"column{index}"] = column
    # A copy: a slice would keep the whole batch it was cut from.
    return pa.record_batch(columns).take(pa.array(np.arange(batch.num_rows)))


def load_rows(table):
    """The inverse of `save_rows`."""
    names = table.schema.names
    columns = tuple(table[name] for name in names if name.startswith("column"))
    weights = table["weight"] if "weight" in names else None
    return table["port"][0].as_py(), ChangeBatch(table["rowtime"], columns, weights)
