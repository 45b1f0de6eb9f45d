#include "alta_philox.h"
#include "alta_rows.h"

KERNEL void alta_dropout(
    const float *x, float *y, uint64_t key, uint32_t threshold, float scale, int64_t first, int64_t count) {
    uint32_t words[PHILOX_RUN];
    for (int64_t e = first; e < first + count;) {
        philox_part part = philox_part_of(e, first + count);
        philox_stream(key, (uint64_t)(e - part.from), words);
        const float *in = x + (e - first) - part.from;
        float *out = y + (e - first) - part.from;
        ELEMENTWISE
        for (int j = part.from; j < part.to; j++) out[j] = words[j] >= threshold ? in[j] * scale : 0.0f;
        e += part.to - part.from;
    }
}

KERNEL void alta_dropout_factors(
    float *factors, uint64_t key, uint32_t threshold, float scale, int64_t first, int64_t count) {
    uint32_t words[PHILOX_RUN];
    for (int64_t e = first; e < first + count;) {
        philox_part part = philox_part_of(e, first + count);
        philox_stream(key, (uint64_t)(e - part.from), words);
        float *out = factors + (e - first) - part.from;
        ELEMENTWISE
        for (int j = part.from; j < part.to; j++) out[j] = words[j] >= threshold ? scale : 0.0f;
        e += part.to - part.from;
    }
}
