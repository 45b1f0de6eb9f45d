#pragma once
#include <stdbool.h>
#include <stdint.h>

// Row-wise kernels. Matrices are row-major, `columns` wide; a kernel works on the rows begin ... end - 1 and reads and
// writes nothing else. What each computes is said at the method of Engine that calls it.

// alta_norm.c
void alta_layer_norm(
    const float *x, const float *gamma, const float *beta, float epsilon, float *y, float *mean, float *reciprocal,
    long columns, long begin, long end);
void alta_layer_norm_backward(
    const float *dy, const float *x, const float *gamma, const float *mean, const float *reciprocal, float *dx,
    bool accumulate, long columns, long begin, long end);
// Of the columns first ... last - 1.
void alta_layer_norm_parameters(
    const float *dy, const float *x, const float *mean, const float *reciprocal, float *gamma_gradient,
    float *beta_gradient, long columns, long first, long last, long begin, long end);
void alta_normalize_rows(const float *x, float *y, float *norms, long columns, long begin, long end);
void alta_normalize_rows_backward(
    const float *dy, const float *y, const float *norms, float *dx, bool accumulate, long columns, long begin,
    long end);
void alta_standardize(const float *x, float *y, long columns, long begin, long end);

// alta_elementwise.c
void alta_gelu(const float *x, float *y, long columns, long begin, long end);
void alta_gelu_backward(
    const float *dy, const float *x, float *dx, bool accumulate, long columns, long begin, long end);
void alta_column_sums(const float *x, float *sums, long columns, long first, long last, long begin, long end);
void alta_add_scaled(const float *x, const float *y, float scale, float *z, long columns, long begin, long end);
void alta_scale(const float *x, float factor, float *y, long columns, long begin, long end);

// alta_random.c: count elements of the stream of `key` from `first` on, mapped as RandomKey says.
// y = x scale where the element's word is at least the threshold, else 0.
void alta_dropout(
    const float *x, float *y, uint64_t key, uint32_t threshold, float scale, int64_t first, int64_t count);
// scale or 0.
void alta_dropout_factors(
    float *factors, uint64_t key, uint32_t threshold, float scale, int64_t first, int64_t count);

// alta_fill.c: elements 0 ..< count of the stream of `key`.
// low + width u, where u in [0, 1) has 24 random bits.
void alta_fill_uniform(float *x, uint64_t key, float low, float width, int64_t count);
// Normal with mean 0 (Box-Muller).
void alta_fill_normal(float *x, uint64_t key, double deviation, int64_t count);

// alta_softmax.c: scores [rows, columns] become probabilities; log_sum_exp has its elements `stride` apart.
void alta_softmax(float *scores, float *log_sum_exp, long stride, long rows, long columns);
// scores become exp(score - log_sum_exp of the row).
void alta_softmax_again(float *scores, const float *log_sum_exp, long stride, long rows, long columns);
// gradient (of kept probabilities) becomes that of the scores, times scale: p (factor gradient - delta of the row),
// where delta = dy . y of the row; p then becomes factor p. factors may be NULL: all 1.
void alta_softmax_backward(
    float *probabilities, const float *factors, float *gradient, const float *dy, const float *y, long width,
    long y_columns, float scale, long rows, long columns);
void alta_multiply(float *x, const float *factors, long count);
void alta_cross_entropy(
    const float *logits, const int32_t *labels, float scale, float *loss, float *gradient, long columns, long begin,
    long end);

// alta_training.c
typedef struct {
    float keep;             // 1 - rate * weight decay
    float one_minus_beta1;
    float beta2;
    float one_minus_beta2;
    float root_correction2; // sqrt(1 - beta2^step)
    float epsilon;
    float step_size;        // rate / (1 - beta1^step)
} alta_adamw_factors;
void alta_adamw(
    float *parameter, const float *gradient, float *first, float *second, long count, alta_adamw_factors factors);
bool alta_add_fixed_point(const float *values, float limit, int64_t *sums, long count);
bool alta_store_fixed_point(const float *values, float limit, int64_t *sums, long count);
void alta_fixed_point_to_float(const int64_t *sums, float *values, long count);
double alta_sum_of_squares(const float *values, long count);
