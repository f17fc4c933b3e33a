"""`TumbleAggregateOperator`: one row per window and key, when the window is complete.

Rows in ROWTIME order (the usual case) keep one window open: window boundaries in a batch are found by binary search,
keys are turned into group numbers once, then each accumulator runs over the whole batch. Rows in any order
(`batch.bounds`) keep several windows open; whether a row is late is decided by the bound it carries, not by where the
batch was cut.
"""

from libc.stdlib cimport free

from streamsql._core.accum cimport AggregatePlan
from streamsql._core.arena cimport reserve
from streamsql._core.arrow_c cimport ColumnView, import_array
from streamsql._core.panes cimport first_at_least, floor_divide

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from streamsql._core.operator import MAX_WATERMARK as _MAX_WATERMARK, MIN_WATERMARK as _MIN_WATERMARK, StateTable

cdef int64_t _MIN = _MIN_WATERMARK
cdef int64_t _MAX = _MAX_WATERMARK
cdef int64_t _DAY = 86_400_000_000


cdef int64_t _months_of(int64_t time_us) noexcept nogil:
    """Calendar months from 1970-01 to the month of a time (Howard Hinnant's days-to-civil algorithm)."""
    cdef int64_t days = floor_divide(time_us, _DAY) + 719468
    cdef int64_t era = floor_divide(days, 146097)
    cdef int64_t day_of_era = days - era * 146097
    cdef int64_t year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    cdef int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    cdef int64_t month = (5 * day_of_year + 2) // 153           # 0 is March
    cdef int64_t year = year_of_era + era * 400
    # Years begin in March here: January and February carry over into the next one.
    return (year - 1970) * 12 + month + 2


cdef int64_t _start_of_month(int64_t months) noexcept nogil:
    """The first microsecond of the month `months` after 1970-01."""
    cdef int64_t year = 1970 + floor_divide(months - 2, 12)     # years that begin in March
    cdef int64_t month = months - 2 - floor_divide(months - 2, 12) * 12
    cdef int64_t era = floor_divide(year, 400)
    cdef int64_t year_of_era = year - era * 400
    cdef int64_t day_of_year = (153 * month + 2) // 5
    cdef int64_t days = era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
    return days * _DAY


