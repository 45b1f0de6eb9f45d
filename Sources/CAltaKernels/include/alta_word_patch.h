#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "alta_matmul.h"

// The passes between the products of the word-patch similarity (Engine+WordPatch.swift says what each computes).
//
// Matrices [words, columns] are row-major; columns are a multiple of 16 and begin at cache lines; the first `patches` of
// them count. Memory of a format is float or, for ALTA_BF16, uint16_t.

// alta_word_patch.c
void alta_word_softmax(float *x, long words, long columns);
void alta_patch_softmax(
    const float *x, float scale, alta_format format, void *exponentials, float *reciprocals, long words, long columns,
    long patches);
double alta_word_patch_backward(
    const float *x, alta_format format, const void *exponentials, const float *reciprocals, float scale,
    float *gradient, float *sums, void *result, long words, long columns);

// alta_word_rows.c: rows of any width.
void alta_row_products(const float *x, const float *y, double *products, double *squares, long columns, long rows);
void alta_combine_rows(
    const float *x, const float *alpha, const float *y, const float *beta, alta_format format, void *z, long columns,
    long rows);
bool alta_add_scaled_fixed_point(const float *values, double scale, float limit, int64_t *sums, long count);
