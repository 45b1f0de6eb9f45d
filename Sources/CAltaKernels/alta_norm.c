#include "alta_rows.h"
#include "alta_vector.h"

#pragma clang fp reassociate(on) contract(fast)

INLINE float row_mean(const float *x, long columns) {
    float sum = 0;
    for (long j = 0; j < columns; j++) sum += x[j];
    return sum / (float)columns;
}

INLINE float squared_deviations(const float *x, float mean, long columns) {
    float sum = 0;
    for (long j = 0; j < columns; j++) sum += (x[j] - mean) * (x[j] - mean);
    return sum;
}

KERNEL void alta_layer_norm(
    const float *x, const float *gamma, const float *beta, float epsilon, float *y, float *mean, float *reciprocal,
    long columns, long begin, long end) {
    for (long i = begin; i < end; i++) {
        const float *row = x + i * columns;
        float *out = y + i * columns;
        float center = row_mean(row, columns);
        float factor = 1.0f / sqrtf(squared_deviations(row, center, columns) / (float)columns + epsilon);
        mean[i] = center;
        reciprocal[i] = factor;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = (row[j] - center) * factor * gamma[j] + beta[j];
    }
}

KERNEL void alta_layer_norm_backward(
    const float *dy, const float *x, const float *gamma, const float *mean, const float *reciprocal, float *dx,
    bool accumulate, long columns, long begin, long end) {
    for (long i = begin; i < end; i++) {
        const float *g = dy + i * columns, *row = x + i * columns;
        float *out = dx + i * columns;
        float center = mean[i], factor = reciprocal[i], sum = 0, along = 0;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) {
            float scaled = g[j] * gamma[j];
            sum += scaled;
            along += scaled * ((row[j] - center) * factor);
        }
        sum /= (float)columns;
        along /= (float)columns;
        if (accumulate) {
            ELEMENTWISE
            for (long j = 0; j < columns; j++) {
                out[j] += factor * (g[j] * gamma[j] - sum - (row[j] - center) * factor * along);
            }
        } else {
            ELEMENTWISE
            for (long j = 0; j < columns; j++) {
                out[j] = factor * (g[j] * gamma[j] - sum - (row[j] - center) * factor * along);
            }
        }
    }
}

KERNEL void alta_layer_norm_parameters(
    const float *dy, const float *x, const float *mean, const float *reciprocal, float *gamma_gradient,
    float *beta_gradient, long columns, long first, long last, long begin, long end) {
    ELEMENTWISE
    for (long j = first; j < last; j++) gamma_gradient[j] = beta_gradient[j] = 0;
    for (long i = begin; i < end; i++) {
        const float *g = dy + i * columns, *row = x + i * columns;
        float center = mean[i], factor = reciprocal[i];
        ELEMENTWISE
        for (long j = first; j < last; j++) {
            gamma_gradient[j] += g[j] * ((row[j] - center) * factor);
            beta_gradient[j] += g[j];
        }
    }
}

KERNEL void alta_normalize_rows(const float *x, float *y, float *norms, long columns, long begin, long end) {
    for (long i = begin; i < end; i++) {
        const float *row = x + i * columns;
        float *out = y + i * columns, squares = 0;
        for (long j = 0; j < columns; j++) squares += row[j] * row[j];
        float norm = sqrtf(squares);
        norm = norm < 1e-12f ? 1e-12f : norm;
        norms[i] = norm;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = row[j] / norm;
    }
}

KERNEL void alta_normalize_rows_backward(
    const float *dy, const float *y, const float *norms, float *dx, bool accumulate, long columns, long begin,
    long end) {
    for (long i = begin; i < end; i++) {
        const float *g = dy + i * columns, *row = y + i * columns;
        float *out = dx + i * columns, along = 0, factor = 1.0f / norms[i];
        for (long j = 0; j < columns; j++) along += g[j] * row[j];
        // At the clamp the divisor is a constant, so that nothing flows through it.
        if (norms[i] <= 1e-12f) along = 0;
        if (accumulate) {
            ELEMENTWISE
            for (long j = 0; j < columns; j++) out[j] += (g[j] - along * row[j]) * factor;
        } else {
            ELEMENTWISE
            for (long j = 0; j < columns; j++) out[j] = (g[j] - along * row[j]) * factor;
        }
    }
}

KERNEL void alta_standardize(const float *x, float *y, long columns, long begin, long end) {
    for (long i = begin; i < end; i++) {
        const float *row = x + i * columns;
        float *out = y + i * columns;
        float center = row_mean(row, columns);
        float variance = squared_deviations(row, center, columns) / (float)(columns - 1);
        float factor = 1.0f / sqrtf(variance + 1e-6f);
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = (row[j] - center) * factor;
    }
}
