"""`OverAggregateOperator`: every row with the values of analytic functions over frames that end at it."""

from streamsql._core.arrow_c cimport ColumnView
from streamsql._core.frames cimport (
    PLACE_FROM_FIRST, PLACE_FROM_LAST, PLACE_LAG, FrameSet,
)
from streamsql._core.merge cimport last_time, split_late

from libc.stdint cimport uint8_t

import numpy as np
import pyarrow as pa

from streamsql._core.merge import load_rows, save_rows
from streamsql._core.operator import MAX_WATERMARK as _MAX_WATERMARK, MIN_WATERMARK as _MIN_WATERMARK, StateTable

cdef int64_t _MIN = _MIN_WATERMARK
cdef int64_t _MAX = _MAX_WATERMARK
#: RowError.NUMERIC_OVERFLOW
cdef int _OVERFLOW = 2

_PLACES = ("FIRST_VALUE", "LAST_VALUE", "NTH_VALUE", "LAG")


class _Aggregate:
    """What AggregatePlan wants to know about a call."""

    def __init__(self, call):
        self.function = call.function
        self.column = call.columns[0] if call.columns else None
        self.type = call.type
        self.distinct = call.distinct


def _place_of(call):
    """(kind, column, default column, skips NULLs, n) of a positional call."""
    default = call.columns[1] if call.function == "LAG" and len(call.columns) > 1 else None
    if call.function == "LAG":
        return PLACE_LAG, call.columns[0], default, call.ignore_nulls, 1 if call.n is None else call.n
    if call.function == "NTH_VALUE":
        kind = PLACE_FROM_LAST if call.from_last else PLACE_FROM_FIRST
        return kind, call.columns[0], None, call.ignore_nulls, call.n
    kind = PLACE_FROM_FIRST if call.function == "FIRST_VALUE" else PLACE_FROM_LAST
    return kind, call.columns[0], None, call.ignore_nulls, 1


