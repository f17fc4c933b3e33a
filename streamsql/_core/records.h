/* One column being filled from source records, and the ingest coercion of text and numbers into it (SQL language
   reference, "Ingest coercion"). Nothing here knows JSON or CSV; nothing here needs the interpreter, except to round a
   number of more than 19 digits that the fast algorithm cannot decide.

   Rows are committed by the caller moving on to the next row: writing a row twice, or not moving on, leaves no trace.
   So a record that fails in its last field is taken back by doing nothing. */
#ifndef STREAMSQL_RECORDS_H
#define STREAMSQL_RECORDS_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "decimal_float.h"

enum IngestKind {
    KIND_BOOL = 0,
    KIND_I8,
    KIND_I16,
    KIND_I32,
    KIND_I64,
    KIND_DECIMAL,
    KIND_F32,
    KIND_F64,
    KIND_CHAR,
    KIND_VARCHAR,
    KIND_BINARY,
    KIND_VARBINARY,
    KIND_DATE,
    KIND_TIME,
    KIND_TIMESTAMP,
    KIND_ROWTIME, /* int64 microseconds; integers are epoch milliseconds */
};

/* Why a value does not fit its column, or (from PARSE_FIRST on) why a record is not a record. */
enum IngestError {
    INGEST_OK = 0,
    COERCE_NOT_NUMBER,
    COERCE_FRACTION,
    COERCE_RANGE,
    COERCE_NOT_DATETIME,
    COERCE_NOT_BINARY,
    COERCE_KIND, /* values of this kind never fit this type */
    COERCE_NULL_ROWTIME,
    PARSE_FIRST = 32,
    PARSE_NOT_OBJECT = PARSE_FIRST,
    PARSE_TRAILING,
    PARSE_KEY,
    PARSE_COLON,
    PARSE_COMMA,
    PARSE_VALUE,
    PARSE_NUMBER,
    PARSE_STRING_END,
    PARSE_CONTROL,
    PARSE_ESCAPE,
    PARSE_SURROGATE,
    PARSE_UTF8,
    PARSE_DEPTH,
    PARSE_TOO_LONG,
    PARSE_MEMORY,
    PARSE_FIELD_COUNT,
    PARSE_AFTER_QUOTE,
    PARSE_OPEN_QUOTE,
};

typedef struct {
    uint8_t kind;
    int32_t width; /* bytes per value; 0 for strings and binary */
    int32_t length, precision, scale;
    bool has_null;       /* some committed or abandoned row was null: `valid` must be read */
    bool is_full;        /* the characters near the size of one array: stop after this row */
    uint8_t failed;      /* why this row's value does not fit; valid when `failed_at` says so */
    uint64_t seen;       /* stamp of the last record that had a value */
    uint64_t failed_at;  /* stamp of the last record whose value did not fit */
    const uint8_t *found; /* that value's text in the record */
    int64_t found_bytes;
    uint8_t *valid;  /* one byte per row */
    uint8_t *values; /* `width` bytes per row */
    int32_t *offsets;
    uint8_t *data;
    int64_t data_capacity;
} IngestColumn;

#define DATA_SOFT_LIMIT (64 << 20)

typedef struct {
    uint64_t mantissa; /* up to 19 significant digits */
    int64_t exponent;  /* value = mantissa * 10^exponent */
    bool negative;
    bool truncated; /* non-zero digits were left out of the mantissa */
} Number;

static const uint64_t INTEGER_POW10[20] = {1ULL,
                                           10ULL,
                                           100ULL,
                                           1000ULL,
                                           10000ULL,
                                           100000ULL,
                                           1000000ULL,
                                           10000000ULL,
                                           100000000ULL,
                                           1000000000ULL,
                                           10000000000ULL,
                                           100000000000ULL,
                                           1000000000000ULL,
                                           10000000000000ULL,
                                           100000000000000ULL,
                                           1000000000000000ULL,
                                           10000000000000000ULL,
                                           100000000000000000ULL,
                                           1000000000000000000ULL,
                                           10000000000000000000ULL};

/* ---- storing ---- */

static inline void put_null(IngestColumn *c, int64_t row) {
    c->has_null = true;
    c->valid[row] = 0;
    if (c->width == 0) {
        c->offsets[row + 1] = c->offsets[row];
    } else {
        memset(c->values + row * c->width, 0, (size_t)c->width);
    }
}

