#pragma once
#include "alta_layout.h"

// A primitive with its memories, whatever its operands' layouts: what packed and plain products have in common.

struct alta_engine {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int threads;
    void *scratchpad;
    size_t scratchpad_bytes;
};

// How many threads a product of so many multiplications is worth.
int alta_team(int threads, double multiplications);

// Describes y (+)= x . w (+ bias); bias may be NULL. The caller frees the description.
dnnl_status_t alta_describe(
    alta_engine *engine, const_layout x, const_layout w, const_layout bias, const_layout y, bool accumulate,
    dnnl_primitive_desc_t *made);

// Makes the product ready to run; it owns the description from here on, also where this fails.
dnnl_status_t alta_prepare(
    alta_engine *engine, dnnl_primitive_desc_t description, bool has_bias, int threads, alta_matmul **made);
