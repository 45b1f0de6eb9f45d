#pragma once
#include <dnnl.h>
#include <string.h>

#include "alta_matmul.h"

// Memory descriptors and what differs between oneDNN 2.x, where they are structures, and 3.x, where they are opaque.

#define TRY(call)                                 \
    do {                                          \
        dnnl_status_t status = (call);            \
        if (status != dnnl_success) return status; \
    } while (0)

static inline dnnl_data_type_t data_type(alta_format format) { return format == ALTA_BF16 ? dnnl_bf16 : dnnl_f32; }

static inline size_t element_bytes(alta_format format) { return format == ALTA_BF16 ? 2 : 4; }

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t layout;
typedef const_dnnl_memory_desc_t const_layout;

static inline dnnl_status_t layout_of_strides(
    layout *made, int count, const dnnl_dims_t dims, alta_format format, const dnnl_dims_t strides) {
    return dnnl_memory_desc_create_with_strides(made, count, dims, data_type(format), strides);
}

static inline dnnl_status_t layout_any(layout *made, alta_format format, long rows, long columns) {
    dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_create_with_tag(made, 2, dims, data_type(format), dnnl_format_tag_any);
}

static inline dnnl_status_t layout_copy(layout *made, const_layout source) {
    return dnnl_memory_desc_clone(made, source);
}

static inline void layout_free(layout *made) {
    if (*made) dnnl_memory_desc_destroy(*made);
    *made = NULL;
}

static inline const_layout layout_of(const layout *made) { return *made; }
#else
typedef dnnl_memory_desc_t layout;
typedef const dnnl_memory_desc_t *const_layout;

static inline dnnl_status_t layout_of_strides(
    layout *made, int count, const dnnl_dims_t dims, alta_format format, const dnnl_dims_t strides) {
    return dnnl_memory_desc_init_by_strides(made, count, dims, data_type(format), strides);
}

static inline dnnl_status_t layout_any(layout *made, alta_format format, long rows, long columns) {
    dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_init_by_tag(made, 2, dims, data_type(format), dnnl_format_tag_any);
}

static inline dnnl_status_t layout_copy(layout *made, const_layout source) {
    *made = *source;
    return dnnl_success;
}

static inline void layout_free(layout *made) { (void)made; }
static inline const_layout layout_of(const layout *made) { return made; }
#endif

static inline dnnl_status_t layout_strided(
    layout *made, alta_format format, long rows, long columns, long row_stride, long column_stride) {
    dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    return layout_of_strides(made, 2, dims, format, strides);
}
