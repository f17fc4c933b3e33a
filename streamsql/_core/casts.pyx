"""Kernels of CAST that read or write text (language reference §4.4).

`parse_*` read strings: text that is not of the wanted form is an INVALID_CAST, a number that does not fit a
NUMERIC_OVERFLOW. `Format` writes values; text longer than the target is a STRING_TOO_LONG. Results are
`(array, codes)` as in `elementwise`.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from streamsql._core.arrow_c cimport (
    LAYOUT_BYTES,
    ColumnView,
    allocate,
    buffer_address,
    fixed_width_array,
    import_array,
    int128_t,
    is_valid,
)
from streamsql._core.elementwise cimport codes_or_none, merged_validity, streamsql_power10
from streamsql._core.text cimport Builder

import numpy as np
import pyarrow as pa


cdef extern from "Python.h":
    ctypedef struct PyObject
    double PyOS_string_to_double(const char* s, char** endptr, PyObject* overflow_exception) except? -1.0


cdef extern from "loops.h" nogil:
    int64_t days_from_civil(int64_t year, int month, int day)
    void civil_from_days(int64_t days, int64_t* year, int* month, int* day)
    int128_t round_divide(int128_t x, int128_t by)

cdef enum:
    NUMERIC_OVERFLOW = 2
    INVALID_CAST = 3
    STRING_TOO_LONG = 4
    DAY_MS = 86400000
    HOUR_MS = 3600000
    MINUTE_MS = 60000
    MAX_DIGITS = 36

cdef double[23] _POWERS
cdef int _power
for _power in range(23):
    _POWERS[_power] = 10.0**_power


cdef struct Number:
    bint negative
    int128_t mantissa       # at most 36 significant digits
    int64_t exponent        # of ten
    int digits


cdef bint _is_blank(uint8_t c) noexcept nogil:
    return c == 0x20


cdef bint _is_digit(uint8_t c) noexcept nogil:
    return 0x30 <= c <= 0x39


cdef void _strip(const uint8_t** text, int64_t* size) noexcept nogil:
    while size[0] > 0 and _is_blank(text[0][0]):
        text[0] += 1
        size[0] -= 1
    while size[0] > 0 and _is_blank(text[0][size[0] - 1]):
        size[0] -= 1


cdef bint _scan_number(const uint8_t* s, int64_t size, Number* out) noexcept nogil:
    """Read `[+|-] digits [. digits] [E [+|-] digits]` (digits on one side of the point are enough), blanks around."""
    cdef int64_t i = 0, exponent = 0
    cdef bint seen = False, point = False, exponent_negative = False, exponent_seen = False
    _strip(&s, &size)
    out.negative = False
    out.mantissa = 0
    out.exponent = 0
    out.digits = 0
    if i < size and (s[i] == 0x2B or s[i] == 0x2D):
        out.negative = s[i] == 0x2D
        i += 1
    while i < size:
        if _is_digit(s[i]):
            seen = True
            if out.digits < MAX_DIGITS:
                out.mantissa = out.mantissa * 10 + (s[i] - 0x30)
                if out.mantissa != 0:
                    out.digits += 1
                if point:
                    out.exponent -= 1
            elif not point:
                out.exponent += 1
        elif s[i] == 0x2E and not point:
            point = True
        else:
            break
        i += 1
    if not seen:
        return False
    if i < size and (s[i] == 0x45 or s[i] == 0x65):
        i += 1
        if i < size and (s[i] == 0x2B or s[i] == 0x2D):
            exponent_negative = s[i] == 0x2D
            i += 1
        while i < size and _is_digit(s[i]):
            exponent_seen = True
            if exponent < 100000:
                exponent = exponent * 10 + (s[i] - 0x30)
            i += 1
        if not exponent_seen:
            return False
        out.exponent += -exponent if exponent_negative else exponent
    return i == size


cdef uint8_t _scaled(const Number* number, int scale, int128_t bound, int128_t* out) noexcept nogil:
    """The number times 10^scale, rounded half away from zero; an error code."""
    cdef int64_t shift = number.exponent + scale
    cdef int128_t value
    if number.mantissa == 0:
        value = 0
    elif shift >= 0:
        if number.digits + shift > 38:
            return NUMERIC_OVERFLOW
        value = number.mantissa * streamsql_power10(<int> shift)
    elif -shift > 37:
        value = 0
    else:
        value = round_divide(number.mantissa, streamsql_power10(<int> -shift))
    if value >= bound:
        return NUMERIC_OVERFLOW
    out[0] = -value if number.negative else value
    return 0


cdef double _double(const uint8_t* s, int64_t size) except? -1.0:
    """The nearest double (infinite when it is too large), by the interpreter's correctly rounding reader."""
    _strip(&s, &size)
    return PyOS_string_to_double((<bytes> s[:size]), NULL, NULL)


