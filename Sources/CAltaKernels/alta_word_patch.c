#include "alta_word_patch.h"

#include "alta_half_vector.h"

// One pass is a few arithmetic operations on numbers that a product has just left in the cache, so what counts is that
// whole vectors are worked on, each once. Columns past the last patch are computed along, and come out as 0.

#pragma clang fp contract(fast)
// Vectors are passed between functions that are all inlined.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float lanes __attribute__((ext_vector_type(16)));
typedef uint16_t half_lanes __attribute__((ext_vector_type(16)));
typedef uint32_t word_lanes __attribute__((ext_vector_type(16)));

enum { LANES = 16, STRIP = 4 };

INLINE lanes at(const float *x) { return *(const lanes *)x; }
INLINE void put(float *x, lanes value) { *(lanes *)x = value; }

INLINE lanes load(alta_format format, const void *x, long index) {
    if (format == ALTA_F32) return at((const float *)x + index);
    half_lanes half = *(const half_lanes *)((const uint16_t *)x + index);
    return (lanes)(__builtin_convertvector(half, word_lanes) << 16);
}

// bf16 to the nearest, ties to even, as half_from_result: NaNs here come from arithmetic.
INLINE half_lanes rounded(lanes x) {
    word_lanes bits = (word_lanes)x;
    return __builtin_convertvector((bits + 0x7FFF + (bits >> 16 & 1)) >> 16, half_lanes);
}

INLINE void store(alta_format format, void *x, long index, lanes value) {
    if (format == ALTA_F32) {
        put((float *)x + index, value);
    } else {
        *(half_lanes *)((uint16_t *)x + index) = rounded(value);
    }
}

// 2^x for x <= 0: relative error 2e-7, and |x| 6e-8 from the rounding of x. 1.2e-38 below -126, so that nothing is
// subnormal; exactly 1 at 0; NaN for NaN. The polynomial is the best of degree 5 with 1 at 0 (9e-8).
INLINE lanes power_of_two(lanes x) {
    x = x < -126.0f ? (lanes)-126.0f : x;
    lanes shifted = x + 12582912.0f; // 1.5 2^23: the nearest integer stands in the low bits
    lanes f = x - (shifted - 12582912.0f);
    lanes p = f * 0x1.5bba14p-10f + 0x1.3cea88p-7f;
    p = p * f + 0x1.c6b752p-5f;
    p = p * f + 0x1.ebf9bcp-3f;
    p = p * f + 0x1.62e42ap-1f;
    p = p * f + 1.0f;
    return (lanes)((word_lanes)p + ((word_lanes)shifted << 23));
}

INLINE lanes larger(lanes x, lanes y) { return x > y ? x : y; }

// Halves, quarters, eighths: the same tree on every machine.
#define SHIFTED(x, n)                                                                                              \
    __builtin_shufflevector(                                                                                       \
        x, x, n, 1 + n, 2 + n, 3 + n, 4 + n, 5 + n, 6 + n, 7 + n, (8 + n) & 15, (9 + n) & 15, (10 + n) & 15,        \
        (11 + n) & 15, (12 + n) & 15, (13 + n) & 15, (14 + n) & 15, (15 + n) & 15)

INLINE float sum_of(lanes x) {
    x += SHIFTED(x, 8);
    x += SHIFTED(x, 4);
    x += SHIFTED(x, 2);
    return x[0] + x[1];
}

INLINE float largest_of(lanes x) {
    x = larger(x, SHIFTED(x, 8));
    x = larger(x, SHIFTED(x, 4));
    x = larger(x, SHIFTED(x, 2));
    return x[0] > x[1] ? x[0] : x[1];
}

#define LOG2_E 1.44269504f

// The softmax down `vectors` vectors of columns, which stay in the first-level cache from one pass to the next.
INLINE void word_softmax_strip(float *x, long words, long columns, const int vectors) {
    lanes top[STRIP], sum[STRIP];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
        top[v] = at(x + v * LANES);
        sum[v] = 0;
    }
    for (long w = 1; w < words; w++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) top[v] = larger(at(x + w * columns + v * LANES), top[v]);
    }
    for (long w = 0; w < words; w++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            float *here = x + w * columns + v * LANES;
            lanes e = power_of_two((at(here) - top[v]) * LOG2_E);
            put(here, e);
            sum[v] += e;
        }
    }
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sum[v] = 1.0f / sum[v];
    for (long w = 0; w < words; w++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            float *here = x + w * columns + v * LANES;
            put(here, at(here) * sum[v]);
        }
    }
}

