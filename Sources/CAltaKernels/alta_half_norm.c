#include "alta_half.h"
#include "alta_half_vector.h"
#include "alta_philox.h"

#pragma clang fp reassociate(on) contract(fast)

// Calls body on each run of a row's elements with the run's words: dropout of one row of a stream.
#define FOR_EACH_RUN(branch, row, columns, ...)                                            \
    uint32_t words[PHILOX_RUN];                                                            \
    int64_t start = (int64_t)((row) - (branch)->first_row) * (columns);                    \
    for (int64_t e = start; e < start + (columns);) {                                      \
        philox_part part = philox_part_of(e, start + (columns));                           \
        philox_stream((branch)->key, (uint64_t)(e - part.from), words);                    \
        long shift = (long)(e - start) - part.from;                                        \
        __VA_ARGS__                                                                        \
        e += part.to - part.from;                                                          \
    }

// sum += what the branch adds to a row.
INLINE void add_branch(const alta_branch *branch, float *sum, long row, long columns) {
    const uint16_t *value = branch->value + row * columns;
    float scale = branch->scale;
    if (!branch->drops) {
        ELEMENTWISE
        for (long j = 0; j < columns; j++) sum[j] += scale * half_to_float(value[j]);
        return;
    }
    FOR_EACH_RUN(branch, row, columns, {
        const uint16_t *from = value + shift;
        float *to = sum + shift;
        ELEMENTWISE
        for (int j = part.from; j < part.to; j++) {
            to[j] += words[j] >= branch->threshold ? scale * half_to_float(from[j]) : 0.0f;
        }
    })
}

// The gradient of a branch from the gradient of the sum.
INLINE void branch_gradient(const alta_branch *branch, const float *gradient, long row, long columns) {
    uint16_t *value = branch->value + row * columns;
    float scale = branch->scale;
    if (!branch->drops) {
        ELEMENTWISE
        for (long j = 0; j < columns; j++) value[j] = half_from_float(scale * gradient[j]);
        return;
    }
    FOR_EACH_RUN(branch, row, columns, {
        const float *from = gradient + shift;
        uint16_t *to = value + shift;
        ELEMENTWISE
        for (int j = part.from; j < part.to; j++) {
            to[j] = words[j] >= branch->threshold ? half_from_float(scale * from[j]) : 0;
        }
    })
}

INLINE void add_branches(
    const float *x, const alta_branch *first, const alta_branch *second, float *sum, long row, long columns) {
    if (sum != x) {
        ELEMENTWISE
        for (long j = 0; j < columns; j++) sum[j] = x[j];
    }
    if (first->value) add_branch(first, sum, row, columns);
    if (second->value) add_branch(second, sum, row, columns);
}

KERNEL void alta_half_residual(
    const float *x, const alta_branch *first, const alta_branch *second, float *sum, uint16_t *half, long columns,
    long begin, long end) {
    for (long i = begin; i < end; i++) {
        float *row = sum + i * columns;
        add_branches(x + i * columns, first, second, row, i, columns);
        if (!half) continue;
        uint16_t *out = half + i * columns;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = half_from_float(row[j]);
    }
}

// Row statistics as alta_layer_norm takes them.
INLINE void normal_statistics(const float *row, float epsilon, long columns, float *mean, float *reciprocal) {
    float sum = 0, squares = 0;
    for (long j = 0; j < columns; j++) sum += row[j];
    float center = sum / (float)columns;
    for (long j = 0; j < columns; j++) squares += (row[j] - center) * (row[j] - center);
    *mean = center;
    *reciprocal = 1.0f / sqrtf(squares / (float)columns + epsilon);
}

KERNEL void alta_half_layer_norm(
    const float *x, const alta_branch *first, const alta_branch *second, float *sum, alta_norm norm, uint16_t *half,
    float *full, long columns, long begin, long end) {
    const float *gamma = norm.gamma, *beta = norm.beta;
    for (long i = begin; i < end; i++) {
        const float *row = x + i * columns;
        if (sum) {
            add_branches(row, first, second, sum + i * columns, i, columns);
            row = sum + i * columns;
        }
        normal_statistics(row, norm.epsilon, columns, norm.mean + i, norm.reciprocal + i);
        float center = norm.mean[i], factor = norm.reciprocal[i];
        if (half) {
            uint16_t *out = half + i * columns;
            ELEMENTWISE
            for (long j = 0; j < columns; j++) out[j] = half_from_float((row[j] - center) * factor * gamma[j] + beta[j]);
        }
        if (full) {
            float *out = full + i * columns;
            ELEMENTWISE
            for (long j = 0; j < columns; j++) out[j] = (row[j] - center) * factor * gamma[j] + beta[j];
        }
    }
}