/* Room for `bytes` characters of row `row`, or NULL without memory. */
static inline uint8_t *data_room(IngestColumn *c, int64_t row, int64_t bytes) {
    int64_t needed = (int64_t)c->offsets[row] + bytes;
    if (needed > c->data_capacity || c->data == NULL) {
        int64_t capacity = c->data_capacity * 2 > needed ? c->data_capacity * 2 : needed + 4096;
        uint8_t *data = (uint8_t *)realloc(c->data, (size_t)capacity);
        if (data == NULL) return NULL;
        c->data = data;
        c->data_capacity = capacity;
        c->is_full = capacity > DATA_SOFT_LIMIT;
    }
    return c->data + c->offsets[row];
}

static inline int put_bytes(IngestColumn *c, int64_t row, const uint8_t *s, int64_t bytes) {
    uint8_t *to = data_room(c, row, bytes);
    if (to == NULL) return PARSE_MEMORY;
    memcpy(to, s, (size_t)bytes);
    c->offsets[row + 1] = c->offsets[row] + (int32_t)bytes;
    c->valid[row] = 1;
    return INGEST_OK;
}

/* Bytes of the first `limit` code points of valid UTF-8; *points is how many there are (at most `limit`). */
static int64_t utf8_prefix(const uint8_t *s, int64_t bytes, int64_t limit, int64_t *points) {
    int64_t i = 0, n = 0;
    while (i < bytes && n < limit) {
        i++;
        while (i < bytes && (s[i] & 0xc0) == 0x80) i++;
        n++;
    }
    *points = n;
    return i;
}

/* A string into CHAR(n) or VARCHAR(n): cut to n code points without an error, CHAR padded with blanks. */
static int put_string(IngestColumn *c, int64_t row, const uint8_t *s, int64_t bytes) {
    int64_t points = bytes;
    if (c->kind == KIND_CHAR || bytes > c->length) bytes = utf8_prefix(s, bytes, c->length, &points);
    int64_t pad = c->kind == KIND_CHAR ? c->length - points : 0;
    uint8_t *to = data_room(c, row, bytes + pad);
    if (to == NULL) return PARSE_MEMORY;
    memcpy(to, s, (size_t)bytes);
    memset(to + bytes, ' ', (size_t)pad);
    c->offsets[row + 1] = c->offsets[row] + (int32_t)(bytes + pad);
    c->valid[row] = 1;
    return INGEST_OK;
}

static inline void put_fixed(IngestColumn *c, int64_t row, int64_t value) {
    switch (c->width) {
        case 1: ((int8_t *)c->values)[row] = (int8_t)value; break;
        case 2: ((int16_t *)c->values)[row] = (int16_t)value; break;
        case 4: ((int32_t *)c->values)[row] = (int32_t)value; break;
        default: ((int64_t *)c->values)[row] = value; break;
    }
    c->valid[row] = 1;
}

/* ---- numbers ---- */

/* The digits of [p, end) with at most one point, after sign and before exponent, into all but `negative`. */
static void gather_digits(const uint8_t *p, const uint8_t *end, Number *n) {
    uint64_t m = 0;
    int64_t exponent = 0;
    int digits = 0;
    bool point = false;
    n->truncated = false;
    for (; p < end; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        uint8_t d = (uint8_t)(*p - '0');
        if (digits < 19) {
            m = m * 10 + d;
            digits += m != 0;
            exponent -= point;
        } else {
            n->truncated |= d != 0;
            exponent += !point;
        }
    }
    n->mantissa = m;
    n->exponent += exponent;
}

/* A number as JSON writes it, from `p`; the byte after it, or NULL when it is malformed. Stops at the first byte that
   cannot belong to it; the caller's sentinel guarantees there is one. */
