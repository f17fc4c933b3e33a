"""`StaggerAggregateOperator`: one row per window, where each key opens its own window with its first row.

All windows are equally long, so they close in the order in which they opened: the windows are numbered in that order,
a closing is an advance of `first`, and a batch is aggregated in one pass although windows close in the middle of it.
"""

from libc.stdlib cimport free
from libc.string cimport memmove

from streamsql._core.arena cimport reserve
from streamsql._core.arrow_c cimport ColumnView, allocate, buffer_address, fixed_width_array, import_array
from streamsql._core.merge cimport last_time, split_late
from streamsql._core.panes cimport first_at_least, floor_divide

from libc.stdint cimport uint8_t

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsql._core.merge import load_rows, save_rows
from streamsql._core.operator import MAX_WATERMARK as _MAX_WATERMARK, MIN_WATERMARK as _MIN_WATERMARK, StateTable

cdef int64_t _MIN = _MIN_WATERMARK
cdef int64_t _MAX = _MAX_WATERMARK


cdef class StaggerAggregateOperator(Operator):
    """Aggregates per key in windows that open with a key's first row; built from a `StaggerAggregateExec`.

    A window that opened at t takes the rows with ROWTIME < t + range and leaves with ROWTIME t + range. Rows with
    bounds wait until the watermark reaches them, because windows open in ROWTIME order.
    """

    STATE = (
        StateTable("clock", 1, "one row"),
        StateTable("windows", 1, "keys seen in the last range"),
        StateTable("distinct", 1, "distinct argument values per open window"),
        StateTable("waiting", 1, "rows ahead of the watermark"),
    )

    def __init__(self, object node):
        Operator.__init__(self, node)
        schema = node.input.schema
        self.range_us = node.range_us
        if self.range_us <= 0:
            raise ValueError(f"a stagger window must have a positive range, got {self.range_us}")
        self.keys = KeyEncoder(tuple(node.keys), tuple([schema[key].type.arrow for key in node.keys]))
        self.plan = AggregatePlan(node.aggregates, schema)
        self.results = ResultBuilder(self.keys, self.plan, node.schema, True)
        self.pane = Pane(self.keys, self.plan)
        self.queue = RowQueue()
        self.clock_us = _MIN

    def __dealloc__(self):
        free(self.opens)
        free(self.groups)

    cpdef int process(self, int port, ChangeBatch batch, Output out) except -1:
        cdef int64_t late = 0
        cdef bint is_ordered = batch.bounds is None
        cdef ChangeBatch rows
        if batch.weights is not None:
            raise TypeError("stagger windows do not take retractions")
        if batch.num_rows == 0:
            return 0
        self.counters.rows_in += batch.num_rows
        rows = split_late(batch, self.clock_us, out, &late)
        self.counters.rows_late += late
        if rows.num_rows == 0:
            return 0
        if is_ordered and not self.queue.runs:
            return self._add(rows, out)
        self.queue.push(0, rows)
        if is_ordered:
            self._release(last_time(rows), out)
        return 0

    cdef int _release(self, int64_t limit_us, Output out) except -1:
        """Aggregate the waiting rows up to a time."""
        cdef ChangeBatch batch
        if self.queue.runs:
            batch = self.queue.pop([limit_us])
            if batch is not None:
                self._add(batch, out)
        return 0

    cdef int _add(self, ChangeBatch batch, Output out) except -1:
        """Aggregate rows in ROWTIME order, then emit what their time completes."""
        cdef ColumnView rowtime = batch.rowtime_view()
        cdef const int64_t* times = <const int64_t*> rowtime.values + rowtime.offset
        cdef int64_t n = batch.num_rows
        self.keys.encode(batch)
        self.plan.load(batch)
        reserve(<void**> &self.groups, &self.groups_capacity, n, 4)
        with nogil:
            self._assign(times, n)
            self.pane.states.grow(self.pane.map.count)
        self.pane.states.update(self.groups, 0, n, NULL)
        return self._fire(times[n - 1], out)

    cdef int _assign(self, const int64_t* times, int64_t n) except -1 nogil:
        """The window of every row, opening windows on the way."""
        cdef int64_t row, group
        for row in range(n):
            group = self.pane.map.find(self.keys, row)
            if group < 0:
                group = self.pane.map.insert(self.keys, row)
            elif self.opens[group] <= times[row] - self.range_us:
                self.pane.map.supersede(group)
                group = self.pane.map.count - 1
            else:
                self.groups[row] = <uint32_t> group
                continue
            reserve(<void**> &self.opens, &self.opens_capacity, group + 1, 8)
            self.opens[group] = times[row]
            self.groups[row] = <uint32_t> group
        return 0

    cdef int _fire(self, int64_t watermark_us, Output out) except -1:
        """Emit the windows that close at or before a time."""
        cdef int64_t upto
        if watermark_us > self.clock_us:
            self.clock_us = watermark_us
        if self.clock_us == _MAX:
            upto = self.pane.map.count
        else:
            upto = first_at_least(self.opens, self.first, self.pane.map.count, self.clock_us - self.range_us + 1)
        if upto > self.first:
            self._emit(upto, out)
        return 0

    cdef int _emit(self, int64_t upto, Output out) except -1:
        """Emit the windows first .. upto - 1; give up their groups once they are the larger part."""
        cdef int64_t i, n = upto - self.first
        cdef int64_t close, failed
        cdef int64_t* rowtimes
        cdef int64_t* starts
        cdef int64_t* ends
        cdef list columns = self.pane.map.key_columns(self.keys, self.first, n)
        rowtime_buffer = allocate(n * 8)
        start_buffer = allocate(n * 8)
        end_buffer = allocate(n * 8)
        rowtimes = <int64_t*> buffer_address(rowtime_buffer)
        starts = <int64_t*> buffer_address(start_buffer)
        ends = <int64_t*> buffer_address(end_buffer)
        for i in range(n):
            close = self.opens[self.first + i] + self.range_us
            rowtimes[i] = close
            starts[i] = floor_divide(self.opens[self.first + i], self.results.unit_us)
            ends[i] = floor_divide(close, self.results.unit_us)
        columns.append(fixed_width_array(self.results.start_type, start_buffer, None, n, 0))
        columns.append(fixed_width_array(self.results.start_type, end_buffer, None, n, 0))
        errors = np.zeros(n, dtype=np.uint8)
        columns.extend(
            self.plan.finish(self.pane.states.arrays, self.first, n, <uint8_t*> <size_t> errors.ctypes.data)
        )
        rowtime = fixed_width_array(pa.timestamp("us"), rowtime_buffer, None, n, 0)
        failed = self.results.emit_arrays(rowtime, columns, errors, None, out)
        self.counters.rows_error += failed
        self.counters.rows_out += n - failed
        with nogil:
            for i in range(self.first, upto):
                self.pane.map.erase(i)
        self.first = upto
        if 2 * self.first >= self.pane.map.count:
            if self.pane.map.count > self.first:
                memmove(
                    self.opens, self.opens + self.first, <size_t> (self.pane.map.count - self.first) * 8
                )
            self.pane.map.drop_first(self.first)
            self.pane.states.drop_first(self.first)
            self.first = 0
        return 0

    cpdef int64_t on_watermark(self, int64_t watermark_us, Output out) except? -1:
        self.watermark_us = watermark_us
        self._release(watermark_us, out)
        self._fire(watermark_us, out)
        if self.clock_us == _MAX or self.clock_us == _MIN:
            return self.clock_us
        if self.first < self.pane.map.count:
            return self.opens[self.first] + self.range_us
        return self.clock_us + self.range_us

    cpdef int end_of_input(self, Output out) except -1:
        self._release(_MAX, out)
        return self._fire(_MAX, out)

    def state_size(self):
        """Open windows and waiting rows; bytes allocated for the windows."""
        size = self.pane.map.size_bytes() + self.pane.states.size_bytes() + 8 * self.opens_capacity
        return self.pane.map.count - self.first + self.queue.rows, size + 4 * self.groups_capacity

    cpdef dict snapshot(self):
        cdef int64_t n = self.pane.map.count - self.first
        cdef dict columns = {}
        cdef dict tables = {}
        opened = [self.opens[self.first + i] for i in range(n)]
        tables["clock"] = pa.record_batch(
            {
                "clock_us": pa.array([self.clock_us], pa.int64()),
                "watermark_us": pa.array([self.watermark_us], pa.int64()),
            }
        )
        columns["open_us"] = pa.array(opened, pa.int64())
        for index, column in enumerate(self.pane.map.key_columns(self.keys, self.first, n)):
            columns[f"key{index}"] = column
        columns.update(self.pane.states.save(self.first, n))
        tables["windows"] = pa.record_batch(columns)
        for index, values in enumerate(self.pane.states.save_distinct()):
            number = pc.subtract(values["number"], self.first)
            values = pa.record_batch({"number": number, "value": values["value"]})
            tables[f"distinct{index}"] = values.filter(pc.greater_equal(number, 0))
        for index, (_, batch) in enumerate(self.queue.runs):
            tables[f"waiting{index}"] = save_rows(0, batch)
        return tables

    cpdef int restore(self, int version, dict tables) except -1:
        cdef int64_t i, found, n
        if version != 1:
            raise ValueError(f"state version {version} of a stagger aggregate is not known; this version reads 1")
        self.clock_us = tables["clock"]["clock_us"][0].as_py()
        self.watermark_us = tables["clock"]["watermark_us"][0].as_py()
        saved = tables["windows"]
        n = saved.num_rows
        self.keys.encode_columns([import_array(saved[f"key{index}"]) for index in range(self.keys.width)], n)
        reserve(<void**> &self.opens, &self.opens_capacity, n, 8)
        for i, opened in enumerate(saved["open_us"].to_pylist()):
            found = self.pane.map.find(self.keys, i)
            if found < 0:
                self.pane.map.insert(self.keys, i)
            else:
                self.pane.map.supersede(found)
            self.opens[i] = opened
        self.pane.states.load_saved(saved)
        self.pane.states.load_distinct([tables[f"distinct{index}"] for index in range(self.plan.distinct_count)])
        i = 0
        while f"waiting{i}" in tables:
            _, batch = load_rows(tables[f"waiting{i}"])
            self.queue.push(0, batch)
            i += 1
        return 0
