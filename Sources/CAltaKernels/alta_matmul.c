#include "alta_matmul.h"

#include <dnnl.h>
#include <stdlib.h>

#define TRY(call)                                 \
    do {                                          \
        dnnl_status_t status = (call);            \
        if (status != dnnl_success) return status; \
    } while (0)

extern void omp_set_num_threads(int threads);

// The packed layout is asked for at this many rows and then used for all: it was the same for every count tried.
enum { REFERENCE_ROWS = 256 };

// Below this many multiplications (some 0.1 ms of one core) a product runs on the calling thread: waking a passive
// team takes 40 us. The bits are the same.
static int team(int threads, long m, long k, long n) { return (double)m * k * n < 1.6e7 ? 1 : threads; }

struct alta_engine {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int threads;
    void *scratchpad;
    size_t scratchpad_bytes;
};

struct alta_matmul {
    dnnl_primitive_desc_t description;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, w, bias, y, scratchpad;
    size_t scratchpad_bytes;
    int threads;
};

// ---- Memory descriptors: structures in 2.x, opaque objects in 3.x.

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t layout;
typedef const_dnnl_memory_desc_t const_layout;

static dnnl_status_t layout_strided(layout *made, long rows, long columns, long row_stride, long column_stride) {
    dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    return dnnl_memory_desc_create_with_strides(made, 2, dims, dnnl_f32, strides);
}

static dnnl_status_t layout_any(layout *made, long rows, long columns) {
    dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_create_with_tag(made, 2, dims, dnnl_f32, dnnl_format_tag_any);
}

static dnnl_status_t layout_copy(layout *made, const_layout source) {
    return dnnl_memory_desc_clone(made, source);
}

static void layout_free(layout *made) {
    if (*made) dnnl_memory_desc_destroy(*made);
    *made = NULL;
}

static const_layout layout_of(const layout *made) { return *made; }
#else
typedef dnnl_memory_desc_t layout;
typedef const dnnl_memory_desc_t *const_layout;

static dnnl_status_t layout_strided(layout *made, long rows, long columns, long row_stride, long column_stride) {
    dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    return dnnl_memory_desc_init_by_strides(made, 2, dims, dnnl_f32, strides);
}

static dnnl_status_t layout_any(layout *made, long rows, long columns) {
    dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_init_by_tag(made, 2, dims, dnnl_f32, dnnl_format_tag_any);
}

static dnnl_status_t layout_copy(layout *made, const_layout source) {
    *made = *source;
    return dnnl_success;
}

static void layout_free(layout *made) { (void)made; }
static const_layout layout_of(const layout *made) { return made; }
#endif

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

// ---- Engine

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

// ---- Products

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

static dnnl_status_t describe(
    alta_engine *engine, long m, long k, long n, const_layout w, bool has_bias, bool accumulate,
    dnnl_primitive_desc_t *made) {
    layout x = {0}, bias = {0}, y = {0};
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t status = layout_strided(&x, m, k, k, 1);
    if (status == dnnl_success) status = layout_strided(&y, m, n, n, 1);
    if (status == dnnl_success) status = layout_strided(&bias, 1, n, n, 1);
    if (status == dnnl_success) status = make_attributes(accumulate, &attributes);
    if (status == dnnl_success) {
        const_layout of_bias = has_bias ? layout_of(&bias) : NULL;
        status = describe_product(engine, layout_of(&x), w, of_bias, layout_of(&y), attributes, made);
    }
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    layout_free(&x);
    layout_free(&bias);
    layout_free(&y);
    return status;
}

// The layout of a packed [k, n]. Where oneDNN would pad it, plain rows are used instead: oneDNN writes zeros into the
// padding whenever it is handed such memory, which memory that ranks share must not suffer.
static dnnl_status_t packed_layout(alta_engine *engine, long k, long n, layout *made) {
    layout any = {0};
    dnnl_primitive_desc_t description = NULL;
    TRY(layout_any(&any, k, n));
    dnnl_status_t status = describe(engine, REFERENCE_ROWS, k, n, layout_of(&any), false, false, &description);
    layout_free(&any);
    if (status != dnnl_success) return status;
    const_layout chosen = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    if (dnnl_memory_desc_get_size(chosen) == (size_t)(k * n) * sizeof(float)) {
        status = layout_copy(made, chosen);
    } else {
        status = layout_strided(made, k, n, n, 1);
    }
    dnnl_primitive_desc_destroy(description);
    return status;
}

