#include "alta_rows.h"
#include "alta_vector.h"

INLINE float normal_cdf(float x) { return 0.5f + 0.5f * erf_approximate(x * 0.70710678f); }

INLINE float gelu_slope(float x) {
#pragma clang fp contract(fast)
    float density = 0.39894228f * exp_approximate(-0.5f * x * x);
    return normal_cdf(x) + x * density;
}

KERNEL void alta_gelu(const float *x, float *y, long columns, long begin, long end) {
#pragma clang fp contract(fast)
    for (long i = begin; i < end; i++) {
        const float *row = x + i * columns;
        float *out = y + i * columns;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = row[j] * normal_cdf(row[j]);
    }
}

KERNEL void alta_gelu_backward(
    const float *dy, const float *x, float *dx, bool accumulate, long columns, long begin, long end) {
#pragma clang fp contract(fast)
    for (long i = begin; i < end; i++) {
        const float *g = dy + i * columns, *row = x + i * columns;
        float *out = dx + i * columns;
        if (accumulate) {
            ELEMENTWISE
            for (long j = 0; j < columns; j++) out[j] += g[j] * gelu_slope(row[j]);
        } else {
            ELEMENTWISE
            for (long j = 0; j < columns; j++) out[j] = g[j] * gelu_slope(row[j]);
        }
    }
}

KERNEL void alta_column_sums(
    const float *x, float *sums, long columns, long first, long last, long begin, long end) {
    ELEMENTWISE
    for (long j = first; j < last; j++) sums[j] = 0;
    for (long i = begin; i < end; i++) {
        const float *row = x + i * columns;
        ELEMENTWISE
        for (long j = first; j < last; j++) sums[j] += row[j];
    }
}

KERNEL void alta_add_scaled(
    const float *x, const float *y, float scale, float *z, long columns, long begin, long end) {
#pragma clang fp contract(fast)
    for (long i = begin; i < end; i++) {
        const float *a = x + i * columns, *b = y + i * columns;
        float *out = z + i * columns;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = a[j] + scale * b[j];
    }
}

KERNEL void alta_scale(const float *x, float factor, float *y, long columns, long begin, long end) {
    for (long i = begin; i < end; i++) {
        const float *row = x + i * columns;
        float *out = y + i * columns;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = row[j] * factor;
    }
}
