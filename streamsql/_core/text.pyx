"""Kernels over strings: comparison with blank padding, and functions that count code points.

Strings are UTF-8; positions and lengths count code points. Results are `(array, codes)` as in `elementwise`.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from streamsql._core.arrow_c cimport (
    LAYOUT_BYTES,
    ColumnView,
    allocate,
    buffer_address,
    bytes_array,
    fixed_width_array,
    import_array,
)
from streamsql._core.elementwise cimport merged_validity, streamsql_and_bits

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

cdef object _bool = pa.bool_()
cdef object _int32_type = pa.int32()
cdef dict _OPERATIONS = {"eq": 0, "ne": 1, "lt": 2, "le": 3, "gt": 4, "ge": 5}

cdef enum:
    INVALID_ARGUMENT = 11
    STRING_TOO_LONG = 4


cdef int64_t _code_points(const uint8_t* text, int64_t size) noexcept nogil:
    """The number of code points: bytes that do not continue one."""
    cdef int64_t i, count = 0
    for i in range(size):
        count += (text[i] & 0xC0) != 0x80
    return count


cdef int64_t _skip(const uint8_t* text, int64_t size, int64_t count) noexcept nogil:
    """The byte position after `count` code points, or `size` when there are fewer."""
    cdef int64_t i = 0
    while i < size and count > 0:
        i += 1
        while i < size and (text[i] & 0xC0) == 0x80:
            i += 1
        count -= 1
    return i


cdef int _tail(const uint8_t* text, int64_t size, uint8_t pad) noexcept nogil:
    """How `text` compares with the same number of `pad` bytes."""
    cdef int64_t i
    for i in range(size):
        if text[i] != pad:
            return 1 if text[i] > pad else -1
    return 0


cdef int _compare(
    const uint8_t* a, int64_t size_a, const uint8_t* b, int64_t size_b, uint8_t pad
) noexcept nogil:
    """-1, 0 or 1 as a sorts before, with or after b, the shorter one padded. UTF-8 sorts by code point."""
    cdef int64_t shared = size_a if size_a < size_b else size_b
    cdef int found = memcmp(a, b, shared) if shared else 0
    if found:
        return 1 if found > 0 else -1
    if size_a > shared:
        return _tail(a + shared, size_a - shared, pad)
    if size_b > shared:
        return -_tail(b + shared, size_b - shared, pad)
    return 0


cdef bint _holds(int order, int operation) noexcept nogil:
    if operation == 0:
        return order == 0
    if operation == 1:
        return order != 0
    if operation == 2:
        return order < 0
    if operation == 3:
        return order <= 0
    if operation == 4:
        return order > 0
    return order >= 0


cdef ColumnView _strings(object array):
    cdef ColumnView view = import_array(array)
    if view.layout != LAYOUT_BYTES:
        raise TypeError("a text kernel needs a string or binary array")
    return view


cdef class PaddedComparison:
    """Compare strings as if the shorter one were padded with `pad` bytes; one side may be a constant (bytes)."""

    cdef int operation
    cdef uint8_t pad
    cdef bytes left
    cdef bytes right

    def __init__(self, str operation, int pad, bytes left, bytes right):
        self.operation = _OPERATIONS[operation]
        self.pad = pad
        self.left = left
        self.right = right

    def __call__(self, object first, object second=None):
        cdef ColumnView a = _strings(first)
        cdef ColumnView b = None if second is None else _strings(second)
        cdef int64_t n = a.length, null_count = 0
        buffer = allocate(((n + 63) >> 6) << 3)
        cdef uint64_t* out = <uint64_t*> buffer_address(buffer)
        cdef bint is_left = self.left is not None
        cdef bytes constant = self.left if is_left else self.right
        cdef const uint8_t* text = NULL
        cdef int64_t size = 0
        if b is None:
            text = constant
            size = len(constant)
        with nogil:
            if b is not None:
                self._columns(a, b, out)
            elif self.operation < 2:
                self._equal_constant(a, text, size, out)
            else:
                self._constant(a, text, size, is_left, out)
        validity = merged_validity(a, b, &null_count)
        return fixed_width_array(_bool, buffer, validity, n, null_count), None

    cdef void _columns(self, ColumnView a, ColumnView b, uint64_t* out) noexcept nogil:
        cdef const int32_t* x = a.offsets + a.offset
        cdef const int32_t* y = b.offsets + b.offset
        cdef const uint8_t* left = <const uint8_t*> a.values
        cdef const uint8_t* right = <const uint8_t*> b.values
        cdef int64_t i
        cdef int order
        memset(out, 0, ((a.length + 63) >> 6) << 3)
        for i in range(a.length):
            order = _compare(left + x[i], x[i + 1] - x[i], right + y[i], y[i + 1] - y[i], self.pad)
            out[i >> 6] |= <uint64_t> _holds(order, self.operation) << (i & 63)

    cdef void _constant(
        self, ColumnView a, const uint8_t* text, int64_t size, bint is_left, uint64_t* out
    ) noexcept nogil:
        cdef const int32_t* x = a.offsets + a.offset
        cdef const uint8_t* column = <const uint8_t*> a.values
        cdef int64_t i
        cdef int order
        memset(out, 0, ((a.length + 63) >> 6) << 3)
        for i in range(a.length):
            order = _compare(column + x[i], x[i + 1] - x[i], text, size, self.pad)
            out[i >> 6] |= <uint64_t> _holds(-order if is_left else order, self.operation) << (i & 63)

    cdef void _equal_constant(self, ColumnView a, const uint8_t* text, int64_t size, uint64_t* out) noexcept nogil:
        """Equality with a constant whose own padding is cut first: a shorter string can then never be equal."""
        cdef const int32_t* x = a.offsets + a.offset
        cdef const uint8_t* column = <const uint8_t*> a.values
        cdef int64_t i, length
        cdef uint64_t flip = <uint64_t> self.operation
        cdef uint64_t same
        while size > 0 and text[size - 1] == self.pad:
            size -= 1
        memset(out, 0, ((a.length + 63) >> 6) << 3)
        for i in range(a.length):
            length = x[i + 1] - x[i]
            same = 0
            if length >= size and (size == 0 or memcmp(column + x[i], text, size) == 0):
                same = length == size or _tail(column + x[i] + size, length - size, self.pad) == 0
            out[i >> 6] |= (same ^ flip) << (i & 63)


cdef class Builder:
    """Strings under construction: one offset per row and a buffer of bytes that grows."""

    def __init__(self, int64_t rows, int64_t capacity):
        self.rows = rows
        self.offsets_buffer = allocate((rows + 1) * 4)
        self.offsets = <int32_t*> buffer_address(self.offsets_buffer)
        self.offsets[0] = 0
        self.capacity = capacity if capacity > 64 else 64
        self.data = allocate(self.capacity)
        self.bytes = <uint8_t*> buffer_address(self.data)
        self.used = 0

    cdef int reserve(self, int64_t size) except -1 nogil:
        """Make room for `size` more bytes; takes the GIL only to grow."""
        if self.used + size <= self.capacity:
            return 0
        with gil:
            if self.used + size > 0x7FFFFFFF:
                raise OverflowError("a batch of strings is larger than 2 GiB; use smaller batches")
            self.capacity = max(self.used + size, self.capacity * 2)
            bigger = allocate(self.capacity)
            memcpy(buffer_address(bigger), self.bytes, self.used)
            self.data = bigger
            self.bytes = <uint8_t*> buffer_address(bigger)
        return 0

    cdef int put(self, const uint8_t* text, int64_t size) except -1 nogil:
        """Append bytes to the current row."""
        self.reserve(size)
        if size:
            memcpy(self.bytes + self.used, text, size)
            self.used += size
        return 0

    cdef int fill(self, uint8_t byte, int64_t count) except -1 nogil:
        """Append one byte `count` times to the current row."""
        self.reserve(count)
        memset(self.bytes + self.used, byte, count)
        self.used += count
        return 0

    cdef void end_row(self, int64_t row) noexcept nogil:
        """The current row is complete."""
        self.offsets[row + 1] = <int32_t> self.used

    cdef object finish(self, object arrow_type, object validity, int64_t null_count):
        """The finished array."""
        return bytes_array(
            arrow_type, self.offsets_buffer, self.data.slice(0, self.used), validity, self.rows, null_count
        )


cdef object validity_of(list views, int64_t n, int64_t* null_count):
    """The bitmap of rows valid in all views (None entries are constants)."""
    cdef ColumnView view
    cdef uint64_t* out
    buffer = None
    null_count[0] = 0
    for each in views:
        if each is None or (<ColumnView> each).validity == NULL:
            continue
        view = each
        merged = allocate(((n + 63) >> 6) << 3)
        out = <uint64_t*> buffer_address(merged)
        if buffer is None:
            null_count[0] = streamsql_and_bits(view.validity, view.offset, NULL, 0, out, n)
        else:
            null_count[0] = streamsql_and_bits(
                view.validity, view.offset, <const uint8_t*> buffer_address(buffer), 0, out, n
            )
        buffer = merged
    return buffer


cdef class Number:
    """An INTEGER operand: a column or a constant."""

    def __init__(self, object operand):
        self.stride = 0
        if isinstance(operand, int):
            self.constant = operand
            self.values = &self.constant
        else:
            self.view = import_array(operand)
            self.values = <const int32_t*> self.view.values + self.view.offset
            self.stride = 1

    cdef int32_t at(self, int64_t i) noexcept nogil:
        return self.values[i * self.stride]


cdef class Text:
    """A string operand: a column or a constant."""

    def __init__(self, object operand):
        self.stride = 0
        if isinstance(operand, (str, bytes)):
            self.constant = operand.encode() if isinstance(operand, str) else operand
            self.bytes = <const uint8_t*> (<bytes> self.constant)
            self.ends[0] = 0
            self.ends[1] = len(self.constant)
            self.offsets = self.ends
        else:
            self.view = _strings(operand)
            self.offsets = self.view.offsets + self.view.offset
            self.bytes = <const uint8_t*> self.view.values
            self.stride = 1

    cdef const uint8_t* at(self, int64_t i) noexcept nogil:
        return self.bytes + self.offsets[i * self.stride]

    cdef int64_t size(self, int64_t i) noexcept nogil:
        return self.offsets[i * self.stride + 1] - self.offsets[i * self.stride]


def char_lengths(object array):
    """The number of code points of each string, INTEGER."""
    cdef ColumnView view = _strings(array)
    cdef int64_t n = view.length, i, null_count = 0
    cdef const int32_t* offsets = view.offsets + view.offset
    cdef const uint8_t* text = <const uint8_t*> view.values
    buffer = allocate(n * 4)
    cdef int32_t* out = <int32_t*> buffer_address(buffer)
    with nogil:
        for i in range(n):
            out[i] = <int32_t> _code_points(text + offsets[i], offsets[i + 1] - offsets[i])
    validity = merged_validity(view, None, &null_count)
    return fixed_width_array(_int32_type, buffer, validity, n, null_count)


cdef object _codes(int64_t n):
    return np.zeros(n, np.uint8)


def fit(object array, int64_t limit, bint pads, bint is_text):
    """Strings cut to `limit` code points (bytes for binary); with `pads` shorter ones filled up with blanks (zeros).

    The array itself when every value fits.
    """
    cdef ColumnView view = _strings(array)
    cdef int64_t n = view.length, i, size, keep, points, null_count = 0
    cdef const int32_t* offsets = view.offsets + view.offset
    cdef const uint8_t* text = <const uint8_t*> view.values
    cdef bint fits = True
    with nogil:
        for i in range(n):
            size = offsets[i + 1] - offsets[i]
            if size > limit or (pads and size != limit):
                points = _code_points(text + offsets[i], size) if is_text else size
                if points > limit or (pads and points != limit):
                    fits = False
                    break
    if fits:
        return array
    cdef Builder out = Builder(n, offsets[n] - offsets[0] + (limit * n if pads else 0))
    with nogil:
        for i in range(n):
            size = offsets[i + 1] - offsets[i]
            if is_text:
                keep = _skip(text + offsets[i], size, limit)
                points = _code_points(text + offsets[i], keep)
            else:
                keep = points = size if size < limit else limit
            out.put(text + offsets[i], keep)
            if pads and points < limit:
                out.fill(0x20 if is_text else 0, limit - points)
            out.end_row(i)
    validity = merged_validity(view, None, &null_count)
    return out.finish(array.type, validity, null_count)


def substring(object string, object start, object length, bint null_beyond):
    """Code points from `start` (1-based) on, `length` of them (None: all). See the function reference §2.

    A start below 1 shortens the length; a negative length is an INVALID_ARGUMENT. With `null_beyond` a start beyond the
    end gives NULL, else an empty string.
    """
    cdef Text text = Text(string)
    cdef Number from_ = Number(start)
    cdef Number count = Number(0 if length is None else length)
    cdef bint has_length = length is not None
    cdef int64_t n = _rows([string, start, length]), i, first, points, size, begin, end, null_count = 0
    cdef Builder out = Builder(n, text.offsets[n * text.stride] - text.offsets[0] if text.stride else 16 * n)
    cdef bint failed = False, beyond = False
    validity = validity_of([text.view, from_.view, count.view], n, &null_count)
    codes = _codes(n)
    cdef uint8_t[::1] code = codes
    missing = _codes(n)
    cdef uint8_t[::1] miss = missing
    with nogil:
        for i in range(n):
            size = text.size(i)
            first = from_.at(i)
            points = count.at(i) if has_length else 0x7FFFFFFF
            if has_length and points < 0:
                code[i] = INVALID_ARGUMENT
                failed = True
            else:
                if first < 1:
                    points -= 1 - first
                    first = 1
                begin = _skip(text.at(i), size, first - 1)
                if begin >= size and first > 1:
                    if null_beyond and _code_points(text.at(i), size) < first:
                        miss[i] = 1
                        beyond = True
                elif points > 0:
                    end = begin + _skip(text.at(i) + begin, size - begin, points)
                    out.put(text.at(i) + begin, end - begin)
            out.end_row(i)
    result = out.finish(pa.string(), validity, null_count)
    if beyond:
        result = pc.if_else(pa.array(missing.view(np.bool_)), pa.scalar(None, pa.string()), result)
    return result, _keep(codes, result) if failed else None


cdef object _keep(object codes, object result):
    """The codes of rows that are not NULL, or None."""
    if result.null_count:
        codes = np.where(result.is_valid().to_numpy(zero_copy_only=False), codes, 0).astype(np.uint8)
    return codes if codes.any() else None


cdef int64_t _rows(list operands) except -1:
    """The number of rows: that of the first operand that is a column."""
    for operand in operands:
        if operand is not None and not isinstance(operand, (str, bytes, int)):
            return len(operand)
    raise ValueError("no operand is a column")


def trim(object characters, object string, bint leading, bint trailing):
    """Strings without the character at their ends; `characters` must be one code point, else INVALID_ARGUMENT."""
    cdef Text text = Text(string)
    cdef Text cut = Text(characters)
    cdef int64_t n = _rows([characters, string]), i, size, width, begin, null_count = 0
    cdef const uint8_t* at
    cdef Builder out = Builder(n, text.offsets[n * text.stride] - text.offsets[0] if text.stride else 16 * n)
    cdef bint failed = False
    validity = validity_of([cut.view, text.view], n, &null_count)
    codes = _codes(n)
    cdef uint8_t[::1] code = codes
    with nogil:
        for i in range(n):
            width = cut.size(i)
            if _code_points(cut.at(i), width) != 1:
                code[i] = INVALID_ARGUMENT
                failed = True
            else:
                at = text.at(i)
                size = text.size(i)
                begin = 0
                if leading:
                    while begin + width <= size and memcmp(at + begin, cut.at(i), width) == 0:
                        begin += width
                if trailing:
                    while size - width >= begin and memcmp(at + size - width, cut.at(i), width) == 0:
                        size -= width
                out.put(at + begin, size - begin)
            out.end_row(i)
    result = out.finish(pa.string(), validity, null_count)
    return result, _keep(codes, result) if failed else None


cdef int64_t _find(const uint8_t* hay, int64_t size, const uint8_t* needle, int64_t length) noexcept nogil:
    """The byte position of `needle` in `hay`, or -1."""
    cdef int64_t at = 0
    cdef const uint8_t* found
    while at + length <= size:
        found = <const uint8_t*> memchr(hay + at, needle[0], size - length - at + 1)
        if found == NULL:
            return -1
        at = found - hay
        if memcmp(found, needle, length) == 0:
            return at
        at += 1
    return -1


def position(object needle, object string):
    """Where the needle first occurs, counted from 1 in code points; 0 when it does not, 1 when it is empty."""
    cdef Text what = Text(needle)
    cdef Text text = Text(string)
    cdef int64_t n = _rows([needle, string]), i, found, null_count = 0
    buffer = allocate(n * 4)
    cdef int32_t* out = <int32_t*> buffer_address(buffer)
    validity = validity_of([what.view, text.view], n, &null_count)
    with nogil:
        for i in range(n):
            if what.size(i) == 0:
                out[i] = 1
                continue
            found = _find(text.at(i), text.size(i), what.at(i), what.size(i))
            out[i] = 0 if found < 0 else <int32_t> (_code_points(text.at(i), found) + 1)
    return fixed_width_array(_int32_type, buffer, validity, n, null_count), None


def overlay(object string, object replacement, object start, object length):
    """`string` with `length` code points (None: as many as `replacement` has) from `start` on replaced."""
    cdef Text text = Text(string)
    cdef Text new = Text(replacement)
    cdef Number from_ = Number(start)
    cdef Number count = Number(0 if length is None else length)
    cdef bint has_length = length is not None
    cdef int64_t n = _rows([string, replacement, start, length]), i, size, points, head, tail, null_count = 0
    cdef Builder out = Builder(n, 32 * n)
    cdef bint failed = False
    validity = validity_of([text.view, new.view, from_.view, count.view], n, &null_count)
    codes = _codes(n)
    cdef uint8_t[::1] code = codes
    with nogil:
        for i in range(n):
            size = text.size(i)
            points = count.at(i) if has_length else _code_points(new.at(i), new.size(i))
            if points < 0:
                code[i] = INVALID_ARGUMENT
                failed = True
            else:
                head = _skip(text.at(i), size, <int64_t> from_.at(i) - 1)
                tail = _skip(text.at(i), size, <int64_t> from_.at(i) - 1 + points)
                out.put(text.at(i), head)
                out.put(new.at(i), new.size(i))
                out.put(text.at(i) + tail, size - tail)
            out.end_row(i)
    result = out.finish(pa.string(), validity, null_count)
    return result, _keep(codes, result) if failed else None


def initcap(object lower, object upper):
    """The code point after each blank (and the first) from `upper`, all others from `lower`; both map 1 to 1."""
    cdef Text low = Text(lower)
    cdef Text high = Text(upper)
    cdef int64_t n = len(lower), i, a, b, width, null_count = 0
    cdef bint is_first
    cdef Builder out = Builder(n, low.offsets[n] - low.offsets[0] + 64)
    validity = validity_of([low.view], n, &null_count)
    with nogil:
        for i in range(n):
            a = b = 0
            is_first = True
            while a < low.size(i):
                width = _skip(low.at(i) + a, low.size(i) - a, 1)
                if is_first:
                    out.put(high.at(i) + b, _skip(high.at(i) + b, high.size(i) - b, 1))
                else:
                    out.put(low.at(i) + a, width)
                is_first = low.at(i)[a] == 0x20
                b += _skip(high.at(i) + b, high.size(i) - b, 1)
                a += width
            out.end_row(i)
    return out.finish(pa.string(), validity, null_count)
