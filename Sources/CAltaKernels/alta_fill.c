#include "alta_rows.h"
#include <string.h>

#include "alta_philox.h"

// Filling a tensor with random numbers. No product is fused with a sum, so that every processor makes the same bits.
#pragma STDC FP_CONTRACT OFF

// ln(x 2^-32) of a whole number from 1 to 2^32: the exponent apart, and the series of the inverse hyperbolic tangent.
INLINE double log_fraction(double x) {
    union {
        double value;
        uint64_t bits;
    } parts = {.value = x};
    // From the bits of sqrt(0.5) on, so that the mantissa lies in [sqrt(0.5), sqrt(2)) and what is near 1 keeps its digits.
    uint64_t shifted = parts.bits - 0x3FE6A09E667F3BCDull;
    double exponent = (double)((int64_t)shifted >> 52);
    parts.bits -= shifted & 0xFFF0000000000000ull;
    double s = (parts.value - 1.0) / (parts.value + 1.0), z = s * s;
    double p = 1.0 / 17.0;
    p = p * z + 1.0 / 15.0;
    p = p * z + 1.0 / 13.0;
    p = p * z + 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z + 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z + 1.0 / 3.0;
    return (exponent - 32.0) * 0.69314718055994530942 + 2.0 * (s + s * z * p);
}

// cos and sin of 2 pi w 2^-32, by their series on an eighth of the circle to either side of a quarter turn.
INLINE void circle(uint32_t w, double *cosine, double *sine) {
    uint32_t quarter = (w + 0x20000000u) >> 30;
    double angle = (double)(int32_t)(w - (quarter << 30)) * (6.28318530717958647692 * 0x1p-32), z = angle * angle;
    double s = -1.0 / 39916800.0, c = -1.0 / 3628800.0;
    s = s * z + 1.0 / 362880.0;
    s = s * z - 1.0 / 5040.0;
    s = s * z + 1.0 / 120.0;
    s = s * z - 1.0 / 6.0;
    s = angle + angle * z * s;
    c = c * z + 1.0 / 40320.0;
    c = c * z - 1.0 / 720.0;
    c = c * z + 1.0 / 24.0;
    c = c * z - 1.0 / 2.0;
    c = 1.0 + z * c;
    double x = quarter & 1 ? s : c, y = quarter & 1 ? c : s;
    *cosine = (quarter + 1) & 2 ? -x : x;
    *sine = quarter & 2 ? -y : y;
}

KERNEL void alta_fill_uniform(float *x, uint64_t key, float low, float width, int64_t count) {
    uint32_t words[PHILOX_RUN];
    for (int64_t e = 0; e < count; e += PHILOX_RUN) {
        philox_stream(key, (uint64_t)e, words);
        long part = count - e < PHILOX_RUN ? count - e : PHILOX_RUN;
        for (long j = 0; j < part; j++) x[e + j] = low + width * ((float)(int32_t)(words[j] >> 8) * 0x1p-24f);
    }
}

KERNEL void alta_fill_normal(float *x, uint64_t key, double deviation, int64_t count) {
    uint32_t words[PHILOX_RUN];
    double radius[PHILOX_RUN / 2], cosine[PHILOX_RUN / 2], sine[PHILOX_RUN / 2];
    float made[PHILOX_RUN];
    for (int64_t e = 0; e < count; e += PHILOX_RUN) {
        philox_stream(key, (uint64_t)e, words);
        for (int j = 0; j < PHILOX_RUN / 2; j++) {
            radius[j] = __builtin_elementwise_sqrt(-2.0 * log_fraction((double)words[2 * j] + 1.0)) * deviation;
        }
        for (int j = 0; j < PHILOX_RUN / 2; j++) circle(words[2 * j + 1], &cosine[j], &sine[j]);
        for (int j = 0; j < PHILOX_RUN / 2; j++) {
            made[2 * j] = (float)(radius[j] * cosine[j]);
            made[2 * j + 1] = (float)(radius[j] * sine[j]);
        }
        memcpy(x + e, made, sizeof(float) * (size_t)(count - e < PHILOX_RUN ? count - e : PHILOX_RUN));
    }
}
