/* Values as text, appended to memory the caller has made room in. Every function returns the position behind what it
   wrote. */
#ifndef STREAMSQL_TEXT_WRITE_H
#define STREAMSQL_TEXT_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "abi.h"
#include "decimal_float.h"

/* The most bytes any value other than a string or binary takes. */
#define VALUE_BYTES 64

static const char TWO_DIGITS[201] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

static inline uint8_t *write_two(uint8_t *to, uint32_t value) {
    memcpy(to, TWO_DIGITS + 2 * value, 2);
    return to + 2;
}

static inline uint8_t *write_unsigned(uint8_t *to, uint64_t value) {
    uint8_t digits[20];
    uint8_t *p = digits + 20;
    while (value >= 100) {
        p -= 2;
        memcpy(p, TWO_DIGITS + 2 * (value % 100), 2);
        value /= 100;
    }
    if (value >= 10) {
        p -= 2;
        memcpy(p, TWO_DIGITS + 2 * value, 2);
    } else {
        *--p = (uint8_t)('0' + value);
    }
    memcpy(to, p, (size_t)(digits + 20 - p));
    return to + (digits + 20 - p);
}

static inline uint8_t *write_integer(uint8_t *to, int64_t value) {
    if (value < 0) {
        *to++ = '-';
        return write_unsigned(to, 0 - (uint64_t)value);
    }
    return write_unsigned(to, (uint64_t)value);
}

/* A DECIMAL with all its digits after the point and one before it. */
static uint8_t *write_decimal(uint8_t *to, const uint8_t *from, int32_t scale) {
    streamsql_int128 value;
    memcpy(&value, from, 16);
    uint128 left = value < 0 ? 0 - (uint128)value : (uint128)value;
    uint8_t digits[48];
    uint8_t *p = digits + 48;
    int32_t count = 0;
    do {
        *--p = (uint8_t)('0' + (int)(left % 10));
        left /= 10;
        if (++count == scale) *--p = '.';
    } while (left != 0 || count <= scale);
    if (value < 0) *to++ = '-';
    memcpy(to, p, (size_t)(digits + 48 - p));
    return to + (digits + 48 - p);
}

/* digits * 10^exponent as Python writes floats: plain from 1e-4 to below 1e16, else scientific. */
static uint8_t *write_short(uint8_t *to, ShortDecimal d) {
    uint8_t digits[20];
    int32_t count = (int32_t)(write_unsigned(digits, d.digits) - digits);
    while (count > 1 && digits[count - 1] == '0') {
        count--;
        d.exponent++;
    }
    int32_t point = count + d.exponent; /* digits before the point */
    if (point > 16 || point < -3) {
        *to++ = digits[0];
        if (count > 1) {
            *to++ = '.';
            memcpy(to, digits + 1, (size_t)count - 1);
            to += count - 1;
        }
        *to++ = 'e';
        int32_t power = point - 1;
        *to++ = power < 0 ? '-' : '+';
        if (power < 0) power = -power;
        return power < 100 ? write_two(to, (uint32_t)power) : write_unsigned(to, (uint64_t)power);
    }
    if (point <= 0) {
        *to++ = '0';
        *to++ = '.';
        memset(to, '0', (size_t)-point);
        to += -point;
        memcpy(to, digits, (size_t)count);
        return to + count;
    }
    if (point >= count) {
        memcpy(to, digits, (size_t)count);
        to += count;
        memset(to, '0', (size_t)(point - count));
        to += point - count;
        *to++ = '.';
        *to++ = '0';
        return to;
    }
    memcpy(to, digits, (size_t)point);
    to += point;
    *to++ = '.';
    memcpy(to, digits + point, (size_t)(count - point));
    return to + count - point;
}

/* JSON has no numbers for these; as strings they stay visible. */
static uint8_t *write_not_finite(uint8_t *to, bool is_nan, bool negative) {
    const char *text = is_nan ? "\"NaN\"" : negative ? "\"-Infinity\"" : "\"Infinity\"";
    size_t bytes = strlen(text);
    memcpy(to, text, bytes);
    return to + bytes;
}

static uint8_t *write_double(uint8_t *to, double value) {
    uint64_t bits;
    memcpy(&bits, &value, 8);
    uint64_t fraction = bits & ((1ULL << 52) - 1);
    int32_t biased = (int32_t)(bits >> 52 & 2047);
    bool negative = bits >> 63;
    if (biased == 2047) return write_not_finite(to, fraction != 0, negative);
    if (negative) *to++ = '-';
    if (biased == 0 && fraction == 0) return write_short(to, (ShortDecimal){0, 0});
    return write_short(to, shortest_double(fraction, biased));
}

