#include "alta_half_attention.h"

#if defined(__x86_64__)
#include "alta_half_layout.h"

// Softmax between the two products while a block of rows is in the first-level cache: scores are fp32 and never leave
// the block; probabilities are bf16 only as the operand of the product that follows.

// Scores of one row become exp(score - largest) (times factors) in bf16, 0 beyond the last column. Returns the sum.
INLINE_TARGET float softmax_row(
    const float *scores, const float *factors, long length, float scale, uint16_t *p, float *largest) {
    __m512 most = _mm512_set1_ps(-__builtin_inff());
    for (long j = 0; j < length; j += LANES) {
        most = _mm512_mask_max_ps(most, lanes_of(length, j), most, _mm512_loadu_ps(scores + j));
    }
    // Powers of two of scores in units of ln 2; the scale is positive.
    float factor = scale * LOG2_E, shift = _mm512_reduce_max_ps(most) * factor;
    __m512 sum = _mm512_setzero_ps();
    for (long j = 0; j < rounded_up(length, PAIRED_TILE); j += LANES) {
        __mmask16 lanes = lanes_of(length, j);
        __m512 x = _mm512_fmsub_ps(_mm512_loadu_ps(scores + j), _mm512_set1_ps(factor), _mm512_set1_ps(shift));
        __m512 e = _mm512_maskz_mov_ps(lanes, power_of_two(x));
        sum = _mm512_add_ps(sum, e);
        if (factors) e = _mm512_maskz_mul_ps(lanes, e, _mm512_maskz_loadu_ps(lanes, factors + j));
        store_halves(p + j, rounded(e));
    }
    *largest = shift * LN_2;
    return _mm512_reduce_add_ps(sum);
}

typedef struct {
    alta_pair *turned_keys, *paired_values;
    uint16_t *queries, *probabilities;
    float *scores, *factors, *sums;
} forward_scratch;

static forward_scratch forward_parts(uintptr_t *from, long length, long width) {
    long columns = rounded_up(length, PAIRED_TILE), inner = rounded_up(width, PAIRED_TILE);
    return (forward_scratch){
        .turned_keys = taken(from, inner / 2 * columns * 4),
        .paired_values = taken(from, columns / 2 * width * 4),
        .queries = taken(from, columns * inner * 2),
        .probabilities = taken(from, BLOCK_ROWS * columns * 2),
        .scores = taken(from, BLOCK_ROWS * columns * 4),
        .factors = taken(from, BLOCK_ROWS * length * 4),
        .sums = taken(from, BLOCK_ROWS * width * 4),
    };
}

TARGET void alta_half_attention(
    const alta_attention_head *head, uint16_t *y, long y_stride, float *log_sum_exp, long sum_stride, void *scratch) {
    long length = head->length, width = head->width, inner = rounded_up(width, PAIRED_TILE);
    long columns = rounded_up(length, PAIRED_TILE), filled = rounded_up(length, LANES);
    uintptr_t free = (uintptr_t)scratch;
    forward_scratch s = forward_parts(&free, length, width);
    turn((head_rows){head->k, head->stride}, length, width, s.turned_keys, columns);
    pair_up((head_rows){head->v, head->stride}, length, width, s.paired_values);
    pad((head_rows){head->q, head->stride}, length, width, s.queries);
    alta_tiles_begin(head->level);
    for (long first = 0; first < length; first += BLOCK_ROWS) {
        long rows = rows_from(first, length);
        alta_multiply_pairs(head->level, &(alta_product){
            .a = (const alta_pair *)(s.queries + first * inner), .a_row = inner / 2, .b = s.turned_keys,
            .b_pair = columns, .pairs = width / 2, .c = s.scores, .c_row = columns, .rows = rows, .columns = filled});
        const float *factors = dropout_rows(head, first, rows, s.factors);
        float totals[BLOCK_ROWS];
        for (long i = 0; i < rows; i++) {
            float largest;
            totals[i] = softmax_row(
                s.scores + i * columns, factors ? factors + i * length : NULL, length, head->scale,
                s.probabilities + i * columns, &largest);
            log_sum_exp[(first + i) * sum_stride] = largest + __builtin_logf(totals[i]);
        }
        alta_multiply_pairs(head->level, &(alta_product){
            .a = (const alta_pair *)s.probabilities, .a_row = columns / 2, .b = s.paired_values, .b_pair = width,
            .pairs = half_of(length), .c = s.sums, .c_row = width, .rows = rows, .columns = width});
        for (long i = 0; i < rows; i++) {
            store_row(s.sums + i * width, 1.0f / totals[i], y + (first + i) * y_stride, width);
        }
    }
    alta_tiles_end(head->level);
}

long alta_half_attention_scratch(long length, long width) {
    uintptr_t bytes = 0;
    forward_parts(&bytes, length, width);
    return (long)bytes;
}
#else
long alta_half_attention_scratch(long length, long width) { return 0 * length * width; }
void alta_half_attention(
    const alta_attention_head *head, uint16_t *y, long y_stride, float *log_sum_exp, long sum_stride, void *scratch) {
    (void)head, (void)y, (void)y_stride, (void)log_sum_exp, (void)sum_stride, (void)scratch;
    __builtin_trap();
}
#endif