cdef ColumnView _strings(object array):
    cdef ColumnView view = import_array(array)
    if view.layout != LAYOUT_BYTES:
        raise TypeError("parsing needs a string array")
    return view


cdef class _Column:
    """A fixed-width result under construction, with the strings it is read from."""

    cdef ColumnView view
    cdef int64_t n
    cdef const int32_t* offsets
    cdef const uint8_t* text
    cdef object buffer
    cdef void* out
    cdef object codes
    cdef uint8_t[::1] code
    cdef bint failed

    def __init__(self, object array, int64_t size):
        self.view = _strings(array)
        self.n = self.view.length
        self.offsets = self.view.offsets + self.view.offset
        self.text = <const uint8_t*> self.view.values
        self.buffer = allocate(size)
        self.out = buffer_address(self.buffer)
        self.codes = np.zeros(self.n, np.uint8)
        self.code = self.codes
        self.failed = False

    cdef bint valid(self, int64_t i) noexcept nogil:
        return is_valid(self.view.validity, self.view.offset + i)

    cdef void fail(self, int64_t i, uint8_t code) noexcept nogil:
        self.code[i] = code
        self.failed = True

    cdef object finish(self, object arrow_type):
        cdef int64_t null_count = 0
        validity = merged_validity(self.view, None, &null_count)
        array = fixed_width_array(arrow_type, self.buffer, validity, self.n, null_count)
        return array, codes_or_none(self.codes, self.view, None) if self.failed else None


def parse_decimal(object array, int precision, int scale):
    """Text to DECIMAL(precision, scale)."""
    cdef _Column c = _Column(array, len(array) * 16)
    cdef int128_t* out = <int128_t*> c.out
    cdef int128_t bound = streamsql_power10(precision)
    cdef int128_t value
    cdef Number number
    cdef int64_t i
    cdef uint8_t code
    with nogil:
        for i in range(c.n):
            value = 0
            if c.valid(i):
                if not _scan_number(c.text + c.offsets[i], c.offsets[i + 1] - c.offsets[i], &number):
                    c.fail(i, INVALID_CAST)
                else:
                    code = _scaled(&number, scale, bound, &value)
                    if code:
                        c.fail(i, code)
            memcpy(out + i, &value, 16)
    return c.finish(pa.decimal128(precision, scale))


def parse_integer(object array):
    """Text to BIGINT; fractions are rounded half away from zero."""
    cdef _Column c = _Column(array, len(array) * 8)
    cdef int64_t* out = <int64_t*> c.out
    cdef int128_t limit = (<int128_t> 1) << 63
    cdef int128_t value
    cdef Number number
    cdef int64_t i
    cdef uint8_t code
    with nogil:
        for i in range(c.n):
            value = 0
            if c.valid(i):
                if not _scan_number(c.text + c.offsets[i], c.offsets[i + 1] - c.offsets[i], &number):
                    c.fail(i, INVALID_CAST)
                else:
                    code = _scaled(&number, 0, limit + 1, &value)
                    if code or value == limit:
                        c.fail(i, NUMERIC_OVERFLOW)
                        value = 0
            out[i] = <int64_t> value
    return c.finish(pa.int64())


