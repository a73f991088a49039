/* Version 2 of oneDNN in the form of version 3 (see the header). */
#include "engine/onednn/dnnl_version.h"

#include "core/mem.h"

dnnb_status dnnb__dnnl_check_version(void) {
    const dnnl_version_t *runs = dnnl_version();
    if (runs->major == DNNL_VERSION_MAJOR) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_UNSUPPORTED,
                      "oneDNN: expected version %d, with whose headers dnnbrain was built, found "
                      "%d.%d.%d: build with its headers, or let the loader find the other library",
                      DNNL_VERSION_MAJOR, runs->major, runs->minor, runs->patch);
}

const char *dnnb__dnnl_isa_name(dnnl_cpu_isa_t isa) {
    switch (isa) {
    case dnnl_cpu_isa_sse41:
        return "SSE4.1";
    case dnnl_cpu_isa_avx:
        return "AVX";
    case dnnl_cpu_isa_avx2:
    case dnnl_cpu_isa_avx2_vnni:
#if DNNL_VERSION_MAJOR == 3
    case dnnl_cpu_isa_avx2_vnni_2:
#endif
        return "AVX2";
    default:
        return "AVX-512";
    }
}

#if DNNL_VERSION_MAJOR == 3

size_t dnnb__desc_get_dims(dnnb__const_desc desc, const int64_t **dims) {
    int ndim = 0;
    const dnnl_dims_t *found = NULL;
    if (dnnl_memory_desc_query(desc, dnnl_query_ndims_s32, &ndim) != dnnl_success || ndim <= 0 ||
        dnnl_memory_desc_query(desc, dnnl_query_dims, (void *)&found) != dnnl_success)
        return 0;
    *dims = *found;
    return (size_t)ndim;
}

dnnl_status_t dnnb__desc_get_strides(dnnb__const_desc desc, const int64_t **strides,
                                     const int64_t **blocked, int *n_blocked) {
    const dnnl_dims_t *found = NULL, *indices = NULL;
    dnnl_status_t status = dnnl_memory_desc_query(desc, dnnl_query_strides, (void *)&found);
    if (status == dnnl_success)
        status = dnnl_memory_desc_query(desc, dnnl_query_inner_nblks_s32, n_blocked);
    if (status == dnnl_success)
        status = dnnl_memory_desc_query(desc, dnnl_query_inner_idxs, (void *)&indices);
    if (status != dnnl_success) return status;
    *strides = *found;
    *blocked = *indices;
    return dnnl_success;
}

dnnl_status_t dnnb__desc_permute(dnnb__desc *out, dnnb__const_desc desc, const int *order) {
    return dnnl_memory_desc_permute_axes(out, desc, order);
}

#else

size_t dnnb__desc_get_dims(dnnb__const_desc desc, const int64_t **dims) {
    *dims = desc->dims;
    return (size_t)desc->ndims;
}

dnnl_status_t dnnb__desc_get_strides(dnnb__const_desc desc, const int64_t **strides,
                                     const int64_t **blocked, int *n_blocked) {
    if (desc->format_kind != dnnl_blocked) return dnnl_unimplemented;
    *strides = desc->format_desc.blocking.strides;
    *blocked = desc->format_desc.blocking.inner_idxs;
    *n_blocked = desc->format_desc.blocking.inner_nblks;
    return dnnl_success;
}

dnnl_status_t dnnb__desc_permute(dnnb__desc *out, dnnb__const_desc desc, const int *order) {
    dnnl_memory_desc_t permuted;
    dnnl_status_t status = dnnl_memory_desc_permute_axes(&permuted, desc, order);
    return status == dnnl_success ? dnnb__desc_clone(out, &permuted) : status;
}

dnnl_status_t dnnb__desc_create(dnnb__desc *out, int ndim, const dnnl_dims_t dims,
                                dnnl_data_type_t type, dnnl_format_tag_t tag) {
    dnnl_memory_desc_t desc;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(&desc, ndim, dims, type, tag);
    return status == dnnl_success ? dnnb__desc_clone(out, &desc) : status;
}

