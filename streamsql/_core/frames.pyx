"""Sliding frames: the rows and states of every partition of one PARTITION BY list.

Each partition keeps its rows in a ring, for all its frames together, and per frame the sequence number of its first
row and the states of its accumulators. A row first pushes out what is too old for each frame, then is added to each;
so what a frame holds depends on the partition's rows only. Exact types are added and removed in 128 bits; floats as
double-double sums, whose error after removals is far below the last digit of the result; infinities and NaN are
counted beside the sum, so that they leave no trace. MIN and MAX keep a monotonic deque. Unbounded frames keep no
rows, only states.

A partition is given up once the watermark shows that its newest row is too old for every frame.
"""

from libc.math cimport INFINITY, NAN, fma, isfinite
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from streamsql._core.accum cimport (
    KIND_MAX, KIND_MOMENTS, KIND_NULLS, KIND_ROWS, KIND_SUM, KIND_VALUES, MODE_BYTES, MODE_FLOAT, MODE_INT,
    MODE_NONE, MODE_WIDE, Moments, Sum, Text, load_argument, load_wide, mode_of, order_double, text_less,
)
from streamsql._core.arena cimport raise_memory_error, reserve
from streamsql._core.arrow_c cimport (
    ColumnView, Layout, LAYOUT_F32, allocate, buffer_address, bytes_array, fixed_width_array, import_array, int128_t,
    is_valid,
)
from streamsql._core.hashing cimport hash_bytes, layout_of, pack_validity, words_array

cdef extern from *:
    """
    #define streamsql_prefetch(address) __builtin_prefetch(address)
    """
    void streamsql_prefetch(const void* address) noexcept nogil


# -- double-double -----------------------------------------------------------------------------------------------------

cdef inline void _add_pair(double* high, double* low, double value, double error) noexcept nogil:
    """(high, low) += value + error, keeping about 106 bits."""
    cdef double total = high[0] + value
    cdef double part = total - high[0]
    cdef double rest = (high[0] - (total - part)) + (value - part) + low[0] + error
    high[0] = total + rest
    low[0] = rest - (high[0] - total)


cdef inline void _change_float_sum(FloatSum* sum, double value, int by) noexcept nogil:
    if isfinite(value):
        sum.finite += by
        if sum.finite == 0:
            sum.high = 0.0
            sum.low = 0.0
        else:
            _add_pair(&sum.high, &sum.low, value if by > 0 else -value, 0.0)
    elif value != value:
        sum.nans += by
    elif value > 0:
        sum.infinite += by
    else:
        sum.negative_infinite += by


cdef inline double _float_sum(const FloatSum* sum) noexcept nogil:
    if sum.nans or (sum.infinite and sum.negative_infinite):
        return NAN
    if sum.infinite:
        return INFINITY
    if sum.negative_infinite:
        return -INFINITY
    return sum.high + sum.low


cdef inline void _change_spread(Spread* spread, double value, int by) noexcept nogil:
    cdef double distance, square
    if spread.n == 0:
        memset(spread, 0, sizeof(Spread))
        spread.shift = value                # near the values, so that their squares stay small
    spread.n += by
    if spread.n == 0:
        memset(spread, 0, sizeof(Spread))
        return
    distance = value - spread.shift
    square = distance * distance
    _add_pair(&spread.first_high, &spread.first_low, distance * by, 0.0)
    _add_pair(&spread.second_high, &spread.second_low, square * by, fma(distance, distance, -square) * by)


cdef inline void _spread_moments(const Spread* spread, Moments* moments) noexcept nogil:
    """n, mean and the sum of squared distances from it: S2 - S1 * S1 / n in double-double arithmetic."""
    cdef double high, low, square, error, quotient, rest, n = <double> spread.n
    moments.n = n
    moments.mean = 0.0
    moments.m2 = 0.0
    if spread.n:
        square = spread.first_high * spread.first_high
        error = fma(spread.first_high, spread.first_high, -square) + 2.0 * spread.first_high * spread.first_low
        quotient = square / n
        rest = (fma(-quotient, n, square) + error) / n
        high = spread.second_high
        low = spread.second_low
        _add_pair(&high, &low, -quotient, -rest)
        moments.mean = spread.shift + (spread.first_high + spread.first_low) / n
        moments.m2 = high + low if high + low > 0.0 else 0.0


# -- deques and multisets ----------------------------------------------------------------------------------------------

cdef int _deque_push(Deque* deque, int64_t seq) except -1 nogil:
    cdef int64_t i, capacity
    cdef int64_t* items
    if deque.tail - deque.head == deque.capacity:
        capacity = 4 if deque.capacity == 0 else 2 * deque.capacity
        items = <int64_t*> malloc(<size_t> capacity * 8)
        if items == NULL:
            return raise_memory_error()
        for i in range(deque.head, deque.tail):
            items[i & (capacity - 1)] = deque.items[i & (deque.capacity - 1)]
        free(deque.items)
        deque.items = items
        deque.capacity = capacity
    deque.items[deque.tail & (deque.capacity - 1)] = seq
    deque.tail += 1
    return 0


cdef inline int64_t _deque_item(const Deque* deque, int64_t index) noexcept nogil:
    return deque.items[(deque.head + index) & (deque.capacity - 1)]


cdef class Multiset:
    """How often each (partition, value) is in a frame."""

    def __cinit__(self):
        self.map = KeyMap(False)

    def __dealloc__(self):
        free(self.counts)
        free(self.key)

    cdef int64_t change(self, int64_t part, const char* value, int64_t length, int by) except -1 nogil:
        """Add (by = 1) or remove (by = -1) one occurrence; returns how many there are now."""
        cdef int64_t group
        cdef uint64_t hashed
        reserve(<void**> &self.key, &self.key_capacity, length + 8, 1)
        memcpy(self.key, &part, 8)
        memcpy(self.key + 8, value, <size_t> length)
        hashed = hash_bytes(self.key, length + 8)
        group = self.map.find_bytes(self.key, length + 8, hashed)
        if group < 0:
            group = self.map.insert_bytes(self.key, length + 8, hashed)
            reserve(<void**> &self.counts, &self.counts_capacity, self.map.count, 8)
            self.counts[group] = 0
        self.counts[group] += by
        if self.counts[group] == 0:
            self.map.release(group)
            return 0
        return self.counts[group]


# -- frames ------------------------------------------------------------------------------------------------------------

cdef inline int64_t* _first_of(Part* part, int64_t frame) noexcept nogil:
    return <int64_t*> (<char*> part + sizeof(Part)) + frame


