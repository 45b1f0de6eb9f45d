#include "alta_half.h"
#include "alta_half_vector.h"

// GELU for results that are rounded to 8 bits: odd polynomials of degree 19, fitted in the maximum norm on
// [-4.5, 4.5] and written in s = 2 (x / 4.5)^2 - 1, in which fp32 loses nothing. No division and no exponential.
#define BOUND 4.5f

INLINE float odd_polynomial(float x, const float c[10]) {
#pragma clang fp contract(fast)
    float s = x * x * (2.0f / (BOUND * BOUND)) - 1.0f;
    float p = c[9];
#pragma clang loop unroll(full)
    for (int i = 8; i >= 0; i--) p = p * s + c[i];
    return x * p;
}

INLINE float bounded(float x) {
    float above = x < -BOUND ? -BOUND : x;
    return above > BOUND ? BOUND : above;
}

// The distribution function of the normal distribution. At the bounds the polynomial passes 1/2 by 1e-6, so that the
// result there is 0 and 1 exactly: x times it is off by 2.1e-5 at most, whatever x is.
INLINE float half_normal_cdf(float x) {
    static const float c[10] = {1.569036245e-01f,  -7.717467844e-02f, 5.474847928e-02f, -4.046825320e-02f,
                                2.810812928e-02f,  -1.729066670e-02f, 1.120687462e-02f, -8.229102008e-03f,
                                3.987433854e-03f,  -6.804973818e-04f};
    float value = odd_polynomial(bounded(x), c);
    value = value > 0.5f ? 0.5f : value;
    value = value < -0.5f ? -0.5f : value;
    return 0.5f + value;
}

// The derivative of x cdf(x), off by 7e-5 at most; 0 and 1 exactly beyond the bounds.
INLINE float half_gelu_slope(float x) {
    static const float c[10] = {1.594457477e-01f,  -8.992295712e-02f, 8.618584275e-02f, -9.536777437e-02f,
                                1.050395444e-01f,  -8.775863051e-02f, 4.773161560e-02f, -4.548209906e-02f,
                                5.596765503e-02f,  -2.472431213e-02f};
    float value = 0.5f + odd_polynomial(bounded(x), c);
    value = x >= BOUND ? 1.0f : value;
    return x <= -BOUND ? 0.0f : value;
}

KERNEL void alta_half_gelu(const uint16_t *x, uint16_t *y, long columns, long begin, long end) {
    for (long i = begin; i < end; i++) {
        const uint16_t *row = x + i * columns;
        uint16_t *out = y + i * columns;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) {
            float value = half_to_float(row[j]);
            out[j] = half_from_float(value * half_normal_cdf(value));
        }
    }
}

KERNEL void alta_half_gelu_from_float(const float *x, uint16_t *y, long columns, long begin, long end) {
    for (long i = begin; i < end; i++) {
        const float *row = x + i * columns;
        uint16_t *out = y + i * columns;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = half_from_float(row[j] * half_normal_cdf(row[j]));
    }
}

KERNEL void alta_half_gelu_backward(
    const uint16_t *dy, const uint16_t *x, uint16_t *dx, bool accumulate, long columns, long begin, long end) {
#pragma clang fp contract(fast)
    for (long i = begin; i < end; i++) {
        const uint16_t *g = dy + i * columns, *row = x + i * columns;
        uint16_t *out = dx + i * columns;
        if (accumulate) {
            ELEMENTWISE
            for (long j = 0; j < columns; j++) {
                float gradient = half_to_float(g[j]) * half_gelu_slope(half_to_float(row[j]));
                out[j] = half_from_float(half_to_float(out[j]) + gradient);
            }
        } else {
            ELEMENTWISE
            for (long j = 0; j < columns; j++) {
                out[j] = half_from_float(half_to_float(g[j]) * half_gelu_slope(half_to_float(row[j])));
            }
        }
    }
}