static inline const uint8_t *scan_json_number(const uint8_t *p, Number *n) {
    n->negative = *p == '-';
    p += n->negative;
    const uint8_t *first = p;
    uint64_t m = 0;
    uint8_t d;
    if (*p == '0') {
        p++;
        if ((uint8_t)(*p - '0') <= 9) return NULL;
    } else {
        while ((d = (uint8_t)(*p - '0')) <= 9) {
            m = m * 10 + d;
            p++;
        }
        if (p == first) return NULL;
    }
    int64_t count = p - first;
    int64_t fraction = 0;
    if (*p == '.') {
        const uint8_t *start = ++p;
        while ((d = (uint8_t)(*p - '0')) <= 9) {
            m = m * 10 + d;
            p++;
        }
        fraction = p - start;
        if (fraction == 0) return NULL;
    }
    const uint8_t *last = p;
    int64_t exponent = 0;
    if ((*p | 0x20) == 'e') {
        p++;
        bool negative = *p == '-';
        p += *p == '-' || *p == '+';
        const uint8_t *start = p;
        while ((d = (uint8_t)(*p - '0')) <= 9) {
            if (exponent < 1000000) exponent = exponent * 10 + d;
            p++;
        }
        if (p == start) return NULL;
        if (negative) exponent = -exponent;
    }
    n->exponent = exponent;
    if (count + fraction <= 19) {
        n->mantissa = m;
        n->exponent -= fraction;
        n->truncated = false;
    } else {
        gather_digits(first, last, n);
    }
    return p;
}

static inline bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* A number written in a string: blanks around it, an optional sign, digits with an optional point, an exponent. */
static bool parse_text_number(const uint8_t *p, int64_t bytes, Number *n) {
    const uint8_t *end = p + bytes;
    while (p < end && is_blank(*p)) p++;
    while (end > p && is_blank(end[-1])) end--;
    n->negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    const uint8_t *first = p;
    int64_t digits = 0;
    bool point = false;
    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = true;
        } else if ((uint8_t)(*p - '0') <= 9) {
            digits++;
        } else {
            break;
        }
    }
    if (digits == 0) return false;
    const uint8_t *last = p;
    n->exponent = 0;
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        bool negative = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        if (p == end) return false;
        int64_t exponent = 0;
        for (; p < end && (uint8_t)(*p - '0') <= 9; p++) {
            if (exponent < 1000000) exponent = exponent * 10 + (*p - '0');
        }
        n->exponent = negative ? -exponent : exponent;
    }
    if (p != end) return false;
    gather_digits(first, last, n);
    return true;
}

/* The number as an integer of 64 bits; COERCE_FRACTION when it has a fraction, COERCE_RANGE when it does not fit. */
static inline int number_to_int64(const Number *n, int64_t *value) {
    uint64_t m = n->mantissa;
    if (m == 0) {
        *value = 0;
        return INGEST_OK;
    }
    if (n->exponent < 0) {
        if (n->truncated || n->exponent < -19) return COERCE_FRACTION;
        uint64_t divisor = INTEGER_POW10[-n->exponent];
        if (m % divisor) return COERCE_FRACTION;
        m /= divisor;
    } else if (n->exponent > 0 || n->truncated) {
        if (n->truncated || n->exponent > 19) return COERCE_RANGE;
        if (__builtin_mul_overflow(m, INTEGER_POW10[n->exponent], &m)) return COERCE_RANGE;
    }
    if (m > (uint64_t)INT64_MAX + n->negative) return COERCE_RANGE;
    *value = n->negative ? (int64_t)(0 - m) : (int64_t)m;
    return INGEST_OK;
}

/* The number as DECIMAL(precision, scale), rounded half away from zero. */
static int number_to_decimal(const Number *n, int32_t precision, int32_t scale, streamsql_int128 *value) {
    uint128 v = n->mantissa;
    int64_t shift = n->exponent + scale;
    if (v != 0 && shift >= 0) {
        if (shift > 19) return COERCE_RANGE;
        v *= INTEGER_POW10[shift];
    } else if (v != 0) {
        shift = -shift;
        if (shift > 20) {
            v = 0;
        } else {
            uint128 divisor = (uint128)INTEGER_POW10[shift - 1] * 10;
            uint128 rest = v % divisor;
            v = v / divisor + (rest * 2 >= divisor);
        }
    }
    if (v >= INTEGER_POW10[precision]) return COERCE_RANGE;
    *value = n->negative ? -(streamsql_int128)v : (streamsql_int128)v;
    return INGEST_OK;
}

