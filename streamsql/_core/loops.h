/* Scalar kernels as plain loops over fixed-width columns.
 *
 * Every loop has one signature (`streamsql_loop`): operands with a stride of 1 (a column) or 0 (a constant), an output
 * column, and `codes`. Called with `codes == NULL` a loop computes all rows and returns whether some row failed; only
 * then is it called again with `codes`, to say which. Rows that are NULL are computed like the others (their values are
 * arbitrary but readable), so that the loops have no branches; the caller clears their codes.
 */
#ifndef STREAMSQL_LOOPS_H
#define STREAMSQL_LOOPS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "abi.h"

/* Arrow promises 8-byte alignment only (a memory-mapped file), so 16-byte moves may not be assumed. */
typedef streamsql_int128 i128 __attribute__((aligned(8)));
typedef unsigned __int128 u128;

#define DIVISION_BY_ZERO 1
#define NUMERIC_OVERFLOW 2
#define INVALID_ARGUMENT 11

#define MS_PER_DAY INT64_C(86400000)

/* Constants of one kernel, fixed when the expression is compiled. */
typedef struct {
  int64_t divisor;    /* > 1: the constant divisor ... */
  uint64_t magic;     /* ... and its reciprocal, see streamsql_set_divisor */
  int32_t shift;
  int32_t digits;     /* decimal digits by which a quotient is scaled up */
  i128 factor_a;      /* the left operand is multiplied by this first */
  i128 factor_b;
  i128 reduce;        /* the result is divided by this, rounded half away from zero */
  i128 bound;         /* magnitudes from here on do not fit the result */
  int64_t months;     /* size of a calendar step */
  int64_t offset;     /* multiples of the divisor are counted from minus this */
} streamsql_params;

typedef int (*streamsql_loop)(const void *a, int64_t sa, const void *b, int64_t sb, void *out, uint8_t *codes, int64_t n,
                              const streamsql_params *p);

/* Wider vectors where the processor has them, chosen once when the module is loaded. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__) && \
    !defined(__SANITIZE_ADDRESS__)
#define STREAMSQL_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define STREAMSQL_CLONES
#endif
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* ---- division by a constant ---------------------------------------------------------------------------------------
 * For 0 <= u <= 2^63 and 1 < d < 2^63: with l = ceil(log2 d) and m = ceil(2^(63+l) / d), u / d = (u * m) >> (63 + l)
 * (Granlund and Montgomery, "Division by Invariant Integers using Multiplication", PLDI 1994). m < 2^64 because 2^l < 2d.
 * A divisor of 1 has no such m; nobody divides by it. */
static inline void streamsql_set_divisor(streamsql_params *p, int64_t divisor) {
  int l = 1;
  while (l < 63 && (INT64_C(1) << l) < divisor) l++;
  const u128 power = (u128)1 << (63 + l);
  p->divisor = divisor;
  p->magic = (uint64_t)((power + (uint64_t)divisor - 1) / (uint64_t)divisor);
  p->shift = l - 1;
}

static ALWAYS_INLINE uint64_t magnitude(int64_t x) { return x < 0 ? 0 - (uint64_t)x : (uint64_t)x; }

static ALWAYS_INLINE uint64_t unsigned_quotient(uint64_t u, const streamsql_params *p) {
  return (uint64_t)(((u128)u * p->magic) >> 64) >> p->shift;
}

/* Truncated quotient and remainder (sign of x). */
static ALWAYS_INLINE int64_t quotient(int64_t x, const streamsql_params *p) {
  const int64_t s = x >> 63;
  const int64_t q = (int64_t)unsigned_quotient(magnitude(x), p);
  return (q ^ s) - s;
}

static ALWAYS_INLINE int64_t remainder_of(int64_t x, const streamsql_params *p) {
  return (int64_t)((uint64_t)x - (uint64_t)quotient(x, p) * (uint64_t)p->divisor);
}

/* Distance from x down to the multiple of the divisor at or below it. */
static ALWAYS_INLINE int64_t above_floor(int64_t x, const streamsql_params *p) {
  const int64_t r = remainder_of(x, p);
  return r + (p->divisor & (r >> 63));
}

/* ---- 128-bit decimals --------------------------------------------------------------------------------------------- */
static ALWAYS_INLINE i128 round_divide(i128 x, i128 by) {
  const i128 q = x / by, r = x % by;
  const i128 twice = r < 0 ? -2 * r : 2 * r;
  return q + (twice >= by ? (x < 0 ? -1 : 1) : 0);
}

static ALWAYS_INLINE int exceeds(i128 x, i128 bound) { return x >= bound || x <= -bound; }

static const int64_t STREAMSQL_POW10[19] = {
    INT64_C(1), INT64_C(10), INT64_C(100), INT64_C(1000), INT64_C(10000), INT64_C(100000), INT64_C(1000000),
    INT64_C(10000000), INT64_C(100000000), INT64_C(1000000000), INT64_C(10000000000), INT64_C(100000000000),
    INT64_C(1000000000000), INT64_C(10000000000000), INT64_C(100000000000000), INT64_C(1000000000000000),
    INT64_C(10000000000000000), INT64_C(100000000000000000), INT64_C(1000000000000000000)};

