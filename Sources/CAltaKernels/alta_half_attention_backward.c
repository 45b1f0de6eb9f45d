#include "alta_half_attention.h"

#if defined(__x86_64__)
#include "alta_half_layout.h"

// Probabilities are made again from the scores, a block of rows at a time. What a block gives is used at once for dq
// and turned for dk and dv, which sum over all blocks.

typedef struct {
    alta_pair *turned_keys, *turned_values, *paired_keys, *paired_queries, *paired_gradients;
    // [T, T / 2]: words of two rows, column by column.
    alta_pair *probability_columns, *score_columns;
    alta_pair *probability_pairs, *score_pairs;
    uint16_t *queries, *output_gradients, *score_rows;
    float *scores, *gradients, *factors, *sums;
} backward_scratch;

static backward_scratch backward_parts(uintptr_t *from, long length, long width) {
    long columns = rounded_up(length, PAIRED_TILE), inner = rounded_up(width, PAIRED_TILE);
    return (backward_scratch){
        .turned_keys = taken(from, inner / 2 * columns * 4),
        .turned_values = taken(from, inner / 2 * columns * 4),
        .paired_keys = taken(from, columns / 2 * width * 4),
        .paired_queries = taken(from, columns / 2 * width * 4),
        .paired_gradients = taken(from, columns / 2 * width * 4),
        .probability_columns = taken(from, columns * columns / 2 * 4),
        .score_columns = taken(from, columns * columns / 2 * 4),
        .probability_pairs = taken(from, BLOCK_ROWS / 2 * columns * 4),
        .score_pairs = taken(from, BLOCK_ROWS / 2 * columns * 4),
        .queries = taken(from, columns * inner * 2),
        .output_gradients = taken(from, columns * inner * 2),
        .score_rows = taken(from, BLOCK_ROWS * columns * 2),
        .scores = taken(from, BLOCK_ROWS * columns * 4),
        .gradients = taken(from, BLOCK_ROWS * columns * 4),
        .factors = taken(from, BLOCK_ROWS * length * 4),
        .sums = taken(from, BLOCK_ROWS * width * 4),
    };
}

// What a row of the backward pass needs beside its scores.
typedef struct {
    float shift; // log-sum-exp in units of ln 2
    float delta; // dy . y
    const float *factors;
} row_facts;

// Sixteen probabilities (with dropout) and gradients of scores of one row, as bf16.
INLINE_TARGET void differentiate(
    const float *scores, const float *gradients, const row_facts *row, long j, __mmask16 lanes, float scale,
    __m256i *p_half, __m256i *ds_half) {
    __m512 x = _mm512_fmsub_ps(
        _mm512_loadu_ps(scores + j), _mm512_set1_ps(scale * LOG2_E), _mm512_set1_ps(row->shift));
    __m512 p = power_of_two(x), g = _mm512_loadu_ps(gradients + j), kept = p;
    if (row->factors) {
        __m512 f = _mm512_maskz_loadu_ps(lanes, row->factors + j);
        g = _mm512_mul_ps(g, f);
        kept = _mm512_mul_ps(p, f);
    }
    __m512 scaled = _mm512_mul_ps(p, _mm512_set1_ps(scale));
    __m512 ds = _mm512_mul_ps(scaled, _mm512_sub_ps(g, _mm512_set1_ps(row->delta)));
    *ds_half = rounded(_mm512_maskz_mov_ps(lanes, ds));
    *p_half = rounded(_mm512_maskz_mov_ps(lanes, kept));
}

// Two rows of a block; of rows that do not exist come zeros.
INLINE_TARGET void differentiate_pair(
    const backward_scratch *s, const row_facts *facts, long row, long rows, long length, float scale) {
    long columns = rounded_up(length, PAIRED_TILE);
    for (long j = 0; j < columns; j += LANES) {
        __mmask16 lanes = lanes_of(length, j);
        __m256i p[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()}, ds[2] = {p[0], p[0]};
        for (int i = 0; i < 2; i++) {
            long at = (row + i) * columns;
            if (row + i < rows) {
                differentiate(s->scores + at, s->gradients + at, facts + row + i, j, lanes, scale, &p[i], &ds[i]);
            }
            store_halves(s->score_rows + at + j, ds[i]);
        }
        _mm512_storeu_si512(s->probability_pairs + row / 2 * columns + j, pair_words(p[0], p[1]));
        _mm512_storeu_si512(s->score_pairs + row / 2 * columns + j, pair_words(ds[0], ds[1]));
    }
}

// A block's [16][columns] words, turned to become part of [columns][columns / 2].
static TARGET void transpose_block(const alta_pair *pairs, alta_pair *target, long columns) {
    for (long j = 0; j < columns; j += LANES) {
        __m512i rows[LANES];
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) rows[i] = _mm512_loadu_si512(pairs + i * columns + j);
        transpose_words(rows);
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) _mm512_storeu_si512(target + (j + i) * (columns / 2), rows[i]);
    }
}