/* Correctly rounded for any number of digits; the text is only read when 19 digits do not decide. */
static double number_to_double(const Number *n, const uint8_t *text, int64_t bytes) {
    bool certain;
    double value = decimal_to_double(n->mantissa, n->exponent, n->truncated, &certain);
    if (certain) return n->negative ? -value : value;
    char *copy = (char *)malloc((size_t)bytes + 1);
    if (copy == NULL) return n->negative ? -value : value;
    while (bytes > 0 && is_blank(*text)) text++, bytes--;
    while (bytes > 0 && is_blank(text[bytes - 1])) bytes--;
    memcpy(copy, text, (size_t)bytes);
    copy[bytes] = 0;
    PyGILState_STATE state = PyGILState_Ensure();
    value = PyOS_string_to_double(copy, NULL, NULL);
    if (PyErr_Occurred()) PyErr_Clear(); /* cannot happen: the grammar was checked and overflow is not asked for */
    PyGILState_Release(state);
    free(copy);
    return value;
}

static int put_number(IngestColumn *c, int64_t row, const Number *n, const uint8_t *text, int64_t bytes) {
    int64_t value;
    int error;
    switch (c->kind) {
        case KIND_BOOL: put_fixed(c, row, n->mantissa != 0); return INGEST_OK;
        case KIND_I8:
        case KIND_I16:
        case KIND_I32:
        case KIND_I64:
            error = number_to_int64(n, &value);
            if (error) return error;
            if (c->width < 8 && (value < -(1LL << (8 * c->width - 1)) || value >= 1LL << (8 * c->width - 1)))
                return COERCE_RANGE;
            put_fixed(c, row, value);
            return INGEST_OK;
        case KIND_DECIMAL: {
            streamsql_int128 wide;
            error = number_to_decimal(n, c->precision, c->scale, &wide);
            if (error) return error;
            memcpy(c->values + row * 16, &wide, 16);
            c->valid[row] = 1;
            return INGEST_OK;
        }
        case KIND_F32: {
            double wide = number_to_double(n, text, bytes);
            float narrow = (float)wide;
            if (__builtin_isinf(narrow)) return COERCE_RANGE;
            memcpy(c->values + row * 4, &narrow, 4);
            c->valid[row] = 1;
            return INGEST_OK;
        }
        case KIND_F64: {
            double wide = number_to_double(n, text, bytes);
            if (__builtin_isinf(wide)) return COERCE_RANGE;
            memcpy(c->values + row * 8, &wide, 8);
            c->valid[row] = 1;
            return INGEST_OK;
        }
        case KIND_CHAR:
        case KIND_VARCHAR: return put_string(c, row, text, bytes);
        case KIND_ROWTIME:
            error = number_to_int64(n, &value);
            if (error) return error;
            if (value > INT64_MAX / 1000 || value < INT64_MIN / 1000) return COERCE_RANGE;
            put_fixed(c, row, value * 1000);
            return INGEST_OK;
        default: return COERCE_KIND;
    }
}

/* ---- dates and times ---- */

static inline int64_t days_from_civil(int64_t y, int64_t m, int64_t d) {
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year = y - era * 400;
    int64_t day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + year * 365 + year / 4 - year / 100 + day - 719468;
}

static inline int two_digits(const uint8_t *p) {
    uint8_t a = (uint8_t)(p[0] - '0'), b = (uint8_t)(p[1] - '0');
    return a > 9 || b > 9 ? -1 : a * 10 + b;
}

#define DAY_US 86400000000LL

/* `HH:mm:ss` with an optional fraction (cut after microseconds) at *p; moves *p behind it. -1 when it is not one. */
static int64_t parse_clock(const uint8_t **at, const uint8_t *end) {
    const uint8_t *p = *at;
    if (end - p < 8 || p[2] != ':' || p[5] != ':') return -1;
    int hour = two_digits(p), minute = two_digits(p + 3), second = two_digits(p + 6);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return -1;
    int64_t us = ((hour * 60LL + minute) * 60 + second) * 1000000;
    p += 8;
    if (p < end && *p == '.') {
        const uint8_t *first = ++p;
        int64_t unit = 100000;
        for (; p < end && (uint8_t)(*p - '0') <= 9; p++) {
            us += (*p - '0') * unit;
            unit /= 10;
        }
        if (p == first) return -1;
    }
    *at = p;
    return us;
}

