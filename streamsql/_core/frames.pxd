from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from streamsql._core.accum cimport AggregatePlan, Argument, Kind, Mode
from streamsql._core.batch cimport ChangeBatch
from streamsql._core.hashing cimport KeyEncoder
from streamsql._core.keymap cimport KeyMap


cdef struct Part:               # one partition; frame starts and accumulator states follow in the same block
    char* ring                  # rows head .. tail - 1, row s at (s & (capacity - 1)) * row_bytes
    int64_t capacity
    int64_t head                # sequence number of the oldest row kept
    int64_t tail                # rows seen so far
    int64_t last_us             # ROWTIME of the newest row
    bint is_live


cdef struct Deque:              # sequence numbers, oldest first
    int64_t* items
    int64_t capacity
    int64_t head
    int64_t tail


cdef struct FloatSum:           # double-double sum of the finite values, and how many others there are
    double high
    double low
    int64_t finite
    int64_t infinite
    int64_t negative_infinite
    int64_t nans


cdef struct Spread:             # sums of (x - shift) and of its square
    int64_t n
    double shift
    double first_high
    double first_low
    double second_high
    double second_low


cdef struct Held:               # one value copied out of the ring
    char value[16]
    int32_t is_set
    int32_t is_null


cdef struct Recent:             # the last `capacity` values
    Held* items
    int64_t count


cdef enum SlideKind:
    SLIDE_ROWS = 0
    SLIDE_NULLS = 1
    SLIDE_VALUES = 2
    SLIDE_EXACT_SUM = 3
    SLIDE_FLOAT_SUM = 4
    SLIDE_SPREAD = 5
    SLIDE_EXTREME = 6           # Deque: least (or greatest) first
    SLIDE_BEST = 7              # Held: the extreme of an unbounded frame
    SLIDE_INDEX = 8             # Deque: rows that are not NULL
    SLIDE_RECENT = 9            # Recent: for unbounded frames, counted from the last row
    SLIDE_NTH = 10              # Recent of one item: the n-th row of an unbounded frame


cdef struct Slide:              # one state of a frame
    SlideKind kind
    Mode mode
    int column                  # index into FrameSet.arguments, -1 for SLIDE_ROWS
    int distinct                # multiset it reads through, or -1
    bint is_max
    bint skips_nulls            # SLIDE_RECENT, SLIDE_NTH
    int64_t n
    int64_t offset              # of the state in the partition's block
    int64_t snapshot_bytes      # per row in `snapshots`; 0 for positional states
    char* snapshots             # the state after each row of the batch, as accum.pyx's finishing wants it
    int64_t snapshots_capacity


cdef struct FrameRule:
    bint is_rows
    bint is_bounded
    bint allow_partial
    int64_t preceding           # rows, or microseconds
    int slide_first             # its slides: slide_first .. slide_end - 1
    int slide_end
    int place_first             # its positional calls
    int place_end


cdef enum PlaceKind:
    PLACE_FROM_FIRST = 0
    PLACE_FROM_LAST = 1
    PLACE_LAG = 2


cdef struct Place:              # FIRST_VALUE, LAST_VALUE, NTH_VALUE, LAG
    PlaceKind kind
    int column
    int default_column          # -1: none
    bint skips_nulls
    int64_t n                   # 1 is the first or last row; LAG: rows back
    int slide                   # the state it reads, or -1: rows of the ring
    char* values                # per row: 8 or 16 bytes, or a Text
    int64_t values_capacity
    uint8_t* nulls
    int64_t nulls_capacity


cdef class Multiset:
    cdef KeyMap map
    cdef int64_t* counts
    cdef int64_t counts_capacity
    cdef char* key
    cdef int64_t key_capacity
    cdef int64_t change(self, int64_t part, const char* value, int64_t length, int by) except -1 nogil


cdef class FrameSet:
    cdef KeyEncoder keys
    cdef KeyMap map
    cdef readonly list plans            # AggregatePlan per frame
    cdef readonly list plan_slides      # per frame: the slide of each primitive of its plan
    cdef readonly list multisets
    cdef void** borrowed_sets           # the same, for code without the GIL
    cdef int set_count
    cdef readonly list columns          # input columns stored in the ring
    cdef list types
    cdef Mode* modes
    cdef int64_t* cell_offsets
    cdef Argument* arguments
    cdef void** scratch
    cdef int64_t* scratch_capacity
    cdef int column_count
    cdef int64_t row_bytes
    cdef FrameRule* frames
    cdef int frame_count
    cdef Slide* slides
    cdef int slide_count
    cdef Place* places
    cdef int place_count
    cdef int64_t block_bytes
    cdef int64_t states_at              # where the states begin in a block
    cdef char* blocks
    cdef int64_t blocks_capacity
    cdef int64_t block_count
    cdef int64_t horizon_us             # the longest RANGE frame; -1 when partitions are kept for ever
    cdef uint8_t* partial               # per frame and row: 1 while a DISALLOW PARTIAL frame is not full
    cdef int64_t partial_capacity
    cdef uint32_t* groups
    cdef int64_t groups_capacity
    cdef int64_t* timers                # (partition, time) pairs in a ring: when to look at a partition again
    cdef int64_t timers_capacity
    cdef int64_t timers_head
    cdef int64_t timers_tail
    cdef void** graveyard               # strings to free after the batch
    cdef int64_t graveyard_count
    cdef int64_t graveyard_capacity
    cdef readonly int64_t row_count
    cdef readonly int64_t heap_bytes

    cdef int add(self, ChangeBatch batch) except -1
    cdef int _load(self, ChangeBatch batch) except -1
    cdef int _run(self, const int64_t* times, int64_t n) except -1 nogil
    cdef int drop_silent(self, int64_t watermark_us) except -1 nogil
    cdef list results(self, int frame, int64_t n, uint8_t* errors)
    cdef object place_result(self, int place, object arrow_type, int64_t n)
    cdef int _make_room(self, int64_t parts) except -1 nogil
    cdef int _push(self, Part* part, int64_t row, int64_t time_us) except -1 nogil
    cdef int _pop(self, Part* part) except -1 nogil
    cdef int _resize(self, Part* part, int64_t capacity) except -1 nogil
    cdef int _bury(self, void* memory) except -1 nogil
    cdef int _empty_graveyard(self) noexcept nogil
    cdef int _change(self, int64_t group, Part* part, FrameRule* frame, int64_t seq, int by) except -1 nogil
    cdef int _snapshot(self, Part* part, int64_t frame, int64_t row) except -1 nogil
    cdef int _place(self, Part* part, int64_t frame, Place* place, int64_t row) except -1 nogil
    cdef int _hold(self, Held* held, const char* cell, Mode mode, bint is_null) except -1 nogil
    cdef int _drop(self, int64_t group) except -1 nogil
    cdef int _push_timer(self, int64_t group, int64_t time_us) except -1 nogil
    cdef int _destroy_states(self, Part* part) except -1 nogil
    cdef bytes _save_held(self, const Held* held, Mode mode)
    cdef int64_t _load_held(self, Held* held, Mode mode, bytes saved, int64_t at) except -1
    cdef bytes _save_state(self, Part* part, Slide* slide)
    cdef int _load_state(self, Part* part, Slide* slide, bytes saved) except -1
    cdef object _ring_column(self, int column, list parts)