INLINE_TARGET float dot_row(const uint16_t *x, const uint16_t *y, long width) {
    __m512 sum = _mm512_setzero_ps();
    for (long c = 0; c < width; c += LANES) sum = _mm512_fmadd_ps(widened(x + c), widened(y + c), sum);
    return _mm512_reduce_add_ps(sum);
}

// The scores and the gradients of the probabilities, for rows first ... first + rows - 1.
static TARGET void scores_and_gradients(
    const alta_attention_head *head, const backward_scratch *s, long first, long rows) {
    long inner = rounded_up(head->width, PAIRED_TILE), columns = rounded_up(head->length, PAIRED_TILE);
    alta_product of = {
        .a = (const alta_pair *)(s->queries + first * inner), .a_row = inner / 2, .b = s->turned_keys,
        .b_pair = columns, .pairs = head->width / 2, .c = s->scores, .c_row = columns, .rows = rows,
        .columns = rounded_up(head->length, LANES)};
    alta_multiply_pairs(head->level, &of);
    of.a = (const alta_pair *)(s->output_gradients + first * inner);
    of.b = s->turned_values;
    of.c = s->gradients;
    alta_multiply_pairs(head->level, &of);
}

// dq of rows first ... first + rows - 1, and what dk and dv need of them.
static TARGET void backward_rows(
    const alta_attention_head *head, const alta_attention_gradient *of, const backward_scratch *s, long first,
    long rows) {
    long length = head->length, width = head->width, columns = rounded_up(length, PAIRED_TILE);
    scores_and_gradients(head, s, first, rows);
    const float *factors = dropout_rows(head, first, rows, s->factors);
    row_facts facts[BLOCK_ROWS];
    for (long i = 0; i < rows; i++) {
        long at = (first + i) * of->y_stride;
        facts[i] = (row_facts){
            of->log_sum_exp[(first + i) * of->sum_stride] * LOG2_E, dot_row(of->dy + at, of->y + at, width),
            factors ? factors + i * length : NULL};
    }
    for (long i = 0; i < BLOCK_ROWS; i += 2) differentiate_pair(s, facts, i, rows, length, head->scale);
    transpose_block(s->probability_pairs, s->probability_columns + first / 2, columns);
    transpose_block(s->score_pairs, s->score_columns + first / 2, columns);
    alta_multiply_pairs(head->level, &(alta_product){
        .a = (const alta_pair *)s->score_rows, .a_row = columns / 2, .b = s->paired_keys, .b_pair = width,
        .pairs = half_of(length), .c = s->sums, .c_row = width, .rows = rows, .columns = width});
    for (long i = 0; i < rows; i++) store_row(s->sums + i * width, 1.0f, of->dq + (first + i) * head->stride, width);
}

// target [T, d] = columns [T, T / 2] . paired [T / 2, d].
static TARGET void multiply_columns(
    const alta_attention_head *head, const alta_pair *a, const alta_pair *paired, uint16_t *target, float *sums) {
    long length = head->length, width = head->width, columns = rounded_up(length, PAIRED_TILE);
    for (long first = 0; first < length; first += BLOCK_ROWS) {
        long rows = rows_from(first, length);
        alta_multiply_pairs(head->level, &(alta_product){
            .a = a + first * (columns / 2), .a_row = columns / 2, .b = paired, .b_pair = width,
            .pairs = half_of(length), .c = sums, .c_row = width, .rows = rows, .columns = width});
        for (long i = 0; i < rows; i++) store_row(sums + i * width, 1.0f, target + (first + i) * head->stride, width);
    }
}

TARGET void alta_half_attention_backward(
    const alta_attention_head *head, const alta_attention_gradient *of, void *scratch) {
    long length = head->length, width = head->width, columns = rounded_up(length, PAIRED_TILE);
    head_rows q = {head->q, head->stride}, k = {head->k, head->stride}, v = {head->v, head->stride};
    head_rows dy = {of->dy, of->y_stride};
    uintptr_t free = (uintptr_t)scratch;
    backward_scratch s = backward_parts(&free, length, width);
    turn(k, length, width, s.turned_keys, columns);
    turn(v, length, width, s.turned_values, columns);
    pair_up(k, length, width, s.paired_keys);
    pair_up(q, length, width, s.paired_queries);
    pair_up(dy, length, width, s.paired_gradients);
    pad(q, length, width, s.queries);
    pad(dy, length, width, s.output_gradients);
    alta_tiles_begin(head->level);
    for (long first = 0; first < length; first += BLOCK_ROWS) {
        backward_rows(head, of, &s, first, rows_from(first, length));
    }
    multiply_columns(head, s.score_columns, s.paired_queries, of->dk, s.sums);
    multiply_columns(head, s.probability_columns, s.paired_gradients, of->dv, s.sums);
    alta_tiles_end(head->level);
}

long alta_half_attention_backward_scratch(long length, long width) {
    uintptr_t bytes = 0;
    backward_parts(&bytes, length, width);
    return (long)bytes;
}
#else
long alta_half_attention_backward_scratch(long length, long width) { return 0 * length * width; }
void alta_half_attention_backward(
    const alta_attention_head *head, const alta_attention_gradient *of, void *scratch) {
    (void)head, (void)of, (void)scratch;
    __builtin_trap();
}
#endif