enum { HAS_DATE = 1, HAS_CLOCK = 2 };

/* The datetime forms accepted from a source: `yyyy-MM-dd`, that with ` HH:mm:ss` or `THH:mm:ss` and an optional
   fraction and an optional `Z` or offset (taken to UTC), or `HH:mm:ss` with an optional fraction alone. Gives
   microseconds since 1970-01-01 UTC (since midnight for a clock alone) and which parts there were; 0 when it is none of these. */
static int parse_datetime(const uint8_t *p, int64_t bytes, int64_t *us) {
    static const uint8_t month_days[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const uint8_t *end = p + bytes;
    while (p < end && is_blank(*p)) p++;
    while (end > p && is_blank(end[-1])) end--;
    if (end - p < 8) return 0;
    if (p[2] == ':') {
        *us = parse_clock(&p, end);
        return *us >= 0 && p == end ? HAS_CLOCK : 0;
    }
    if (end - p < 10 || p[4] != '-' || p[7] != '-') return 0;
    int century = two_digits(p), rest = two_digits(p + 2), month = two_digits(p + 5), day = two_digits(p + 8);
    if (century < 0 || rest < 0 || month < 1 || month > 12 || day < 1 || day > month_days[month]) return 0;
    int year = century * 100 + rest;
    if (year == 0 || (month == 2 && day == 29 && (year % 4 || (year % 100 == 0 && year % 400)))) return 0;
    *us = days_from_civil(year, month, day) * DAY_US;
    p += 10;
    if (p == end) return HAS_DATE;
    if (*p != ' ' && *p != 'T' && *p != 't') return 0;
    p++;
    int64_t clock = parse_clock(&p, end);
    if (clock < 0) return 0;
    *us += clock;
    if (p < end && (*p == 'Z' || *p == 'z')) {
        p++;
    } else if (p < end && (*p == '+' || *p == '-')) {
        int sign = *p++ == '-' ? 1 : -1;
        if (end - p < 2) return 0;
        int hours = two_digits(p), minutes = 0;
        p += 2;
        if (p < end) {
            p += *p == ':';
            if (end - p != 2) return 0;
            minutes = two_digits(p);
            p += 2;
        }
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return 0;
        *us += sign * (hours * 60LL + minutes) * 60000000;
    }
    return p == end ? HAS_DATE | HAS_CLOCK : 0;
}

static inline int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int put_datetime(IngestColumn *c, int64_t row, const uint8_t *s, int64_t bytes) {
    int64_t us;
    int parts = parse_datetime(s, bytes, &us);
    if (parts == 0 || (parts == HAS_CLOCK && c->kind != KIND_TIME)) return COERCE_NOT_DATETIME;
    switch (c->kind) {
        case KIND_DATE: us = floor_divide(us, DAY_US); break;
        case KIND_TIME: us = (us - floor_divide(us, DAY_US) * DAY_US) / 1000; break;
        case KIND_TIMESTAMP: us = floor_divide(us, 1000); break;
        default: break; /* KIND_ROWTIME keeps microseconds */
    }
    put_fixed(c, row, us);
    return INGEST_OK;
}

/* ---- binary ---- */

static inline int hex_digit(uint8_t c) {
    if ((uint8_t)(c - '0') <= 9) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `X'0A…'` into BINARY(n) or VARBINARY(n): cut to n bytes like a string, BINARY padded with zero bytes. */
static int put_binary_literal(IngestColumn *c, int64_t row, const uint8_t *s, int64_t bytes) {
    bool is_quoted = bytes >= 3 && (s[0] | 0x20) == 'x' && s[1] == '\'' && s[bytes - 1] == '\'';
    if (!is_quoted || (bytes - 3) % 2) return COERCE_NOT_BINARY;
    int64_t count = (bytes - 3) / 2;
    for (int64_t i = 2; i < bytes - 1; i++) {
        if (hex_digit(s[i]) < 0) return COERCE_NOT_BINARY;
    }
    int64_t kept = count < c->length ? count : c->length;
    int64_t total = c->kind == KIND_BINARY ? c->length : kept;
    uint8_t *to = data_room(c, row, total);
    if (to == NULL) return PARSE_MEMORY;
    for (int64_t i = 0; i < kept; i++) to[i] = (uint8_t)(hex_digit(s[2 + 2 * i]) << 4 | hex_digit(s[3 + 2 * i]));
    memset(to + kept, 0, (size_t)(total - kept));
    c->offsets[row + 1] = c->offsets[row] + (int32_t)total;
    c->valid[row] = 1;
    return INGEST_OK;
}

/* ---- the rows of the table ---- */

/* A string value. `s` is decoded, valid UTF-8. */
static int put_text(IngestColumn *c, int64_t row, const uint8_t *s, int64_t bytes) {
    switch (c->kind) {
        case KIND_CHAR:
        case KIND_VARCHAR: return put_string(c, row, s, bytes);
        case KIND_BOOL:
            put_fixed(c, row, bytes == 4 && (s[0] | 0x20) == 't' && (s[1] | 0x20) == 'r' && (s[2] | 0x20) == 'u' &&
                                  (s[3] | 0x20) == 'e');
            return INGEST_OK;
        case KIND_BINARY:
        case KIND_VARBINARY: return put_binary_literal(c, row, s, bytes);
        case KIND_DATE:
        case KIND_TIME:
        case KIND_TIMESTAMP: return put_datetime(c, row, s, bytes);
        case KIND_ROWTIME:
            if (bytes > 0 && bytes < 20) { /* epoch milliseconds in quotes, as some producers write them and CSV must */
                Number n;
                int64_t value;
                if (parse_text_number(s, bytes, &n) && number_to_int64(&n, &value) == INGEST_OK)
                    return put_number(c, row, &n, s, bytes);
            }
            return put_datetime(c, row, s, bytes);
        default: {
            Number n;
            if (!parse_text_number(s, bytes, &n)) return COERCE_NOT_NUMBER;
            return put_number(c, row, &n, s, bytes);
        }
    }
}

/* TRUE or FALSE. */
static int put_boolean(IngestColumn *c, int64_t row, bool value) {
    switch (c->kind) {
        case KIND_CHAR:
        case KIND_VARCHAR: return put_string(c, row, (const uint8_t *)(value ? "true" : "false"), value ? 4 : 5);
        case KIND_BINARY:
        case KIND_VARBINARY: { /* the lowest bit of the value: the last bit of the last byte */
            int64_t total = c->kind == KIND_BINARY ? c->length : 1;
            uint8_t *to = data_room(c, row, total);
            if (to == NULL) return PARSE_MEMORY;
            memset(to, 0, (size_t)total);
            to[total - 1] = value;
            c->offsets[row + 1] = c->offsets[row] + (int32_t)total;
            c->valid[row] = 1;
            return INGEST_OK;
        }
        case KIND_DATE:
        case KIND_TIME:
        case KIND_TIMESTAMP:
        case KIND_ROWTIME: return COERCE_KIND;
        default: {
            Number n = {value, 0, false, false};
            return put_number(c, row, &n, NULL, 0);
        }
    }
}

/* ---- UTF-8 ---- */

static inline uint64_t load64(const uint8_t *p) {
    uint64_t w;
    memcpy(&w, p, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

static inline bool is_ascii(const uint8_t *p, int64_t bytes) {
    uint64_t all = 0;
    int64_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        uint64_t w;
        memcpy(&w, p + i, 8);
        all |= w;
    }
    for (; i < bytes; i++) all |= p[i];
    return (all & 0x8080808080808080ULL) == 0;
}

/* Where [p, p + bytes) stops being UTF-8 (no surrogates, no overlong forms, at most U+10FFFF), or -1 when it is. */
static int64_t utf8_error(const uint8_t *p, int64_t bytes) {
    int64_t i = 0;
    while (i < bytes) {
        uint8_t c = p[i];
        if (c < 0x80) {
            i++;
            continue;
        }
        int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || i + more >= bytes) return i;
        uint8_t second = p[i + 1];
        uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
        uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
        if (second < low || second > high) return i;
        for (int k = 2; k <= more; k++) {
            if ((p[i + k] & 0xc0) != 0x80) return i;
        }
        i += more + 1;
    }
    return -1;
}

#endif