def parse_double(object array):
    """Text to DOUBLE, correctly rounded."""
    cdef _Column c = _Column(array, len(array) * 8)
    cdef double* out = <double*> c.out
    cdef Number number
    cdef int64_t i, mantissa
    cdef double value
    with nogil:
        for i in range(c.n):
            value = 0
            if c.valid(i):
                if not _scan_number(c.text + c.offsets[i], c.offsets[i + 1] - c.offsets[i], &number):
                    c.fail(i, INVALID_CAST)
                elif number.digits <= 15 and -22 <= number.exponent <= 22:
                    # Both the digits and the power of ten are exact doubles: one rounding (Clinger, PLDI 1990).
                    mantissa = <int64_t> number.mantissa
                    value = <double> mantissa
                    if number.exponent < 0:
                        value /= _POWERS[-number.exponent]
                    else:
                        value *= _POWERS[number.exponent]
                    if number.negative:
                        value = -value
                else:
                    with gil:
                        value = _double(c.text + c.offsets[i], c.offsets[i + 1] - c.offsets[i])
                    if value - value != 0:
                        c.fail(i, NUMERIC_OVERFLOW)
            out[i] = value
    return c.finish(pa.float64())


cdef bint _same_word(const uint8_t* s, int64_t size, const char* upper, int64_t length) noexcept nogil:
    cdef int64_t i
    if size != length:
        return False
    for i in range(size):
        if (s[i] & 0xDF) != <uint8_t> upper[i]:
            return False
    return True


def parse_boolean(object array):
    """`true` or `false`, any case, blanks around ignored."""
    cdef _Column c = _Column(array, ((len(array) + 63) >> 6) << 3)
    cdef uint64_t* out = <uint64_t*> c.out
    cdef const uint8_t* s
    cdef int64_t i, size
    with nogil:
        for i in range((c.n + 63) >> 6):
            out[i] = 0
        for i in range(c.n):
            if not c.valid(i):
                continue
            s = c.text + c.offsets[i]
            size = c.offsets[i + 1] - c.offsets[i]
            _strip(&s, &size)
            if _same_word(s, size, "TRUE", 4):
                out[i >> 6] |= (<uint64_t> 1) << (i & 63)
            elif not _same_word(s, size, "FALSE", 5):
                c.fail(i, INVALID_CAST)
    return c.finish(pa.bool_())


cdef int64_t _digits(const uint8_t* s, int64_t size, int64_t* at, int least, int most) noexcept nogil:
    """`least` to `most` digits from `at` on as a number, or -1."""
    cdef int64_t value = 0, start = at[0]
    while at[0] < size and at[0] - start < most and _is_digit(s[at[0]]):
        value = value * 10 + (s[at[0]] - 0x30)
        at[0] += 1
    return value if at[0] - start >= least else -1


cdef bint _expect(const uint8_t* s, int64_t size, int64_t* at, uint8_t c) noexcept nogil:
    if at[0] < size and s[at[0]] == c:
        at[0] += 1
        return True
    return False


cdef bint _scan_date(const uint8_t* s, int64_t size, int64_t* at, int64_t* days) noexcept nogil:
    cdef int64_t year, month, day, check_year
    cdef int check_month, check_day
    year = _digits(s, size, at, 4, 4)
    if year < 0 or not _expect(s, size, at, 0x2D):
        return False
    month = _digits(s, size, at, 1, 2)
    if month < 1 or month > 12 or not _expect(s, size, at, 0x2D):
        return False
    day = _digits(s, size, at, 1, 2)
    if day < 1 or day > 31:
        return False
    days[0] = days_from_civil(year, <int> month, <int> day)
    civil_from_days(days[0], &check_year, &check_month, &check_day)
    return check_day == day and check_month == month


