#include "alta_rows.h"
#include "alta_vector.h"

#pragma clang fp reassociate(on) contract(fast)

KERNEL void alta_softmax(float *scores, float *log_sum_exp, long stride, long rows, long columns) {
    for (long i = 0; i < rows; i++) {
        float *row = scores + i * columns;
        float largest = row_maximum(row, columns), sum = 0;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) {
            row[j] = exp_approximate(row[j] - largest);
            sum += row[j];
        }
        log_sum_exp[i * stride] = largest + logf(sum);
        float factor = 1.0f / sum;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) row[j] *= factor;
    }
}

KERNEL void alta_softmax_again(float *scores, const float *log_sum_exp, long stride, long rows, long columns) {
    for (long i = 0; i < rows; i++) {
        float *row = scores + i * columns, shift = log_sum_exp[i * stride];
        ELEMENTWISE
        for (long j = 0; j < columns; j++) row[j] = exp_approximate(row[j] - shift);
    }
}

KERNEL void alta_softmax_backward(
    float *probabilities, const float *factors, float *gradient, const float *dy, const float *y, long width,
    long y_columns, float scale, long rows, long columns) {
    for (long i = 0; i < rows; i++) {
        float *p = probabilities + i * columns, *g = gradient + i * columns, delta = 0;
        for (long j = 0; j < width; j++) delta += dy[i * y_columns + j] * y[i * y_columns + j];
        if (!factors) {
            ELEMENTWISE
            for (long j = 0; j < columns; j++) g[j] = scale * p[j] * (g[j] - delta);
            continue;
        }
        const float *f = factors + i * columns;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) {
            g[j] = scale * p[j] * (f[j] * g[j] - delta);
            p[j] *= f[j];
        }
    }
}

KERNEL void alta_multiply(float *x, const float *factors, long count) {
    ELEMENTWISE
    for (long j = 0; j < count; j++) x[j] *= factors[j];
}

// Thousands of terms: summed in double precision from parts of some hundred.
INLINE double sum_of_exponentials(const float *row, float largest, long columns) {
    double total = 0;
    for (long first = 0; first < columns; first += 512) {
        long last = columns - first < 512 ? columns : first + 512;
        float sum = 0;
        for (long j = first; j < last; j++) sum += exp_approximate(row[j] - largest);
        total += (double)sum;
    }
    return total;
}

KERNEL void alta_cross_entropy(
    const float *logits, const int32_t *labels, float scale, float *loss, float *gradient, long columns, long begin,
    long end) {
    for (long i = begin; i < end; i++) {
        const float *row = logits + i * columns;
        float largest = row_maximum(row, columns);
        float sum = (float)sum_of_exponentials(row, largest, columns);
        loss[i] = logf(sum) + (largest - row[labels[i]]);
        if (!gradient) continue;
        float *out = gradient + i * columns, factor = scale / sum;
        ELEMENTWISE
        for (long j = 0; j < columns; j++) out[j] = factor * exp_approximate(row[j] - largest);
        out[labels[i]] -= scale;
    }
}
