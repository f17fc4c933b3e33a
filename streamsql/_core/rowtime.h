/* Loops over ROWTIME columns. Every row of every input passes through them. */

#ifndef STREAMSQL_ROWTIME_H
#define STREAMSQL_ROWTIME_H

#include <stdint.h>

/* Wider vectors where the processor has them, chosen once when the module is loaded. */
#ifndef STREAMSQL_CLONES
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__gnu_linux__) && \
    !defined(__SANITIZE_ADDRESS__)
#define STREAMSQL_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define STREAMSQL_CLONES
#endif
#endif

/* 1 when no value is below the one before it. No early exit and no running maximum: that is what makes it a vector loop. */
STREAMSQL_CLONES
static int streamsql_is_ordered(const int64_t *values, int64_t n) {
  int64_t falls = 0;
  for (int64_t i = 1; i < n; i++)
    falls |= -(int64_t)(values[i] < values[i - 1]);
  return falls == 0;
}

/* Microseconds to milliseconds, rounded down: one row, any value. */
static inline int64_t streamsql_floor_ms(int64_t us) {
  const int64_t quotient = us / 1000;
  return quotient - (us - quotient * 1000 < 0);
}

/* The same for values from 0 to 2^52 - 1 (until 2112), of which processors without 64-bit division can do several at once:
 * the bits of a double of exponent 52 are the integer itself, so adding 2^52 rounds to a whole number; the quotient is then
 * right or one too large, which the remainder tells. */
static inline uint64_t streamsql_near_ms(uint64_t us) {
  const double power = 4503599627370496.0; /* 2^52 */
  union {
    uint64_t bits;
    double number;
  } value, quotient;
  value.bits = us | UINT64_C(0x4330000000000000);
  quotient.number = (value.number - power) * 0.001 + power;
  const uint64_t q = quotient.bits & UINT64_C(0x000FFFFFFFFFFFFF);
  const uint64_t times_1000 = (q << 10) - (q << 4) - (q << 3);
  return q - ((us - times_1000) >> 63);
}

STREAMSQL_CLONES
static void streamsql_to_milliseconds(const int64_t *us, int64_t *ms, int64_t n) {
  uint64_t all = 0;
  for (int64_t i = 0; i < n; i++) {
    all |= (uint64_t)us[i];
    ms[i] = (int64_t)streamsql_near_ms((uint64_t)us[i] & UINT64_C(0x000FFFFFFFFFFFFF));
  }
  if (all >> 52)
    for (int64_t i = 0; i < n; i++) ms[i] = streamsql_floor_ms(us[i]);
}

#endif