KERNEL void alta_word_softmax(float *x, long words, long columns) {
    long c = 0;
    for (; c + STRIP * LANES <= columns; c += STRIP * LANES) word_softmax_strip(x + c, words, columns, STRIP);
    for (; c < columns; c += LANES) word_softmax_strip(x + c, words, columns, 1);
}

// Lanes of the vector from `column` that are patches; where not, the number is 0.
INLINE lanes only_patches(lanes x, long column, long patches) {
    const lanes places = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return places < (float)(patches - column) ? x : (lanes)0.0f;
}

INLINE void patch_softmax(
    const float *x, float scale, alta_format format, void *exponentials, float *reciprocals, long words, long columns,
    long patches) {
    float factor = scale * LOG2_E;
    for (long w = 0; w < words; w++) {
        const float *row = x + w * columns;
        // Softmaxes over words are positive, so zeros past the last patch are never the largest.
        lanes tops = 0;
        for (long c = 0; c + LANES <= patches; c += LANES) tops = larger(at(row + c), tops);
        long last = patches & ~(long)(LANES - 1);
        if (last < patches) tops = larger(only_patches(at(row + last), last, patches), tops);
        float top = largest_of(tops);
        lanes sum = 0;
        for (long c = 0; c < columns; c += LANES) {
            lanes e = power_of_two((at(row + c) - top) * factor);
            if (c + LANES > patches) e = only_patches(e, c, patches);
            store(format, exponentials, w * columns + c, e);
            sum += e;
        }
        reciprocals[w] = 1.0f / sum_of(sum);
    }
}

KERNEL void alta_patch_softmax(
    const float *x, float scale, alta_format format, void *exponentials, float *reciprocals, long words, long columns,
    long patches) {
    if (format == ALTA_F32) {
        patch_softmax(x, scale, ALTA_F32, exponentials, reciprocals, words, columns, patches);
    } else {
        patch_softmax(x, scale, ALTA_BF16, exponentials, reciprocals, words, columns, patches);
    }
}

INLINE double word_patch_backward(
    const float *x, alta_format format, const void *exponentials, const float *reciprocals, float scale,
    float *gradient, float *sums, void *result, long words, long columns) {
    for (long c = 0; c < columns; c += LANES) put(sums + c, 0);
    for (long w = 0; w < words; w++) {
        const float *row = x + w * columns;
        float *g = gradient + w * columns;
        lanes products = 0;
        for (long c = 0; c < columns; c += LANES) products += load(format, exponentials, w * columns + c) * at(g + c);
        float mean = reciprocals[w] * sum_of(products);
        for (long c = 0; c < columns; c += LANES) {
            lanes inner = scale * load(format, exponentials, w * columns + c) * (at(g + c) - mean);
            put(g + c, inner);
            put(sums + c, at(sums + c) + at(row + c) * inner);
        }
    }
    for (long w = 0; w < words; w++) {
        for (long c = 0; c < columns; c += LANES) {
            long i = w * columns + c;
            lanes inner = at(x + i) * (at(gradient + i) - at(sums + c));
            store(format, result, i, inner);
        }
    }
    double total = 0;
    for (long c = 0; c < columns; c++) total += (double)sums[c];
    return total;
}

KERNEL double alta_word_patch_backward(
    const float *x, alta_format format, const void *exponentials, const float *reciprocals, float scale,
    float *gradient, float *sums, void *result, long words, long columns) {
    if (format == ALTA_F32) {
        return word_patch_backward(
            x, ALTA_F32, exponentials, reciprocals, scale, gradient, sums, result, words, columns);
    }
    return word_patch_backward(x, ALTA_BF16, exponentials, reciprocals, scale, gradient, sums, result, words, columns);
}