cdef class TumbleAggregateOperator(Operator):
    """Aggregates per window and key; built from a `TumbleAggregateExec`, whose docstring fixes the output.

    Takes retractions (weights) when every aggregate can be undone: COUNT, SUM, AVG, ANY, EVERY. Others raise TypeError.
    """

    STATE = (
        StateTable("clock", 1, "one row"),
        StateTable("groups", 1, "keys of the open windows"),
        StateTable("distinct", 1, "distinct argument values per key of the open windows"),
    )

    def __init__(self, object node):
        Operator.__init__(self, node)
        window = node.window
        schema = node.input.schema
        self.closed_right = getattr(window, "closed", "left") == "right"
        self.size = 0
        if hasattr(window, "size_us"):
            self.rule = RULE_FIXED
            self.size = window.size_us
        elif hasattr(window, "months"):
            self.rule = RULE_CALENDAR
            self.size = window.months
        elif hasattr(window, "column"):
            self.rule = RULE_CHANGE
            column = window.column
            self.change = KeyEncoder((column,), (schema[column].type.arrow,))
            self.change_value = KeyMap(self.change.is_fixed)
        else:
            self.rule = RULE_INSTANT
            self.closed_right = True
        if self.rule in (RULE_FIXED, RULE_CALENDAR) and self.size <= 0:
            raise ValueError(f"a window must have a positive size, got {self.size}")
        self.keys = KeyEncoder(tuple(node.keys), tuple([schema[key].type.arrow for key in node.keys]))
        self.plan = AggregatePlan(node.aggregates, schema)
        self.results = ResultBuilder(self.keys, self.plan, node.schema, self.rule != RULE_CHANGE)
        self.panes = []
        self.clock_us = _MIN
        self.last_us = _MIN

    def __dealloc__(self):
        free(self.groups)

    # -- windows

    cdef int window_of(self, int64_t time_us, int64_t* start_us, int64_t* end_us) noexcept nogil:
        """The window of a row."""
        cdef int64_t start, months
        if self.rule == RULE_FIXED:
            start = floor_divide(time_us, self.size) * self.size
            if self.closed_right and start == time_us:
                start -= self.size
            start_us[0] = start
            end_us[0] = start + self.size
        elif self.rule == RULE_CALENDAR:
            months = floor_divide(_months_of(time_us), self.size) * self.size
            if self.closed_right and _start_of_month(months) == time_us:
                months -= self.size
            start_us[0] = _start_of_month(months)
            end_us[0] = _start_of_month(months + self.size)
        else:
            start_us[0] = time_us
            end_us[0] = time_us
        return 0

    cdef bint is_complete(self, int64_t end_us, int64_t watermark_us) noexcept nogil:
        """Whether no row of the window that ends at `end_us` can come at or after this watermark."""
        return end_us < watermark_us if self.closed_right else end_us <= watermark_us

    cdef int64_t _segment_end(self, Pane pane, const int64_t* times, int64_t start, int64_t n) noexcept nogil:
        """The first row from `start` that is not in the pane's open window, or n."""
        cdef int64_t bound
        cdef int64_t row
        if self.rule == RULE_CHANGE:
            for row in range(start, n):
                if self.change_value.find(self.change, row) < 0:
                    return row
            return n
        bound = pane.end_us + 1 if self.closed_right else pane.end_us
        if times[n - 1] < bound:
            return n
        return first_at_least(times, start, n, bound)

    cdef int _add_segments(self, Pane pane, const int64_t* times, int64_t start, int64_t n) except -1 nogil:
        """Give every row its group, closing and opening windows on the way."""
        cdef int64_t at = start, upto, start_us = 0, end_us = 0
        while at < n:
            if not pane.is_open:
                self.window_of(times[at], &start_us, &end_us)
                pane.open(start_us, end_us)
                if self.rule == RULE_CHANGE:
                    self.change_value.forget_all()
                    self.change_value.drop_first(self.change_value.count)
                    self.change_value.insert(self.change, at)
            upto = self._segment_end(pane, times, at, n)
            if upto > at:
                pane.map.assign(self.keys, at, upto - at, self.groups + at)
            if upto < n:
                pane.close(times[upto] if self.rule == RULE_CHANGE else pane.end_us)
            at = upto
        return 0

    cdef Pane _pane_for(self, int64_t start_us, int64_t end_us):
        """The open pane of a window; opened if needed."""
        cdef Pane pane
        for pane in self.panes:
            if pane.end_us == end_us:
                return pane
        pane = self.spare
        self.spare = None
        if pane is None:
            pane = Pane(self.keys, self.plan)
        pane.open(start_us, end_us)
        self.panes.append(pane)
        return pane

    # -- rows

    cpdef int process(self, int port, ChangeBatch batch, Output out) except -1:
        if batch.num_rows == 0:
            return 0
        self.counters.rows_in += batch.num_rows
        if batch.bounds is None and len(self.panes) <= 1:
            return self._process_in_order(batch, out)
        return self._process_any_order(batch, out)

    cdef const int64_t* _weights(self, ChangeBatch batch) except? NULL:
        """The weights of a batch, NULL for an append-only one."""
        cdef ColumnView view
        if batch.weights is None:
            return NULL
        if not self.plan.is_invertible:
            raise TypeError(
                "an aggregate of this node cannot take retractions; only COUNT, SUM, AVG, ANY and EVERY can"
            )
        self.has_weights = True
        view = import_array(batch.weights)
        # SAFETY: the batch keeps the buffer that this view borrows.
        return <const int64_t*> view.values + view.offset

    cdef int _process_in_order(self, ChangeBatch batch, Output out) except -1:
        cdef ColumnView rowtime = batch.rowtime_view()
        cdef const int64_t* times = <const int64_t*> rowtime.values + rowtime.offset
        cdef int64_t n = batch.num_rows
        cdef int64_t start = 0
        cdef const int64_t* weights = self._weights(batch)
        cdef Pane pane
        if times[0] < self.clock_us:
            start = first_at_least(times, 0, n, self.clock_us)
            self.counters.rows_late += start
            out.late(batch.slice(0, start), "ROWTIME is before the stream's clock")
            if start == n:
                return 0
        if self.panes:
            pane = <Pane> self.panes[0]
        else:
            pane = self.spare if self.spare is not None else Pane(self.keys, self.plan)
            self.spare = None
            self.panes.append(pane)
        self.keys.encode(batch)
        if self.change is not None:
            self.change.encode(batch)
        self.plan.load(batch)
        reserve(<void**> &self.groups, &self.groups_capacity, n, 4)
        with nogil:
            self._add_segments(pane, times, start, n)
            pane.states.grow(pane.map.count)
        pane.states.update(self.groups + start, start, n - start, weights)
        self.clock_us = times[n - 1]
        self.last_us = times[n - 1]
        if pane.closed_count:
            self._emit(pane, out)
        return 0

    cdef int _process_any_order(self, ChangeBatch batch, Output out) except -1:
        cdef ColumnView rowtime = batch.rowtime_view()
        cdef const int64_t* times = <const int64_t*> rowtime.values + rowtime.offset
        cdef const int64_t* bounds = NULL
        cdef const int64_t* weights
        cdef ColumnView view
        cdef int64_t n = batch.num_rows
        cdef int64_t i, bound, start_us = 0, end_us = 0, at = 0, count
        cdef bint is_late
        cdef Pane pane
        if self.rule == RULE_CHANGE:
            raise TypeError("windows that end when a value changes need rows in ROWTIME order")
        if batch.bounds is not None:
            view = import_array(batch.bounds)
            bounds = <const int64_t*> view.values + view.offset
        windows = np.empty(n, dtype=np.int64)
        late = np.zeros(n, dtype=np.bool_)
        cdef int64_t* ends = <int64_t*> <size_t> windows.ctypes.data
        cdef char* late_flags = <char*> <size_t> late.ctypes.data
        with nogil:
            for i in range(n):
                self.window_of(times[i], &start_us, &end_us)
                ends[i] = end_us
                if bounds == NULL:
                    is_late = times[i] < self.clock_us
                    if not is_late:
                        self.clock_us = times[i]
                else:
                    bound = bounds[i] if bounds[i] > self.clock_us else self.clock_us
                    is_late = self.is_complete(end_us, bound)
                late_flags[i] = is_late
                if times[i] > self.last_us:
                    self.last_us = times[i]
        order = np.argsort(windows, kind="stable")
        if late.any():
            late_rows = np.flatnonzero(late)
            self.counters.rows_late += len(late_rows)
            out.late(batch.take(pa.array(late_rows)), "the row's window is complete")
            order = order[~late[order]]
        if len(order) == 0:
            return 0
        if len(order) != n or (np.diff(order) < 0).any():
            batch = batch.take(pa.array(order))
            windows = windows[order]
        rowtime = batch.rowtime_view()
        times = <const int64_t*> rowtime.values + rowtime.offset
        weights = self._weights(batch)
        self.keys.encode(batch)
        self.plan.load(batch)
        reserve(<void**> &self.groups, &self.groups_capacity, batch.num_rows, 4)
        cuts = np.flatnonzero(np.diff(windows)) + 1
        for upto in [*cuts.tolist(), batch.num_rows]:
            count = <int64_t> upto - at
            self.window_of(times[at], &start_us, &end_us)
            pane = self._pane_for(start_us, end_us)
            with nogil:
                pane.map.assign(self.keys, at, count, self.groups)
                pane.states.grow(pane.map.count)
            pane.states.update(self.groups, at, count, weights)
            at = upto
        if batch.bounds is None:
            self._fire(self.clock_us, False, out)
        return 0

    # -- firing

    cdef int _emit(self, Pane pane, Output out) except -1:
        """Emit the closed windows of a pane."""
        cdef Py_ssize_t before = len(out.batches)
        cdef int64_t failed = self.results.emit(pane, self.has_weights, out)
        self.counters.rows_error += failed
        if len(out.batches) > before:
            self.counters.rows_out += (<ChangeBatch> out.batches[before]).num_rows
        return 0

    cdef int _fire(self, int64_t watermark_us, bint everything, Output out) except -1:
        """Emit every window that is complete at a watermark, in order of their ends."""
        cdef Pane pane
        cdef list left = []
        cdef list firing = []
        for pane in self.panes:
            if not pane.is_open or everything:
                firing.append(pane)
            elif self.rule != RULE_CHANGE and self.is_complete(pane.end_us, watermark_us):
                firing.append(pane)
            else:
                left.append(pane)
        if not firing:
            return 0
        firing.sort(key=_end_of)
        self.panes = left
        for pane in firing:
            if pane.is_open:
                pane.close(self.last_us if self.rule == RULE_CHANGE else pane.end_us)
                self._emit(pane, out)
            self.spare = pane
        return 0

    cpdef int64_t on_watermark(self, int64_t watermark_us, Output out) except? -1:
        cdef int64_t start_us = 0, end_us = 0
        self.watermark_us = watermark_us
        if watermark_us > self.clock_us:
            self.clock_us = watermark_us
        self._fire(self.clock_us, watermark_us == _MAX, out)
        if self.clock_us == _MAX or self.clock_us == _MIN or self.rule == RULE_INSTANT:
            return self.clock_us
        if self.rule == RULE_CHANGE:
            # The open window's result may have the ROWTIME of the last row, so the promise must not go beyond it.
            return self.last_us if self.panes and self.last_us < self.clock_us else self.clock_us
        self.window_of(self.clock_us, &start_us, &end_us)
        return end_us

    cpdef int end_of_input(self, Output out) except -1:
        self._fire(_MAX, True, out)
        return 0

    # -- state

    def state_size(self):
        """Groups of the open windows, and bytes allocated for them."""
        cdef Pane pane
        rows = size = 0
        for pane in [*self.panes, *([] if self.spare is None else [self.spare])]:
            rows += pane.map.count
            size += pane.map.size_bytes() + pane.states.size_bytes()
        return rows, size + self.groups_capacity * 4

    cpdef dict snapshot(self):
        cdef Pane pane
        cdef dict tables = {}
        cdef dict clock = {
            "clock_us": pa.array([self.clock_us], pa.int64()),
            "last_us": pa.array([self.last_us], pa.int64()),
            "watermark_us": pa.array([self.watermark_us], pa.int64()),
            "has_weights": pa.array([self.has_weights], pa.bool_()),
        }
        cdef list groups = []
        cdef list distinct = [[] for _ in range(self.plan.distinct_count)]
        if self.change is not None and self.change_value.count:
            clock["change_value"] = self.change_value.key_columns(self.change, 0, 1)[0]
        for pane in sorted(self.panes, key=_end_of):
            count = pane.map.count
            columns = {
                "window_start_us": pa.array(np.full(count, pane.start_us), pa.int64()),
                "window_end_us": pa.array(np.full(count, pane.end_us), pa.int64()),
            }
            for index, column in enumerate(pane.map.key_columns(self.keys, 0, count)):
                columns[f"key{index}"] = column
            columns.update(pane.states.save(0, count))
            groups.append(pa.record_batch(columns))
            for index, values in enumerate(pane.states.save_distinct()):
                ends = pa.array(np.full(values.num_rows, pane.end_us), pa.int64())
                distinct[index].append(values.append_column("window_end_us", ends))
        tables["clock"] = pa.record_batch(clock)
        if groups:
            tables["groups"] = pa.concat_batches(groups)
            for index, parts in enumerate(distinct):
                tables[f"distinct{index}"] = pa.concat_batches(parts)
        return tables

    cpdef int restore(self, int version, dict tables) except -1:
        cdef Pane pane
        cdef int64_t at = 0
        cdef int index
        if version != 1:
            raise ValueError(f"state version {version} of a tumbling aggregate is not known; this version reads 1")
        clock = tables["clock"]
        self.clock_us = clock["clock_us"][0].as_py()
        self.last_us = clock["last_us"][0].as_py()
        self.watermark_us = clock["watermark_us"][0].as_py()
        self.has_weights = clock["has_weights"][0].as_py()
        if "change_value" in clock.schema.names:
            self.change.encode_columns([import_array(clock["change_value"])], 1)
            self.change_value.insert(self.change, 0)
        if "groups" not in tables:
            return 0
        saved = tables["groups"]
        ends = np.asarray(saved["window_end_us"])
        for upto in [*(np.flatnonzero(np.diff(ends)) + 1).tolist(), len(ends)]:
            rows = saved.slice(at, upto - at)
            pane = Pane(self.keys, self.plan)
            pane.open(rows["window_start_us"][0].as_py(), rows["window_end_us"][0].as_py())
            views = [import_array(rows[f"key{index}"]) for index in range(self.keys.width)]
            self.keys.encode_columns(views, rows.num_rows)
            reserve(<void**> &self.groups, &self.groups_capacity, rows.num_rows, 4)
            pane.map.assign(self.keys, 0, rows.num_rows, self.groups)
            pane.states.load_saved(rows)
            parts = []
            for index in range(self.plan.distinct_count):
                values = tables[f"distinct{index}"]
                parts.append(values.filter(pc.equal(values["window_end_us"], pane.end_us)))
            pane.states.load_distinct(parts)
            self.panes.append(pane)
            at = upto
        return 0


def _end_of(Pane pane):
    return pane.end_us