int alta_packed_bytes(alta_engine *engine, long k, long n, size_t *bytes) {
    omp_set_num_threads(engine->threads);
    layout packed = {0};
    TRY(packed_layout(engine, k, n, &packed));
    *bytes = dnnl_memory_desc_get_size(layout_of(&packed));
    layout_free(&packed);
    return dnnl_success;
}

static dnnl_status_t reorder(
    alta_engine *engine, const_layout from, const void *source, const_layout to, void *target) {
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_memory_t memories[2] = {NULL, NULL};
    dnnl_engine_t cpu = engine->engine;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&description, from, cpu, to, cpu, NULL);
    if (status == dnnl_success) status = dnnl_primitive_create(&primitive, description);
    if (status == dnnl_success) status = dnnl_memory_create(&memories[0], from, cpu, (void *)source);
    if (status == dnnl_success) status = dnnl_memory_create(&memories[1], to, cpu, target);
    if (status == dnnl_success) {
        dnnl_exec_arg_t arguments[2] = {{DNNL_ARG_FROM, memories[0]}, {DNNL_ARG_TO, memories[1]}};
        status = dnnl_primitive_execute(primitive, engine->stream, 2, arguments);
    }
    if (status == dnnl_success) status = dnnl_stream_wait(engine->stream);
    for (int i = 0; i < 2; i++) {
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    }
    if (primitive) dnnl_primitive_destroy(primitive);
    if (description) dnnl_primitive_desc_destroy(description);
    return status;
}

int alta_pack(alta_engine *engine, long k, long n, bool transposed, const float *w, void *packed) {
    omp_set_num_threads(engine->threads);
    layout from = {0}, to = {0};
    TRY(packed_layout(engine, k, n, &to));
    dnnl_status_t status = layout_strided(&from, k, n, transposed ? 1 : n, transposed ? k : 1);
    if (status == dnnl_success) status = reorder(engine, layout_of(&from), w, layout_of(&to), packed);
    layout_free(&from);
    layout_free(&to);
    return status;
}

static dnnl_status_t make_memory(alta_engine *engine, alta_matmul *matmul, dnnl_query_t what, int index,
                                 dnnl_memory_t *made) {
    const_layout of = dnnl_primitive_desc_query_md(matmul->description, what, index);
    return dnnl_memory_create(made, of, engine->engine, DNNL_MEMORY_NONE);
}

static dnnl_status_t prepare(alta_engine *engine, alta_matmul *matmul, bool has_bias) {
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

int alta_matmul_create(
    alta_engine *engine, long m, long k, long n, bool has_bias, bool accumulate, alta_matmul **made) {
    omp_set_num_threads(team(engine->threads, m, k, n));
    layout packed = {0};
    TRY(packed_layout(engine, k, n, &packed));
    alta_matmul *matmul = calloc(1, sizeof *matmul);
    dnnl_status_t status = matmul ? dnnl_success : dnnl_out_of_memory;
    if (status == dnnl_success) {
        status = describe(engine, m, k, n, layout_of(&packed), has_bias, accumulate, &matmul->description);
    }
    layout_free(&packed);
    if (status == dnnl_success) status = prepare(engine, matmul, has_bias);
    if (status == dnnl_success) matmul->threads = team(engine->threads, m, k, n);
    if (status == dnnl_success) {
        *made = matmul;
    } else if (matmul) {
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
    if (matmul->description) dnnl_primitive_desc_destroy(matmul->description);
    free(matmul);
}

int alta_matmul_run(
    alta_engine *engine, alta_matmul *matmul, const float *x, const void *packed, const float *bias, float *y) {
    omp_set_num_threads(matmul->threads);
    TRY(dnnl_memory_set_data_handle(matmul->x, (void *)x));
    TRY(dnnl_memory_set_data_handle(matmul->w, (void *)packed));
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

int alta_sgemm(
    int threads, bool transpose_a, bool transpose_b, long m, long n, long k, float alpha, const float *a, long lda,
    const float *b, long ldb, float beta, float *c, long ldc) {
    omp_set_num_threads(team(threads, m, k, n));
    return dnnl_sgemm(
        transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
