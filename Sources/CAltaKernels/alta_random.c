#include "alta_rows.h"
#include <string.h>

#include "alta_vector.h"

// Sixteen 32-bit words as eight pairs, since the processor multiplies the even words of a vector into 64 bits.
typedef uint64_t pairs __attribute__((vector_size(64)));

#define LOW 0xFFFFFFFFull
// Elements are made two blocks of 64 at a time: one block alone would wait for its own multiplications.
enum { RUN = 128 };

// One round on sixteen counters, whose four words are c[0] ... c[3].
INLINE void philox_round(pairs c[4], uint64_t k0, uint64_t k1) {
    const uint64_t m0 = 0xD2511F53ull, m1 = 0xCD9E8D57ull;
    pairs even0 = (c[0] & LOW) * m0, odd0 = (c[0] >> 32) * m0;
    pairs even1 = (c[2] & LOW) * m1, odd1 = (c[2] >> 32) * m1;
    c[0] = ((even1 >> 32) | (odd1 & ~LOW)) ^ c[1] ^ k0;
    c[2] = ((even0 >> 32) | (odd0 & ~LOW)) ^ c[3] ^ k1;
    c[1] = (even1 & LOW) | (odd1 << 32);
    c[3] = (even0 & LOW) | (odd0 << 32);
}

INLINE void start_block(pairs c[4], uint64_t block) {
    for (uint64_t j = 0; j < 8; j++) {
        uint64_t first = ((block << 4) & LOW) | 2 * j;
        c[0][j] = first | (first + 1) << 32;
    }
    uint64_t high = (block >> 28) & LOW;
    c[1] = (pairs){0} + (high | high << 32);
    c[2] = c[3] = (pairs){0};
}

// Philox 4x32-10 for the RUN elements from `first`, a multiple of RUN. Element e of a stream is word (e / 16) % 4 of
// counter (e / 64) 16 + e % 16: sixteen neighbours come from sixteen counters.
INLINE void stream_words(uint64_t key, uint64_t first, uint32_t words[RUN]) {
    pairs a[4], b[4];
    start_block(a, first >> 6);
    start_block(b, (first >> 6) + 1);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
#pragma clang loop unroll(full)
    for (int round = 0; round < 10; round++) {
        uint64_t pair0 = k0 | (uint64_t)k0 << 32, pair1 = k1 | (uint64_t)k1 << 32;
        philox_round(a, pair0, pair1);
        philox_round(b, pair0, pair1);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    memcpy(words, a, sizeof a);
    memcpy(words + 64, b, sizeof b);
}

KERNEL void alta_dropout(
    const float *x, float *y, uint64_t key, uint32_t threshold, float scale, int64_t first, int64_t count) {
    uint32_t words[RUN];
    for (int64_t e = first; e < first + count;) {
        stream_words(key, (uint64_t)e & ~(uint64_t)(RUN - 1), words);
        int from = (int)(e & (RUN - 1));
        int to = first + count - e < RUN - from ? from + (int)(first + count - e) : RUN;
        const float *in = x + (e - first) - from;
        float *out = y + (e - first) - from;
        ELEMENTWISE
        for (int j = from; j < to; j++) out[j] = words[j] >= threshold ? in[j] * scale : 0.0f;
        e += to - from;
    }
}

KERNEL void alta_dropout_factors(
    float *factors, uint64_t key, uint32_t threshold, float scale, int64_t first, int64_t count) {
    uint32_t words[RUN];
    for (int64_t e = first; e < first + count;) {
        stream_words(key, (uint64_t)e & ~(uint64_t)(RUN - 1), words);
        int from = (int)(e & (RUN - 1));
        int to = first + count - e < RUN - from ? from + (int)(first + count - e) : RUN;
        float *out = factors + (e - first) - from;
        ELEMENTWISE
        for (int j = from; j < to; j++) out[j] = words[j] >= threshold ? scale : 0.0f;
        e += to - from;
    }
}
