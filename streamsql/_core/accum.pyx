"""Accumulators: the states of aggregates in dense arrays, one array per primitive, indexed by group number.

An `AggregatePlan` splits the calls of a node into the fewest primitives: every node counts its rows; a column with
NULLs counts those (so COUNT(*), COUNT(x), AVG(x) share one counter, and a column without NULLs costs nothing more);
SUM and AVG share a sum; ANY and EVERY are sums of booleans. A batch is aggregated by one tight loop per primitive.

Exact types are summed in 128 bits. DOUBLE sums are compensated (the rounding error of every addition is kept) and
taken in row order per group, so they depend on the rows and their order only. Variances use Welford's method. MIN and
MAX of floats order -0.0 before 0.0 and NaN after everything.
"""

from libc.math cimport isfinite, sqrt
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memmove, memset

from streamsql._core.arena cimport raise_memory_error, reserve
from streamsql._core.arrow_c cimport (
    LAYOUT_BYTES, LAYOUT_F32, LAYOUT_F64, LAYOUT_I8, LAYOUT_I16, LAYOUT_I32, LAYOUT_I64, LAYOUT_I128,
    LAYOUT_NULL, ColumnView, allocate, buffer_address, bytes_array, fixed_width_array, import_array, is_valid,
)
from streamsql._core.hashing cimport hash_bytes, layout_of, pack_validity, widen, words_array

from libc.stdint cimport uint64_t

import numpy as np
import pyarrow as pa

cdef int64_t _INT64_MAX = 0x7FFFFFFFFFFFFFFF
cdef int64_t _INT64_MIN = -_INT64_MAX - 1

cdef enum Function:
    FN_COUNT = 0
    FN_SUM = 1
    FN_AVG = 2
    FN_MIN = 3
    FN_MAX = 4
    FN_VAR_POP = 5
    FN_VAR_SAMP = 6
    FN_STDDEV_POP = 7
    FN_STDDEV_SAMP = 8
    FN_ANY = 9
    FN_EVERY = 10

_FUNCTIONS = {
    "COUNT": FN_COUNT, "SUM": FN_SUM, "AVG": FN_AVG, "MIN": FN_MIN, "MAX": FN_MAX, "VAR_POP": FN_VAR_POP,
    "VAR_SAMP": FN_VAR_SAMP, "STDDEV_POP": FN_STDDEV_POP, "STDDEV_SAMP": FN_STDDEV_SAMP, "ANY": FN_ANY,
    "EVERY": FN_EVERY,
}
_KINDS = {
    "SUM": KIND_SUM, "AVG": KIND_SUM, "ANY": KIND_SUM, "EVERY": KIND_SUM, "MIN": KIND_MIN, "MAX": KIND_MAX,
    "VAR_POP": KIND_MOMENTS, "VAR_SAMP": KIND_MOMENTS, "STDDEV_POP": KIND_MOMENTS, "STDDEV_SAMP": KIND_MOMENTS,
}


# -- values ------------------------------------------------------------------------------------------------------------

cdef int128_t load_wide(const void* at) noexcept nogil:
    """A 128-bit value at any alignment."""
    cdef int128_t value
    memcpy(&value, at, 16)
    return value


cdef double wide_to_double(int128_t value) noexcept nogil:
    """The nearest double."""
    return <double> value


cdef int128_t ten_to(int exponent) noexcept nogil:
    """10 ** exponent, for exponents from 0 to 38."""
    cdef int128_t value = 1
    while exponent > 0:
        value *= 10
        exponent -= 1
    return value


cdef int64_t order_double(double value) noexcept nogil:
    """A word whose integer order is the order of doubles, NaN last."""
    cdef int64_t bits
    if value != value:
        return _INT64_MAX - 1
    memcpy(&bits, &value, 8)
    return bits ^ ((bits >> 63) & _INT64_MAX)


cdef double unorder_double(int64_t word) noexcept nogil:
    """The inverse of `order_double`."""
    cdef double value
    word ^= (word >> 63) & _INT64_MAX
    memcpy(&value, &word, 8)
    return value


cdef bint text_less(const char* a, int64_t a_length, const char* b, int64_t b_length) noexcept nogil:
    """Whether string a sorts before string b by code point (by byte, which is the same order in UTF-8)."""
    cdef int order = memcmp(a, b, <size_t> (a_length if a_length < b_length else b_length))
    return order < 0 or (order == 0 and a_length < b_length)


cdef Mode mode_of(Layout layout) noexcept nogil:
    """How values of a layout are aggregated."""
    if layout == LAYOUT_BYTES:
        return MODE_BYTES
    if layout == LAYOUT_I128:
        return MODE_WIDE
    if layout == LAYOUT_F64 or layout == LAYOUT_F32:
        return MODE_FLOAT
    return MODE_INT


