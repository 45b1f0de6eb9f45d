#include "alta_half.h"
#include "alta_half_vector.h"

KERNEL void alta_half_column_sums(
    const uint16_t *x, float *sums, long columns, long first, long last, long begin, long end) {
    ELEMENTWISE
    for (long j = first; j < last; j++) sums[j] = 0;
    for (long i = begin; i < end; i++) {
        const uint16_t *row = x + i * columns;
        ELEMENTWISE
        for (long j = first; j < last; j++) sums[j] += half_to_float(row[j]);
    }
}

KERNEL void alta_half_add_scaled(
    const uint16_t *x, const uint16_t *y, float scale, uint16_t *z, long columns, long begin, long end) {
#pragma clang fp contract(fast)
    for (long i = begin; i < end; i++) {
        const uint16_t *a = x + i * columns, *b = y + i * columns;
        uint16_t *out = z + i * columns;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = half_from_float(half_to_float(a[j]) + scale * half_to_float(b[j]));
    }
}

KERNEL void alta_half_add_to_float(
    const float *x, const uint16_t *y, float scale, float *z, long columns, long begin, long end) {
#pragma clang fp contract(fast)
    for (long i = begin; i < end; i++) {
        const float *a = x + i * columns;
        const uint16_t *b = y + i * columns;
        float *out = z + i * columns;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = a[j] + scale * half_to_float(b[j]);
    }
}