static uint8_t *write_float(uint8_t *to, float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint32_t fraction = bits & ((1U << 23) - 1);
    int32_t biased = (int32_t)(bits >> 23 & 255);
    bool negative = bits >> 31;
    if (biased == 255) return write_not_finite(to, fraction != 0, negative);
    if (negative) *to++ = '-';
    if (biased == 0 && fraction == 0) return write_short(to, (ShortDecimal){0, 0});
    return write_short(to, shortest_float(fraction, biased));
}

/* `yyyy-MM-dd`; years outside 0 to 9999 with all their digits. */
static uint8_t *write_date(uint8_t *to, int64_t days) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day = days - era * 146097;
    int64_t year_of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    int64_t month = shifted + (shifted < 10 ? 3 : -9);
    int64_t year = year_of_era + era * 400 + (month <= 2);
    if (year >= 0 && year <= 9999) {
        to = write_two(to, (uint32_t)(year / 100));
        to = write_two(to, (uint32_t)(year % 100));
    } else {
        to = write_integer(to, year);
    }
    *to++ = '-';
    to = write_two(to, (uint32_t)month);
    *to++ = '-';
    return write_two(to, (uint32_t)(day_of_year - (153 * shifted + 2) / 5 + 1));
}

/* `HH:mm:ss.SSS` of milliseconds since midnight. */
static inline uint8_t *write_clock(uint8_t *to, int64_t ms) {
    to = write_two(to, (uint32_t)(ms / 3600000));
    *to++ = ':';
    to = write_two(to, (uint32_t)(ms / 60000 % 60));
    *to++ = ':';
    to = write_two(to, (uint32_t)(ms / 1000 % 60));
    *to++ = '.';
    uint32_t rest = (uint32_t)(ms % 1000);
    *to++ = (uint8_t)('0' + rest / 100);
    return write_two(to, rest % 100);
}

/* The last day written: rows near each other are of one day. */
typedef struct {
    int64_t day;
    int32_t bytes; /* 0: nothing is remembered */
    uint8_t text[32];
} DayText;

static inline uint8_t *write_timestamp(uint8_t *to, int64_t ms, DayText *last) {
    int64_t day = ms / 86400000 - (ms % 86400000 < 0);
    if (last->bytes == 0 || last->day != day) {
        last->bytes = (int32_t)(write_date(last->text, day) - last->text);
        last->text[last->bytes++] = ' ';
        last->day = day;
    }
    memcpy(to, last->text, sizeof last->text); /* room is VALUE_BYTES: a fixed length is one instruction or two */
    return write_clock(to + last->bytes, ms - day * 86400000);
}

#define EACH(byte) (0x0101010101010101ULL * (byte))

/* The most bytes a string of `bytes` takes: every one a \u00xx. */
static inline int64_t escaped_bytes(int64_t bytes) { return 6 * bytes; }

/* What goes between the quotes. Reads no byte behind the string. */
static uint8_t *write_escaped(uint8_t *to, const uint8_t *s, int64_t bytes) {
    const uint8_t *end = s + bytes;
    while (s < end) {
        while (end - s >= 8) {
            uint64_t w;
            memcpy(&w, s, 8);
            uint64_t quote = w ^ EACH('"'), slash = w ^ EACH('\\');
            uint64_t hit = ((quote - EACH(1)) & ~quote) | ((slash - EACH(1)) & ~slash) | ((w - EACH(' ')) & ~w);
            if (hit & EACH(0x80)) break;
            memcpy(to, &w, 8);
            to += 8;
            s += 8;
        }
        /* a byte at a time up to the next whole word that needs no escapes */
        for (int i = 0; i < 8 && s < end; i++) {
            uint8_t c = *s++;
            if (c >= ' ' && c != '"' && c != '\\') {
                *to++ = c;
                continue;
            }
            *to++ = '\\';
            switch (c) {
                case '"':
                case '\\': *to++ = c; break;
                case '\n': *to++ = 'n'; break;
                case '\r': *to++ = 'r'; break;
                case '\t': *to++ = 't'; break;
                case '\b': *to++ = 'b'; break;
                case '\f': *to++ = 'f'; break;
                default:
                    memcpy(to, "u00", 3);
                    to[3] = (uint8_t)"0123456789abcdef"[c >> 4];
                    to[4] = (uint8_t)"0123456789abcdef"[c & 15];
                    to += 5;
            }
        }
    }
    return to;
}

/* `X'0AFF'`. */
static uint8_t *write_hex(uint8_t *to, const uint8_t *s, int64_t bytes) {
    *to++ = 'X';
    *to++ = '\'';
    for (int64_t i = 0; i < bytes; i++) {
        *to++ = (uint8_t)"0123456789ABCDEF"[s[i] >> 4];
        *to++ = (uint8_t)"0123456789ABCDEF"[s[i] & 15];
    }
    *to++ = '\'';
    return to;
}

#endif
