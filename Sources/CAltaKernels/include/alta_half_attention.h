#pragma once
#include <stdbool.h>
#include <stdint.h>

// Attention of one head of one sequence on bf16 matrices, by instructions that not every processor has.

// What a processor has for bf16; each level contains the ones before it.
typedef enum {
    alta_half_none,
    alta_half_vectors, // AVX-512 BF16
    alta_half_tiles,   // AMX BF16
} alta_half_level;

// Asks the system for the use of tiles, once or more often.
alta_half_level alta_half_best_level(void);

typedef struct {
    alta_half_level level;     // at most alta_half_best_level, more than none
    const uint16_t *q, *k, *v; // the first rows of this head's columns
    long stride;               // between their rows; even
    long length, width;        // tokens, columns of the head: a multiple of 16
    float scale;               // of the scores, more than 0
    bool drops;                // whether probabilities are dropped, as alta_dropout_factors says
    uint64_t key;
    uint32_t threshold;
    float keep_scale;
    long index;                // of the head: its probabilities begin at element index length^2 of the stream
} alta_attention_head;

typedef struct {
    const uint16_t *dy, *y;    // the first rows of this head's columns
    long y_stride;             // even
    const float *log_sum_exp;
    long sum_stride;
    uint16_t *dq, *dk, *dv;    // overwritten; rows as far apart as those of q
} alta_attention_gradient;

// The bytes of scratch that each direction needs, aligned to 64.
long alta_half_attention_scratch(long length, long width);
long alta_half_attention_backward_scratch(long length, long width);

void alta_half_attention(
    const alta_attention_head *head, uint16_t *y, long y_stride, float *log_sum_exp, long sum_stride, void *scratch);
void alta_half_attention_backward(
    const alta_attention_head *head, const alta_attention_gradient *of, void *scratch);