cdef int64_t _fraction_ms(const uint8_t* s, int64_t size, int64_t* at) noexcept nogil:
    """Digits of a fraction of a second as milliseconds, cut after the third; -1 without a digit."""
    cdef int64_t value = 0
    cdef int count = 0
    while at[0] < size and _is_digit(s[at[0]]):
        if count < 3:
            value = value * 10 + (s[at[0]] - 0x30)
        count += 1
        at[0] += 1
    if count == 0:
        return -1
    while count < 3:
        value *= 10
        count += 1
    return value


cdef bint _scan_time(const uint8_t* s, int64_t size, int64_t* at, bint fraction, int64_t* ms) noexcept nogil:
    cdef int64_t hour, minute, second, part = 0
    hour = _digits(s, size, at, 1, 2)
    if hour < 0 or hour > 23 or not _expect(s, size, at, 0x3A):
        return False
    minute = _digits(s, size, at, 1, 2)
    if minute < 0 or minute > 59 or not _expect(s, size, at, 0x3A):
        return False
    second = _digits(s, size, at, 1, 2)
    if second < 0 or second > 59:
        return False
    if fraction and _expect(s, size, at, 0x2E):
        part = _fraction_ms(s, size, at)
        if part < 0:
            return False
    ms[0] = hour * HOUR_MS + minute * MINUTE_MS + second * 1000 + part
    return True


def parse_date(object array):
    """`yyyy-MM-dd`; one-digit months and days are taken, blanks around ignored."""
    cdef _Column c = _Column(array, len(array) * 4)
    cdef int32_t* out = <int32_t*> c.out
    cdef const uint8_t* s
    cdef int64_t i, size, at, days
    with nogil:
        for i in range(c.n):
            days = 0
            at = 0
            if c.valid(i):
                s = c.text + c.offsets[i]
                size = c.offsets[i + 1] - c.offsets[i]
                _strip(&s, &size)
                if not _scan_date(s, size, &at, &days) or at != size:
                    c.fail(i, INVALID_CAST)
            out[i] = <int32_t> days
    return c.finish(pa.date32())


def parse_time(object array, bint lenient):
    """`HH:mm:ss`, with `lenient` also a fraction of a second."""
    cdef _Column c = _Column(array, len(array) * 4)
    cdef int32_t* out = <int32_t*> c.out
    cdef const uint8_t* s
    cdef int64_t i, size, at, ms
    with nogil:
        for i in range(c.n):
            ms = 0
            at = 0
            if c.valid(i):
                s = c.text + c.offsets[i]
                size = c.offsets[i + 1] - c.offsets[i]
                _strip(&s, &size)
                if not _scan_time(s, size, &at, lenient, &ms) or at != size:
                    c.fail(i, INVALID_CAST)
            out[i] = <int32_t> ms
    return c.finish(pa.time32("ms"))


def parse_timestamp(object array, bint lenient):
    """`yyyy-MM-dd HH:mm:ss`, with `lenient` also `T` between date and time, a fraction, and a final `Z`."""
    cdef _Column c = _Column(array, len(array) * 8)
    cdef int64_t* out = <int64_t*> c.out
    cdef const uint8_t* s
    cdef int64_t i, size, at, days, ms
    cdef bint good
    with nogil:
        for i in range(c.n):
            days = ms = at = 0
            if c.valid(i):
                s = c.text + c.offsets[i]
                size = c.offsets[i + 1] - c.offsets[i]
                _strip(&s, &size)
                good = _scan_date(s, size, &at, &days)
                good = good and (_expect(s, size, &at, 0x20) or (lenient and _expect(s, size, &at, 0x54)))
                good = good and _scan_time(s, size, &at, lenient, &ms)
                if good and lenient:
                    _expect(s, size, &at, 0x5A)
                if not good or at != size:
                    c.fail(i, INVALID_CAST)
                    days = ms = 0
            out[i] = days * DAY_MS + ms
    return c.finish(pa.timestamp("ms"))