static inline i128 streamsql_power10(int digits) {
  i128 r = 1;
  while (digits >= 18) {
    r *= STREAMSQL_POW10[18];
    digits -= 18;
  }
  return r * STREAMSQL_POW10[digits];
}

/* x * 10^digits / y rounded half away from zero, y != 0; magnitudes of x and y below 10^19. Long division, 18 digits at
 * a time, so that no intermediate value leaves 128 bits. Returns 1 when the magnitude reaches `bound` (<= 10^19). */
static inline int decimal_quotient(i128 x, i128 y, int digits, i128 bound, i128 *result) {
  const int negative = (x < 0) != (y < 0);
  u128 u = x < 0 ? (u128)-x : (u128)x;
  const u128 v = y < 0 ? (u128)-y : (u128)y;
  u128 q = u / v;
  u %= v;
  while (digits > 0) {
    const int step = digits < 18 ? digits : 18;
    if (q >= (u128)bound) return 1;
    const u128 scaled = u * (u128)STREAMSQL_POW10[step];
    q = q * (u128)STREAMSQL_POW10[step] + scaled / v;
    u = scaled % v;
    digits -= step;
  }
  if (2 * u >= v) q++;
  if (q >= (u128)bound) return 1;
  *result = negative ? -(i128)q : (i128)q;
  return 0;
}

/* x * 10^scale as an integer, rounded half away from zero, computed exactly from the bits of x. 1: too large. */
static inline int decimal_of_double(double x, int scale, i128 bound, i128 *result) {
  int exponent;
  const double fraction = frexp(x, &exponent);
  const i128 mantissa = (i128)(int64_t)ldexp(fraction, 53);
  const i128 scaled = (mantissa < 0 ? -mantissa : mantissa) * streamsql_power10(scale); /* below 2^53 * 10^19 < 2^117 */
  const int shift = exponent - 53;
  i128 r;
  if (shift >= 0) {
    if (shift > 10 && mantissa != 0) return 1; /* at least 2^63 before scaling: at most 19 digits fit */
    r = scaled << shift;
    if (r >> shift != scaled) return 1;
  } else if (-shift >= 126) {
    r = 0;
  } else {
    r = (scaled + ((i128)1 << (-shift - 1))) >> -shift;
  }
  if (r >= bound) return 1;
  *result = x < 0 ? -r : r;
  return 0;
}

/* ---- calendar (proleptic Gregorian), after H. Hinnant, "chrono-compatible low-level date algorithms" --------------- */
static ALWAYS_INLINE int64_t floor_divide(int64_t x, int64_t by) { return x / by - (x % by < 0); }

static inline int64_t days_from_civil(int64_t year, int month, int day) {
  const int64_t y = year - (month <= 2);
  const int64_t era = floor_divide(y, 400);
  const int64_t yoe = y - era * 400;
  const int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static inline void civil_from_days(int64_t days, int64_t *year, int *month, int *day) {
  const int64_t z = days + 719468;
  const int64_t era = floor_divide(z, 146097);
  const int64_t doe = z - era * 146097;
  const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  *day = (int)(doy - (153 * mp + 2) / 5 + 1);
  *month = (int)(mp < 10 ? mp + 3 : mp - 9);
  *year = yoe + era * 400 + (*month <= 2);
}

/* First day of the step of `months` calendar months, counted from 1970-01, that holds `days`; `next` steps later. */
static inline int64_t month_step(int64_t days, int64_t months, int64_t next) {
  int64_t year;
  int month, day;
  civil_from_days(days, &year, &month, &day);
  const int64_t index = (floor_divide((year - 1970) * 12 + month - 1, months) + next) * months;
  return days_from_civil(1970 + floor_divide(index, 12), (int)(index - floor_divide(index, 12) * 12) + 1, 1);
}

/* ---- loops -------------------------------------------------------------------------------------------------------- */
#define LOOP2(NAME, TA, TB, TO, ...)                                                                                   \
  static ALWAYS_INLINE int NAME##_rows(const TA *restrict a, int64_t sa, const TB *restrict b, int64_t sb,             \
                                       TO *restrict out, uint8_t *restrict codes, int64_t n,                           \
                                       const streamsql_params *p) {                                                    \
    const streamsql_params k = *p;                                                                                     \
    uint8_t bad = 0;                                                                                                   \
    (void)k;                                                                                                           \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      const TA x = a[i * sa];                                                                                          \
      const TB y = b[i * sb];                                                                                          \
      TO r = 0;                                                                                                        \
      uint8_t code = 0;                                                                                                \
      __VA_ARGS__                                                                                                      \
      out[i] = r;                                                                                                      \
      bad |= code;                                                                                                     \
      if (codes) codes[i] = code;                                                                                      \
    }                                                                                                                  \
    return bad;                                                                                                        \
  }                                                                                                                    \
  STREAMSQL_CLONES int streamsql_##NAME(const void *a, int64_t sa, const void *b, int64_t sb, void *out,               \
                                        uint8_t *codes, int64_t n, const streamsql_params *p) {                        \
    if (codes) return NAME##_rows(a, sa, b, sb, out, codes, n, p);                                                     \
    if (sa && sb) return NAME##_rows(a, 1, b, 1, out, NULL, n, p);                                                     \
    if (sa) return NAME##_rows(a, 1, b, 0, out, NULL, n, p);                                                           \
    return NAME##_rows(a, 0, b, sb, out, NULL, n, p);                                                                  \
  }

