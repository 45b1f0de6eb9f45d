#pragma once
#include <stdbool.h>
#include <stddef.h>

// Matrix products by oneDNN; alta_matmul.c is the one file that knows it. Every function that can fail returns 0 or
// oneDNN's status. An engine serves one thread at a time; packed weights may be shared between engines.

typedef struct alta_engine alta_engine;
typedef struct alta_matmul alta_matmul;

int alta_engine_create(int threads, alta_engine **engine);
void alta_engine_destroy(alta_engine *engine);

// The bytes of a weight [k, n] in the layout that products x [m, k] . w [k, n] want, whatever m is.
int alta_packed_bytes(alta_engine *engine, long k, long n, size_t *bytes);

// Packs w, which holds [k, n], or [n, k] where transposed.
int alta_pack(alta_engine *engine, long k, long n, bool transposed, const float *w, void *packed);

// A product y [m, n] (+)= x [m, k] . w [k, n] (+ bias [n]), ready to run.
int alta_matmul_create(
    alta_engine *engine, long m, long k, long n, bool has_bias, bool accumulate, alta_matmul **matmul);
void alta_matmul_destroy(alta_matmul *matmul);
int alta_matmul_run(
    alta_engine *engine, alta_matmul *matmul, const float *x, const void *packed, const float *bias, float *y);

// The name of the kernel that oneDNN chose; lives as long as the product.
const char *alta_matmul_kernel(const alta_matmul *matmul);

// c [m, n] = alpha op(a) op(b) + beta c, row-major.
int alta_sgemm(
    int threads, bool transpose_a, bool transpose_b, long m, long n, long k, float alpha, const float *a, long lda,
    const float *b, long ldb, float beta, float *c, long ldc);
