#include "alta_product.h"

#include <stdlib.h>

extern void omp_set_num_threads(int threads);

// Below this many multiplications (some 0.1 ms of one core) a product runs on the calling thread: waking a passive
// team takes 40 us. The bits are the same.
int alta_team(int threads, double multiplications) { return multiplications < 1.6e7 ? 1 : threads; }

struct alta_matmul {
    dnnl_primitive_desc_t description;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, w, bias, y, scratchpad;
    size_t scratchpad_bytes;
    int threads;
};

// ---- Engine

alta_library alta_product_library(void) {
    const dnnl_version_t *version = dnnl_version();
    return (alta_library){version->major, version->minor, version->patch, dnnl_get_effective_cpu_isa()};
}

int alta_engine_create(int threads, alta_engine **made) {
    alta_engine *engine = calloc(1, sizeof *engine);
    if (!engine) return dnnl_out_of_memory;
    engine->threads = threads;
    dnnl_status_t status = dnnl_engine_create(&engine->engine, dnnl_cpu, 0);
    if (status == dnnl_success) status = dnnl_stream_create(&engine->stream, engine->engine, dnnl_stream_default_flags);
    if (status == dnnl_success) {
        *made = engine;
    } else {
        alta_engine_destroy(engine);
    }
    return status;
}

void alta_engine_destroy(alta_engine *engine) {
    if (engine->stream) dnnl_stream_destroy(engine->stream);
    if (engine->engine) dnnl_engine_destroy(engine->engine);
    free(engine->scratchpad);
    free(engine);
}

static dnnl_status_t reserve_scratchpad(alta_engine *engine, size_t bytes) {
    if (bytes <= engine->scratchpad_bytes) return dnnl_success;
    void *larger = NULL;
    if (posix_memalign(&larger, 4096, bytes) != 0) return dnnl_out_of_memory;
    free(engine->scratchpad);
    engine->scratchpad = larger;
    engine->scratchpad_bytes = bytes;
    return dnnl_success;
}

// ---- Description

static dnnl_status_t describe_product(
    alta_engine *engine, const_layout x, const_layout w, const_layout bias, const_layout y,
    const_dnnl_primitive_attr_t attributes, dnnl_primitive_desc_t *made) {
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_matmul_primitive_desc_create(made, engine->engine, x, w, bias, y, attributes);
#else
    dnnl_matmul_desc_t operation;
    TRY(dnnl_matmul_desc_init(&operation, x, w, bias, y));
    return dnnl_primitive_desc_create(made, &operation, attributes, engine->engine, NULL);
#endif
}

static dnnl_status_t append_sum(dnnl_post_ops_t operations) {
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_post_ops_append_sum(operations, 1.0f, 0, dnnl_data_type_undef);
#else
    return dnnl_post_ops_append_sum(operations, 1.0f);
#endif
}

static dnnl_status_t make_attributes(bool accumulate, dnnl_primitive_attr_t *made) {
    TRY(dnnl_primitive_attr_create(made));
    TRY(dnnl_primitive_attr_set_scratchpad_mode(*made, dnnl_scratchpad_mode_user));
    if (!accumulate) return dnnl_success;
    dnnl_post_ops_t operations;
    TRY(dnnl_post_ops_create(&operations));
    dnnl_status_t status = append_sum(operations);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(*made, operations);
    dnnl_post_ops_destroy(operations);
    return status;
}

dnnl_status_t alta_describe(
    alta_engine *engine, const_layout x, const_layout w, const_layout bias, const_layout y, bool accumulate,
    dnnl_primitive_desc_t *made) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t status = make_attributes(accumulate, &attributes);
    if (status == dnnl_success) status = describe_product(engine, x, w, bias, y, attributes, made);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    return status;
}

// ---- Product

static dnnl_status_t make_memory(
    alta_engine *engine, alta_matmul *matmul, dnnl_query_t what, int index, dnnl_memory_t *made) {
    const_layout of = dnnl_primitive_desc_query_md(matmul->description, what, index);
    return dnnl_memory_create(made, of, engine->engine, DNNL_MEMORY_NONE);
}

static dnnl_status_t make_parts(alta_engine *engine, alta_matmul *matmul, bool has_bias) {
    TRY(dnnl_primitive_create(&matmul->primitive, matmul->description));
    TRY(make_memory(engine, matmul, dnnl_query_src_md, 0, &matmul->x));
    TRY(make_memory(engine, matmul, dnnl_query_weights_md, 0, &matmul->w));
    TRY(make_memory(engine, matmul, dnnl_query_dst_md, 0, &matmul->y));
    TRY(make_memory(engine, matmul, dnnl_query_scratchpad_md, 0, &matmul->scratchpad));
    if (has_bias) TRY(make_memory(engine, matmul, dnnl_query_weights_md, 1, &matmul->bias));
    const_layout scratchpad = dnnl_primitive_desc_query_md(matmul->description, dnnl_query_scratchpad_md, 0);
    matmul->scratchpad_bytes = dnnl_memory_desc_get_size(scratchpad);
    return reserve_scratchpad(engine, matmul->scratchpad_bytes);
}

dnnl_status_t alta_prepare(
    alta_engine *engine, dnnl_primitive_desc_t description, bool has_bias, int threads, alta_matmul **made) {
    alta_matmul *matmul = calloc(1, sizeof *matmul);
    if (!matmul) {
        dnnl_primitive_desc_destroy(description);
        return dnnl_out_of_memory;
    }
    matmul->description = description;
    matmul->threads = threads;
    dnnl_status_t status = make_parts(engine, matmul, has_bias);
    if (status == dnnl_success) {
        *made = matmul;
    } else {
        alta_matmul_destroy(matmul);
    }
    return status;
}

void alta_matmul_destroy(alta_matmul *matmul) {
    dnnl_memory_t memories[5] = {matmul->x, matmul->w, matmul->bias, matmul->y, matmul->scratchpad};
    for (int i = 0; i < 5; i++) {
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    }
    if (matmul->primitive) dnnl_primitive_destroy(matmul->primitive);
    dnnl_primitive_desc_destroy(matmul->description);
    free(matmul);
}

int alta_matmul_run(
    alta_engine *engine, alta_matmul *matmul, const void *x, const void *w, const float *bias, void *y) {
    omp_set_num_threads(matmul->threads);
    TRY(dnnl_memory_set_data_handle(matmul->x, (void *)x));
    TRY(dnnl_memory_set_data_handle(matmul->w, (void *)w));
    TRY(dnnl_memory_set_data_handle(matmul->y, y));
    TRY(dnnl_memory_set_data_handle(matmul->scratchpad, engine->scratchpad));
    if (matmul->bias) TRY(dnnl_memory_set_data_handle(matmul->bias, (void *)bias));
    dnnl_exec_arg_t arguments[5] = {
        {DNNL_ARG_SRC, matmul->x}, {DNNL_ARG_WEIGHTS, matmul->w}, {DNNL_ARG_DST, matmul->y},
        {DNNL_ARG_SCRATCHPAD, matmul->scratchpad}, {DNNL_ARG_BIAS, matmul->bias}};
    TRY(dnnl_primitive_execute(matmul->primitive, engine->stream, matmul->bias ? 5 : 4, arguments));
    return dnnl_stream_wait(engine->stream);
}

const char *alta_matmul_kernel(const alta_matmul *matmul) {
    const char *name = "unknown";
    dnnl_primitive_desc_query(matmul->description, dnnl_query_impl_info_str, 0, &name);
    return name;
}