cdef bint _scan_interval(const uint8_t* s, int64_t size, int start, int end, int64_t* out) noexcept nogil:
    """Fields from `start` to `end` (0 day, 1 hour, 2 minute, 3 second) with an optional sign."""
    cdef int64_t[4] lengths
    cdef int64_t[4] limits
    cdef int64_t at = 0, value, total = 0, part
    cdef bint negative = False
    cdef int field
    lengths[0] = DAY_MS
    lengths[1] = HOUR_MS
    lengths[2] = MINUTE_MS
    lengths[3] = 1000
    limits[0] = 0
    limits[1] = 23
    limits[2] = limits[3] = 59
    if at < size and (s[at] == 0x2B or s[at] == 0x2D):
        negative = s[at] == 0x2D
        at += 1
    for field in range(start, end + 1):
        if field > start and not _expect(s, size, &at, 0x20 if field == 1 else 0x3A):
            return False
        value = _digits(s, size, &at, 1, 10 if field == start else 2)
        if value < 0 or (field > start and value > limits[field]):
            return False
        total += value * lengths[field]
    if end == 3 and _expect(s, size, &at, 0x2E):
        part = _fraction_ms(s, size, &at)
        if part < 0:
            return False
        total += part
    out[0] = -total if negative else total
    return at == size


def parse_interval(object array, int start, int end):
    """Text to a day-time interval with the fields from `start` to `end` (0 day … 3 second)."""
    cdef _Column c = _Column(array, len(array) * 8)
    cdef int64_t* out = <int64_t*> c.out
    cdef const uint8_t* s
    cdef int64_t i, size, ms
    with nogil:
        for i in range(c.n):
            ms = 0
            if c.valid(i):
                s = c.text + c.offsets[i]
                size = c.offsets[i + 1] - c.offsets[i]
                _strip(&s, &size)
                if not _scan_interval(s, size, start, end, &ms):
                    c.fail(i, INVALID_CAST)
            out[i] = ms
    return c.finish(pa.duration("ms"))


cdef int _put_unsigned(uint8_t* out, uint64_t value, int least) noexcept nogil:
    """Decimal digits, at least `least` of them; how many."""
    cdef uint8_t[20] digits
    cdef int count = 0, i
    while value or count < least:
        digits[count] = <uint8_t> (0x30 + value % 10)
        value //= 10
        count += 1
    for i in range(count):
        out[i] = digits[count - 1 - i]
    return count


cdef int _put_integer(uint8_t* out, int64_t value) noexcept nogil:
    cdef int at = 0
    cdef uint64_t magnitude = <uint64_t> value
    if value < 0:
        out[0] = 0x2D
        at = 1
        magnitude = 0 - magnitude
    return at + _put_unsigned(out + at, magnitude, 1)


cdef int _put_decimal(uint8_t* out, int128_t value, int scale) noexcept nogil:
    """All decimals and no zero before the point: `.48`, `-1.00`, `12`."""
    cdef int at = 0
    cdef int128_t whole, unit = streamsql_power10(scale)
    if value < 0:
        out[0] = 0x2D
        at = 1
        value = -value
    whole = value / unit
    if whole != 0 or scale == 0:
        at += _put_unsigned(out + at, <uint64_t> whole, 1)
    if scale:
        out[at] = 0x2E
        at += 1 + _put_unsigned(out + at + 1, <uint64_t> (value % unit), scale)
    return at


cdef int _put_date(uint8_t* out, int64_t days) noexcept nogil:
    cdef int64_t year
    cdef int month, day, at = 0
    civil_from_days(days, &year, &month, &day)
    if year < 0:
        out[0] = 0x2D
        at = 1
        year = -year
    at += _put_unsigned(out + at, <uint64_t> year, 4)
    out[at] = 0x2D
    at += 1 + _put_unsigned(out + at + 1, month, 2)
    out[at] = 0x2D
    return at + 1 + _put_unsigned(out + at + 1, day, 2)