dnnl_status_t dnnb__desc_clone(dnnb__desc *out, dnnb__const_desc desc) {
    *out = dnnb__alloc(1, sizeof **out);
    if (!*out) return dnnl_out_of_memory;
    **out = *desc;
    return dnnl_success;
}

void dnnb__desc_destroy(dnnb__desc desc) {
    dnnb__free(desc);
}

/* Each begins with an operation descriptor, from which version 2 makes the primitive's. */

dnnl_status_t dnnb__conv_forward_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                      dnnl_prop_kind_t kind, dnnl_alg_kind_t algorithm,
                                      dnnb__const_desc src, dnnb__const_desc weights,
                                      dnnb__const_desc bias, dnnb__const_desc dst,
                                      const dnnl_dims_t stride, const dnnl_dims_t dilation,
                                      const dnnl_dims_t begin, const dnnl_dims_t end,
                                      const_dnnl_primitive_attr_t attr) {
    dnnl_convolution_desc_t op;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &op, kind, algorithm, src, weights, bias, dst, stride, dilation, begin, end);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &op, attr, engine, NULL);
}

dnnl_status_t dnnb__conv_backward_data_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                            dnnl_alg_kind_t algorithm, dnnb__const_desc src,
                                            dnnb__const_desc weights, dnnb__const_desc dst,
                                            const dnnl_dims_t stride, const dnnl_dims_t dilation,
                                            const dnnl_dims_t begin, const dnnl_dims_t end,
                                            const_dnnl_primitive_desc_t forward,
                                            const_dnnl_primitive_attr_t attr) {
    dnnl_convolution_desc_t op;
    dnnl_status_t status = dnnl_dilated_convolution_backward_data_desc_init(
        &op, algorithm, src, weights, dst, stride, dilation, begin, end);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &op, attr, engine, forward);
}

dnnl_status_t dnnb__conv_backward_weights_desc(
    dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
    dnnb__const_desc src, dnnb__const_desc weights, dnnb__const_desc bias, dnnb__const_desc dst,
    const dnnl_dims_t stride, const dnnl_dims_t dilation, const dnnl_dims_t begin,
    const dnnl_dims_t end, const_dnnl_primitive_desc_t forward, const_dnnl_primitive_attr_t attr) {
    dnnl_convolution_desc_t op;
    dnnl_status_t status = dnnl_dilated_convolution_backward_weights_desc_init(
        &op, algorithm, src, weights, bias, dst, stride, dilation, begin, end);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &op, attr, engine, forward);
}

dnnl_status_t dnnb__product_forward_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                         dnnl_prop_kind_t kind, dnnb__const_desc src,
                                         dnnb__const_desc weights, dnnb__const_desc bias,
                                         dnnb__const_desc dst, const_dnnl_primitive_attr_t attr) {
    dnnl_inner_product_desc_t op;
    dnnl_status_t status = dnnl_inner_product_forward_desc_init(&op, kind, src, weights, bias, dst);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &op, attr, engine, NULL);
}

dnnl_status_t dnnb__product_backward_data_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                               dnnb__const_desc src, dnnb__const_desc weights,
                                               dnnb__const_desc dst,
                                               const_dnnl_primitive_desc_t forward,
                                               const_dnnl_primitive_attr_t attr) {
    dnnl_inner_product_desc_t op;
    dnnl_status_t status = dnnl_inner_product_backward_data_desc_init(&op, src, weights, dst);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &op, attr, engine, forward);
}

dnnl_status_t dnnb__product_backward_weights_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                  dnnb__const_desc src, dnnb__const_desc weights,
                                                  dnnb__const_desc bias, dnnb__const_desc dst,
                                                  const_dnnl_primitive_desc_t forward,
                                                  const_dnnl_primitive_attr_t attr) {
    dnnl_inner_product_desc_t op;
    dnnl_status_t status =
        dnnl_inner_product_backward_weights_desc_init(&op, src, weights, bias, dst);
    if (status != dnnl_success) return status;
    return dnnl_primitive_desc_create(out, &op, attr, engine, forward);
}

#endif
