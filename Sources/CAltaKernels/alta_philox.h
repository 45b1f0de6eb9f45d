#pragma once
#include <string.h>

#include "alta_vector.h"

// Sixteen 32-bit words, seen as eight pairs where the processor multiplies the even ones into 64 bits.
typedef uint32_t philox_words __attribute__((vector_size(64)));
typedef uint64_t philox_pairs __attribute__((vector_size(64)));

// Elements are made two blocks of 64 at a time: one block alone would wait for its own multiplications.
enum { PHILOX_RUN = 128 };

// The upper and the lower halves of products of even words and of odd words, in the words' order.
#define UPPER(even, odd) \
    __builtin_shufflevector( \
        (philox_words)(even), (philox_words)(odd), 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31)
#define LOWER(even, odd) \
    __builtin_shufflevector( \
        (philox_words)(even), (philox_words)(odd), 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)

// One round on sixteen counters, whose four words are c[0] ... c[3].
INLINE void philox_round(philox_words c[4], uint32_t k0, uint32_t k1) {
    const uint64_t m0 = 0xD2511F53ull, m1 = 0xCD9E8D57ull, low = 0xFFFFFFFFull;
    philox_pairs even0 = ((philox_pairs)c[0] & low) * m0, odd0 = ((philox_pairs)c[0] >> 32) * m0;
    philox_pairs even1 = ((philox_pairs)c[2] & low) * m1, odd1 = ((philox_pairs)c[2] >> 32) * m1;
    c[0] = UPPER(even1, odd1) ^ c[1] ^ k0;
    c[2] = UPPER(even0, odd0) ^ c[3] ^ k1;
    c[1] = LOWER(even1, odd1);
    c[3] = LOWER(even0, odd0);
}

INLINE void philox_start(philox_words c[4], uint64_t block) {
    for (uint32_t j = 0; j < 16; j++) c[0][j] = (uint32_t)(block << 4) | j;
    c[1] = (philox_words){0} + (uint32_t)(block >> 28);
    c[2] = c[3] = (philox_words){0};
}

// Philox 4x32-10 for the PHILOX_RUN elements from `first`, a multiple of PHILOX_RUN. Element e of a stream is word
// (e / 16) % 4 of counter (e / 64) 16 + e % 16: sixteen neighbours come from sixteen counters.
INLINE void philox_stream(uint64_t key, uint64_t first, uint32_t words[PHILOX_RUN]) {
    philox_words a[4], b[4];
    philox_start(a, first >> 6);
    philox_start(b, (first >> 6) + 1);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
#pragma clang loop unroll(full)
    for (int round = 0; round < 10; round++) {
        philox_round(a, k0, k1);
        philox_round(b, k0, k1);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    memcpy(words, a, sizeof a);
    memcpy(words + 64, b, sizeof b);
}

// The part of a run that covers elements from e on, of those before `end`.
typedef struct {
    int from, to;
} philox_part;

INLINE philox_part philox_part_of(int64_t e, int64_t end) {
    int from = (int)(e & (PHILOX_RUN - 1));
    return (philox_part){from, end - e < PHILOX_RUN - from ? from + (int)(end - e) : PHILOX_RUN};
}
