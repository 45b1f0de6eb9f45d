#pragma once
#include <math.h>
#include <stdint.h>

// Loops that the compiler vectorises, compiled three times and chosen at load time by what the processor has.
//
// Every kernel takes whole rows, or blocks at fixed positions, so that an element's place in the vector loop, and with
// it its bits, depends on the width of the row alone.
//
// The thread sanitizer instruments what chooses, which then runs before the sanitizer does: there each is compiled once.
#if defined(__has_feature) && __has_feature(thread_sanitizer)
#define KERNEL
#else
#define KERNEL __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4"), min_vector_width(512)))
#endif
// Before loops whose iterations touch elements of their own only: source and result may be the same memory, for which the
// compiler's own check would choose a scalar loop.
#define ELEMENTWISE _Pragma("clang loop vectorize(assume_safety)")
#define INLINE static inline __attribute__((always_inline))

// Cody-Waite reduction and the polynomial of Cephes' expf: 2 units in the last place; 0 below -87.3, NaN for NaN.
INLINE float exp_approximate(float x) {
#pragma clang fp contract(fast)
    float bounded = x < -87.3f ? -87.3f : x;
    bounded = bounded > 88.3f ? 88.3f : bounded;
    float n = rintf(bounded * 1.44269504f);
    float r = bounded - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    union {
        int32_t bits;
        float value;
    } power = {.bits = ((int32_t)n + 127) << 23};
    float result = p * power.value;
    return x < -87.3f ? 0.0f : result;
}

// The rational polynomial of Eigen and XLA for erf on [-4, 4], beyond which erf is 1 in fp32: 3e-7 absolute.
INLINE float erf_approximate(float x) {
#pragma clang fp contract(fast)
    float bounded = x < -4.0f ? -4.0f : x;
    bounded = bounded > 4.0f ? 4.0f : bounded;
    float s = bounded * bounded;
    float p = -2.72614225801306e-10f;
    p = p * s + 2.77068142495902e-08f;
    p = p * s - 2.10102402082508e-06f;
    p = p * s - 5.69250639462346e-05f;
    p = p * s - 7.34990630326855e-04f;
    p = p * s - 2.95459980854025e-03f;
    p = p * s - 1.60960333262415e-02f;
    float q = -1.45660718464996e-05f;
    q = q * s - 2.13374055278905e-04f;
    q = q * s - 1.68282697438203e-03f;
    q = q * s - 7.37332916720468e-03f;
    q = q * s - 1.42647390514189e-02f;
    float value = bounded * p / q;
    value = value > 1.0f ? 1.0f : value;
    value = value < -1.0f ? -1.0f : value;
    value = x >= 4.0f ? 1.0f : value;
    return x <= -4.0f ? -1.0f : value;
}

// A maximum reduction stays scalar without -ffast-math, so the lanes are written out. NaNs are passed over.
INLINE float row_maximum(const float *x, long columns) {
    float lanes[16];
    for (int j = 0; j < 16; j++) lanes[j] = -INFINITY;
    long i = 0;
    for (; i + 16 <= columns; i += 16) {
        for (int j = 0; j < 16; j++) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    }
    for (; i < columns; i++) lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
    for (int j = 1; j < 16; j++) lanes[0] = lanes[j] > lanes[0] ? lanes[j] : lanes[0];
    return lanes[0];
}
