#pragma once
#include <stdbool.h>
#include <stdint.h>

// Row-wise kernels on bf16 matrices, whose elements are uint16_t here. Layout and ranges as in alta_rows.h; arithmetic
// is fp32. What each computes is said at the method of Engine that calls it.

// alta_half.c
void alta_half_from_float(const float *x, uint16_t *y, long count);
void alta_half_to_float(const uint16_t *x, float *y, long count);
