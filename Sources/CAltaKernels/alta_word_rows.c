#include "alta_half_vector.h"
#include "alta_word_patch.h"

KERNEL void alta_row_products(
    const float *x, const float *y, double *products, double *squares, long columns, long rows) {
#pragma clang fp reassociate(on) contract(fast)
    for (long r = 0; r < rows; r++) {
        const float *a = x + r * columns, *b = y + r * columns;
        double product = 0, square = 0;
        for (long c = 0; c < columns; c++) {
            product += (double)a[c] * (double)b[c];
            square += (double)b[c] * (double)b[c];
        }
        products[r] = product;
        squares[r] = square;
    }
}

KERNEL void alta_combine_rows(
    const float *x, const float *alpha, const float *y, const float *beta, alta_format format, void *z, long columns,
    long rows) {
#pragma clang fp contract(fast)
    for (long r = 0; r < rows; r++) {
        const float *a = x + r * columns, *b = y + r * columns;
        if (format == ALTA_F32) {
            float *out = (float *)z + r * columns;
            ELEMENTWISE
            for (long c = 0; c < columns; c++) out[c] = alpha[r] * a[c] + beta[r] * b[c];
        } else {
            uint16_t *out = (uint16_t *)z + r * columns;
            ELEMENTWISE
            for (long c = 0; c < columns; c++) out[c] = half_from_result(alpha[r] * a[c] + beta[r] * b[c]);
        }
    }
}

// A number within +-2^51 as the nearest integer, ties to even: 1.5 2^52 leaves it in the low bits of the sum.
INLINE int64_t nearest_integer(double x) {
    union {
        double value;
        int64_t bits;
    } magic = {.value = 6755399441055744.0}, shifted = {.value = x + magic.value};
    return shifted.bits - magic.bits;
}

KERNEL bool alta_add_scaled_fixed_point(const float *values, double scale, float limit, int64_t *sums, long count) {
    uint32_t bad = 0;
    ELEMENTWISE
    for (long i = 0; i < count; i++) {
        // False for NaN too.
        bad |= !(fabsf(values[i]) < limit);
        sums[i] += nearest_integer((double)values[i] * scale);
    }
    return !bad;
}
