#include "alta_half.h"
#include "alta_half_vector.h"
#include "alta_philox.h"

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

KERNEL void alta_half_dropout(
    const uint16_t *x, uint16_t *y, uint64_t key, uint32_t threshold, float scale, int64_t first, int64_t count) {
    uint32_t words[PHILOX_RUN];
    for (int64_t e = first; e < first + count;) {
        philox_part part = philox_part_of(e, first + count);
        philox_stream(key, (uint64_t)(e - part.from), words);
        const uint16_t *in = x + (e - first) - part.from;
        uint16_t *out = y + (e - first) - part.from;
        ELEMENTWISE
        for (int j = part.from; j < part.to; j++) {
            out[j] = words[j] >= threshold ? half_from_float(scale * half_to_float(in[j])) : 0;
        }
        e += part.to - part.from;
    }
}

// A row's squared error is summed in double precision from parts of a hundred terms or two.
INLINE double squared_error(const uint16_t *x, const float *target, float factor, uint16_t *gradient, long columns) {
#pragma clang fp reassociate(on) contract(fast)
    double total = 0;
    for (long first = 0; first < columns; first += 256) {
        long last = columns - first < 256 ? columns : first + 256;
        float sum = 0;
        ELEMENTWISE
        for (long j = first; j < last; j++) {
            float difference = half_to_float(x[j]) - target[j];
            sum += difference * difference;
            if (gradient) gradient[j] = half_from_float(factor * difference);
        }
        total += (double)sum;
    }
    return total;
}

KERNEL void alta_half_squared_error(
    const uint16_t *x, const float *target, float factor, double *errors, uint16_t *gradient, long columns, long begin,
    long end) {
    for (long i = begin; i < end; i++) {
        long at = i * columns;
        errors[i] = gradient ? squared_error(x + at, target + at, factor, gradient + at, columns)
                             : squared_error(x + at, target + at, factor, NULL, columns);
    }
}
