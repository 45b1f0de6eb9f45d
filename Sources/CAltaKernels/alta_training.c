#include "alta_rows.h"
#include "alta_vector.h"

INLINE void adamw_element(float *parameter, float g, float *first, float *second, alta_adamw_factors factors) {
#pragma clang fp contract(off)
    float m = *first + (g - *first) * factors.one_minus_beta1;
    float v = *second * factors.beta2 + g * g * factors.one_minus_beta2;
    float denominator = __builtin_elementwise_sqrt(v) / factors.root_correction2 + factors.epsilon;
    *parameter = *parameter * factors.keep - factors.step_size * (m / denominator);
    *first = m;
    *second = v;
}

KERNEL void alta_adamw(
    float *parameter, const float *gradient, float *first, float *second, long count, alta_adamw_factors factors) {
    ELEMENTWISE
    for (long i = 0; i < count; i++) adamw_element(parameter + i, gradient[i], first + i, second + i, factors);
}

KERNEL bool alta_add_fixed_point(const float *values, float limit, int64_t *sums, long count) {
    uint32_t bad = 0;
    ELEMENTWISE
    for (long i = 0; i < count; i++) {
        // False for NaN too.
        uint32_t good = fabsf(values[i]) < limit;
        double scaled = good ? (double)values[i] * 0x1p44 : 0.0;
        sums[i] += (int64_t)rint(scaled);
        bad |= !good;
    }
    return !bad;
}

KERNEL bool alta_store_fixed_point(const float *values, float limit, int64_t *sums, long count) {
    uint32_t bad = 0;
    ELEMENTWISE
    for (long i = 0; i < count; i++) {
        uint32_t good = fabsf(values[i]) < limit;
        double scaled = good ? (double)values[i] * 0x1p44 : 0.0;
        sums[i] = (int64_t)rint(scaled);
        bad |= !good;
    }
    return !bad;
}

KERNEL void alta_fixed_point_to_float(const int64_t *sums, float *values, long count) {
    ELEMENTWISE
    for (long i = 0; i < count; i++) values[i] = (float)((double)sums[i] * 0x1p-44);
}

KERNEL double alta_sum_of_squares(const float *values, long count) {
#pragma clang fp reassociate(on) contract(fast)
    double sum = 0;
    for (long i = 0; i < count; i++) sum += (double)values[i] * (double)values[i];
    return sum;
}
