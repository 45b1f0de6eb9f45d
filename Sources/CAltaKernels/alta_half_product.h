#pragma once
#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "alta_half_attention.h"

// Products of small bf16 matrices that are in the cache, by AMX tiles or by AVX-512 BF16.
#define HALF_FEATURES "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma"
#define TARGET __attribute__((target(HALF_FEATURES)))
#define INLINE_TARGET static inline __attribute__((always_inline, target(HALF_FEATURES)))

// Two bf16 numbers at any even address.
typedef uint32_t __attribute__((aligned(2), may_alias)) alta_pair;

enum { LANES = 16, TILE = 16, PAIRED_TILE = 32 };

static inline long rounded_up(long count, long multiple) { return (count + multiple - 1) / multiple * multiple; }

// c [rows, columns] = a . b in fp32. Word p of row r of a is a[r a_row + p], word p of column j of b is b[p b_pair + j];
// rows of c lie c_row apart. Columns are a multiple of 16.
typedef struct {
    const alta_pair *a;
    long a_row;
    const alta_pair *b;
    long b_pair, pairs;
    float *c;
    long c_row, rows, columns;
} alta_product;

// Made ready by alta_tiles_begin, which alta_tiles_end must follow, both on the thread that multiplies.
void alta_tiles_begin(alta_half_level level);
void alta_tiles_end(alta_half_level level);

// With tiles, reads and writes up to a multiple of 16 rows and reads up to a multiple of 16 pairs, which must be 0 in
// one of the operands at least and finite in the other.
void alta_multiply_pairs(alta_half_level level, const alta_product *of);