cdef class OverAggregateOperator(Operator):
    """Input rows with one more column per analytic call; built from an `OverAggregateExec`.

    Rows leave in the order they came, at once. Rows with bounds wait until the watermark reaches them and leave in
    ROWTIME order. A row one of whose results overflows fails and yields nothing, but stays in the frames.
    """

    STATE = (
        StateTable("clock", 1, "one row"),
        StateTable("partitions", 1, "partitions with a row inside the longest frame"),
        StateTable("rows", 1, "rows inside the longest frame, per partition"),
        StateTable("timers", 1, "partitions with a row inside the longest frame"),
        StateTable("distinct", 1, "distinct argument values of the rows inside the longest frame"),
        StateTable("waiting", 1, "rows ahead of the watermark"),
    )

    def __init__(self, object node):
        cdef dict by_partition = {}
        Operator.__init__(self, node)
        schema = node.input.schema
        self.keep = tuple(node.keep)
        self.types = [call.type.arrow for call in node.calls]
        self.queue = RowQueue()
        self.clock_us = _MIN
        self.sets = []
        self.outputs = []
        where = []
        for frame in node.frames:
            members = by_partition.setdefault(tuple(frame.partition), [])
            where.append((list(by_partition).index(tuple(frame.partition)), len(members)))
            members.append(frame)
        calls = [[[] for _ in members] for members in by_partition.values()]
        places = [[[] for _ in members] for members in by_partition.values()]
        for call in node.calls:
            group, frame = where[call.frame]
            if call.function in _PLACES:
                self.outputs.append((group, frame, True, len(places[group][frame])))
                places[group][frame].append((frame, *_place_of(call)))
            else:
                self.outputs.append((group, frame, False, len(calls[group][frame])))
                calls[group][frame].append(_Aggregate(call))
        starts = []
        for group, (partition, members) in enumerate(by_partition.items()):
            flat = [place for frame in places[group] for place in frame]
            starts.append([sum(len(frame) for frame in places[group][:f]) for f in range(len(members))])
            self.sets.append(FrameSet(partition, members, calls[group], flat, schema))
        self.outputs = [
            (group, frame, starts[group][frame] + at if is_place else -1, at)
            for group, frame, is_place, at in self.outputs
        ]

    cpdef int process(self, int port, ChangeBatch batch, Output out) except -1:
        cdef int64_t late = 0
        cdef bint is_ordered = batch.bounds is None
        cdef ChangeBatch rows
        if batch.weights is not None:
            raise TypeError("sliding frames do not take retractions")
        if batch.num_rows == 0:
            return 0
        self.counters.rows_in += batch.num_rows
        rows = split_late(batch, self.clock_us, out, &late)
        self.counters.rows_late += late
        if rows.num_rows == 0:
            return 0
        if is_ordered and not self.queue.runs:
            return self._slide(rows, out)
        self.queue.push(0, rows)
        if is_ordered:
            self._release(last_time(rows), out)
        return 0

    cdef int _release(self, int64_t limit_us, Output out) except -1:
        """Slide over the waiting rows up to a time."""
        cdef ChangeBatch batch
        if self.queue.runs:
            batch = self.queue.pop([limit_us])
            if batch is not None:
                self._slide(batch, out)
        return 0

    cdef int _slide(self, ChangeBatch batch, Output out) except -1:
        """Emit rows in ROWTIME order with their results."""
        cdef ColumnView rowtime = batch.rowtime_view()
        cdef int64_t n = batch.num_rows
        cdef FrameSet frames
        cdef list columns = [batch.columns[index] for index in self.keep]
        cdef dict finished = {}
        errors = np.zeros(n, dtype=np.uint8)
        cdef uint8_t* flags = <uint8_t*> <size_t> errors.ctypes.data
        for item in self.sets:
            frames = <FrameSet> item
            frames.add(batch)
        for index, (group, frame, place, at) in enumerate(self.outputs):
            frames = <FrameSet> self.sets[group]
            if place >= 0:
                column = frames.place_result(place, self.types[index], n)
                columns.append(frames.without_partial(frame, column, n))
                continue
            if (group, frame) not in finished:
                finished[group, frame] = frames.results(frame, n, flags)
            columns.append(finished[group, frame][at])
        self.clock_us = (<const int64_t*> rowtime.values)[rowtime.offset + n - 1]
        for item in self.sets:
            frames = <FrameSet> item
            frames._empty_graveyard()
            frames.drop_silent(self.clock_us)
        result = ChangeBatch(batch.rowtime, tuple(columns))
        if errors.any():
            bad = np.flatnonzero(errors)
            out.fail(
                batch.take(pa.array(bad)),
                np.full(len(bad), _OVERFLOW, dtype=np.uint8),
                ["numeric overflow in an analytic function"] * len(bad),
            )
            self.counters.rows_error += len(bad)
            result = result.take(pa.array(np.flatnonzero(errors == 0)))
        self.counters.rows_out += result.num_rows
        out.emit(result)
        return 0

    cpdef int64_t on_watermark(self, int64_t watermark_us, Output out) except? -1:
        cdef FrameSet frames
        self.watermark_us = watermark_us
        self._release(watermark_us, out)
        if watermark_us > self.clock_us:
            self.clock_us = watermark_us
            for item in self.sets:
                frames = <FrameSet> item
                frames.drop_silent(watermark_us)
        return self.clock_us

    cpdef int end_of_input(self, Output out) except -1:
        return self._release(_MAX, out)

    def state_size(self):
        """Rows inside frames and rows that wait; bytes allocated for them."""
        rows = self.queue.rows
        size = 0
        for frames in self.sets:
            kept, used = frames.size()
            rows += kept
            size += used
        return rows, size

    cpdef dict snapshot(self):
        cdef dict tables = {
            "clock": pa.record_batch(
                {
                    "clock_us": pa.array([self.clock_us], pa.int64()),
                    "watermark_us": pa.array([self.watermark_us], pa.int64()),
                }
            )
        }
        for index, frames in enumerate(self.sets):
            for name, table in frames.save().items():
                tables[f"{name}/{index}"] = table
        for index, (_, batch) in enumerate(self.queue.runs):
            tables[f"waiting{index}"] = save_rows(0, batch)
        return tables

    cpdef int restore(self, int version, dict tables) except -1:
        if version != 1:
            raise ValueError(f"state version {version} of a sliding aggregate is not known; this version reads 1")
        self.clock_us = tables["clock"]["clock_us"][0].as_py()
        self.watermark_us = tables["clock"]["watermark_us"][0].as_py()
        for index, frames in enumerate(self.sets):
            suffix = f"/{index}"
            frames.load({name.removesuffix(suffix): tables[name] for name in tables if name.endswith(suffix)})
        index = 0
        while f"waiting{index}" in tables:
            _, batch = load_rows(tables[f"waiting{index}"])
            self.queue.push(0, batch)
            index += 1
        return 0