#define LOOP1(NAME, TA, TO, ...)                                                                                       \
  static ALWAYS_INLINE int NAME##_rows(const TA *restrict a, TO *restrict out, uint8_t *restrict codes, int64_t n,     \
                                       const streamsql_params *p) {                                                    \
    const streamsql_params k = *p;                                                                                     \
    uint8_t bad = 0;                                                                                                   \
    (void)k;                                                                                                           \
    for (int64_t i = 0; i < n; i++) {                                                                                  \
      const TA x = a[i];                                                                                               \
      TO r = 0;                                                                                                        \
      uint8_t code = 0;                                                                                                \
      __VA_ARGS__                                                                                                      \
      out[i] = r;                                                                                                      \
      bad |= code;                                                                                                     \
      if (codes) codes[i] = code;                                                                                      \
    }                                                                                                                  \
    return bad;                                                                                                        \
  }                                                                                                                    \
  STREAMSQL_CLONES int streamsql_##NAME(const void *a, int64_t sa, const void *b, int64_t sb, void *out,               \
                                        uint8_t *codes, int64_t n, const streamsql_params *p) {                        \
    (void)sa, (void)b, (void)sb;                                                                                       \
    return codes ? NAME##_rows(a, out, codes, n, p) : NAME##_rows(a, out, NULL, n, p);                                 \
  }

/* A predicate writes one bit per row, whole 64-bit words at a time. */
#define PREDICATE(NAME, TA, TB, ...)                                                                                   \
  static ALWAYS_INLINE int NAME##_rows(const TA *restrict a, int64_t sa, const TB *restrict b, int64_t sb,             \
                                       uint64_t *restrict out, int64_t n, const streamsql_params *p) {                 \
    const streamsql_params k = *p;                                                                                     \
    (void)k;                                                                                                           \
    for (int64_t start = 0; start < n; start += 64) {                                                                  \
      uint8_t hit[64] = {0};                                                                                           \
      const int64_t rows = n - start < 64 ? n - start : 64;                                                            \
      if (rows == 64)                                                                                                  \
        for (int j = 0; j < 64; j++) {                                                                                 \
          const TA x = a[(start + j) * sa];                                                                            \
          const TB y = b[(start + j) * sb];                                                                            \
          hit[j] = (__VA_ARGS__);                                                                                      \
        }                                                                                                              \
      else                                                                                                             \
        for (int64_t j = 0; j < rows; j++) {                                                                           \
          const TA x = a[(start + j) * sa];                                                                            \
          const TB y = b[(start + j) * sb];                                                                            \
          hit[j] = (__VA_ARGS__);                                                                                      \
        }                                                                                                              \
      out[start >> 6] = pack64(hit);                                                                                   \
    }                                                                                                                  \
    return 0;                                                                                                          \
  }                                                                                                                    \
  STREAMSQL_CLONES int streamsql_##NAME(const void *a, int64_t sa, const void *b, int64_t sb, void *out,               \
                                        uint8_t *codes, int64_t n, const streamsql_params *p) {                        \
    (void)codes;                                                                                                       \
    if (sa && sb) return NAME##_rows(a, 1, b, 1, out, n, p);                                                           \
    if (sa) return NAME##_rows(a, 1, b, 0, out, n, p);                                                                 \
    return NAME##_rows(a, 0, b, sb, out, n, p);                                                                        \
  }

/* 64 bytes of 0 or 1 as 64 bits: eight bytes are gathered by one multiplication. */
static ALWAYS_INLINE uint64_t pack64(const uint8_t *hit) {
  uint64_t word = 0;
  for (int g = 0; g < 8; g++) {
    uint64_t eight;
    memcpy(&eight, hit + 8 * g, 8);
    word |= ((eight * UINT64_C(0x0102040810204080)) >> 56) << (8 * g);
  }
  return word;
}

