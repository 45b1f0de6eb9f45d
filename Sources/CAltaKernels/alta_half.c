#include "alta_half.h"
#include "alta_half_vector.h"

KERNEL void alta_half_from_float(const float *x, uint16_t *y, long count) {
    ELEMENTWISE
    for (long i = 0; i < count; i++) y[i] = half_from_float(x[i]);
}

KERNEL void alta_half_to_float(const uint16_t *x, float *y, long count) {
    ELEMENTWISE
    for (long i = 0; i < count; i++) y[i] = half_to_float(x[i]);
}
