"""Scalar kernels over fixed-width columns, and what all kernels share: validity, error codes, selection.

The loops are in `loops.h`; here a loop is bound to its constants once, when an expression is compiled, and then called
per batch. A call releases the GIL, allocates the output from Arrow's pool and gives `(array, codes)`: `codes` is None
when no row failed (the normal case), else a numpy uint8 array with the RowError of each row, 0 for rows that are fine.
"""

from libc.stdint cimport int8_t, int16_t
from libc.string cimport memcpy, memset

from streamsql._core.arrow_c cimport (
    LAYOUT_BOOL,
    LAYOUT_F32,
    LAYOUT_F64,
    LAYOUT_I8,
    LAYOUT_I16,
    LAYOUT_I32,
    LAYOUT_I64,
    LAYOUT_I128,
    Layout,
    allocate,
    buffer_address,
    fixed_width_array,
    import_array,
    is_valid,
)

import numpy as np
import pyarrow as pa

cdef object _zeros = np.zeros
cdef object _uint8 = np.uint8
cdef object _int32 = pa.int32()
cdef uint64_t _LOW = 0xFFFFFFFFFFFFFFFFULL


cdef int _width(Layout layout) except -1:
    """Bytes per value; 0 for bits."""
    if layout == LAYOUT_BOOL:
        return 0
    if layout == LAYOUT_I8:
        return 1
    if layout == LAYOUT_I16:
        return 2
    if layout == LAYOUT_I32 or layout == LAYOUT_F32:
        return 4
    if layout == LAYOUT_I64 or layout == LAYOUT_F64:
        return 8
    if layout == LAYOUT_I128:
        return 16
    raise TypeError(f"layout {<int> layout} is not of fixed width")


cdef int128_t _int128(object value) except? -1:
    """A Python integer below 2^127 in magnitude."""
    cdef uint64_t[2] words
    cdef int128_t result
    words[0] = <uint64_t> (value & _LOW)
    words[1] = <uint64_t> ((value >> 64) & _LOW)
    # SAFETY: both are 16 bytes; the low word comes first because Arrow itself needs a little-endian machine here.
    memcpy(&result, words, 16)
    return result


cdef object merged_validity(ColumnView a, ColumnView b, int64_t* null_count):
    """A validity bitmap from bit 0 on for rows valid in both columns; None when every row is."""
    cdef int64_t n = a.length
    cdef const uint8_t* first = a.validity
    cdef const uint8_t* second = NULL
    if b is not None:
        second = b.validity
    cdef int64_t second_offset = 0 if b is None else b.offset
    null_count[0] = 0
    if first == NULL and second == NULL:
        return None
    buffer = allocate(((n + 63) >> 6) << 3)
    cdef uint64_t* out = <uint64_t*> buffer_address(buffer)
    with nogil:
        null_count[0] = streamsql_and_bits(first, a.offset, second, second_offset, out, n)
    return buffer


cdef object codes_or_none(object codes, ColumnView a, ColumnView b):
    """The error codes with those of NULL rows cleared, or None when none is left."""
    cdef uint8_t[::1] view = codes
    cdef int64_t i, n = view.shape[0]
    cdef bint found = False
    cdef const uint8_t* second = NULL
    if b is not None:
        second = b.validity
    cdef int64_t second_offset = 0 if b is None else b.offset
    for i in range(n):
        if view[i]:
            if is_valid(a.validity, a.offset + i) and is_valid(second, second_offset + i):
                found = True
            else:
                view[i] = 0
    return codes if found else None


