#pragma once
#include "alta_half_product.h"
#include "alta_rows.h"

// The building blocks of attention on bf16 numbers, T tokens of d columns a head.
//
// The processor multiplies pairs: a 32-bit word holds two neighbours along the dimension that is summed. "Turned"
// below means [d / 2][T] words, each two columns of a row; "paired" means [T / 2][d] words, each a column of two rows.
// All is padded with zeros to whole tiles: rows to 16, and to 32 where they are summed over.

// Rows of scores that are worked on at a time.
enum { BLOCK_ROWS = 32 };

#define LOG2_E 1.44269504f
#define LN_2 0.69314718f

static inline long half_of(long count) { return (count + 1) / 2; }

INLINE_TARGET void transpose_words(__m512i r[LANES]) {
    __m512i t[LANES];
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < LANES; i += 8) {
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) {
            t[i + j] = _mm512_shuffle_i32x4(r[i + j], r[i + j + 4], 0x88);
            t[i + j + 4] = _mm512_shuffle_i32x4(r[i + j], r[i + j + 4], 0xDD);
        }
    }
#pragma clang loop unroll(full)
    for (int j = 0; j < 8; j++) {
        r[j] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0x88);
        r[j + 8] = _mm512_shuffle_i32x4(t[j], t[j + 8], 0xDD);
    }
}

// The lanes of columns that exist, of the sixteen from `column`.
INLINE_TARGET __mmask16 lanes_of(long columns, long column) {
    long left = columns - column;
    if (left >= LANES) return 0xFFFF;
    return left <= 0 ? 0 : (__mmask16)((1u << left) - 1);
}

// The rows of one head, out of wider ones.
typedef struct {
    const uint16_t *base;
    long stride;
} head_rows;

// x [length, width] becomes [padded width / 2][columns] words.
INLINE_TARGET void turn(head_rows x, long length, long width, alta_pair *turned, long columns) {
    for (long p = 0; p < half_of(rounded_up(width, PAIRED_TILE)); p += LANES) {
        __mmask16 lanes = lanes_of(width / 2, p);
        for (long first = 0; first < columns; first += LANES) {
            __m512i rows[LANES];
#pragma clang loop unroll(full)
            for (int i = 0; i < LANES; i++) {
                rows[i] = first + i < length
                              ? _mm512_maskz_loadu_epi32(lanes, x.base + (first + i) * x.stride + 2 * p)
                              : _mm512_setzero_si512();
            }
            transpose_words(rows);
            for (long j = 0; j < LANES; j++) _mm512_storeu_si512(turned + (p + j) * columns + first, rows[j]);
        }
    }
}

INLINE_TARGET __m512i pair_words(__m256i low, __m256i high) {
    return _mm512_or_si512(_mm512_cvtepu16_epi32(low), _mm512_slli_epi32(_mm512_cvtepu16_epi32(high), 16));
}

INLINE_TARGET __m256i halves(const uint16_t *x) { return _mm256_loadu_si256((const __m256i_u *)x); }
INLINE_TARGET void store_halves(uint16_t *x, __m256i value) { _mm256_storeu_si256((__m256i_u *)x, value); }

// x [length, width] becomes [padded length / 2][width] words.
INLINE_TARGET void pair_up(head_rows x, long length, long width, alta_pair *paired) {
    __m256i none = _mm256_setzero_si256();
    for (long i = 0; i < rounded_up(length, PAIRED_TILE); i += 2) {
        for (long c = 0; c < width; c += LANES) {
            __m256i low = i < length ? halves(x.base + i * x.stride + c) : none;
            __m256i high = i + 1 < length ? halves(x.base + (i + 1) * x.stride + c) : none;
            _mm512_storeu_si512(paired + i / 2 * width + c, pair_words(low, high));
        }
    }
}

// x [length, width] becomes [padded length, padded width].
INLINE_TARGET void pad(head_rows x, long length, long width, uint16_t *padded) {
    __m256i none = _mm256_setzero_si256();
    long columns = rounded_up(width, PAIRED_TILE);
    for (long i = 0; i < rounded_up(length, PAIRED_TILE); i++) {
        for (long c = 0; c < columns; c += LANES) {
            bool exists = i < length && c < width;
            store_halves(padded + i * columns + c, exists ? halves(x.base + i * x.stride + c) : none);
        }
    }
}

INLINE_TARGET __m256i rounded(__m512 x) { return (__m256i)_mm512_cvtneps_pbh(x); }

INLINE_TARGET __m512 widened(const uint16_t *x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves(x)), 16));
}

// One row of `width` sums, times factor, as bf16.
INLINE_TARGET void store_row(const float *sums, float factor, uint16_t *y, long width) {
    for (long c = 0; c < width; c += LANES) {
        store_halves(y + c, rounded(_mm512_mul_ps(_mm512_loadu_ps(sums + c), _mm512_set1_ps(factor))));
    }
}

// 2^x, within 3e-6; 0 far below.
INLINE_TARGET __m512 power_of_two(__m512 x) {
    __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m512 f = _mm512_sub_ps(x, n);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(9.582576647e-3f), f, _mm512_set1_ps(5.590682995e-2f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(2.402410728e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(6.931241184e-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

// `from` is an address in the scratch, or counts its bytes from 0.
static inline void *taken(uintptr_t *from, long bytes) {
    void *start = (void *)*from;
    *from += (uintptr_t)rounded_up(bytes, 64);
    return start;
}

// What rows first ... first + rows - 1 of the probabilities are multiplied by; NULL: nothing is dropped.
static inline const float *dropout_rows(const alta_attention_head *head, long first, long rows, float *factors) {
    if (!head->drops) return NULL;
    long length = head->length;
    alta_dropout_factors(
        factors, head->key, head->threshold, head->keep_scale, (head->index * length + first) * length, rows * length);
    return factors;
}

static inline long rows_from(long first, long length) { return length - first < BLOCK_ROWS ? length - first : BLOCK_ROWS; }
