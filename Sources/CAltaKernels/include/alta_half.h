#pragma once
#include <stdbool.h>
#include <stdint.h>

// Row-wise kernels on bf16 matrices, whose elements are uint16_t here. Layout and ranges as in alta_rows.h; arithmetic
// is fp32. What each computes is said at the method of Engine that calls it.

// alta_half.c
void alta_half_from_float(const float *x, uint16_t *y, long count);
void alta_half_to_float(const uint16_t *x, float *y, long count);

// alta_half_elementwise.c
void alta_half_column_sums(
    const uint16_t *x, float *sums, long columns, long first, long last, long begin, long end);
void alta_half_add_scaled(
    const uint16_t *x, const uint16_t *y, float scale, uint16_t *z, long columns, long begin, long end);
void alta_half_add_to_float(
    const float *x, const uint16_t *y, float scale, float *z, long columns, long begin, long end);

// alta_half_gelu.c
void alta_half_gelu(const uint16_t *x, uint16_t *y, long columns, long begin, long end);
void alta_half_gelu_from_float(const float *x, uint16_t *y, long columns, long begin, long end);
void alta_half_gelu_backward(
    const uint16_t *dy, const uint16_t *x, uint16_t *dx, bool accumulate, long columns, long begin, long end);

// alta_half_norm.c
// What a branch of a block adds to the stream, or its gradient: scale times `value` [rows, columns], where `drops` only
// elements whose word is at least the threshold. Words are those of the stream of `key` that begins at row first_row.
typedef struct {
    uint16_t *value; // NULL: no branch
    float scale;
    bool drops;
    uint64_t key;
    uint32_t threshold;
    long first_row;
} alta_branch;

typedef struct {
    const float *gamma, *beta;
    float epsilon;
    float *mean, *reciprocal; // of each row
} alta_norm;

// sum = x + branches; half = sum where it is not NULL. sum may be x.
void alta_half_residual(
    const float *x, const alta_branch *first, const alta_branch *second, float *sum, uint16_t *half, long columns,
    long begin, long end);
// The same where sum is not NULL, and its norm (of x where it is NULL), into half and full where they are not.
void alta_half_layer_norm(
    const float *x, const alta_branch *first, const alta_branch *second, float *sum, alta_norm norm, uint16_t *half,
    float *full, long columns, long begin, long end);
// dx = incoming (where not NULL) + the gradient through the norm of x, whose result's gradient is half + full, either
// of which may be NULL; and the branches' gradients of dx. dx may be incoming or full.
void alta_half_layer_norm_backward(
    const uint16_t *half, const float *full, const float *incoming, const float *x, alta_norm norm, float *dx,
    const alta_branch *first, const alta_branch *second, long columns, long begin, long end);
// dx = full + half (where not NULL), and the branches' gradients of it. dx may be full.
void alta_half_residual_backward(
    const uint16_t *half, const float *full, float *dx, const alta_branch *first, const alta_branch *second,
    long columns, long begin, long end);
// Of the columns first ... last - 1.
void alta_half_layer_norm_parameters(
    const uint16_t *dy, const float *x, const float *mean, const float *reciprocal, float *gamma_gradient,
    float *beta_gradient, long columns, long first, long last, long begin, long end);