cdef inline bint _less(Mode mode, const char* a, const char* b) noexcept nogil:
    if mode == MODE_INT:
        return (<const int64_t*> a)[0] < (<const int64_t*> b)[0]
    if mode == MODE_FLOAT:
        return order_double((<const double*> a)[0]) < order_double((<const double*> b)[0])
    if mode == MODE_WIDE:
        return load_wide(a) < load_wide(b)
    return text_less((<const Text*> a).data, (<const Text*> a).length, (<const Text*> b).data, (<const Text*> b).length)


cdef inline int64_t _cell_bytes(Mode mode) noexcept nogil:
    return 8 if mode == MODE_INT or mode == MODE_FLOAT else 16


cdef class FrameSet:
    """All frames over one PARTITION BY list.

    `frames` are Frame specs; `calls[f]` the aggregate calls of frame f, `places` the positional calls as tuples
    (frame, kind, column, default column, skips_nulls, n), sorted by frame.
    """

    def __init__(self, tuple partition, list frames, list calls, list places, schema):
        cdef int i, f
        cdef list slides = []
        self.keys = KeyEncoder(partition, tuple([schema[column].type.arrow for column in partition]))
        self.map = KeyMap(self.keys.is_fixed)
        self.plans = [AggregatePlan(specs, schema) for specs in calls]
        self.multisets = []
        self.columns = []
        self.plan_slides = []
        self.frame_count = <int> len(frames)
        self.frames = <FrameRule*> calloc(self.frame_count + 1, sizeof(FrameRule))
        self.places = <Place*> calloc(len(places) + 1, sizeof(Place))
        self.place_count = <int> len(places)
        self.horizon_us = 0
        at = 0
        for f in range(self.frame_count):
            frame = frames[f]
            self.frames[f].is_rows = frame.unit == "rows"
            self.frames[f].is_bounded = frame.preceding is not None
            self.frames[f].preceding = frame.preceding or 0
            self.frames[f].allow_partial = frame.allow_partial
            if frame.unit == "rows" or frame.preceding is None:
                self.horizon_us = -1
            elif self.horizon_us >= 0:
                self.horizon_us = max(self.horizon_us, frame.preceding)
            self.frames[f].slide_first = <int> len(slides)
            self.plan_slides.append(self._plan_slides(self.plans[f], frame, slides))
            self.frames[f].place_first = <int> at
            while at < len(places) and places[at][0] == f:
                self._add_place(<int> at, places[at], frame, slides)
                at += 1
            self.frames[f].place_end = <int> at
            self.frames[f].slide_end = <int> len(slides)
        self.set_count = <int> len(self.multisets)
        if self.set_count > 64:
            raise TypeError("more than 64 DISTINCT arguments over one partition list")
        self.borrowed_sets = <void**> calloc(len(self.multisets) + 1, sizeof(void*))
        for i in range(len(self.multisets)):
            # SAFETY: `multisets` keeps them alive and never changes after this.
            self.borrowed_sets[i] = <void*> self.multisets[i]
        self._lay_out(slides, schema)

    def _argument(self, column):
        if column not in self.columns:
            self.columns.append(column)
        return self.columns.index(column)

    def _plan_slides(self, AggregatePlan plan, frame, slides):
        """The slides of a plan's primitives: their positions in `slides`, to which they are appended."""
        cdef int i
        positions = []
        sets = [len(self.multisets) + i for i in range(plan.distinct_count)]
        self.multisets.extend(Multiset() for _ in sets)
        for i in range(plan.primitive_count):
            kind = plan.primitives[i].kind
            argument = plan.primitives[i].argument
            column = -1 if argument < 0 else self._argument(plan.columns[argument])
            mode = MODE_NONE if argument < 0 else mode_of(plan.layouts[<int> argument])
            slide = {
                KIND_ROWS: SLIDE_ROWS, KIND_NULLS: SLIDE_NULLS, KIND_VALUES: SLIDE_VALUES,
                KIND_SUM: SLIDE_FLOAT_SUM if mode == MODE_FLOAT else SLIDE_EXACT_SUM, KIND_MOMENTS: SLIDE_SPREAD,
            }.get(kind, SLIDE_BEST if frame.preceding is None else SLIDE_EXTREME)
            distinct = sets[plan.primitives[i].distinct] if plan.primitives[i].distinct >= 0 else -1
            positions.append(len(slides))
            slides.append(
                (slide, mode, column, distinct, kind == KIND_MAX, False, 0, plan.primitives[i].table.state_bytes)
            )
        return positions

    def _add_place(self, int index, place, frame, slides):
        """Fill `places[index]`; appends the state it needs."""
        cdef Place* target = &self.places[index]
        _, kind, column, default_column, skips_nulls, n = place
        target.kind = kind
        target.column = self._argument(column)
        target.default_column = -1 if default_column is None else self._argument(default_column)
        target.skips_nulls = skips_nulls
        target.n = n
        target.slide = -1
        if frame.preceding is None:
            target.slide = <int> len(slides)
            if kind == PLACE_FROM_FIRST:
                slides.append((SLIDE_NTH, MODE_NONE, target.column, -1, False, skips_nulls, n, 0))
            else:
                slides.append((SLIDE_RECENT, MODE_NONE, target.column, -1, False, skips_nulls, n + 1, 0))
        elif skips_nulls:
            target.slide = <int> len(slides)
            slides.append((SLIDE_INDEX, MODE_NONE, target.column, -1, False, True, 0, 0))

    def _lay_out(self, slides, schema):
        """Decide where everything is in ring rows and in partition blocks."""
        cdef int i
        cdef int64_t at
        self.types = [schema[column].type.arrow for column in self.columns]
        self.column_count = <int> len(self.columns)
        self.modes = <Mode*> calloc(self.column_count + 1, sizeof(Mode))
        self.cell_offsets = <int64_t*> calloc(self.column_count + 1, 8)
        self.arguments = <Argument*> calloc(self.column_count + 1, sizeof(Argument))
        self.scratch = <void**> calloc(self.column_count + 1, sizeof(void*))
        self.scratch_capacity = <int64_t*> calloc(self.column_count + 1, 8)
        if self.column_count > 64:
            raise TypeError("more than 64 arguments over one partition list")
        at = 16                                             # time, NULL bits
        for i in range(self.column_count):
            self.modes[i] = mode_of(layout_of(self.types[i]))
            self.cell_offsets[i] = at
            at += _cell_bytes(self.modes[i])
        self.row_bytes = at
        self.slide_count = <int> len(slides)
        self.slides = <Slide*> calloc(self.slide_count + 1, sizeof(Slide))
        at = (<int64_t> sizeof(Part) + 8 * self.frame_count + 15) // 16 * 16
        self.states_at = at
        for i in range(self.slide_count):
            kind, _, column, distinct, is_max, skips_nulls, n, snapshot_bytes = slides[i]
            self.slides[i].kind = kind
            self.slides[i].column = column
            self.slides[i].mode = MODE_NONE if column < 0 else self.modes[<int> column]
            self.slides[i].distinct = distinct
            self.slides[i].is_max = is_max
            self.slides[i].skips_nulls = skips_nulls
            self.slides[i].n = n
            self.slides[i].snapshot_bytes = snapshot_bytes
            self.slides[i].offset = at
            at += {
                SLIDE_ROWS: 0, SLIDE_NULLS: 16, SLIDE_VALUES: 16, SLIDE_EXACT_SUM: 16, SLIDE_FLOAT_SUM: 48,
                SLIDE_SPREAD: 48, SLIDE_EXTREME: 32, SLIDE_BEST: 32, SLIDE_INDEX: 32, SLIDE_RECENT: 16, SLIDE_NTH: 16,
            }[kind]
        self.block_bytes = at

    def __dealloc__(self):
        cdef int64_t i
        if self.blocks != NULL:
            for i in range(self.block_count):
                if (<Part*> (self.blocks + i * self.block_bytes)).is_live:
                    self._destroy_states(<Part*> (self.blocks + i * self.block_bytes))
        self._empty_graveyard()
        for i in range(self.slide_count):
            free(self.slides[i].snapshots)
        for i in range(self.place_count):
            free(self.places[i].values)
            free(self.places[i].nulls)
        for i in range(self.column_count):
            free(self.scratch[i])
        free(self.modes)
        free(self.cell_offsets)
        free(self.arguments)
        free(self.scratch)
        free(self.scratch_capacity)
        free(self.frames)
        free(self.slides)
        free(self.places)
        free(self.blocks)
        free(self.partial)
        free(self.groups)
        free(self.timers)
        free(self.graveyard)
        free(self.borrowed_sets)

    # -- memory

    cdef int _bury(self, void* memory) except -1 nogil:
        """Free a string once the batch is finished: results may still point at it."""
        if memory != NULL:
            reserve(<void**> &self.graveyard, &self.graveyard_capacity, self.graveyard_count + 1, sizeof(void*))
            self.graveyard[self.graveyard_count] = memory
            self.graveyard_count += 1
        return 0

    cdef int _empty_graveyard(self) noexcept nogil:
        cdef int64_t i
        for i in range(self.graveyard_count):
            free(self.graveyard[i])
        self.graveyard_count = 0
        return 0

    cdef int _make_room(self, int64_t parts) except -1 nogil:
        """Have zeroed blocks for partitions 0 .. parts - 1."""
        if parts > self.block_count:
            reserve(<void**> &self.blocks, &self.blocks_capacity, parts, self.block_bytes)
            memset(
                self.blocks + self.block_count * self.block_bytes, 0,
                <size_t> ((parts - self.block_count) * self.block_bytes),
            )
            self.block_count = parts
        return 0

    cdef int _resize(self, Part* part, int64_t capacity) except -1 nogil:
        """Move the rows to a ring of `capacity` rows (a power of two)."""
        cdef int64_t seq, bytes_per_row = self.row_bytes
        cdef char* ring = <char*> malloc(<size_t> (capacity * bytes_per_row))
        if ring == NULL:
            return raise_memory_error()
        for seq in range(part.head, part.tail):
            memcpy(
                ring + (seq & (capacity - 1)) * bytes_per_row,
                part.ring + (seq & (part.capacity - 1)) * bytes_per_row,
                <size_t> bytes_per_row,
            )
        free(part.ring)
        self.heap_bytes += (capacity - part.capacity) * bytes_per_row
        part.ring = ring
        part.capacity = capacity
        return 0

    cdef int _push(self, Part* part, int64_t row, int64_t time_us) except -1 nogil:
        """Append row `row` of the batch to the ring."""
        cdef int k
        cdef int64_t length
        cdef char* target
        cdef char* cell
        cdef Argument* x
        cdef uint64_t nulls = 0
        if part.tail - part.head == part.capacity:
            self._resize(part, 4 if part.capacity == 0 else 2 * part.capacity)
        elif part.capacity > 16 and 8 * (part.tail - part.head) < part.capacity:
            self._resize(part, part.capacity // 2)
        target = part.ring + (part.tail & (part.capacity - 1)) * self.row_bytes
        for k in range(self.column_count):
            x = &self.arguments[k]
            cell = target + self.cell_offsets[k]
            if x.validity != NULL and not is_valid(x.validity, x.validity_offset + row):
                nulls |= <uint64_t> 1 << k
                memset(cell, 0, <size_t> _cell_bytes(self.modes[k]))
            elif self.modes[k] == MODE_INT:
                (<int64_t*> cell)[0] = x.ints[row]
            elif self.modes[k] == MODE_FLOAT:
                (<double*> cell)[0] = x.floats[row]
            elif self.modes[k] == MODE_WIDE:
                memcpy(cell, x.wides + row * 16, 16)
            else:
                length = x.offsets[row + 1] - x.offsets[row]
                (<Text*> cell).length = <int32_t> length
                (<Text*> cell).capacity = <int32_t> length
                (<Text*> cell).data = <char*> malloc(<size_t> length + 1)
                if (<Text*> cell).data == NULL:
                    return raise_memory_error()
                memcpy((<Text*> cell).data, x.chars + x.offsets[row], <size_t> length)
                self.heap_bytes += length + 1
        (<int64_t*> target)[0] = time_us
        (<uint64_t*> target)[1] = nulls
        part.tail += 1
        part.last_us = time_us
        self.row_count += 1
        return 0

    cdef int _pop(self, Part* part) except -1 nogil:
        """Give up the oldest row."""
        cdef int k
        cdef char* row = part.ring + (part.head & (part.capacity - 1)) * self.row_bytes
        for k in range(self.column_count):
            if self.modes[k] == MODE_BYTES and (<Text*> (row + self.cell_offsets[k])).data != NULL:
                self.heap_bytes -= (<Text*> (row + self.cell_offsets[k])).length + 1
                self._bury((<Text*> (row + self.cell_offsets[k])).data)
        part.head += 1
        self.row_count -= 1
        return 0

    cdef int _hold(self, Held* held, const char* cell, Mode mode, bint is_null) except -1 nogil:
        """Copy a value into a state, replacing what was there."""
        cdef char* copy
        if mode == MODE_BYTES and held.is_set and not held.is_null:
            self._bury((<Text*> held.value).data)
        held.is_set = 1
        held.is_null = is_null
        if is_null:
            return 0
        memcpy(held.value, cell, <size_t> _cell_bytes(mode))
        if mode == MODE_BYTES:
            copy = <char*> malloc(<size_t> (<Text*> cell).length + 1)
            if copy == NULL:
                return raise_memory_error()
            memcpy(copy, (<Text*> cell).data, <size_t> (<Text*> cell).length)
            (<Text*> held.value).data = copy
        return 0

    cdef int _destroy_states(self, Part* part) except -1 nogil:
        """Free everything a partition owns."""
        cdef int i
        cdef int64_t j
        cdef char* state
        cdef Recent* recent
        while part.head < part.tail:
            self._pop(part)
        self.heap_bytes -= part.capacity * self.row_bytes
        free(part.ring)
        for i in range(self.slide_count):
            state = <char*> part + self.slides[i].offset
            if self.slides[i].kind == SLIDE_EXTREME or self.slides[i].kind == SLIDE_INDEX:
                free((<Deque*> state).items)
            elif self.slides[i].kind == SLIDE_BEST:
                if self.slides[i].mode == MODE_BYTES and (<Held*> state).is_set and not (<Held*> state).is_null:
                    self._bury((<Text*> (<Held*> state).value).data)
            elif self.slides[i].kind == SLIDE_RECENT or self.slides[i].kind == SLIDE_NTH:
                recent = <Recent*> state
                if recent.items != NULL and self.slides[i].mode == MODE_BYTES:
                    for j in range(self.slides[i].n if self.slides[i].kind == SLIDE_RECENT else 1):
                        if recent.items[j].is_set and not recent.items[j].is_null:
                            self._bury((<Text*> recent.items[j].value).data)
                free(recent.items)
        return 0

    # -- one row

    cdef int _change(self, int64_t group, Part* part, FrameRule* frame, int64_t seq, int by) except -1 nogil:
        """Add row `seq` to the states of a frame, or remove it."""
        cdef int i
        cdef Slide* slide
        cdef char* row = part.ring + (seq & (part.capacity - 1)) * self.row_bytes
        cdef char* state
        cdef char* cell
        cdef char* last
        cdef uint64_t nulls = (<uint64_t*> row)[1]
        cdef bint is_null
        cdef Deque* deque
        cdef Recent* recent
        cdef int64_t occurrences, word
        cdef uint64_t counted = 0       # multisets already changed for this row
        cdef uint64_t passing = 0       # those for which its value came or went
        cdef uint64_t bit
        for i in range(frame.slide_first, frame.slide_end):
            slide = &self.slides[i]
            if slide.kind == SLIDE_ROWS:
                continue
            state = <char*> part + slide.offset
            cell = row + self.cell_offsets[slide.column]
            is_null = (nulls >> slide.column) & 1
            if slide.kind == SLIDE_NULLS:
                (<int64_t*> state)[0] += by * is_null
                continue
            if slide.kind == SLIDE_RECENT or slide.kind == SLIDE_NTH:
                recent = <Recent*> state
                if is_null and slide.skips_nulls:
                    continue
                if recent.items == NULL:
                    recent.items = <Held*> calloc(
                        <size_t> slide.n if slide.kind == SLIDE_RECENT else 1, sizeof(Held)
                    )
                    if recent.items == NULL:
                        return raise_memory_error()
                if slide.kind == SLIDE_RECENT:
                    self._hold(&recent.items[recent.count % slide.n], cell, slide.mode, is_null)
                elif recent.count == slide.n - 1:
                    self._hold(&recent.items[0], cell, slide.mode, is_null)
                recent.count += 1
                continue
            if is_null:
                continue
            if slide.distinct >= 0:
                bit = <uint64_t> 1 << slide.distinct
                if not counted & bit:
                    if slide.mode == MODE_BYTES:
                        occurrences = (<Multiset> self.borrowed_sets[slide.distinct]).change(
                            group, (<Text*> cell).data, (<Text*> cell).length, by
                        )
                    elif slide.mode == MODE_FLOAT:
                        word = order_double((<double*> cell)[0] + 0.0)
                        occurrences = (<Multiset> self.borrowed_sets[slide.distinct]).change(
                            group, <const char*> &word, 8, by
                        )
                    else:
                        occurrences = (<Multiset> self.borrowed_sets[slide.distinct]).change(
                            group, cell, _cell_bytes(slide.mode), by
                        )
                    counted |= bit
                    if occurrences == (1 if by > 0 else 0):
                        passing |= bit
                if not passing & bit:
                    continue
            if slide.kind == SLIDE_VALUES:
                (<int64_t*> state)[0] += by
            elif slide.kind == SLIDE_EXACT_SUM:
                if slide.mode == MODE_INT:
                    (<int128_t*> state)[0] += (<int64_t*> cell)[0] if by > 0 else -<int128_t> (<int64_t*> cell)[0]
                else:
                    (<int128_t*> state)[0] += load_wide(cell) * by
            elif slide.kind == SLIDE_FLOAT_SUM:
                _change_float_sum(<FloatSum*> state, (<double*> cell)[0], by)
            elif slide.kind == SLIDE_SPREAD:
                if slide.mode == MODE_INT:
                    _change_spread(<Spread*> state, <double> (<int64_t*> cell)[0], by)
                elif slide.mode == MODE_FLOAT:
                    _change_spread(<Spread*> state, (<double*> cell)[0], by)
                else:
                    _change_spread(<Spread*> state, <double> load_wide(cell), by)
            elif slide.kind == SLIDE_BEST:
                if not (<Held*> state).is_set or (
                    _less(slide.mode, (<Held*> state).value, cell) if slide.is_max
                    else _less(slide.mode, cell, (<Held*> state).value)
                ):
                    self._hold(<Held*> state, cell, slide.mode, False)
            else:
                deque = <Deque*> state
                if by < 0:
                    if deque.head < deque.tail and _deque_item(deque, 0) == seq:
                        deque.head += 1
                    continue
                if slide.kind == SLIDE_EXTREME:
                    while deque.head < deque.tail:
                        last = part.ring + (
                            _deque_item(deque, deque.tail - deque.head - 1) & (part.capacity - 1)
                        ) * self.row_bytes + self.cell_offsets[slide.column]
                        if _less(slide.mode, cell, last) if slide.is_max else _less(slide.mode, last, cell):
                            break
                        deque.tail -= 1
                _deque_push(deque, seq)
        return 0

    cdef int _snapshot(self, Part* part, int64_t frame, int64_t row) except -1 nogil:
        """Write the states of a frame after row `row` of the batch."""
        cdef int i
        cdef Slide* slide
        cdef char* state
        cdef char* target
        cdef char* cell
        cdef FrameRule* rule = &self.frames[frame]
        for i in range(rule.slide_first, rule.slide_end):
            slide = &self.slides[i]
            if slide.snapshot_bytes == 0:
                continue
            state = <char*> part + slide.offset
            target = slide.snapshots + row * slide.snapshot_bytes
            if slide.kind == SLIDE_ROWS:
                (<int64_t*> target)[0] = part.tail - (_first_of(part, frame)[0] if rule.is_bounded else 0)
            elif slide.kind == SLIDE_NULLS or slide.kind == SLIDE_VALUES:
                (<int64_t*> target)[0] = (<int64_t*> state)[0]
            elif slide.kind == SLIDE_EXACT_SUM:
                memcpy(target, state, 16)
            elif slide.kind == SLIDE_FLOAT_SUM:
                (<Sum*> target).high = _float_sum(<FloatSum*> state)
                (<Sum*> target).low = 0.0
            elif slide.kind == SLIDE_SPREAD:
                _spread_moments(<Spread*> state, <Moments*> target)
            else:
                if slide.kind == SLIDE_BEST:
                    cell = (<Held*> state).value if (<Held*> state).is_set else NULL
                elif (<Deque*> state).head == (<Deque*> state).tail:
                    cell = NULL
                else:
                    cell = part.ring + (
                        _deque_item(<Deque*> state, 0) & (part.capacity - 1)
                    ) * self.row_bytes + self.cell_offsets[slide.column]
                if cell == NULL:
                    memset(target, 0, <size_t> slide.snapshot_bytes)
                elif slide.mode == MODE_FLOAT:
                    (<int64_t*> target)[0] = order_double((<double*> cell)[0])
                else:
                    memcpy(target, cell, <size_t> slide.snapshot_bytes)
        return 0

    cdef int _place(self, Part* part, int64_t frame, Place* place, int64_t row) except -1 nogil:
        """Write the value of a positional call at row `row` of the batch, the newest of its partition."""
        cdef char* newest = part.ring + ((part.tail - 1) & (part.capacity - 1)) * self.row_bytes
        cdef char* source = newest
        cdef Mode mode = self.modes[place.column]
        cdef int64_t width = _cell_bytes(mode)
        cdef bint newest_is_null = ((<uint64_t*> newest)[1] >> place.column) & 1
        cdef bint is_null = False
        cdef bint is_outside = False
        cdef int64_t size, index
        cdef Deque* deque = NULL
        cdef Recent* recent = NULL
        cdef const char* cell
        cdef int column = place.column
        if place.kind == PLACE_LAG and place.n == 0:
            cell = newest + self.cell_offsets[column]
            is_null = newest_is_null
        else:
            if place.slide < 0:
                size = part.tail - _first_of(part, frame)[0]
            elif self.slides[place.slide].kind == SLIDE_INDEX:
                deque = <Deque*> (<char*> part + self.slides[place.slide].offset)
                size = deque.tail - deque.head
            else:
                recent = <Recent*> (<char*> part + self.slides[place.slide].offset)
                size = recent.count
            if place.kind == PLACE_FROM_FIRST:
                index = place.n - 1
            elif place.kind == PLACE_FROM_LAST:
                index = size - place.n
            else:
                index = size - place.n - (0 if place.skips_nulls and newest_is_null else 1)
            is_outside = index < 0 or index >= size
            cell = NULL
            if is_outside:
                is_null = True
            elif recent != NULL:
                if self.slides[place.slide].kind == SLIDE_NTH:
                    index = 0
                else:
                    index %= self.slides[place.slide].n
                cell = recent.items[index].value
                is_null = recent.items[index].is_null
            else:
                index = _deque_item(deque, index) if deque != NULL else _first_of(part, frame)[0] + index
                source = part.ring + (index & (part.capacity - 1)) * self.row_bytes
                cell = source + self.cell_offsets[column]
                is_null = ((<uint64_t*> source)[1] >> column) & 1
            if is_outside and place.default_column >= 0:
                cell = newest + self.cell_offsets[place.default_column]
                is_null = ((<uint64_t*> newest)[1] >> place.default_column) & 1
        place.nulls[row] = is_null
        if is_null:
            memset(place.values + row * width, 0, <size_t> width)
        else:
            memcpy(place.values + row * width, cell, <size_t> width)
        return 0

    cdef int _run(self, const int64_t* times, int64_t n) except -1 nogil:
        """Slide over `n` rows in ROWTIME order; their partitions are in `groups`."""
        cdef int64_t row, group, f, needed
        cdef int p
        cdef Part* part
        cdef FrameRule* rule
        cdef int64_t* first
        cdef int64_t time_us
        for row in range(n):
            # Nearly every access misses the first-level cache, so they are asked for 16 and 8 rows ahead.
            if row + 16 < n:
                part = <Part*> (self.blocks + <int64_t> self.groups[row + 16] * self.block_bytes)
                streamsql_prefetch(part)
                streamsql_prefetch(<char*> part + 64)
                part = <Part*> (self.blocks + <int64_t> self.groups[row + 8] * self.block_bytes)
                streamsql_prefetch(part.ring + (part.head & (part.capacity - 1)) * self.row_bytes)
                streamsql_prefetch(part.ring + (part.tail & (part.capacity - 1)) * self.row_bytes)
            group = self.groups[row]
            time_us = times[row]
            part = <Part*> (self.blocks + group * self.block_bytes)
            if not part.is_live:
                memset(part, 0, <size_t> self.block_bytes)
                part.is_live = True
                if self.horizon_us >= 0:
                    self._push_timer(group, time_us)
            needed = part.tail
            for f in range(self.frame_count):
                rule = &self.frames[f]
                first = _first_of(part, f)
                if not rule.is_bounded:
                    continue
                if rule.is_rows:
                    while part.tail - first[0] > rule.preceding:
                        self._change(group, part, rule, first[0], -1)
                        first[0] += 1
                else:
                    while first[0] < part.tail and (<int64_t*> (
                        part.ring + (first[0] & (part.capacity - 1)) * self.row_bytes
                    ))[0] < time_us - rule.preceding:
                        self._change(group, part, rule, first[0], -1)
                        first[0] += 1
                if first[0] < needed:
                    needed = first[0]
            while part.head < needed:
                self._pop(part)
            self._push(part, row, time_us)
            for f in range(self.frame_count):
                rule = &self.frames[f]
                self._change(group, part, rule, part.tail - 1, 1)
                self._snapshot(part, f, row)
                for p in range(rule.place_first, rule.place_end):
                    self._place(part, f, &self.places[p], row)
                if not rule.allow_partial:
                    first = _first_of(part, f)
                    self.partial[f * n + row] = part.tail - first[0] <= rule.preceding
        return 0

    # -- partitions that fell silent

    cdef int _push_timer(self, int64_t group, int64_t time_us) except -1 nogil:
        cdef int64_t i, capacity
        cdef int64_t* timers
        if self.timers_tail - self.timers_head == self.timers_capacity:
            capacity = 64 if self.timers_capacity == 0 else 2 * self.timers_capacity
            timers = <int64_t*> malloc(<size_t> capacity * 16)
            if timers == NULL:
                return raise_memory_error()
            for i in range(self.timers_head, self.timers_tail):
                timers[2 * (i & (capacity - 1))] = self.timers[2 * (i & (self.timers_capacity - 1))]
                timers[2 * (i & (capacity - 1)) + 1] = self.timers[2 * (i & (self.timers_capacity - 1)) + 1]
            free(self.timers)
            self.timers = timers
            self.timers_capacity = capacity
        i = self.timers_tail & (self.timers_capacity - 1)
        self.timers[2 * i] = group
        self.timers[2 * i + 1] = time_us
        self.timers_tail += 1
        return 0

    cdef int _drop(self, int64_t group) except -1 nogil:
        """Forget a partition none of whose rows is in a frame."""
        cdef Part* part = <Part*> (self.blocks + group * self.block_bytes)
        cdef int64_t f
        cdef int64_t* first
        for f in range(self.frame_count if self.set_count else 0):     # the multisets must forget its values
            first = _first_of(part, f)
            while first[0] < part.tail:
                self._change(group, part, &self.frames[f], first[0], -1)
                first[0] += 1
        self._destroy_states(part)
        part.is_live = False
        self.map.release(group)
        return 0

    cdef int drop_silent(self, int64_t watermark_us) except -1 nogil:
        """Give up partitions whose newest row no frame of a row at or after the watermark can hold.

        Every partition has one timer; a partition that is still alive when its timer comes gets a new one. So a silent
        partition is given up after at most two horizons, at constant cost per row.
        """
        cdef int64_t i, group
        cdef Part* part
        if self.horizon_us < 0:
            return 0
        while self.timers_head < self.timers_tail:
            i = self.timers_head & (self.timers_capacity - 1)
            if self.timers[2 * i + 1] >= watermark_us - self.horizon_us:
                break
            group = self.timers[2 * i]
            self.timers_head += 1
            part = <Part*> (self.blocks + group * self.block_bytes)
            if part.last_us < watermark_us - self.horizon_us:
                self._drop(group)
            else:
                self._push_timer(group, part.last_us)
        self._empty_graveyard()
        return 0

    # -- batches

    cdef int _load(self, ChangeBatch batch) except -1:
        """Point the arguments at a batch's columns and make room for what its rows will write."""
        cdef int i
        cdef int64_t n = batch.num_rows
        cdef ColumnView view
        for i in range(self.column_count):
            view = batch.view(self.columns[i])
            load_argument(view, &self.arguments[i], &self.scratch[i], &self.scratch_capacity[i])
            if self.arguments[i].mode != self.modes[i] and view.null_count != view.length:
                raise TypeError(f"column {self.columns[i]} does not have the type the plan says")
        for i in range(self.slide_count):
            if self.slides[i].snapshot_bytes:
                reserve(
                    <void**> &self.slides[i].snapshots, &self.slides[i].snapshots_capacity, n,
                    self.slides[i].snapshot_bytes,
                )
        for i in range(self.place_count):
            reserve(<void**> &self.places[i].values, &self.places[i].values_capacity, n, 16)
            reserve(<void**> &self.places[i].nulls, &self.places[i].nulls_capacity, n, 1)
        reserve(<void**> &self.partial, &self.partial_capacity, n * self.frame_count, 1)
        reserve(<void**> &self.groups, &self.groups_capacity, n, 4)
        return 0

    cdef int add(self, ChangeBatch batch) except -1:
        """Slide over a batch in ROWTIME order; then `results` and `place_result` give its rows' values."""
        cdef ColumnView rowtime = batch.rowtime_view()
        cdef const int64_t* times = <const int64_t*> rowtime.values + rowtime.offset
        cdef int64_t n = batch.num_rows
        self.keys.encode(batch)
        self._load(batch)
        with nogil:
            self.map.assign(self.keys, 0, n, self.groups)
            self._make_room(self.map.count)
            self._run(times, n)
        return 0

    cdef list results(self, int frame, int64_t n, uint8_t* errors):
        """The values of a frame's aggregate calls for the rows of the last batch."""
        cdef AggregatePlan plan = self.plans[frame]
        cdef char** states = <char**> malloc((plan.primitive_count + 1) * sizeof(char*))
        cdef int i
        if states == NULL:
            raise MemoryError()
        try:
            for i, position in enumerate(self.plan_slides[frame]):
                states[i] = self.slides[<int> position].snapshots
            columns = plan.finish(states, 0, n, errors)
        finally:
            free(states)
        return [self.without_partial(frame, column, n) for column in columns]

    def without_partial(self, int frame, column, int64_t n):
        """The column with NULL where a DISALLOW PARTIAL frame was not yet full."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        if self.frames[frame].allow_partial:
            return column
        mask = np.frombuffer((<char*> self.partial + frame * n)[:n], dtype=np.bool_)
        return pc.if_else(pa.array(mask), pa.scalar(None, column.type), column)

    cdef object place_result(self, int place, object arrow_type, int64_t n):
        """The values of a positional call for the rows of the last batch."""
        cdef Place* call = &self.places[place]
        cdef Mode mode = self.modes[call.column]
        cdef Layout layout = layout_of(arrow_type)
        cdef int64_t i, null_count = 0, total = 0
        cdef float narrow
        cdef uint32_t bits
        cdef int32_t* ends
        cdef char* target
        cdef const Text* texts = <const Text*> call.values
        if mode == MODE_INT or mode == MODE_FLOAT:
            if layout == LAYOUT_F32:
                for i in range(n):
                    narrow = <float> (<double*> call.values)[i]
                    memcpy(&bits, &narrow, 4)
                    (<int64_t*> call.values)[i] = bits
            return words_array(arrow_type, layout, <const int64_t*> call.values, call.nulls, n)
        validity = pack_validity(call.nulls, n, &null_count)
        if mode == MODE_WIDE:
            values = allocate(n * 16)
            memcpy(buffer_address(values), call.values, <size_t> n * 16)
            return fixed_width_array(arrow_type, values, validity, n, null_count)
        offsets = allocate((n + 1) * 4)
        ends = <int32_t*> buffer_address(offsets)
        ends[0] = 0
        for i in range(n):
            total += 0 if call.nulls[i] else texts[i].length
            if total > <int64_t> 0x7FFFFFFF:
                raise OverflowError("more than 2 GiB of strings in one result batch")
            ends[i + 1] = <int32_t> total
        data = allocate(total)
        target = <char*> buffer_address(data)
        for i in range(n):
            if not call.nulls[i]:
                memcpy(target + ends[i], texts[i].data, <size_t> texts[i].length)
        return bytes_array(arrow_type, offsets, data, validity, n, null_count)

    # -- state

    cdef bytes _save_held(self, const Held* held, Mode mode):
        cdef bytes value = b""
        if held.is_set and not held.is_null:
            if mode == MODE_BYTES:
                value = (<const Text*> held.value).data[: (<const Text*> held.value).length]
            else:
                value = held.value[: _cell_bytes(mode)]
        return bytes([held.is_set, held.is_null]) + len(value).to_bytes(4, "little") + value

    cdef int64_t _load_held(self, Held* held, Mode mode, bytes saved, int64_t at) except -1:
        """Fill a state from `saved`, from position `at`; returns the position after it."""
        cdef int64_t length = int.from_bytes(saved[at + 2 : at + 6], "little")
        cdef bytes value = saved[at + 6 : at + 6 + length]
        cdef Text text
        held.is_set = 0
        if saved[at]:
            text.data = value
            text.length = <int32_t> length
            self._hold(held, <const char*> &text if mode == MODE_BYTES else <const char*> value, mode, saved[at + 1])
        return at + 6 + length

    cdef bytes _save_state(self, Part* part, Slide* slide):
        """One state as bytes: structs as they are, deques as sequence numbers, held values one after the other."""
        cdef char* state = <char*> part + slide.offset
        cdef Recent* recent
        cdef int64_t i
        if slide.kind == SLIDE_NULLS or slide.kind == SLIDE_VALUES:
            return state[:8]
        if slide.kind == SLIDE_EXACT_SUM:
            return state[:16]
        if slide.kind == SLIDE_FLOAT_SUM or slide.kind == SLIDE_SPREAD:
            return state[:48]
        if slide.kind == SLIDE_BEST:
            return self._save_held(<Held*> state, slide.mode)
        if slide.kind == SLIDE_RECENT or slide.kind == SLIDE_NTH:
            recent = <Recent*> state
            parts = [recent.count.to_bytes(8, "little")]
            if recent.items != NULL:
                for i in range(slide.n if slide.kind == SLIDE_RECENT else 1):
                    parts.append(self._save_held(&recent.items[i], slide.mode))
            return b"".join(parts)
        if slide.kind == SLIDE_EXTREME or slide.kind == SLIDE_INDEX:
            return b"".join([
                _deque_item(<Deque*> state, i).to_bytes(8, "little")
                for i in range((<Deque*> state).tail - (<Deque*> state).head)
            ])
        return b""

    cdef int _load_state(self, Part* part, Slide* slide, bytes saved) except -1:
        """The inverse of `_save_state`, on a zeroed state."""
        cdef char* state = <char*> part + slide.offset
        cdef const char* source = saved
        cdef Recent* recent
        cdef int64_t i, at
        if slide.kind == SLIDE_BEST:
            self._load_held(<Held*> state, slide.mode, saved, 0)
        elif slide.kind == SLIDE_RECENT or slide.kind == SLIDE_NTH:
            recent = <Recent*> state
            recent.count = int.from_bytes(saved[:8], "little")
            if len(saved) > 8:
                recent.items = <Held*> calloc(<size_t> slide.n if slide.kind == SLIDE_RECENT else 1, sizeof(Held))
                if recent.items == NULL:
                    raise MemoryError()
                at = 8
                for i in range(slide.n if slide.kind == SLIDE_RECENT else 1):
                    at = self._load_held(&recent.items[i], slide.mode, saved, at)
        elif slide.kind == SLIDE_EXTREME or slide.kind == SLIDE_INDEX:
            for i in range(len(saved) // 8):
                _deque_push(<Deque*> state, (<const int64_t*> source)[i])
        else:
            memcpy(state, source, <size_t> len(saved))
        return 0

    cdef object _ring_column(self, int column, list parts):
        """One stored column of all rows of the given partitions, as an Arrow array."""
        import pyarrow as pa

        cdef int64_t group, seq
        cdef Part* part
        cdef char* row
        cdef char* cell
        values = []
        for group in parts:
            part = <Part*> (self.blocks + group * self.block_bytes)
            for seq in range(part.head, part.tail):
                row = part.ring + (seq & (part.capacity - 1)) * self.row_bytes
                cell = row + self.cell_offsets[column]
                if ((<uint64_t*> row)[1] >> column) & 1:
                    values.append(None)
                elif self.modes[column] == MODE_BYTES:
                    values.append((<Text*> cell).data[: (<Text*> cell).length])
                else:
                    values.append(cell[: _cell_bytes(self.modes[column])])
        return pa.array(values, pa.binary())

    def save(self):
        """The state as record batches by name: partitions, rows, timers, and one per multiset."""
        import pyarrow as pa

        cdef int64_t group, seq, f, n
        cdef int i
        cdef Part* part
        cdef Multiset values
        cdef int64_t* words
        cdef list parts = [
            group for group in range(self.block_count)
            if (<Part*> (self.blocks + group * self.block_bytes)).is_live
        ]
        cdef dict numbers = {group: number for number, group in enumerate(parts)}
        cdef dict columns = {}
        cdef dict tables = {}
        n = len(parts)
        words = <int64_t*> malloc(<size_t> (n + 1) * 8)
        nulls = bytearray(n + 1)
        for i in range(n):
            group = parts[i]
            words[i] = self.map.words[group] if self.map.is_fixed else self.map.starts[group]
            nulls[i] = self.map.nulls[group] if self.map.is_fixed else 0
        if self.map.is_fixed:
            keys = self.keys.decode_words(words, <const uint8_t*> <char*> nulls, n)
        else:
            keys = self.keys.decode_bytes(self.map.data, words, n)
        free(words)
        for index, key in enumerate(keys):
            columns[f"key{index}"] = key
        for name in ("head", "tail", "last_us"):
            columns[name] = pa.array([self._field(group, name) for group in parts], pa.int64())
        for f in range(self.frame_count):
            columns[f"first{f}"] = pa.array(
                [_first_of(<Part*> (self.blocks + <int64_t> group * self.block_bytes), f)[0] for group in parts],
                pa.int64(),
            )
        for i in range(self.slide_count):
            columns[f"state{i}"] = pa.array(
                [self._state_bytes(group, i) for group in parts], pa.binary()
            )
        tables["partitions"] = pa.record_batch(columns)
        times = []
        owners = []
        for number, group in enumerate(parts):
            part = <Part*> (self.blocks + group * self.block_bytes)
            for seq in range(part.head, part.tail):
                times.append((<int64_t*> (part.ring + (seq & (part.capacity - 1)) * self.row_bytes))[0])
                owners.append(number)
        columns = {"partition": pa.array(owners, pa.int64()), "rowtime_us": pa.array(times, pa.int64())}
        for i in range(self.column_count):
            columns[f"column{i}"] = self._ring_column(i, parts)
        tables["rows"] = pa.record_batch(columns)
        timers = []
        for seq in range(self.timers_head, self.timers_tail):
            f = seq & (self.timers_capacity - 1)
            timers.append((numbers[self.timers[2 * f]], self.timers[2 * f + 1]))
        tables["timers"] = pa.record_batch({
            "partition": pa.array([number for number, _ in timers], pa.int64()),
            "time_us": pa.array([time for _, time in timers], pa.int64()),
        })
        for i in range(self.set_count):
            values = <Multiset> self.multisets[i]
            entries = []
            for seq in range(values.map.count):
                if values.map.lengths[seq]:                 # released entries have no bytes
                    entry = (values.map.data + values.map.starts[seq])[: values.map.lengths[seq]]
                    owner = numbers[int.from_bytes(entry[:8], "little")]
                    entries.append((owner, entry[8:], values.counts[seq]))
            tables[f"distinct{i}"] = pa.record_batch({
                "partition": pa.array([entry[0] for entry in entries], pa.int64()),
                "value": pa.array([entry[1] for entry in entries], pa.binary()),
                "occurrences": pa.array([entry[2] for entry in entries], pa.int64()),
            })
        return tables

    def _field(self, int64_t group, name):
        cdef Part* part = <Part*> (self.blocks + group * self.block_bytes)
        return {"head": part.head, "tail": part.tail, "last_us": part.last_us}[name]

    def _state_bytes(self, int64_t group, int slide):
        return self._save_state(<Part*> (self.blocks + group * self.block_bytes), &self.slides[slide])

    def load(self, tables):
        """Put back what `save` gave."""
        cdef int64_t group, f, n, owner, tail, seq, nulls, at = 0
        cdef int i
        cdef Part* part
        cdef Multiset values
        cdef bytes raw
        cdef char* row
        cdef char* cell
        saved = tables["partitions"]
        n = saved.num_rows
        self.keys.encode_columns([import_array(saved[f"key{i}"]) for i in range(self.keys.width)], n)
        for group in range(n):
            self.map.insert(self.keys, group)
        self._make_room(n)
        rows = tables["rows"]
        times = rows["rowtime_us"].to_pylist()
        cells = [rows[f"column{i}"].to_pylist() for i in range(self.column_count)]
        for group in range(n):
            part = <Part*> (self.blocks + group * self.block_bytes)
            part.is_live = True
            part.head = saved["head"][group].as_py()
            tail = saved["tail"][group].as_py()
            part.tail = part.head
            part.last_us = saved["last_us"][group].as_py()
            f = 2
            while f < tail - part.head:
                f *= 2
            self._resize(part, f)
            for seq in range(part.head, tail):
                row = part.ring + (seq & (part.capacity - 1)) * self.row_bytes
                nulls = 0
                (<int64_t*> row)[0] = times[at]
                for i in range(self.column_count):
                    cell = row + self.cell_offsets[i]
                    raw = cells[i][at]
                    if raw is None:
                        nulls |= <int64_t> 1 << i
                        memset(cell, 0, <size_t> _cell_bytes(self.modes[i]))
                    elif self.modes[i] == MODE_BYTES:
                        (<Text*> cell).length = <int32_t> len(raw)
                        (<Text*> cell).data = <char*> malloc(len(raw) + 1)
                        if (<Text*> cell).data == NULL:
                            raise MemoryError()
                        memcpy((<Text*> cell).data, <const char*> raw, len(raw))
                        self.heap_bytes += len(raw) + 1
                    else:
                        memcpy(cell, <const char*> raw, len(raw))
                (<int64_t*> row)[1] = nulls
                self.row_count += 1
                at += 1
                part.tail += 1
            for f in range(self.frame_count):
                _first_of(part, f)[0] = saved[f"first{f}"][group].as_py()
            for i in range(self.slide_count):
                self._load_state(part, &self.slides[i], saved[f"state{i}"][group].as_py())
        timers = tables["timers"]
        for owner, time in zip(timers["partition"].to_pylist(), timers["time_us"].to_pylist(), strict=True):
            self._push_timer(owner, time)
        for i in range(self.set_count):
            values = <Multiset> self.multisets[i]
            entries = tables[f"distinct{i}"]
            for owner, raw, count in zip(
                entries["partition"].to_pylist(), entries["value"].to_pylist(), entries["occurrences"].to_pylist(),
                strict=True,
            ):
                for _ in range(count):
                    values.change(owner, raw, len(raw), 1)

    def size(self):
        """Rows kept, and bytes allocated."""
        return self.row_count, (
            self.heap_bytes + self.blocks_capacity * self.block_bytes + self.map.size_bytes()
            + 16 * self.timers_capacity
        )
