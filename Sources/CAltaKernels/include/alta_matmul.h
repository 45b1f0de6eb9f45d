#pragma once
#include <stdbool.h>
#include <stddef.h>

// Matrix products by oneDNN, which alta_product.c and alta_matmul.c alone know. Every function that can fail returns 0
// or oneDNN's status. An engine serves one thread at a time; packed weights may be shared between engines.

typedef struct alta_engine alta_engine;
typedef struct alta_matmul alta_matmul;

// How numbers rest in memory. Products are summed in fp32 either way.
typedef enum { ALTA_F32, ALTA_BF16 } alta_format;

// oneDNN's version, and the instruction set that it may use, as its own number.
typedef struct {
    int major, minor, patch, isa;
} alta_library;
alta_library alta_product_library(void);

int alta_engine_create(int threads, alta_engine **engine);
void alta_engine_destroy(alta_engine *engine);

// The bytes of a weight [k, n] in the layout that products x [m, k] . w [k, n] want, whatever m is.
int alta_packed_bytes(alta_engine *engine, alta_format format, long k, long n, size_t *bytes);

// Packs w, which holds [k, n], or [n, k] where transposed, in fp32, its rows `stride` apart.
int alta_pack(
    alta_engine *engine, alta_format format, long k, long n, bool transposed, const float *w, long stride,
    void *packed);

// y [m, n] (+)= x [m, k] . w [k, n] (+ bias [n], fp32), w packed.
typedef struct {
    long m, k, n;
    alta_format format; // of x and w
    alta_format y_format;
    bool has_bias, accumulate;
} alta_packed_shape;
int alta_matmul_create(alta_engine *engine, alta_packed_shape shape, alta_matmul **matmul);

// One operand of plain products: rows `stride` apart, matrices of a batch `batch_stride` apart. Where transposed, the
// operand [a, b] is stored as [b, a].
typedef struct {
    long stride, batch_stride;
    bool transposed;
} alta_plain_operand;

// batch times y [m, n] (+)= op(x) [m, k] . op(w) [k, n].
typedef struct {
    long batch, m, k, n;
    alta_plain_operand x, w, y;
    alta_format format; // of x and w
    alta_format y_format;
    bool accumulate;
} alta_plain_shape;
int alta_plain_create(alta_engine *engine, alta_plain_shape shape, alta_matmul **matmul);

void alta_matmul_destroy(alta_matmul *matmul);
int alta_matmul_run(
    alta_engine *engine, alta_matmul *matmul, const void *x, const void *w, const float *bias, void *y);

// The name of the kernel that oneDNN chose; lives as long as the product.
const char *alta_matmul_kernel(const alta_matmul *matmul);

// c [m, n] = alpha op(a) op(b) + beta c, row-major, fp32.
int alta_sgemm(
    int threads, bool transpose_a, bool transpose_b, long m, long n, long k, float alpha, const float *a, long lda,
    const float *b, long ldb, float beta, float *c, long ldc);
