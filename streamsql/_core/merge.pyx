"""`MergeOperator`: all rows of several inputs in ROWTIME order; at equal ROWTIME rows of an earlier input come first.

A row leaves as soon as no row that must come before it can still arrive: a row at t of input p needs every earlier
input's watermark above t and every later input's at least at t. So the order never depends on which input was read first.
"""

from libc.stdint cimport int64_t

from streamsql._core.batch cimport ChangeBatch
from streamsql._core.operator cimport Operator, Output

import numpy as np
import pyarrow as pa

from streamsql._core.operator import MAX_WATERMARK, MIN_WATERMARK, StateTable

cdef int64_t _MAX = MAX_WATERMARK
cdef object _ROWTIME = pa.timestamp("us")


def _times(ChangeBatch batch):
    """The ROWTIMEs as a numpy array, without copying."""
    return batch.rowtime.view(pa.int64()).to_numpy()


def _joined(list batches):
    """The rows of several batches, one after the other."""
    cdef ChangeBatch first = batches[0]
    if len(batches) == 1:
        return first
    columns = tuple(
        [pa.concat_arrays([batch.columns[index] for batch in batches]) for index in range(len(first.columns))]
    )
    weights = None
    if any(batch.weights is not None for batch in batches):
        weights = pa.concat_arrays([
            pa.array(np.ones(batch.num_rows, dtype=np.int64)) if batch.weights is None else batch.weights
            for batch in batches
        ])
    return ChangeBatch(pa.concat_arrays([batch.rowtime for batch in batches]), columns, weights)


cdef class MergeOperator(Operator):
    """See the module's docstring; built from a `MergeExec`."""

    STATE = (
        StateTable("ports", 1, "one row per input"),
        StateTable("waiting", 1, "rows ahead of the slowest input"),
    )

    def __init__(self, object node):
        Operator.__init__(self, node)
        self.ports = len(node.inputs)
        self.waiting = [[] for _ in range(self.ports)]
        self.bounds_us = [MIN_WATERMARK] * self.ports

    cpdef int process(self, int port, ChangeBatch batch, Output out) except -1:
        if batch.bounds is not None:
            raise TypeError("a merge needs inputs in ROWTIME order")
        self.counters.rows_in += batch.num_rows
        if batch.num_rows:
            self.waiting[port].append(batch)
        return 0

    cpdef int port_watermark(self, int port, int64_t watermark_us) except -1:
        self.bounds_us[port] = watermark_us
        return 0

    cdef int64_t _limit(self, int port):
        """The largest ROWTIME at which a row of this input may leave."""
        cdef int64_t limit = _MAX
        cdef int64_t bound
        cdef int other
        for other in range(self.ports):
            if other == port:
                continue
            bound = self.bounds_us[other]
            if other < port and bound != _MAX:
                bound -= 1
            if bound < limit:
                limit = bound
        return limit

    cdef int _release(self, Output out) except -1:
        cdef list leaving = []
        cdef list rest
        cdef ChangeBatch batch
        cdef int64_t limit, upto
        cdef int port
        cdef int contributors = 0
        for port in range(self.ports):
            if not self.waiting[port]:
                continue
            limit = self._limit(port)
            rest = []
            before = len(leaving)
            for batch in self.waiting[port]:
                upto = np.searchsorted(_times(batch), limit, side="right")
                if upto == batch.num_rows:
                    leaving.append(batch)
                    continue
                if upto:
                    leaving.append(batch.slice(0, upto))
                rest.append(batch.slice(upto, batch.num_rows - upto))
            self.waiting[port] = rest
            contributors += len(leaving) > before
        if not leaving:
            return 0
        batch = _joined(leaving)
        if contributors > 1:
            # Stable, so rows of one input keep their order and those of earlier inputs come first.
            batch = batch.take(pa.array(np.argsort(_times(batch), kind="stable")))
        self.counters.rows_out += batch.num_rows
        out.emit(batch)
        return 0

    cpdef int64_t on_watermark(self, int64_t watermark_us, Output out) except? -1:
        self.watermark_us = watermark_us
        self._release(out)
        return watermark_us

    cpdef int end_of_input(self, Output out) except -1:
        self.bounds_us = [MAX_WATERMARK] * self.ports
        self._release(out)
        return 0

    def state_size(self):
        """Waiting rows, and the bytes of their columns."""
        rows = size = 0
        for batches in self.waiting:
            for batch in batches:
                rows += batch.num_rows
                size += batch.rowtime.nbytes + sum([column.nbytes for column in batch.columns])
        return rows, size

    cpdef dict snapshot(self):
        tables = {"ports": pa.record_batch({"watermark_us": pa.array(self.bounds_us, pa.int64())})}
        for port, batches in enumerate(self.waiting):
            if not batches:
                continue
            rows = _joined(batches)
            columns = {"rowtime": rows.rowtime}
            columns.update({f"column{index}": column for index, column in enumerate(rows.columns)})
            if rows.weights is not None:
                columns["weight"] = rows.weights
            # Copied, so that the snapshot does not keep whole input batches alive through a slice of them.
            tables[f"waiting{port}"] = pa.concat_batches([pa.record_batch(columns)]).take(
                pa.array(np.arange(rows.num_rows))
            )
        return tables

    cpdef int restore(self, int version, dict tables) except -1:
        if version != 1:
            raise ValueError(f"state version {version} of a merge is not known; this version reads 1")
        self.bounds_us = tables["ports"]["watermark_us"].to_pylist()
        for port in range(self.ports):
            saved = tables.get(f"waiting{port}")
            if saved is None:
                continue
            names = saved.schema.names
            columns = tuple([saved[name] for name in names if name.startswith("column")])
            weights = saved["weight"] if "weight" in names else None
            self.waiting[port] = [ChangeBatch(saved["rowtime"], columns, weights)]
        return 0
