#pragma once
#include "alta_vector.h"

// bf16 is the upper half of fp32. Rounding is done on integers and not by the processor's conversion, which only some
// have and which flushes subnormal numbers: a number's bits are the same on every machine.

INLINE float half_to_float(uint16_t x) {
    union {
        uint32_t bits;
        float value;
    } word = {.bits = (uint32_t)x << 16};
    return word.value;
}

// To the nearest, ties to even; NaN stays NaN, though its payload may lie in the lower half.
INLINE uint16_t half_from_float(float x) {
    union {
        float value;
        uint32_t bits;
    } word = {.value = x};
    uint32_t rounded = (word.bits + 0x7FFF + (word.bits >> 16 & 1)) >> 16;
    return (uint16_t)(x == x ? rounded : word.bits >> 16 | 0x40);
}
