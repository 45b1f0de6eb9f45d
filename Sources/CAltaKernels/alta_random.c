#include "alta_rows.h"
#include "alta_vector.h"

// Philox 4x32-10 for the 64 elements of one block: sixteen neighbours come from sixteen counters, so that each round
// is a loop over sixteen lanes. Element e of a stream is word (e / 16) % 4 of counter (e / 64) 16 + e % 16.
INLINE void block_words(uint64_t key, uint64_t block, uint32_t words[64]) {
    uint32_t *c0 = words, *c1 = words + 16, *c2 = words + 32, *c3 = words + 48;
    for (int j = 0; j < 16; j++) {
        c0[j] = (uint32_t)(block << 4) | (uint32_t)j;
        c1[j] = (uint32_t)(block >> 28);
        c2[j] = 0;
        c3[j] = 0;
    }
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        for (int j = 0; j < 16; j++) {
            uint64_t p0 = (uint64_t)0xD2511F53u * c0[j], p1 = (uint64_t)0xCD9E8D57u * c2[j];
            c0[j] = (uint32_t)(p1 >> 32) ^ c1[j] ^ k0;
            c1[j] = (uint32_t)p1;
            c2[j] = (uint32_t)(p0 >> 32) ^ c3[j] ^ k1;
            c3[j] = (uint32_t)p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

KERNEL void alta_dropout(
    const float *x, float *y, uint64_t key, uint32_t threshold, float scale, int64_t first, int64_t count) {
    uint32_t words[64];
    for (int64_t e = first; e < first + count;) {
        block_words(key, (uint64_t)e >> 6, words);
        int from = (int)(e & 63);
        int to = first + count - e < 64 - from ? from + (int)(first + count - e) : 64;
        const float *in = x + (e - first) - from;
        float *out = y + (e - first) - from;
        ELEMENTWISE
        for (int j = from; j < to; j++) out[j] = words[j] >= threshold ? in[j] * scale : 0.0f;
        e += to - from;
    }
}

KERNEL void alta_dropout_factors(
    float *factors, uint64_t key, uint32_t threshold, float scale, int64_t first, int64_t count) {
    uint32_t words[64];
    for (int64_t e = first; e < first + count;) {
        block_words(key, (uint64_t)e >> 6, words);
        int from = (int)(e & 63);
        int to = first + count - e < 64 - from ? from + (int)(first + count - e) : 64;
        float *out = factors + (e - first) - from;
        ELEMENTWISE
        for (int j = from; j < to; j++) out[j] = words[j] >= threshold ? scale : 0.0f;
        e += to - from;
    }
}