cdef int _put_time(uint8_t* out, int64_t ms) noexcept nogil:
    """`HH:mm:ss`, with `.SSS` when the milliseconds are not zero."""
    cdef int at = _put_unsigned(out, ms // HOUR_MS, 2)
    out[at] = 0x3A
    at += 1 + _put_unsigned(out + at + 1, ms // MINUTE_MS % 60, 2)
    out[at] = 0x3A
    at += 1 + _put_unsigned(out + at + 1, ms // 1000 % 60, 2)
    if ms % 1000:
        out[at] = 0x2E
        at += 1 + _put_unsigned(out + at + 1, ms % 1000, 3)
    return at


cdef int _put_interval(uint8_t* out, int64_t ms, int start, int end) noexcept nogil:
    """Sign always, the leading field unpadded, the others two digits: `+2 00:06:11`."""
    cdef int64_t[4] lengths
    cdef uint64_t rest = <uint64_t> ms
    cdef int at = 1, field
    lengths[0] = DAY_MS
    lengths[1] = HOUR_MS
    lengths[2] = MINUTE_MS
    lengths[3] = 1000
    out[0] = 0x2D if ms < 0 else 0x2B
    if ms < 0:
        rest = 0 - rest
    for field in range(start, end + 1):
        if field > start:
            out[at] = 0x20 if field == 1 else 0x3A
            at += 1
        at += _put_unsigned(out + at, rest // <uint64_t> lengths[field], 1 if field == start else 2)
        rest %= <uint64_t> lengths[field]
    if end == 3 and rest:
        out[at] = 0x2E
        at += 1 + _put_unsigned(out + at + 1, rest, 3)
    return at


cdef int _put_months(uint8_t* out, int64_t months, int start, int end) noexcept nogil:
    """`+3-02` for YEAR TO MONTH, `+3` for YEAR, `+38` for MONTH (0 year, 1 month)."""
    cdef uint64_t rest = <uint64_t> (-months if months < 0 else months)
    cdef int at = 1
    out[0] = 0x2D if months < 0 else 0x2B
    if start == 1:
        return 1 + _put_unsigned(out + 1, rest, 1)
    at += _put_unsigned(out + 1, rest // 12, 1)
    if end == 1:
        out[at] = 0x2D
        at += 1 + _put_unsigned(out + at + 1, rest % 12, 2)
    return at


cdef int _put_double(uint8_t* out, const uint8_t* s, int64_t size, bint plain) noexcept nogil:
    """The shortest digits in `s` (any decimal notation) as `dE±n`, or plain (`1.0`, `-0.45`) for moderate exponents."""
    cdef uint8_t[40] digits
    cdef int count = 0, at = 0, i
    cdef int64_t position = 0, exponent = 0, k = 0
    cdef bint point = False, negative_exponent = False
    if s[0] == 0x2D:
        out[0] = 0x2D
        at = 1
        k = 1
    while k < size and s[k] != 0x65 and s[k] != 0x45:
        if s[k] == 0x2E:
            point = True
        elif count or s[k] != 0x30:
            if count < 40:
                digits[count] = s[k]
                count += 1
            if not point:
                position += 1
        elif point:
            position -= 1
        k += 1
    if k < size:
        k += 1
        if s[k] == 0x2D or s[k] == 0x2B:
            negative_exponent = s[k] == 0x2D
            k += 1
        while k < size:
            exponent = exponent * 10 + (s[k] - 0x30)
            k += 1
        position += -exponent if negative_exponent else exponent
    while count and digits[count - 1] == 0x30:
        count -= 1
    if count == 0:
        memcpy(out, b"0.0" if plain else b"0E0", 3)     # -0 has no sign in SQL
        return 3
    exponent = position - 1
    if plain and -5 < exponent < 16:
        if position <= 0:
            out[at] = 0x30
            out[at + 1] = 0x2E
            at += 2
            memset(out + at, 0x30, <size_t> -position)
            at -= position
            memcpy(out + at, digits, count)
            return at + count
        for i in range(<int> position):
            out[at] = digits[i] if i < count else 0x30
            at += 1
        out[at] = 0x2E
        at += 1
        if count <= position:
            out[at] = 0x30
            return at + 1
        memcpy(out + at, digits + position, count - position)
        return at + count - <int> position
    out[at] = digits[0]
    at += 1
    if count > 1:
        out[at] = 0x2E
        memcpy(out + at + 1, digits + 1, count - 1)
        at += count
    out[at] = 0x45
    return at + 1 + _put_integer(out + at + 1, exponent)


cdef dict _KINDS = {
    "integer": 0, "decimal": 1, "boolean": 2, "date": 3, "time": 4, "timestamp": 5, "interval": 6, "months": 7,
    "float": 8
}


cdef class Format:
    """Values as text of at most `limit` characters, filled up with blanks when `pads`.

    `kind` says how the array is read: integer (int64), decimal, boolean, date, time, timestamp, interval (ms), months
    with the fields from `start` to `end`, float (text with the shortest digits). Intervals are cut to the limit; other
    text that is too long fails.
    """

    cdef int kind
    cdef int64_t limit
    cdef bint pads
    cdef int scale
    cdef int start
    cdef int end
    cdef bint plain

    def __init__(
        self, str kind, int64_t limit, bint pads, *, int scale=0, int start=0, int end=0, bint plain=False
    ):
        self.kind = _KINDS[kind]
        self.limit = limit
        self.pads = pads
        self.scale = scale
        self.start = start
        self.end = end
        self.plain = plain

    cdef int _put(self, uint8_t* out, ColumnView view, int64_t row) noexcept nogil:
        cdef const int32_t* narrow = <const int32_t*> view.values
        cdef const int64_t* wide = <const int64_t*> view.values
        cdef int128_t huge
        cdef int64_t days
        if self.kind == 0:
            return _put_integer(out, wide[row])
        if self.kind == 1:
            memcpy(&huge, <const uint8_t*> view.values + 16 * row, 16)
            return _put_decimal(out, huge, self.scale)
        if self.kind == 2:
            if is_valid(<const uint8_t*> view.values, row):
                memcpy(out, b"TRUE", 4)
                return 4
            memcpy(out, b"FALSE", 5)
            return 5
        if self.kind == 3:
            return _put_date(out, narrow[row])
        if self.kind == 4:
            return _put_time(out, narrow[row])
        if self.kind == 5:
            days = wide[row] // DAY_MS - (wide[row] % DAY_MS < 0)
            row = wide[row] - days * DAY_MS
            days = _put_date(out, days)
            out[days] = 0x20
            return <int> days + 1 + _put_time(out + days + 1, row)
        if self.kind == 6:
            return _put_interval(out, wide[row], self.start, self.end)
        if self.kind == 7:
            return _put_months(out, narrow[row], self.start, self.end)
        return _put_double(
            out, <const uint8_t*> view.values + view.offsets[row], view.offsets[row + 1] - view.offsets[row], self.plain
        )

    def __call__(self, object array):
        cdef ColumnView view = import_array(array)
        cdef int64_t n = view.length, i, null_count = 0
        cdef uint8_t[96] text
        cdef int size
        cdef bint failed = False
        cdef Builder out = Builder(n, 16 * n)
        codes = np.zeros(n, np.uint8)
        cdef uint8_t[::1] code = codes
        with nogil:
            for i in range(n):
                if is_valid(view.validity, view.offset + i):
                    size = self._put(text, view, view.offset + i)
                    if size > self.limit:
                        size = <int> self.limit
                        if self.kind != 6 and self.kind != 7:
                            code[i] = STRING_TOO_LONG
                            failed = True
                    out.put(text, size)
                    if self.pads:
                        out.fill(0x20, self.limit - size)
                out.end_row(i)
        validity = merged_validity(view, None, &null_count)
        result = out.finish(pa.string(), validity, null_count)
        return result, codes_or_none(codes, view, None) if failed else None
