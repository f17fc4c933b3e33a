/* Decimal text <-> binary floating point, correctly rounded, without a locale and without the interpreter.

   Reading: Clinger's exact case, then the 128-bit product of Lemire ("Number Parsing at a Gigabyte per Second", 2021,
   and Mushtak & Lemire, "Fast Number Parsing Without Fallback", 2023). Writing: the shortest digits that read back as
   the same value, nearest to it among those (Giulietti, "The Schubfach way to render doubles", 2020). */
#ifndef STREAMSQL_DECIMAL_FLOAT_H
#define STREAMSQL_DECIMAL_FLOAT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "pow10.h"

typedef unsigned __int128 uint128;

static const double EXACT_POW10[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                       1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The double nearest to mantissa * 10^exponent, from the 128-bit table; mantissa != 0. Infinity when out of range. */
static double eisel_lemire(uint64_t mantissa, int64_t exponent) {
    if (exponent < POW10_MIN) return 0.0;
    if (exponent > 308) return __builtin_inf();
    uint64_t hi = POW10[exponent - POW10_MIN][0];
    uint64_t lo = POW10[exponent - POW10_MIN][1];
    if (exponent < -27 || exponent > 55) { /* the algorithm wants these truncated; the table has them rounded up */
        hi -= lo == 0;
        lo -= 1;
    }
    int zeros = __builtin_clzll(mantissa);
    mantissa <<= zeros;
    uint128 product = (uint128)mantissa * hi;
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product;
    if ((high & 0x1ff) == 0x1ff) { /* the lower half can carry into the bits that are kept */
        uint64_t more = (uint64_t)(((uint128)mantissa * lo) >> 64);
        low += more;
        high += low < more;
    }
    int upper = (int)(high >> 63);
    int shift = upper + 9;
    uint64_t bits = high >> shift;
    int64_t power = ((217706 * exponent) >> 16) + 63 + upper - zeros + 1023;
    if (power <= 0) { /* subnormal or zero */
        if (1 - power >= 64) return 0.0;
        bits >>= 1 - power;
        bits += bits & 1;
        bits >>= 1;
        double value;
        memcpy(&value, &bits, 8); /* a carry into bit 52 makes the smallest normal number, as it should */
        return value;
    }
    if (low <= 1 && exponent >= -4 && exponent <= 23 && (bits & 3) == 1 && (bits << shift) == high) {
        bits &= ~1ULL; /* exactly halfway: to even */
    }
    bits += bits & 1;
    bits >>= 1;
    if (bits >= 1ULL << 53) {
        bits = 1ULL << 52;
        power++;
    }
    if (power >= 2047) return __builtin_inf();
    bits = (bits & ~(1ULL << 52)) | (uint64_t)power << 52;
    double value;
    memcpy(&value, &bits, 8);
    return value;
}

/* mantissa * 10^exponent as a double. `truncated` says that non-zero digits after the 19 in `mantissa` were left out;
   then the value is only certain when the next mantissa gives the same one; *certain is cleared when it does not. */
static inline double decimal_to_double(uint64_t mantissa, int64_t exponent, bool truncated, bool *certain) {
    *certain = true;
    if (mantissa == 0) return 0.0;
    if (!truncated && mantissa <= 1ULL << 53 && exponent >= -22 && exponent <= 22) {
        double value = (double)mantissa;
        return exponent < 0 ? value / EXACT_POW10[-exponent] : value * EXACT_POW10[exponent];
    }
    double value = eisel_lemire(mantissa, exponent);
    if (truncated && value != eisel_lemire(mantissa + 1, exponent)) *certain = false;
    return value;
}

typedef struct {
    uint64_t digits;
    int32_t exponent; /* value = digits * 10^exponent */
} ShortDecimal;

static inline int32_t floor_log10_pow2(int32_t e, bool closer) { return (e * 1262611 - (closer ? 524031 : 0)) >> 22; }

static inline int32_t floor_log2_pow10(int32_t e) { return (e * 1741647) >> 19; }

static inline ShortDecimal schubfach_pick(uint64_t lower, uint64_t upper, uint64_t vb, int32_t k) {
    uint64_t s = vb / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above) return (ShortDecimal){tens + above, k + 1};
    }
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above) return (ShortDecimal){s + above, k};
    uint64_t middle = 4 * s + 2;
    return (ShortDecimal){s + (vb > middle || (vb == middle && (s & 1))), k};
}

static inline uint64_t round_to_odd64(uint64_t g_hi, uint64_t g_lo, uint64_t c) {
    uint64_t x = (uint64_t)(((uint128)g_lo * c) >> 64);
    uint128 y = (uint128)g_hi * c + x;
    return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

/* The shortest decimal of a finite positive double given as its fraction and (biased) exponent fields. */
static ShortDecimal shortest_double(uint64_t fraction, int32_t biased) {
    uint64_t c = biased ? fraction | 1ULL << 52 : fraction;
    int32_t q = (biased ? biased : 1) - 1075;
    if (q <= 0 && q > -53 && (c & ((1ULL << -q) - 1)) == 0) return (ShortDecimal){c >> -q, 0};
    bool even = (c & 1) == 0, closer = fraction == 0 && biased > 1;
    int32_t k = floor_log10_pow2(q, closer);
    int32_t h = q + floor_log2_pow10(-k) + 1;
    const uint64_t *g = POW10[-k - POW10_MIN];
    uint64_t lower = round_to_odd64(g[0], g[1], (4 * c - 2 + closer) << h) + !even;
    uint64_t vb = round_to_odd64(g[0], g[1], (4 * c) << h);
    uint64_t upper = round_to_odd64(g[0], g[1], (4 * c + 2) << h) - !even;
    return schubfach_pick(lower, upper, vb, k);
}

static inline uint64_t round_to_odd32(uint64_t g, uint64_t c) {
    uint128 p = (uint128)g * c;
    return (uint32_t)(p >> 64) | ((uint32_t)(p >> 32) > 1);
}

/* The shortest decimal of a finite positive float given as its fraction and (biased) exponent fields. */
static ShortDecimal shortest_float(uint32_t fraction, int32_t biased) {
    uint64_t c = biased ? fraction | 1U << 23 : fraction;
    int32_t q = (biased ? biased : 1) - 150;
    if (q <= 0 && q > -24 && (c & ((1ULL << -q) - 1)) == 0) return (ShortDecimal){c >> -q, 0};
    bool even = (c & 1) == 0, closer = fraction == 0 && biased > 1;
    int32_t k = floor_log10_pow2(q, closer);
    int32_t h = q + floor_log2_pow10(-k) + 1;
    const uint64_t *wide = POW10[-k - POW10_MIN];
    uint64_t g = wide[0] + (wide[1] != 0);
    uint64_t lower = round_to_odd32(g, (4 * c - 2 + closer) << h) + !even;
    uint64_t vb = round_to_odd32(g, (4 * c) << h);
    uint64_t upper = round_to_odd32(g, (4 * c + 2) << h) - !even;
    return schubfach_pick(lower, upper, vb, k);
}

#endif