/* ---- integers ----------------------------------------------------------------------------------------------------- */
#define INTEGER_LOOPS(S, T, MIN)                                                                                       \
  LOOP2(add_##S, T, T, T, code = __builtin_add_overflow(x, y, &r) ? NUMERIC_OVERFLOW : 0;)                             \
  LOOP2(sub_##S, T, T, T, code = __builtin_sub_overflow(x, y, &r) ? NUMERIC_OVERFLOW : 0;)                             \
  LOOP2(mul_##S, T, T, T, code = __builtin_mul_overflow(x, y, &r) ? NUMERIC_OVERFLOW : 0;)                             \
  LOOP2(                                                                                                               \
      div_##S, T, T, T, if (y == 0) code = DIVISION_BY_ZERO; else if (y == -1 && x == MIN) code = NUMERIC_OVERFLOW;    \
      else r = (T)(x / y);)                                                                                            \
  LOOP2(mod_##S, T, T, T, if (y == 0) code = DIVISION_BY_ZERO; else if (y != -1) r = (T)(x % y);)                      \
  LOOP1(div_const_##S, T, T, r = (T)quotient(x, &k);)                                                                  \
  LOOP1(mod_const_##S, T, T, r = (T)remainder_of(x, &k);)                                                              \
  LOOP1(step_##S, T, T, r = (T)(x - remainder_of(x, &k));)                                                             \
  LOOP1(neg_##S, T, T, code = __builtin_sub_overflow((T)0, x, &r) ? NUMERIC_OVERFLOW : 0;)                             \
  LOOP1(abs_##S, T, T, code = x == MIN ? NUMERIC_OVERFLOW : 0; r = (T)(x < 0 ? 0 - (uint64_t)x : (uint64_t)x);)

INTEGER_LOOPS(i8, int8_t, INT8_MIN)
INTEGER_LOOPS(i16, int16_t, INT16_MIN)
INTEGER_LOOPS(i32, int32_t, INT32_MIN)
INTEGER_LOOPS(i64, int64_t, INT64_MIN)

/* ---- floating point: no result is ever NaN or infinite ------------------------------------------------------------ */
#define FLOAT_LOOPS(S, T, MAX)                                                                                         \
  LOOP2(add_##S, T, T, T, r = x + y; code = !(r <= MAX && r >= -MAX) ? NUMERIC_OVERFLOW : 0;)                          \
  LOOP2(sub_##S, T, T, T, r = x - y; code = !(r <= MAX && r >= -MAX) ? NUMERIC_OVERFLOW : 0;)                          \
  LOOP2(mul_##S, T, T, T, r = x * y; code = !(r <= MAX && r >= -MAX) ? NUMERIC_OVERFLOW : 0;)                          \
  LOOP2(                                                                                                               \
      div_##S, T, T, T, r = x / y;                                                                                     \
      code = y == 0 ? DIVISION_BY_ZERO : !(r <= MAX && r >= -MAX) ? NUMERIC_OVERFLOW : 0;)                             \
  LOOP1(neg_##S, T, T, r = -x;)                                                                                        \
  LOOP1(abs_##S, T, T, r = x < 0 ? -x : x;)                                                                            \
  LOOP1(floor_##S, T, T, r = (T)floor(x);)                                                                             \
  LOOP1(ceil_##S, T, T, r = (T)ceil(x);)

#define FLOAT_MAX 3.40282346638528859811704183484516925e+38f
#define DOUBLE_MAX 1.79769313486231570814527423731704357e+308
FLOAT_LOOPS(f32, float, FLOAT_MAX)
FLOAT_LOOPS(f64, double, DOUBLE_MAX)

LOOP2(mul_i64_f64, int64_t, double, double, r = (double)x * y; code = !(r <= DOUBLE_MAX && r >= -DOUBLE_MAX) ? 2 : 0;)
LOOP1(exp_f64, double, double, r = exp(x); code = r > DOUBLE_MAX ? NUMERIC_OVERFLOW : 0;)
LOOP1(ln_f64, double, double, code = x <= 0 ? INVALID_ARGUMENT : 0; r = log(x > 0 ? x : 1);)
LOOP1(log10_f64, double, double, code = x <= 0 ? INVALID_ARGUMENT : 0; r = log10(x > 0 ? x : 1);)
LOOP2(
    power_f64, double, double, double, if ((x == 0 && y < 0) || (x < 0 && y != floor(y))) code = INVALID_ARGUMENT;
    else {
      r = pow(x, y);
      code = !(r <= DOUBLE_MAX && r >= -DOUBLE_MAX) ? NUMERIC_OVERFLOW : 0;
    })

/* ---- DECIMAL; a BIGINT operand is one of scale 0 ------------------------------------------------------------------ */
#define DECIMAL_LOOPS(S, TA, TB)                                                                                       \
  LOOP2(                                                                                                               \
      dec_add_##S, TA, TB, i128, i128 v, w;                                                                            \
      code = (__builtin_mul_overflow((i128)x, k.factor_a, &v) | __builtin_mul_overflow((i128)y, k.factor_b, &w) |      \
              __builtin_add_overflow(v, w, &r) | exceeds(r, k.bound))                                                  \
                 ? NUMERIC_OVERFLOW                                                                                    \
                 : 0;)                                                                                                 \
  LOOP2(                                                                                                               \
      dec_mul_##S, TA, TB, i128, r = (i128)x * (i128)y; if (k.reduce > 1) r = round_divide(r, k.reduce);               \
      code = exceeds(r, k.bound) ? NUMERIC_OVERFLOW : 0;)                                                              \
  LOOP2(                                                                                                               \
      dec_div_##S, TA, TB, i128, if (y == 0) code = DIVISION_BY_ZERO;                                                  \
      else code = decimal_quotient(x, y, k.digits, k.bound, &r) ? NUMERIC_OVERFLOW : 0;)

DECIMAL_LOOPS(i64_i128, int64_t, i128)
DECIMAL_LOOPS(i128_i64, i128, int64_t)
DECIMAL_LOOPS(i128_i128, i128, i128)
LOOP2(dec_mod, i128, i128, i128, if (y == 0) code = DIVISION_BY_ZERO; else r = x % y;)
LOOP1(dec_neg, i128, i128, r = -x;)
LOOP1(dec_abs, i128, i128, r = x < 0 ? -x : x;)
LOOP1(dec_floor, i128, i128, r = x / k.reduce - (x % k.reduce < 0);)
LOOP1(dec_ceil, i128, i128, r = x / k.reduce + (x % k.reduce > 0);)

/* interval (ms) times or divided by a DECIMAL or a DOUBLE, truncated toward zero */
LOOP2(
    interval_mul_i128, int64_t, i128, int64_t, i128 v = 0;
    code = __builtin_mul_overflow((i128)x, y, &v) || exceeds(v / k.reduce, (i128)INT64_MAX) ? NUMERIC_OVERFLOW : 0;
    if (!code) r = (int64_t)(v / k.reduce);)
LOOP2(
    interval_div_i128, int64_t, i128, int64_t, i128 v = 0; if (y == 0) code = DIVISION_BY_ZERO;
    else if (__builtin_mul_overflow((i128)x, k.factor_a, &v) || exceeds(v / y, (i128)INT64_MAX)) code = NUMERIC_OVERFLOW;
    else r = (int64_t)(v / y);)
#define FITS_I64(v) ((v) > -9.2233720368547758e18 && (v) < 9.2233720368547758e18)
LOOP2(interval_mul_f64, int64_t, double, int64_t, const double v = trunc((double)x * y);
      if (FITS_I64(v)) r = (int64_t)v; else code = NUMERIC_OVERFLOW;)
LOOP2(interval_div_f64, int64_t, double, int64_t, const double v = y == 0 ? 0 : trunc((double)x / y);
      if (y == 0) code = DIVISION_BY_ZERO; else if (FITS_I64(v)) r = (int64_t)v; else code = NUMERIC_OVERFLOW;)

/* ---- number to number --------------------------------------------------------------------------------------------- */
#define NARROW(SA, TA, SO, TO)                                                                                         \
  LOOP1(cast_##SA##_##SO, TA, TO, r = (TO)x; code = (TA)r != x ? NUMERIC_OVERFLOW : 0;)
#define WIDEN(SA, TA, SO, TO) LOOP1(cast_##SA##_##SO, TA, TO, r = (TO)x;)
WIDEN(i8, int8_t, i16, int16_t)
WIDEN(i8, int8_t, i32, int32_t)
WIDEN(i8, int8_t, i64, int64_t)
WIDEN(i16, int16_t, i32, int32_t)
WIDEN(i16, int16_t, i64, int64_t)
WIDEN(i32, int32_t, i64, int64_t)
NARROW(i16, int16_t, i8, int8_t)
NARROW(i32, int32_t, i8, int8_t)
NARROW(i64, int64_t, i8, int8_t)
NARROW(i32, int32_t, i16, int16_t)
NARROW(i64, int64_t, i16, int16_t)
NARROW(i64, int64_t, i32, int32_t)
#define TO_FLOAT(SA, TA) WIDEN(SA, TA, f32, float) WIDEN(SA, TA, f64, double)
TO_FLOAT(i8, int8_t)
TO_FLOAT(i16, int16_t)
TO_FLOAT(i32, int32_t)
TO_FLOAT(i64, int64_t)
WIDEN(f32, float, f64, double)
LOOP1(cast_f64_f32, double, float, code = x > FLOAT_MAX || x < -FLOAT_MAX ? NUMERIC_OVERFLOW : 0; r = code ? 0 : (float)x;)

/* LIMIT is 2^(bits - 1): the value must round to something in [-LIMIT, LIMIT). */
#define FROM_FLOAT(SA, TA, SO, TO, LIMIT)                                                                              \
  LOOP1(cast_##SA##_##SO, TA, TO, const double v = round((double)x);                                                   \
        if (v >= -(LIMIT) && v < (LIMIT)) r = (TO)v; else code = NUMERIC_OVERFLOW;)
#define FROM_FLOATS(SO, TO, LIMIT) FROM_FLOAT(f32, float, SO, TO, LIMIT) FROM_FLOAT(f64, double, SO, TO, LIMIT)
FROM_FLOATS(i8, int8_t, 128.0)
FROM_FLOATS(i16, int16_t, 32768.0)
FROM_FLOATS(i32, int32_t, 2147483648.0)
FROM_FLOATS(i64, int64_t, 9223372036854775808.0)

#define FROM_DECIMAL(SO, TO, MIN, MAX)                                                                                 \
  LOOP1(cast_i128_##SO, i128, TO, const i128 v = round_divide(x, k.reduce);                                            \
        if (v >= MIN && v <= MAX) r = (TO)v; else code = NUMERIC_OVERFLOW;)
FROM_DECIMAL(i8, int8_t, INT8_MIN, INT8_MAX)
FROM_DECIMAL(i16, int16_t, INT16_MIN, INT16_MAX)
FROM_DECIMAL(i32, int32_t, INT32_MIN, INT32_MAX)
FROM_DECIMAL(i64, int64_t, INT64_MIN, INT64_MAX)
/* The integer and the power of ten are both exact doubles below 2^53, so that one rounding happens; beyond, the wider
 * format keeps the error below one unit in the last place. */
LOOP1(cast_i128_f64, i128, double,
      r = x > -(INT64_C(1) << 53) && x < (INT64_C(1) << 53) ? (double)(int64_t)x / (double)k.reduce
                                                            : (double)((long double)x / (long double)k.reduce);)
LOOP1(cast_i128_f32, i128, float, r = (float)((long double)x / (long double)k.reduce);)
LOOP1(cast_i64_i128, int64_t, i128, r = (i128)x * k.factor_a; code = exceeds(r, k.bound) ? NUMERIC_OVERFLOW : 0;)
LOOP1(cast_i128_i128, i128, i128, if (k.reduce > 1) r = round_divide(x, k.reduce);
      else if (__builtin_mul_overflow(x, k.factor_a, &r)) code = NUMERIC_OVERFLOW;
      if (exceeds(r, k.bound)) code = NUMERIC_OVERFLOW;)
LOOP1(cast_f64_i128, double, i128, code = decimal_of_double(x, k.digits, k.bound, &r) ? NUMERIC_OVERFLOW : 0;)
/* interval to number: ms over the ms of the field, toward zero */
LOOP1(interval_i64, int64_t, int64_t, r = x / k.divisor;)

/* ---- dates and times ---------------------------------------------------------------------------------------------- */
#define DAY_OF(v, out_type)                                                                                            \
  {                                                                                                                    \
    const int64_t d = floor_divide(v, MS_PER_DAY);                                                                     \
    if (d < INT32_MIN || d > INT32_MAX) code = NUMERIC_OVERFLOW; else r = (out_type)d;                                 \
  }
#define WITHIN_DAY(v) ((int32_t)((v) - floor_divide(v, MS_PER_DAY) * MS_PER_DAY))
LOOP2(add_date, int32_t, int64_t, int32_t, int64_t v; if (__builtin_add_overflow((int64_t)x * MS_PER_DAY, y, &v))
      code = NUMERIC_OVERFLOW; else DAY_OF(v, int32_t))
LOOP2(sub_date, int32_t, int64_t, int32_t, int64_t v; if (__builtin_sub_overflow((int64_t)x * MS_PER_DAY, y, &v))
      code = NUMERIC_OVERFLOW; else DAY_OF(v, int32_t))
LOOP2(add_time, int32_t, int64_t, int32_t, r = WITHIN_DAY(x + y % MS_PER_DAY);)
LOOP2(sub_time, int32_t, int64_t, int32_t, r = WITHIN_DAY(x - y % MS_PER_DAY);)
LOOP1(date_ms, int32_t, int64_t, r = (int64_t)x * MS_PER_DAY;)
LOOP1(ms_date, int64_t, int32_t, DAY_OF(x, int32_t))
LOOP1(ms_time, int64_t, int32_t, r = WITHIN_DAY(x);)
LOOP1(us_ms, int64_t, int64_t, r = floor_divide(x, 1000);)

#define ABOVE_FLOOR(x) above_floor((int64_t)((uint64_t)(x) + (uint64_t)k.offset), &k)
LOOP1(floor_const, int64_t, int64_t, code = __builtin_sub_overflow(x, ABOVE_FLOOR(x), &r) ? NUMERIC_OVERFLOW : 0;)
LOOP1(ceil_const, int64_t, int64_t, const int64_t up = ABOVE_FLOOR(x);
      code = __builtin_add_overflow(x, up ? k.divisor - up : 0, &r) ? NUMERIC_OVERFLOW : 0;)
LOOP1(trunc_const, int64_t, int64_t, r = x - remainder_of(x, &k);)
LOOP1(floor_month, int64_t, int64_t, r = month_step(floor_divide(x, MS_PER_DAY), k.months, 0) * MS_PER_DAY;)
LOOP1(ceil_month, int64_t, int64_t, r = month_step(floor_divide(x, MS_PER_DAY), k.months, 0) * MS_PER_DAY;
      if (r != x) r = month_step(floor_divide(x, MS_PER_DAY), k.months, 1) * MS_PER_DAY;)

#define EXTRACT_LOOP(FIELD)                                                                                            \
  LOOP1(extract_##FIELD, int64_t, int64_t, int64_t year; int month, day;                                               \
        civil_from_days(floor_divide(x, MS_PER_DAY), &year, &month, &day); (void)year, (void)month, (void)day; r = FIELD;)
EXTRACT_LOOP(year)
EXTRACT_LOOP(month)
EXTRACT_LOOP(day)
/* hour, minute, second-with-ms of a time of day or an interval: (x / factor) % divisor, toward zero */
LOOP1(extract_part, int64_t, int64_t, r = (x / (int64_t)k.factor_a) % k.divisor;)
LOOP1(extract_part_decimal, int64_t, i128, r = x % k.divisor;)

/* Whole months from y to x, toward zero; operands in ms. */
LOOP2(
    months_between, int64_t, int64_t, int32_t, int64_t y1; int64_t y2; int m1; int m2; int d1; int d2;
    const int64_t day_x = floor_divide(x, MS_PER_DAY); const int64_t day_y = floor_divide(y, MS_PER_DAY);
    civil_from_days(day_x, &y1, &m1, &d1); civil_from_days(day_y, &y2, &m2, &d2);
    int64_t months = (y1 - y2) * 12 + (m1 - m2);
    const int64_t rest = (d1 - d2) * MS_PER_DAY + ((x - day_x * MS_PER_DAY) - (y - day_y * MS_PER_DAY));
    if (months > 0 && rest < 0) months--; else if (months < 0 && rest > 0) months++;
    r = (int32_t)months;)

/* ---- comparison --------------------------------------------------------------------------------------------------- */
#define COMPARE_LOOPS(S, TA, TB, X, Y)                                                                                 \
  PREDICATE(eq_##S, TA, TB, X == Y)                                                                                    \
  PREDICATE(ne_##S, TA, TB, X != Y)                                                                                    \
  PREDICATE(lt_##S, TA, TB, X < Y)                                                                                     \
  PREDICATE(le_##S, TA, TB, X <= Y)                                                                                    \
  PREDICATE(gt_##S, TA, TB, X > Y)                                                                                     \
  PREDICATE(ge_##S, TA, TB, X >= Y)
COMPARE_LOOPS(i8, int8_t, int8_t, x, y)
COMPARE_LOOPS(i16, int16_t, int16_t, x, y)
COMPARE_LOOPS(i32, int32_t, int32_t, x, y)
COMPARE_LOOPS(i64, int64_t, int64_t, x, y)
COMPARE_LOOPS(f32, float, float, x, y)
COMPARE_LOOPS(f64, double, double, x, y)
/* Factors are at most 10^19 and values below 10^19, so the products stay inside 128 bits. */
COMPARE_LOOPS(i64_i128, int64_t, i128, (i128)x * k.factor_a, y * k.factor_b)
COMPARE_LOOPS(i128_i64, i128, int64_t, x * k.factor_a, (i128)y * k.factor_b)
COMPARE_LOOPS(i128_i128, i128, i128, x * k.factor_a, y * k.factor_b)
PREDICATE(mod_eq_i64, int64_t, int64_t, remainder_of(x, &k) == y)

/* ---- the table ---------------------------------------------------------------------------------------------------- */
#define ENTRY(NAME) {#NAME, streamsql_##NAME},
#define INTEGER_ENTRIES(S)                                                                                             \
  ENTRY(add_##S) ENTRY(sub_##S) ENTRY(mul_##S) ENTRY(div_##S) ENTRY(mod_##S) ENTRY(div_const_##S) ENTRY(mod_const_##S) \
  ENTRY(step_##S) ENTRY(neg_##S) ENTRY(abs_##S) ENTRY(cast_##S##_f32) ENTRY(cast_##S##_f64) ENTRY(cast_f32_##S)        \
  ENTRY(cast_f64_##S) ENTRY(cast_i128_##S)
#define FLOAT_ENTRIES(S)                                                                                               \
  ENTRY(add_##S) ENTRY(sub_##S) ENTRY(mul_##S) ENTRY(div_##S) ENTRY(neg_##S) ENTRY(abs_##S) ENTRY(floor_##S)           \
  ENTRY(ceil_##S)
#define DECIMAL_ENTRIES(S) ENTRY(dec_add_##S) ENTRY(dec_mul_##S) ENTRY(dec_div_##S)
#define COMPARE_ENTRIES(S) ENTRY(eq_##S) ENTRY(ne_##S) ENTRY(lt_##S) ENTRY(le_##S) ENTRY(gt_##S) ENTRY(ge_##S)
static const struct {
  const char *name;
  streamsql_loop loop;
} STREAMSQL_LOOPS[] = {
    INTEGER_ENTRIES(i8) INTEGER_ENTRIES(i16) INTEGER_ENTRIES(i32) INTEGER_ENTRIES(i64) FLOAT_ENTRIES(f32)
    FLOAT_ENTRIES(f64) DECIMAL_ENTRIES(i64_i128) DECIMAL_ENTRIES(i128_i64) DECIMAL_ENTRIES(i128_i128)
    COMPARE_ENTRIES(i8) COMPARE_ENTRIES(i16) COMPARE_ENTRIES(i32) COMPARE_ENTRIES(i64) COMPARE_ENTRIES(f32)
    COMPARE_ENTRIES(f64) COMPARE_ENTRIES(i64_i128) COMPARE_ENTRIES(i128_i64) COMPARE_ENTRIES(i128_i128)
    ENTRY(cast_i8_i16) ENTRY(cast_i8_i32) ENTRY(cast_i8_i64) ENTRY(cast_i16_i32) ENTRY(cast_i16_i64)
    ENTRY(cast_i32_i64) ENTRY(cast_i16_i8) ENTRY(cast_i32_i8) ENTRY(cast_i64_i8) ENTRY(cast_i32_i16)
    ENTRY(cast_i64_i16) ENTRY(cast_i64_i32) ENTRY(cast_f32_f64) ENTRY(cast_f64_f32) ENTRY(cast_i128_f64)
    ENTRY(cast_i128_f32) ENTRY(cast_i64_i128) ENTRY(cast_i128_i128) ENTRY(cast_f64_i128) ENTRY(interval_i64)
    ENTRY(mul_i64_f64) ENTRY(exp_f64) ENTRY(ln_f64) ENTRY(log10_f64) ENTRY(power_f64)
    ENTRY(dec_mod) ENTRY(dec_neg) ENTRY(dec_abs) ENTRY(dec_floor) ENTRY(dec_ceil)
    ENTRY(interval_mul_i128) ENTRY(interval_div_i128) ENTRY(interval_mul_f64) ENTRY(interval_div_f64)
    ENTRY(add_date) ENTRY(sub_date) ENTRY(add_time) ENTRY(sub_time) ENTRY(date_ms) ENTRY(ms_date) ENTRY(ms_time)
    ENTRY(us_ms) ENTRY(floor_const) ENTRY(ceil_const) ENTRY(trunc_const) ENTRY(floor_month) ENTRY(ceil_month)
    ENTRY(extract_year) ENTRY(extract_month) ENTRY(extract_day) ENTRY(extract_part) ENTRY(extract_part_decimal)
    ENTRY(months_between) ENTRY(mod_eq_i64)};

static inline streamsql_loop streamsql_find_loop(const char *name) {
  for (size_t i = 0; i < sizeof STREAMSQL_LOOPS / sizeof STREAMSQL_LOOPS[0]; i++)
    if (strcmp(STREAMSQL_LOOPS[i].name, name) == 0) return STREAMSQL_LOOPS[i].loop;
  return NULL;
}

/* ---- bits --------------------------------------------------------------------------------------------------------- */

/* 64 bits of a bitmap from bit `position` on; reads only bytes that hold bits below `end`. */
static ALWAYS_INLINE uint64_t streamsql_word(const uint8_t *bits, int64_t position, int64_t end) {
  const int64_t byte = position >> 3, last = (end - 1) >> 3;
  const int shift = (int)(position & 7);
  uint64_t word = 0;
  if (last - byte >= 8) {
    memcpy(&word, bits + byte, 8);
    return shift ? (word >> shift) | ((uint64_t)bits[byte + 8] << (64 - shift)) : word;
  }
  for (int64_t i = byte; i <= last && i < byte + 8; i++) word |= (uint64_t)bits[i] << (8 * (i - byte));
  word >>= shift;
  const int64_t count = end - position;
  return count < 64 ? word & ((UINT64_C(1) << count) - 1) : word;
}

/* out = a AND b over n bits (a bitmap that is NULL is all ones); returns how many bits are 0. Writes whole words. */
static inline int64_t streamsql_and_bits(const uint8_t *a, int64_t offset_a, const uint8_t *b, int64_t offset_b,
                                         uint64_t *out, int64_t n) {
  int64_t ones = 0;
  for (int64_t i = 0; i < n; i += 64) {
    uint64_t word = n - i < 64 ? (UINT64_C(1) << (n - i)) - 1 : ~UINT64_C(0);
    if (a) word &= streamsql_word(a, offset_a + i, offset_a + n);
    if (b) word &= streamsql_word(b, offset_b + i, offset_b + n);
    out[i >> 6] = word;
    ones += __builtin_popcountll(word);
  }
  return n - ones;
}

/* The rows whose bit is set in `bits` and in `validity` (NULL: all): their numbers to `out`; returns how many. */
static inline int64_t streamsql_select(const uint8_t *bits, int64_t offset, const uint8_t *validity,
                                       int64_t validity_offset, int32_t *out, int64_t n) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i += 64) {
    uint64_t word = streamsql_word(bits, offset + i, offset + n);
    if (validity) word &= streamsql_word(validity, validity_offset + i, validity_offset + n);
    while (word) {
      out[count++] = (int32_t)(i + __builtin_ctzll(word));
      word &= word - 1;
    }
  }
  return count;
}

#endif