// The gradient of a norm's result, of which a bf16 part, an fp32 part or both are there.
INLINE float gradient_of(const uint16_t *half, const float *full, bool has_half, bool has_full, long j) {
    float gradient = has_full ? full[j] : 0.0f;
    return has_half ? gradient + half_to_float(half[j]) : gradient;
}

// One row of dx = (dsum +) the gradient through the norm.
INLINE void norm_gradient(
    const uint16_t *half, const float *full, const float *incoming, const float *x, const float *gamma, float center,
    float factor, float *dx, long columns, bool has_half, bool has_full) {
    float sum = 0, along = 0;
    ELEMENTWISE
    for (long j = 0; j < columns; j++) {
        float scaled = gradient_of(half, full, has_half, has_full, j) * gamma[j];
        sum += scaled;
        along += scaled * ((x[j] - center) * factor);
    }
    sum /= (float)columns;
    along /= (float)columns;
    if (incoming) {
        ELEMENTWISE
        for (long j = 0; j < columns; j++) {
            float scaled = gradient_of(half, full, has_half, has_full, j) * gamma[j];
            dx[j] = incoming[j] + factor * (scaled - sum - (x[j] - center) * factor * along);
        }
    } else {
        ELEMENTWISE
        for (long j = 0; j < columns; j++) {
            float scaled = gradient_of(half, full, has_half, has_full, j) * gamma[j];
            dx[j] = factor * (scaled - sum - (x[j] - center) * factor * along);
        }
    }
}

KERNEL void alta_half_layer_norm_backward(
    const uint16_t *half, const float *full, const float *incoming, const float *x, alta_norm norm, float *dx,
    const alta_branch *first, const alta_branch *second, long columns, long begin, long end) {
    for (long i = begin; i < end; i++) {
        long at = i * columns;
        const uint16_t *h = half ? half + at : NULL;
        const float *f = full ? full + at : NULL, *in = incoming ? incoming + at : NULL;
        float center = norm.mean[i], factor = norm.reciprocal[i], *out = dx + at;
        if (h && f) {
            norm_gradient(h, f, in, x + at, norm.gamma, center, factor, out, columns, true, true);
        } else if (h) {
            norm_gradient(h, f, in, x + at, norm.gamma, center, factor, out, columns, true, false);
        } else {
            norm_gradient(h, f, in, x + at, norm.gamma, center, factor, out, columns, false, true);
        }
        if (first->value) branch_gradient(first, out, i, columns);
        if (second->value) branch_gradient(second, out, i, columns);
    }
}

KERNEL void alta_half_residual_backward(
    const uint16_t *half, const float *full, float *dx, const alta_branch *first, const alta_branch *second,
    long columns, long begin, long end) {
    for (long i = begin; i < end; i++) {
        float *out = dx + i * columns;
        const float *f = full + i * columns;
        if (half) {
            const uint16_t *h = half + i * columns;
            ELEMENTWISE
            for (long j = 0; j < columns; j++) out[j] = f[j] + half_to_float(h[j]);
        } else if (out != f) {
            ELEMENTWISE
            for (long j = 0; j < columns; j++) out[j] = f[j];
        }
        if (first->value) branch_gradient(first, out, i, columns);
        if (second->value) branch_gradient(second, out, i, columns);
    }
}

KERNEL void alta_half_layer_norm_parameters(
    const uint16_t *dy, const float *x, const float *mean, const float *reciprocal, float *gamma_gradient,
    float *beta_gradient, long columns, long first, long last, long begin, long end) {
    ELEMENTWISE
    for (long j = first; j < last; j++) gamma_gradient[j] = beta_gradient[j] = 0;
    for (long i = begin; i < end; i++) {
        const uint16_t *g = dy + i * columns;
        const float *row = x + i * columns;
        float center = mean[i], factor = reciprocal[i];
        ELEMENTWISE
        for (long j = first; j < last; j++) {
            float gradient = half_to_float(g[j]);
            gamma_gradient[j] += gradient * ((row[j] - center) * factor);
            beta_gradient[j] += gradient;
        }
    }
}
