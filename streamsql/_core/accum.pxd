from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from streamsql._core.arrow_c cimport Layout, int128_t
from streamsql._core.batch cimport ChangeBatch
from streamsql._core.keymap cimport KeyMap


cdef enum Mode:
    MODE_NONE = 0
    MODE_INT = 1            # integers, booleans, datetimes, intervals: int64
    MODE_FLOAT = 2          # REAL and DOUBLE: double
    MODE_WIDE = 3           # DECIMAL: int128
    MODE_BYTES = 4          # strings and binary


cdef struct Argument:           # one argument column of a batch; row i of the batch is entry i
    Mode mode
    const int64_t* ints
    const double* floats
    const char* wides       # 16 bytes each, of any alignment
    const int32_t* offsets
    const char* chars
    const uint8_t* validity  # NULL: no value is NULL
    int64_t validity_offset


cdef struct Sum:            # high + low is the sum; high alone when it is not finite
    double high
    double low


cdef struct Moments:
    double n
    double mean
    double m2               # sum of squared distances from the mean


cdef struct Text:
    char* data              # owned
    int32_t length
    int32_t capacity


cdef enum Kind:
    KIND_ROWS = 0           # rows of the group
    KIND_NULLS = 1          # rows whose argument is NULL
    KIND_VALUES = 2         # distinct values
    KIND_SUM = 3
    KIND_MOMENTS = 4
    KIND_MIN = 5
    KIND_MAX = 6


ctypedef int (*UpdateFunction)(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil

ctypedef void (*RangeFunction)(char* states, int64_t first, int64_t n) noexcept nogil


cdef struct Accumulator:    # one kind of accumulator as a table of functions over an array of states
    int64_t state_bytes
    bint is_invertible       # takes weights other than +1
    RangeFunction init
    UpdateFunction update
    RangeFunction destroy   # NULL when states own nothing


cdef struct Primitive:      # one array of states
    Kind kind
    int argument            # index into AggregatePlan.arguments, or -1
    int distinct            # index of the set of distinct values it counts in, or -1
    double scale            # 10 ** scale of a DECIMAL argument
    Accumulator table


cdef struct Call:           # one aggregate call, computed from finished states
    int function
    int argument
    int nulls               # primitive that counts NULLs (rows - nulls values) or, for distinct calls, the values
    bint counts_values
    int value               # primitive with the sum, extreme or moments, or -1
    Layout layout           # of the result
    int precision           # of a DECIMAL result
    int scale_up            # 10 ** this times the exact sum has the scale of a DECIMAL result
    double scale            # 10 ** scale of a DECIMAL argument


cdef class AggregatePlan:
    cdef Primitive* primitives
    cdef readonly int primitive_count
    cdef Call* calls
    cdef readonly int call_count
    cdef Argument* arguments
    cdef readonly int argument_count
    cdef int* distinct_arguments
    cdef readonly int distinct_count
    cdef readonly list columns          # input column of each argument
    cdef Layout* layouts                # of each argument
    cdef double* scales                 # 10 ** scale of each DECIMAL argument
    cdef readonly list types            # Arrow type of each call's result
    cdef readonly bint is_invertible
    cdef void** _scratch                # widened columns, one per argument
    cdef int64_t* _scratch_capacity
    cdef void* _gathered
    cdef int64_t _gathered_capacity
    cdef list _views

    cdef int load(self, ChangeBatch batch) except -1
    cdef list finish(self, char** states, int64_t first, int64_t n, uint8_t* errors)
    cdef object _finish_call(self, int index, char** states, int64_t first, int64_t n, uint8_t* errors)
    cdef object _finish_exact(
        self, int index, const void* sums, const int64_t* counts, int64_t* words, uint8_t* nulls, int64_t n,
        uint8_t* errors,
    )


cdef class DistinctSet:
    cdef KeyMap map
    cdef char* _key
    cdef int64_t _key_capacity

    cdef int64_t admit(
        self, const Argument* x, const uint32_t* groups, int64_t base, int64_t start, int64_t n,
        uint32_t* new_groups, int64_t* new_rows,
    ) except -1 nogil
    cdef int drop_before(self, int64_t first) except -1 nogil


cdef class States:
    cdef AggregatePlan plan
    cdef char** arrays
    cdef int64_t count          # states in use
    cdef int64_t capacity
    cdef int64_t base           # number of state 0 since the beginning; names groups in the distinct sets
    cdef list distinct
    cdef uint32_t* _new_groups
    cdef int64_t _new_groups_capacity
    cdef int64_t* _new_rows
    cdef int64_t _new_rows_capacity

    cdef int grow(self, int64_t count) except -1 nogil
    cdef int update(self, const uint32_t* groups, int64_t start, int64_t n, const int64_t* weights) except -1
    cdef int _update_distinct(self, const uint32_t* groups, int64_t start, int64_t n) except -1
    cdef int drop_first(self, int64_t dropped) except -1
    cdef int64_t size_bytes(self)
    cdef dict save(self, int64_t first, int64_t n)
    cdef int load_saved(self, object table) except -1
    cdef list save_distinct(self)
    cdef int load_distinct(self, list tables) except -1


cdef inline int64_t load_word(const void* at) noexcept nogil:
    return (<const int64_t*> at)[0]


cdef int128_t load_wide(const void* at) noexcept nogil
cdef double wide_to_double(int128_t value) noexcept nogil
cdef int64_t order_double(double value) noexcept nogil
cdef double unorder_double(int64_t word) noexcept nogil
cdef bint text_less(const char* a, int64_t a_length, const char* b, int64_t b_length) noexcept nogil
cdef Mode mode_of(Layout layout) noexcept nogil
cdef int load_argument(object view, Argument* x, void** scratch, int64_t* capacity) except -1
cdef int128_t ten_to(int exponent) noexcept nogil