cdef int load_argument(object column, Argument* x, void** scratch, int64_t* capacity) except -1:
    """Point `x` at a column's values, widening narrow ones into `scratch`. The view must outlive the use of `x`."""
    cdef ColumnView view = <ColumnView> column
    cdef int64_t i
    x.mode = mode_of(view.layout)
    x.validity = view.validity
    x.validity_offset = view.offset
    if view.layout == LAYOUT_I64:
        x.ints = <const int64_t*> view.values + view.offset
    elif view.layout == LAYOUT_F64:
        x.floats = <const double*> view.values + view.offset
    elif view.layout == LAYOUT_I128:
        x.wides = <const char*> view.values + view.offset * 16
    elif view.layout == LAYOUT_BYTES:
        x.offsets = view.offsets + view.offset
        x.chars = <const char*> view.values
    else:
        reserve(scratch, capacity, view.length + (view.length >> 3) + 8, 8)
        if view.layout == LAYOUT_F32:
            for i in range(view.length):
                (<double*> scratch[0])[i] = (<const float*> view.values)[view.offset + i]
            x.floats = <const double*> scratch[0]
        else:
            widen(view, <int64_t*> scratch[0])
            x.ints = <const int64_t*> scratch[0]
            if view.layout == LAYOUT_NULL:
                x.validity = <const uint8_t*> scratch[0]        # all zero: every value is NULL
                x.validity_offset = 0
    return 0


cdef inline bint _present(const Argument* x, int64_t row) noexcept nogil:
    return x.validity == NULL or is_valid(x.validity, x.validity_offset + row)


# -- kernels -----------------------------------------------------------------------------------------------------------

cdef void _init_words(char* states, int64_t first, int64_t n) noexcept nogil:
    memset(states + first * 8, 0, <size_t> n * 8)


cdef void _init_pairs(char* states, int64_t first, int64_t n) noexcept nogil:
    memset(states + first * 16, 0, <size_t> n * 16)


cdef void _init_moments(char* states, int64_t first, int64_t n) noexcept nogil:
    memset(states + first * sizeof(Moments), 0, <size_t> n * sizeof(Moments))