cdef class Elementwise:
    """One loop with its constants: `Elementwise("add_i64", pa.int64(), right=5)(column)`.

    `left` or `right` make that operand a constant (of the Python type of the loop's operand: int or float). The other
    keywords are the loop's parameters, described in `loops.h`; `digits_bound` is the number of decimal digits a result
    may have. Boolean results are bit-packed. A NULL operand makes the result NULL.
    """

    cdef streamsql_loop loop
    cdef streamsql_params params
    cdef object out_type
    cdef int out_width
    cdef bint has_left
    cdef bint has_right
    cdef uint8_t[16] constant

    def __init__(
        self,
        str name,
        object out_type,
        *,
        object left=None,
        object right=None,
        str constant_type="",
        object divisor=None,
        object factor_a=1,
        object factor_b=1,
        object reduce=1,
        object digits_bound=None,
        int digits=0,
        int64_t months=0,
        int64_t offset=0,
    ):
        self.loop = streamsql_find_loop(name.encode())
        if self.loop == NULL:
            raise KeyError(f"there is no loop {name!r}")
        self.out_type = out_type
        self.out_width = 0 if pa.types.is_boolean(out_type) else out_type.bit_width // 8
        memset(&self.params, 0, sizeof(streamsql_params))
        if divisor is not None:
            streamsql_set_divisor(&self.params, divisor)
        self.params.factor_a = _int128(factor_a)
        self.params.factor_b = _int128(factor_b)
        self.params.reduce = _int128(reduce)
        self.params.bound = _int128(10**digits_bound if digits_bound is not None else 2**127 - 1)
        self.params.digits = digits
        self.params.months = months
        self.params.offset = offset
        self.has_left = left is not None
        self.has_right = right is not None
        if self.has_left or self.has_right:
            self._set_constant(left if self.has_left else right, constant_type)

    cdef int _set_constant(self, object value, str type_name) except -1:
        cdef int8_t i8
        cdef int16_t i16
        cdef int32_t i32
        cdef int64_t i64
        cdef float f32
        cdef double f64
        cdef int128_t i128
        if type_name == "i64":
            i64 = value
            memcpy(self.constant, &i64, 8)
        elif type_name == "f64":
            f64 = value
            memcpy(self.constant, &f64, 8)
        elif type_name == "i32":
            i32 = value
            memcpy(self.constant, &i32, 4)
        elif type_name == "i128":
            i128 = _int128(value)
            memcpy(self.constant, &i128, 16)
        elif type_name == "f32":
            f32 = value
            memcpy(self.constant, &f32, 4)
        elif type_name == "i16":
            i16 = value
            memcpy(self.constant, &i16, 2)
        elif type_name == "i8":
            i8 = value
            memcpy(self.constant, &i8, 1)
        else:
            raise KeyError(f"no constant has type {type_name!r}")
        return 0

    def __call__(self, object first, object second=None):
        cdef ColumnView a = import_array(first)
        cdef ColumnView b = None if second is None else import_array(second)
        cdef int64_t n = a.length, null_count = 0
        cdef const uint8_t* column = <const uint8_t*> a.values + a.offset * _width(a.layout)
        cdef const void* left = column
        cdef const void* right = NULL
        cdef int64_t left_stride = 1, right_stride = 1
        cdef uint8_t* codes_out = NULL
        cdef uint8_t[::1] codes_view
        cdef int bad
        if b is not None:
            if b.length != n:
                raise ValueError(f"operands have {n} and {b.length} rows")
            right = <const uint8_t*> b.values + b.offset * _width(b.layout)
        elif self.has_left:
            left = self.constant
            left_stride = 0
            right = column
        else:
            right = self.constant
            right_stride = 0
        buffer = allocate(n * self.out_width if self.out_width else ((n + 63) >> 6) << 3)
        cdef void* out = buffer_address(buffer)
        # SAFETY: every operand has n values of the loop's type (checked by the binder of the kernel) from `left` and
        # `right` on, and `out` room for n results, in whole words for bits.
        with nogil:
            bad = self.loop(left, left_stride, right, right_stride, out, NULL, n, &self.params)
        validity = merged_validity(a, b, &null_count)
        codes = None
        if bad:
            codes = _zeros(n, _uint8)
            codes_view = codes
            codes_out = &codes_view[0]
            with nogil:
                self.loop(left, left_stride, right, right_stride, out, codes_out, n, &self.params)
            codes = codes_or_none(codes, a, b)
        return fixed_width_array(self.out_type, buffer, validity, n, null_count), codes


def selected_rows(object mask):
    """The numbers (int32) of the rows where a boolean array is true; NULL and false rows are left out."""
    cdef ColumnView view = import_array(mask)
    if view.layout != LAYOUT_BOOL:
        raise TypeError("a selection needs a boolean array")
    cdef int64_t n = view.length, count
    buffer = allocate(n * 4)
    cdef int32_t* out = <int32_t*> buffer_address(buffer)
    with nogil:
        count = streamsql_select(
            <const uint8_t*> view.values, view.offset, view.validity, view.offset, out, n
        )
    return fixed_width_array(_int32, buffer, None, count, 0)


def unset_bits(object mask, object codes):
    """`mask` with the rows that have an error code made false; used where a failing row must not be selected."""
    cdef ColumnView view = import_array(mask)
    cdef const uint8_t[::1] failed = codes
    cdef int64_t n = view.length, i, null_count = 0
    buffer = allocate(((n + 63) >> 6) << 3)
    cdef uint64_t* out = <uint64_t*> buffer_address(buffer)
    with nogil:
        streamsql_and_bits(<const uint8_t*> view.values, view.offset, view.validity, view.offset, out, n)
        for i in range(n):
            if failed[i]:
                out[i >> 6] &= ~(<uint64_t> 1 << (i & 63))
    return fixed_width_array(pa.bool_(), buffer, None, n, null_count)
