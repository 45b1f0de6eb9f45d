#include "alta_product.h"

extern void omp_set_num_threads(int threads);

// The packed layout is asked for at this many rows and then used for all: it was the same for every count tried.
enum { REFERENCE_ROWS = 256 };

// ---- Packed products

static dnnl_status_t describe_packed(
    alta_engine *engine, alta_packed_shape shape, const_layout w, dnnl_primitive_desc_t *made) {
    layout x = {0}, bias = {0}, y = {0};
    dnnl_status_t status = layout_strided(&x, shape.format, shape.m, shape.k, shape.k, 1);
    if (status == dnnl_success) status = layout_strided(&y, shape.y_format, shape.m, shape.n, shape.n, 1);
    if (status == dnnl_success) status = layout_strided(&bias, ALTA_F32, 1, shape.n, shape.n, 1);
    if (status == dnnl_success) {
        const_layout of_bias = shape.has_bias ? layout_of(&bias) : NULL;
        status = alta_describe(engine, layout_of(&x), w, of_bias, layout_of(&y), shape.accumulate, made);
    }
    layout_free(&x);
    layout_free(&bias);
    layout_free(&y);
    return status;
}

// The layout of a packed [k, n]. Where oneDNN would pad it, plain rows are used instead: oneDNN writes zeros into the
// padding whenever it is handed such memory, which memory that ranks share must not suffer.
static dnnl_status_t packed_layout(alta_engine *engine, alta_format format, long k, long n, layout *made) {
    layout any = {0};
    dnnl_primitive_desc_t description = NULL;
    alta_packed_shape shape = {.m = REFERENCE_ROWS, .k = k, .n = n, .format = format, .y_format = format};
    TRY(layout_any(&any, format, k, n));
    dnnl_status_t status = describe_packed(engine, shape, layout_of(&any), &description);
    layout_free(&any);
    if (status != dnnl_success) return status;
    const_layout chosen = dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    if (dnnl_memory_desc_get_size(chosen) == (size_t)(k * n) * element_bytes(format)) {
        status = layout_copy(made, chosen);
    } else {
        status = layout_strided(made, format, k, n, n, 1);
    }
    dnnl_primitive_desc_destroy(description);
    return status;
}

int alta_packed_bytes(alta_engine *engine, alta_format format, long k, long n, size_t *bytes) {
    omp_set_num_threads(engine->threads);
    layout packed = {0};
    TRY(packed_layout(engine, format, k, n, &packed));
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

int alta_pack(
    alta_engine *engine, alta_format format, long k, long n, bool transposed, const float *w, long stride,
    void *packed) {
    omp_set_num_threads(engine->threads);
    layout from = {0}, to = {0};
    TRY(packed_layout(engine, format, k, n, &to));
    dnnl_status_t status = layout_strided(&from, ALTA_F32, k, n, transposed ? 1 : stride, transposed ? stride : 1);
    if (status == dnnl_success) status = reorder(engine, layout_of(&from), w, layout_of(&to), packed);
    layout_free(&from);
    layout_free(&to);
    return status;
}

int alta_matmul_create(alta_engine *engine, alta_packed_shape shape, alta_matmul **made) {
    int threads = alta_team(engine->threads, (double)shape.m * shape.k * shape.n);
    omp_set_num_threads(threads);
    layout packed = {0};
    dnnl_primitive_desc_t description = NULL;
    TRY(packed_layout(engine, shape.format, shape.k, shape.n, &packed));
    dnnl_status_t status = describe_packed(engine, shape, layout_of(&packed), &description);
    layout_free(&packed);
    if (status != dnnl_success) return status;
    return alta_prepare(engine, description, shape.has_bias, threads, made);
}

// ---- Plain products

// A stored matrix [rows, columns], or its transpose, once or batch times. A batch of one is described as a matrix:
// given three dimensions, oneDNN would go to its reference kernel.
static dnnl_status_t operand(
    layout *made, alta_format format, long batch, long rows, long columns, alta_plain_operand of) {
    dnnl_dims_t dims = {batch, rows, columns};
    dnnl_dims_t strides = {of.batch_stride, of.transposed ? 1 : of.stride, of.transposed ? of.stride : 1};
    int skipped = batch == 1 ? 1 : 0;
    return layout_of_strides(made, 3 - skipped, dims + skipped, format, strides + skipped);
}

int alta_plain_create(alta_engine *engine, alta_plain_shape shape, alta_matmul **made) {
    int threads = alta_team(engine->threads, (double)shape.batch * shape.m * shape.k * shape.n);
    omp_set_num_threads(threads);
    layout x = {0}, w = {0}, y = {0};
    dnnl_primitive_desc_t description = NULL;
    dnnl_status_t status = operand(&x, shape.format, shape.batch, shape.m, shape.k, shape.x);
    if (status == dnnl_success) status = operand(&w, shape.format, shape.batch, shape.k, shape.n, shape.w);
    if (status == dnnl_success) status = operand(&y, shape.y_format, shape.batch, shape.m, shape.n, shape.y);
    if (status == dnnl_success) {
        status = alta_describe(
            engine, layout_of(&x), layout_of(&w), NULL, layout_of(&y), shape.accumulate, &description);
    }
    layout_free(&x);
    layout_free(&w);
    layout_free(&y);
    if (status != dnnl_success) return status;
    return alta_prepare(engine, description, false, threads, made);
}

int alta_sgemm(
    int threads, bool transpose_a, bool transpose_b, long m, long n, long k, float alpha, const float *a, long lda,
    const float *b, long ldb, float beta, float *c, long ldc) {
    omp_set_num_threads(alta_team(threads, (double)m * k * n));
    return dnnl_sgemm(
        transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