cdef void _init_min(char* states, int64_t first, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(first, first + n):
        (<int64_t*> states)[i] = _INT64_MAX


cdef void _init_max(char* states, int64_t first, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(first, first + n):
        (<int64_t*> states)[i] = _INT64_MIN


cdef void _init_min_wide(char* states, int64_t first, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(first, first + n):
        (<int128_t*> states)[i] = (<int128_t> _INT64_MAX << 63)


cdef void _init_max_wide(char* states, int64_t first, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(first, first + n):
        (<int128_t*> states)[i] = -(<int128_t> _INT64_MAX << 63)


cdef void _destroy_text(char* states, int64_t first, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(first, first + n):
        free((<Text*> states)[i].data)
        (<Text*> states)[i].data = NULL


cdef int _count_rows(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t* counts = <int64_t*> states
    cdef int64_t i
    if weights == NULL:
        for i in range(n):
            counts[groups[i]] += 1
    else:
        for i in range(n):
            counts[groups[i]] += weights[start + i]
    return 0


cdef int _count_nulls(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t* counts = <int64_t*> states
    cdef int64_t i
    if x.validity == NULL:
        return 0
    for i in range(n):
        if not is_valid(x.validity, x.validity_offset + start + i):
            counts[groups[i]] += 1 if weights == NULL else weights[start + i]
    return 0


cdef int _sum_ints(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int128_t* sums = <int128_t*> states
    cdef const int64_t* values = x.ints + start
    cdef int64_t i
    if weights == NULL and x.validity == NULL:
        for i in range(n):
            sums[groups[i]] += values[i]
        return 0
    for i in range(n):
        if _present(x, start + i):
            sums[groups[i]] += <int128_t> values[i] * (1 if weights == NULL else weights[start + i])
    return 0


cdef int _sum_wides(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int128_t* sums = <int128_t*> states
    cdef int64_t i
    for i in range(n):
        if _present(x, start + i):
            sums[groups[i]] += load_wide(x.wides + (start + i) * 16) * (1 if weights == NULL else weights[start + i])
    return 0


cdef inline void _add_double(Sum* state, double value) noexcept nogil:
    # TwoSum (Knuth): `total` + the error is exactly high + value, whichever is larger. Without a branch.
    cdef double total = state.high + value
    cdef double part = total - state.high
    state.low += (state.high - (total - part)) + (value - part)
    state.high = total


cdef int _sum_doubles(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef Sum* sums = <Sum*> states
    cdef const double* values = x.floats + start
    cdef int64_t i
    if weights == NULL and x.validity == NULL:
        for i in range(n):
            _add_double(&sums[groups[i]], values[i])
        return 0
    for i in range(n):
        if _present(x, start + i):
            _add_double(&sums[groups[i]], values[i] if weights == NULL else values[i] * <double> weights[start + i])
    return 0


cdef inline void _add_moment(Moments* state, double value) noexcept nogil:
    cdef double distance = value - state.mean
    state.n += 1
    state.mean += distance / state.n
    state.m2 += distance * (value - state.mean)


cdef int _moments_ints(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t i
    for i in range(n):
        if _present(x, start + i):
            _add_moment(&(<Moments*> states)[groups[i]], <double> x.ints[start + i])
    return 0


cdef int _moments_doubles(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t i
    for i in range(n):
        if _present(x, start + i):
            _add_moment(&(<Moments*> states)[groups[i]], x.floats[start + i])
    return 0


cdef int _moments_wides(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    # Unscaled; the scale is divided out when finished.
    cdef int64_t i
    for i in range(n):
        if _present(x, start + i):
            _add_moment(&(<Moments*> states)[groups[i]], <double> load_wide(x.wides + (start + i) * 16))
    return 0


cdef int _min_ints(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t* least = <int64_t*> states
    cdef const int64_t* values = x.ints + start
    cdef int64_t i
    if x.validity == NULL:
        for i in range(n):
            if values[i] < least[groups[i]]:
                least[groups[i]] = values[i]
        return 0
    for i in range(n):
        if _present(x, start + i) and values[i] < least[groups[i]]:
            least[groups[i]] = values[i]
    return 0


cdef int _max_ints(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t* most = <int64_t*> states
    cdef const int64_t* values = x.ints + start
    cdef int64_t i
    if x.validity == NULL:
        for i in range(n):
            if values[i] > most[groups[i]]:
                most[groups[i]] = values[i]
        return 0
    for i in range(n):
        if _present(x, start + i) and values[i] > most[groups[i]]:
            most[groups[i]] = values[i]
    return 0


cdef int _min_doubles(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t* least = <int64_t*> states
    cdef int64_t i, word
    for i in range(n):
        if _present(x, start + i):
            word = order_double(x.floats[start + i])
            if word < least[groups[i]]:
                least[groups[i]] = word
    return 0


cdef int _max_doubles(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t* most = <int64_t*> states
    cdef int64_t i, word
    for i in range(n):
        if _present(x, start + i):
            word = order_double(x.floats[start + i])
            if word > most[groups[i]]:
                most[groups[i]] = word
    return 0


cdef int _min_wides(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t i
    cdef int128_t value
    for i in range(n):
        if _present(x, start + i):
            value = load_wide(x.wides + (start + i) * 16)
            if value < (<int128_t*> states)[groups[i]]:
                (<int128_t*> states)[groups[i]] = value
    return 0


cdef int _max_wides(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t i
    cdef int128_t value
    for i in range(n):
        if _present(x, start + i):
            value = load_wide(x.wides + (start + i) * 16)
            if value > (<int128_t*> states)[groups[i]]:
                (<int128_t*> states)[groups[i]] = value
    return 0


cdef int _keep_text(Text* state, const char* data, int32_t length) except -1 nogil:
    cdef int32_t capacity
    cdef char* moved
    if state.data == NULL or length > state.capacity:
        capacity = 16 if length <= 8 else 2 * length
        moved = <char*> realloc(state.data, <size_t> capacity)
        if moved == NULL:
            return raise_memory_error()
        state.data = moved
        state.capacity = capacity
    memcpy(state.data, data, <size_t> length)
    state.length = length
    return 0


cdef int _min_texts(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t i
    cdef Text* state
    cdef const char* data
    cdef int32_t length
    for i in range(start, start + n):
        if _present(x, i):
            state = &(<Text*> states)[groups[i - start]]
            data = x.chars + x.offsets[i]
            length = x.offsets[i + 1] - x.offsets[i]
            if state.data == NULL or text_less(data, length, state.data, state.length):
                _keep_text(state, data, length)
    return 0


cdef int _max_texts(
    char* states, const uint32_t* groups, const Argument* x, int64_t start, int64_t n, const int64_t* weights
) except -1 nogil:
    cdef int64_t i
    cdef Text* state
    cdef const char* data
    cdef int32_t length
    for i in range(start, start + n):
        if _present(x, i):
            state = &(<Text*> states)[groups[i - start]]
            data = x.chars + x.offsets[i]
            length = x.offsets[i + 1] - x.offsets[i]
            if state.data == NULL or text_less(state.data, state.length, data, length):
                _keep_text(state, data, length)
    return 0


cdef Accumulator _accumulator(Kind kind, Mode mode) except *:
    """The table of functions for a kind of accumulator over arguments of a mode."""
    cdef Accumulator table
    table.destroy = NULL
    table.is_invertible = True
    table.state_bytes = 8
    table.init = _init_words
    if kind == KIND_ROWS or kind == KIND_VALUES:
        table.update = _count_rows
        table.is_invertible = kind == KIND_ROWS
    elif kind == KIND_NULLS:
        table.update = _count_nulls
    elif kind == KIND_SUM:
        table.state_bytes = 16
        table.init = _init_pairs
        if mode == MODE_BYTES:
            raise TypeError("strings cannot be summed")
        table.update = _sum_ints if mode == MODE_INT else _sum_wides if mode == MODE_WIDE else _sum_doubles
    elif kind == KIND_MOMENTS:
        table.state_bytes = sizeof(Moments)
        table.init = _init_moments
        table.is_invertible = False
        if mode == MODE_BYTES:
            raise TypeError("strings have no variance")
        table.update = _moments_ints if mode == MODE_INT else _moments_wides if mode == MODE_WIDE else _moments_doubles
    else:
        table.is_invertible = False
        if mode == MODE_BYTES:
            table.state_bytes = sizeof(Text)
            table.init = _init_pairs
            table.destroy = _destroy_text
            table.update = _min_texts if kind == KIND_MIN else _max_texts
        elif mode == MODE_WIDE:
            table.state_bytes = 16
            table.init = _init_min_wide if kind == KIND_MIN else _init_max_wide
            table.update = _min_wides if kind == KIND_MIN else _max_wides
        else:
            table.init = _init_min if kind == KIND_MIN else _init_max
            if mode == MODE_INT:
                table.update = _min_ints if kind == KIND_MIN else _max_ints
            else:
                table.update = _min_doubles if kind == KIND_MIN else _max_doubles
    return table


# -- plan --------------------------------------------------------------------------------------------------------------

cdef class AggregatePlan:
    """What a node's aggregates need: primitives to keep per group, and how to finish the calls from them.

    `specs` have `function`, `column`, `type`, `distinct` (AggregateSpec); `schema` is that of the operator's input.
    """

    def __init__(self, specs, schema):
        cdef int i, n = <int> len(specs)
        cdef list primitives = [(KIND_ROWS, -1, -1)]
        cdef list distinct = []
        cdef dict arguments = {}
        cdef list calls = []
        self.types = [spec.type.arrow for spec in specs]
        for spec in specs:
            argument = -1
            is_distinct = spec.distinct and spec.function not in ("MIN", "MAX", "ANY", "EVERY")
            if spec.function not in _FUNCTIONS:
                raise TypeError(f"{spec.function} is not an aggregate function of the core")
            if spec.column is not None:
                argument = arguments.setdefault(spec.column, len(arguments))
            distinct_set = -1
            nulls = -1
            if argument >= 0:
                if is_distinct:
                    if argument not in distinct:
                        distinct.append(argument)
                    distinct_set = distinct.index(argument)
                    nulls = self._primitive(primitives, (KIND_VALUES, argument, distinct_set))
                else:
                    nulls = self._primitive(primitives, (KIND_NULLS, argument, -1))
            value = -1
            if spec.function in _KINDS:
                value = self._primitive(primitives, (_KINDS[spec.function], argument, distinct_set))
            calls.append((_FUNCTIONS[spec.function], argument, nulls, is_distinct, value))
        self.columns = list(arguments)
        self._views = [None] * len(self.columns)
        self.argument_count = <int> len(self.columns)
        self.primitive_count = <int> len(primitives)
        self.distinct_count = <int> len(distinct)
        self.call_count = n
        self.primitives = <Primitive*> calloc(self.primitive_count, sizeof(Primitive))
        self.calls = <Call*> calloc(n + 1, sizeof(Call))
        self.arguments = <Argument*> calloc(self.argument_count + 1, sizeof(Argument))
        self.layouts = <Layout*> calloc(self.argument_count + 1, sizeof(Layout))
        self.scales = <double*> calloc(self.argument_count + 1, sizeof(double))
        self.distinct_arguments = <int*> calloc(self.distinct_count + 1, sizeof(int))
        self._scratch = <void**> calloc(self.argument_count + 1, sizeof(void*))
        self._scratch_capacity = <int64_t*> calloc(self.argument_count + 1, sizeof(int64_t))
        types = [schema[column].type.arrow for column in self.columns]
        for i in range(self.argument_count):
            self.layouts[i] = layout_of(types[i])
            self.scales[i] = 10.0 ** types[i].scale if self.layouts[i] == LAYOUT_I128 else 1.0
            self.arguments[i].mode = mode_of(self.layouts[i])
        for i in range(self.distinct_count):
            self.distinct_arguments[i] = distinct[i]
        self.is_invertible = True
        for i in range(self.primitive_count):
            kind, argument, distinct_set = primitives[i]
            self.primitives[i].kind = kind
            self.primitives[i].argument = argument
            self.primitives[i].distinct = distinct_set
            self.primitives[i].table = _accumulator(
                kind, MODE_NONE if argument < 0 else self.arguments[<int> argument].mode
            )
            if not self.primitives[i].table.is_invertible:
                self.is_invertible = False
        for i in range(n):
            function, argument, nulls, is_distinct, value = calls[i]
            self.calls[i].function = function
            self.calls[i].argument = argument
            self.calls[i].nulls = nulls
            self.calls[i].counts_values = is_distinct
            self.calls[i].value = value
            self.calls[i].layout = layout_of(self.types[i])
            self.calls[i].scale = 1.0 if argument < 0 else self.scales[<int> argument]
            if self.calls[i].layout == LAYOUT_I128:
                self.calls[i].precision = self.types[i].precision
                if function == FN_SUM or function == FN_AVG:
                    is_wide = self.layouts[<int> argument] == LAYOUT_I128
                    self.calls[i].scale_up = self.types[i].scale - (types[argument].scale if is_wide else 0)
                    if self.calls[i].scale_up < 0:
                        raise TypeError(f"{specs[i].function} cannot lose decimal places")

    @staticmethod
    def _primitive(list primitives, tuple wanted):
        if wanted not in primitives:
            primitives.append(wanted)
        return primitives.index(wanted)

    def __dealloc__(self):
        cdef int i
        if self._scratch != NULL:
            for i in range(self.argument_count):
                free(self._scratch[i])
        free(self.primitives)
        free(self.calls)
        free(self.arguments)
        free(self.layouts)
        free(self.scales)
        free(self.distinct_arguments)
        free(self._scratch)
        free(self._scratch_capacity)
        free(self._gathered)

    cdef int load(self, ChangeBatch batch) except -1:
        """Point the arguments at the columns of a batch, which the plan keeps until the next one."""
        cdef int i
        cdef ColumnView view
        for i in range(self.argument_count):
            view = batch.view(self.columns[i])
            if mode_of(view.layout) != mode_of(self.layouts[i]) and view.layout != LAYOUT_NULL:
                raise TypeError(f"column {self.columns[i]} does not have the type the plan says")
            self._views[i] = view
            load_argument(view, &self.arguments[i], &self._scratch[i], &self._scratch_capacity[i])
        return 0

    cdef list finish(self, char** states, int64_t first, int64_t n, uint8_t* errors):
        """One Arrow array per call with the results of `n` groups from group `first`.

        errors[i] becomes 1 for a group one of whose results does not fit its type; that value is NULL.
        """
        cdef int i
        return [self._finish_call(i, states, first, n, errors) for i in range(self.call_count)]

    cdef object _finish_call(self, int index, char** states, int64_t first, int64_t n, uint8_t* errors):
        cdef Call* call = &self.calls[index]
        cdef const int64_t* rows = <const int64_t*> states[0] + first
        cdef const int64_t* subtrahend = NULL
        cdef const void* values = NULL
        cdef int64_t i
        cdef int64_t* counts = <int64_t*> malloc(<size_t> (n + 1) * 8)
        cdef int64_t* words = <int64_t*> malloc(<size_t> (n + 1) * 8)
        cdef uint8_t* nulls = <uint8_t*> calloc(<size_t> n + 1, 1)
        cdef Mode mode = MODE_NONE if call.argument < 0 else mode_of(self.layouts[call.argument])
        arrow_type = self.types[index]
        try:
            if counts == NULL or words == NULL or nulls == NULL:
                raise MemoryError()
            if call.nulls >= 0:
                subtrahend = <const int64_t*> states[call.nulls] + first
            if call.value >= 0:
                values = states[call.value] + first * self.primitives[call.value].table.state_bytes
            with nogil:
                for i in range(n):
                    if call.nulls < 0:
                        counts[i] = rows[i]
                    elif call.counts_values:
                        counts[i] = subtrahend[i]
                    else:
                        counts[i] = rows[i] - subtrahend[i]
                    nulls[i] = counts[i] <= 0
            if call.function == FN_COUNT:
                return words_array(arrow_type, call.layout, counts, NULL, n)
            if call.function == FN_ANY or call.function == FN_EVERY:
                _finish_booleans(call, <const int128_t*> values, counts, words, nulls, n)
            elif call.function >= FN_VAR_POP and call.function <= FN_STDDEV_SAMP:
                _finish_moments(call, <const Moments*> values, <double*> words, nulls, n)
            elif call.function == FN_MIN or call.function == FN_MAX:
                if mode == MODE_BYTES:
                    return _texts_array(arrow_type, <const Text*> values, nulls, n)
                if mode == MODE_WIDE:
                    return _wides_array(arrow_type, <const int128_t*> values, nulls, n)
                if mode == MODE_INT:
                    memcpy(words, values, <size_t> n * 8)
                else:
                    for i in range(n):
                        (<double*> words)[i] = unorder_double((<const int64_t*> values)[i])
            elif mode == MODE_FLOAT:
                for i in range(n):
                    (<double*> words)[i] = _sum_value(&(<const Sum*> values)[i])
                    if call.function == FN_AVG and not nulls[i]:
                        (<double*> words)[i] /= <double> counts[i]
            elif call.layout == LAYOUT_F64:
                _finish_exact_average(call, <const int128_t*> values, counts, <double*> words, nulls, n)
            else:
                return self._finish_exact(index, values, counts, words, nulls, n, errors)
            if call.layout == LAYOUT_F32:
                _narrow_floats(words, n)
            return words_array(arrow_type, call.layout, words, nulls, n)
        finally:
            free(counts)
            free(words)
            free(nulls)

    cdef object _finish_exact(
        self, int index, const void* sums, const int64_t* counts, int64_t* words, uint8_t* nulls, int64_t n,
        uint8_t* errors,
    ):
        """SUM or AVG of integers or decimals in an exact type."""
        cdef Call* call = &self.calls[index]
        cdef int64_t i
        cdef int128_t value, limit, scale_up = ten_to(call.scale_up)
        cdef int128_t* wides = NULL
        cdef bint is_wide = call.layout == LAYOUT_I128
        limit = ten_to(call.precision) if is_wide else <int128_t> 1 << _value_bits(call.layout)
        if is_wide:
            wides = <int128_t*> malloc(<size_t> (n + 1) * 16)
            if wides == NULL:
                raise MemoryError()
        try:
            for i in range(n):
                value = 0 if nulls[i] else load_wide(<const char*> sums + i * 16)
                value *= scale_up
                if call.function == FN_AVG and not nulls[i]:
                    value = _divide_half_away(value, counts[i]) if is_wide else value // counts[i]
                if value >= limit or value < (-limit + 1 if is_wide else -limit):
                    errors[i] = 1
                    nulls[i] = 1
                    value = 0
                if is_wide:
                    wides[i] = value
                else:
                    words[i] = <int64_t> value
            if is_wide:
                return _wides_array(self.types[index], wides, nulls, n)
            return words_array(self.types[index], call.layout, words, nulls, n)
        finally:
            free(wides)


cdef inline int _value_bits(Layout layout) noexcept nogil:
    if layout == LAYOUT_I32:
        return 31
    if layout == LAYOUT_I16:
        return 15
    if layout == LAYOUT_I8:
        return 7
    return 63


cdef inline int128_t _divide_half_away(int128_t value, int64_t count) noexcept nogil:
    """The quotient rounded half away from zero."""
    cdef int128_t half = count // 2
    return (value - half) // count if value < 0 else (value + half) // count


cdef inline double _sum_value(const Sum* state) noexcept nogil:
    return state.high + state.low if isfinite(state.high) else state.high


cdef void _narrow_floats(int64_t* words, int64_t n) noexcept nogil:
    """Turn doubles into the bits of floats, in place."""
    cdef int64_t i
    cdef float value
    cdef uint32_t bits
    for i in range(n):
        value = <float> (<double*> words)[i]
        memcpy(&bits, &value, 4)
        words[i] = bits


cdef void _finish_booleans(
    const Call* call, const int128_t* trues, const int64_t* counts, int64_t* words, uint8_t* nulls, int64_t n
) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        if call.function == FN_ANY:
            words[i] = trues[i] > 0
            nulls[i] = 0
        else:
            words[i] = trues[i] == counts[i]


cdef void _finish_moments(
    const Call* call, const Moments* states, double* results, uint8_t* nulls, int64_t n
) noexcept nogil:
    cdef int64_t i
    cdef bint is_sample = call.function == FN_VAR_SAMP or call.function == FN_STDDEV_SAMP
    cdef double divisor, result
    for i in range(n):
        divisor = states[i].n - (1.0 if is_sample else 0.0)
        results[i] = 0.0
        nulls[i] = divisor <= 0.0
        if not nulls[i]:
            result = states[i].m2 / divisor
            if result < 0.0:
                result = 0.0
            result = result / call.scale / call.scale
            results[i] = sqrt(result) if call.function >= FN_STDDEV_POP else result


cdef void _finish_exact_average(
    const Call* call, const int128_t* sums, const int64_t* counts, double* results, const uint8_t* nulls, int64_t n
) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        results[i] = 0.0
        if call.function == FN_SUM:
            results[i] = <double> (<long double> sums[i] / <long double> call.scale)
        elif not nulls[i]:
            results[i] = <double> (<long double> sums[i] / (<long double> counts[i] * <long double> call.scale))


cdef object _wides_array(object arrow_type, const int128_t* values, const uint8_t* nulls, int64_t n):
    cdef int64_t null_count = 0
    validity = pack_validity(nulls, n, &null_count)
    buffer = allocate(n * 16)
    memcpy(buffer_address(buffer), values, <size_t> n * 16)
    return fixed_width_array(arrow_type, buffer, validity, n, null_count)


cdef object _texts_array(object arrow_type, const Text* values, const uint8_t* nulls, int64_t n):
    cdef int64_t null_count = 0
    cdef int64_t i, total = 0
    cdef int32_t* ends
    cdef char* target
    validity = pack_validity(nulls, n, &null_count)
    offsets = allocate((n + 1) * 4)
    ends = <int32_t*> buffer_address(offsets)
    ends[0] = 0
    for i in range(n):
        if not nulls[i]:
            total += values[i].length
        ends[i + 1] = <int32_t> total
    if total > 0x7FFFFFFF:
        raise OverflowError("more than 2 GiB of strings in one result batch")
    data = allocate(total)
    target = <char*> buffer_address(data)
    for i in range(n):
        if not nulls[i]:
            memcpy(target + ends[i], values[i].data, <size_t> values[i].length)
    return bytes_array(arrow_type, offsets, data, validity, n, null_count)


# -- distinct ----------------------------------------------------------------------------------------------------------

cdef class DistinctSet:
    """The distinct (group, value) pairs of one column."""

    def __cinit__(self):
        self.map = KeyMap(False)

    def __dealloc__(self):
        free(self._key)

    cdef int64_t admit(
        self, const Argument* x, const uint32_t* groups, int64_t base, int64_t start, int64_t n,
        uint32_t* new_groups, int64_t* new_rows,
    ) except -1 nogil:
        """Write group and row of every first occurrence of a value in its group; returns how many there are."""
        cdef int64_t i, number, length, found = 0
        cdef uint64_t hashed
        cdef const char* value
        cdef int64_t word
        for i in range(n):
            if not _present(x, start + i):
                continue
            length = 8
            value = <const char*> &word
            if x.mode == MODE_INT:
                word = x.ints[start + i]
            elif x.mode == MODE_FLOAT:
                word = order_double(x.floats[start + i] + 0.0)          # adding 0.0 turns -0.0 into 0.0
            elif x.mode == MODE_WIDE:
                value = x.wides + (start + i) * 16
                length = 16
            else:
                value = x.chars + x.offsets[start + i]
                length = x.offsets[start + i + 1] - x.offsets[start + i]
            reserve(<void**> &self._key, &self._key_capacity, length + 8, 1)
            number = base + groups[i]
            memcpy(self._key, &number, 8)
            memcpy(self._key + 8, value, <size_t> length)
            hashed = hash_bytes(self._key, length + 8)
            if self.map.find_bytes(self._key, length + 8, hashed) < 0:
                self.map.insert_bytes(self._key, length + 8, hashed)
                new_groups[found] = groups[i]
                new_rows[found] = start + i
                found += 1
        return found

    cdef int drop_before(self, int64_t first) except -1 nogil:
        """Forget the values of all groups with a number below `first`."""
        cdef int64_t i, number, moved = 0
        cdef int64_t total = self.map.count
        cdef const char* key
        # Entries are re-inserted behind the old ones, then the old ones are dropped; the bytes move only once.
        self.map.forget_all()
        for i in range(total):
            key = self.map.data + self.map.starts[i]
            memcpy(&number, key, 8)
            if number >= first:
                # SAFETY: the key may move when the map's bytes grow, so room is made before it is taken.
                reserve(
                    <void**> &self.map.data, &self.map._data_capacity,
                    self.map.data_used + self.map.lengths[i] + 8, 1,
                )
                key = self.map.data + self.map.starts[i]
                self.map.insert_bytes(key, self.map.lengths[i], hash_bytes(key, self.map.lengths[i]))
                moved += 1
        self.map.drop_first(total)
        return 0


# -- states ------------------------------------------------------------------------------------------------------------

cdef class States:
    """The arrays of states of one plan, for groups 0 .. count - 1."""

    def __cinit__(self, AggregatePlan plan):
        self.plan = plan
        self.arrays = <char**> calloc(plan.primitive_count, sizeof(char*))
        if self.arrays == NULL:
            raise MemoryError()
        self.distinct = [DistinctSet() for _ in range(plan.distinct_count)]

    def __dealloc__(self):
        cdef int i
        if self.arrays != NULL:
            for i in range(self.plan.primitive_count):
                if self.plan.primitives[i].table.destroy != NULL and self.arrays[i] != NULL:
                    self.plan.primitives[i].table.destroy(self.arrays[i], 0, self.count)
                free(self.arrays[i])
        free(self.arrays)
        free(self._new_groups)
        free(self._new_rows)

    cdef int grow(self, int64_t count) except -1 nogil:
        """Have initialised states for `count` groups."""
        cdef int i
        cdef int64_t capacity = self.capacity
        if count <= self.count:
            return 0
        for i in range(self.plan.primitive_count):
            capacity = self.capacity
            reserve(<void**> &self.arrays[i], &capacity, count, self.plan.primitives[i].table.state_bytes)
            self.plan.primitives[i].table.init(self.arrays[i], self.count, count - self.count)
        self.capacity = capacity
        self.count = count
        return 0

    cdef int update(self, const uint32_t* groups, int64_t start, int64_t n, const int64_t* weights) except -1:
        """Add `n` rows of the loaded batch from row `start`; groups[i] is the group of row start + i."""
        cdef int i
        cdef Primitive* primitive
        cdef AggregatePlan plan = self.plan
        with nogil:
            for i in range(plan.primitive_count):
                primitive = &plan.primitives[i]
                if primitive.distinct < 0:
                    primitive.table.update(
                        self.arrays[i], groups,
                        NULL if primitive.argument < 0 else &plan.arguments[primitive.argument], start, n, weights,
                    )
        if plan.distinct_count:
            self._update_distinct(groups, start, n)
        return 0

    cdef int _update_distinct(self, const uint32_t* groups, int64_t start, int64_t n) except -1:
        cdef int i, k
        cdef int64_t found, row
        cdef DistinctSet values
        cdef AggregatePlan plan = self.plan
        cdef Argument* x
        cdef Argument gathered
        reserve(<void**> &self._new_groups, &self._new_groups_capacity, n, 4)
        reserve(<void**> &self._new_rows, &self._new_rows_capacity, n, 8)
        reserve(&plan._gathered, &plan._gathered_capacity, n, 16)
        for k in range(plan.distinct_count):
            values = <DistinctSet> self.distinct[k]
            x = &plan.arguments[plan.distinct_arguments[k]]
            with nogil:
                found = values.admit(x, groups, self.base, start, n, self._new_groups, self._new_rows)
                gathered = x[0]
                gathered.validity = NULL
                if x.mode == MODE_WIDE:
                    gathered.wides = <const char*> plan._gathered
                    for row in range(found):
                        memcpy(<char*> plan._gathered + row * 16, x.wides + self._new_rows[row] * 16, 16)
                elif x.mode != MODE_BYTES:
                    gathered.ints = <const int64_t*> plan._gathered
                    gathered.floats = <const double*> plan._gathered
                    for row in range(found):
                        (<int64_t*> plan._gathered)[row] = (
                            x.ints[self._new_rows[row]] if x.mode == MODE_INT
                            else (<const int64_t*> x.floats)[self._new_rows[row]]
                        )
                for i in range(plan.primitive_count):
                    if plan.primitives[i].distinct == k:
                        plan.primitives[i].table.update(
                            self.arrays[i], self._new_groups, &gathered, 0, found, NULL
                        )
        return 0

    cdef int drop_first(self, int64_t dropped) except -1:
        """Give up the states 0 .. dropped - 1; the others are renumbered from 0. Memory not needed is returned."""
        cdef int i
        cdef int64_t width, left = self.count - dropped
        cdef int64_t capacity = self.capacity
        cdef bint shrink = self.capacity > 4 * (left + dropped) + 64
        cdef char* moved
        cdef RangeFunction destroy
        for i in range(self.plan.primitive_count):
            width = self.plan.primitives[i].table.state_bytes
            destroy = self.plan.primitives[i].table.destroy
            if destroy != NULL:
                destroy(self.arrays[i], 0, dropped)
            if left:
                memmove(self.arrays[i], self.arrays[i] + dropped * width, <size_t> (left * width))
            if shrink:
                capacity = 2 * (left + dropped) + 64
                moved = <char*> realloc(self.arrays[i], <size_t> (capacity * width))
                if moved == NULL:
                    raise MemoryError()
                self.arrays[i] = moved
        self.capacity = capacity
        self.count = left
        self.base += dropped
        for values in self.distinct:
            (<DistinctSet> values).drop_before(self.base)
        return 0

    cdef int64_t size_bytes(self):
        """Bytes allocated for the states (and for MIN and MAX strings and distinct values)."""
        cdef int i
        cdef int64_t j, total = 0
        for i in range(self.plan.primitive_count):
            total += self.capacity * self.plan.primitives[i].table.state_bytes
            if self.plan.primitives[i].table.destroy != NULL:
                for j in range(self.count):
                    total += (<Text*> self.arrays[i])[j].capacity
        for values in self.distinct:
            total += (<DistinctSet> values).map.size_bytes()
        return total

    cdef dict save(self, int64_t first, int64_t n):
        """The states of `n` groups as Arrow columns by name, one or more per primitive."""
        cdef int i
        cdef dict columns = {}
        cdef char* at
        cdef Mode mode
        cdef uint8_t* nulls
        cdef int64_t j
        for i in range(self.plan.primitive_count):
            at = self.arrays[i] + first * self.plan.primitives[i].table.state_bytes if n else <char*> 8
            mode = MODE_INT
            if self.plan.primitives[i].argument >= 0:
                mode = mode_of(self.plan.layouts[self.plan.primitives[i].argument])
            kind = self.plan.primitives[i].kind
            if kind == KIND_SUM and mode != MODE_FLOAT or mode == MODE_WIDE and kind in (KIND_MIN, KIND_MAX):
                columns[f"state{i}"] = _wides_array(pa.decimal128(38, 0), <const int128_t*> at, NULL, n)
            elif kind == KIND_SUM or kind == KIND_MOMENTS:
                width = 2 if kind == KIND_SUM else 3
                flat = np.frombuffer(pa.py_buffer(at[: n * width * 8]), dtype=np.float64).reshape(-1, width)
                for part in range(width):
                    columns[f"state{i}_{part}"] = pa.array(np.ascontiguousarray(flat[:, part]), pa.float64())
            elif mode == MODE_BYTES and kind in (KIND_MIN, KIND_MAX):
                nulls = <uint8_t*> malloc(<size_t> n + 1)
                for j in range(n):
                    nulls[j] = (<Text*> at)[j].data == NULL
                columns[f"state{i}"] = _texts_array(pa.binary(), <const Text*> at, nulls, n)
                free(nulls)
            else:
                columns[f"state{i}"] = words_array(pa.int64(), LAYOUT_I64, <const int64_t*> at, NULL, n)
        return columns

    cdef int load_saved(self, object table) except -1:
        """Append the states that `save` gave; `table` is a record batch that has its columns."""
        cdef int i
        cdef int64_t j, n = table.num_rows, first = self.count
        cdef char* at
        cdef ColumnView view
        cdef int64_t width
        self.grow(first + n)
        for i in range(self.plan.primitive_count):
            width = self.plan.primitives[i].table.state_bytes
            at = self.arrays[i] + first * width
            if f"state{i}" in table.schema.names:
                view = import_array(table.column(f"state{i}"))
                if view.layout == LAYOUT_BYTES:
                    for j in range(n):
                        if view.null_count == 0 or is_valid(view.validity, view.offset + j):
                            _keep_text(
                                &(<Text*> at)[j],
                                <const char*> view.values + view.offsets[view.offset + j],
                                view.offsets[view.offset + j + 1] - view.offsets[view.offset + j],
                            )
                elif n:
                    memcpy(at, <const char*> view.values + view.offset * width, <size_t> (n * width))
            else:
                for part in range(width // 8):
                    view = import_array(table.column(f"state{i}_{part}"))
                    for j in range(n):
                        (<double*> at)[j * (width // 8) + <int64_t> part] = (
                            <const double*> view.values
                        )[view.offset + j]
        return 0

    cdef list save_distinct(self):
        """One record batch per distinct set: `key` holds group number (relative to the first group) and value."""
        cdef list tables = []
        cdef DistinctSet values
        cdef int64_t i, number
        for item in self.distinct:
            values = <DistinctSet> item
            numbers = np.empty(values.map.count, dtype=np.int64)
            keys = []
            for i in range(values.map.count):
                memcpy(&number, values.map.data + values.map.starts[i], 8)
                numbers[i] = number - self.base
                keys.append((values.map.data + values.map.starts[i])[8: values.map.lengths[i]])
            tables.append(pa.record_batch({"number": pa.array(numbers), "value": pa.array(keys, pa.binary())}))
        return tables

    cdef int load_distinct(self, list tables) except -1:
        """Put back what `save_distinct` gave, on states that start at the same first group."""
        cdef DistinctSet values
        cdef bytes key
        cdef int64_t number
        for item, table in zip(self.distinct, tables, strict=True):
            values = <DistinctSet> item
            for number, value in zip(table["number"].to_pylist(), table["value"].to_pylist(), strict=True):
                key = (number + self.base).to_bytes(8, "little", signed=True) + value
                values.map.insert_bytes(key, len(key), hash_bytes(key, len(key)))
        return 0
