/*
 * Every difference between the versions 2 and 3 of oneDNN; only dnnl_api.c looks at it.
 *
 * Method: dnnl_api.c is written in the form of version 3, where a memory descriptor is a handle and
 * a primitive descriptor is made in one call. There these are version 3's own functions under other
 * names; for version 2 dnnl_version.c has functions of the same form.
 * Source: oneDNN 2.6 and 3.2, oneapi/dnnl/dnnl.h.
 */
#ifndef DNNB_ENGINE_ONEDNN_DNNL_VERSION_H
#define DNNB_ENGINE_ONEDNN_DNNL_VERSION_H

#include <oneapi/dnnl/dnnl.h>

#include "core/status.h"

/** Fails when the library that runs is of another version than the headers of the build. */
DNNB_MUST_CHECK dnnb_status dnnb__dnnl_check_version(void);

/** The widest instructions by what changes a float32 result: "AVX2", "AVX-512". */
const char *dnnb__dnnl_isa_name(dnnl_cpu_isa_t isa);

#if DNNL_VERSION_MAJOR == 3

typedef dnnl_memory_desc_t dnnb__desc;
typedef const_dnnl_memory_desc_t dnnb__const_desc;

#define dnnb__desc_create                dnnl_memory_desc_create_with_tag
#define dnnb__desc_clone                 dnnl_memory_desc_clone
#define dnnb__desc_destroy               (void)dnnl_memory_desc_destroy
#define dnnb__conv_forward_desc          dnnl_convolution_forward_primitive_desc_create
#define dnnb__conv_backward_data_desc    dnnl_convolution_backward_data_primitive_desc_create
#define dnnb__conv_backward_weights_desc dnnl_convolution_backward_weights_primitive_desc_create
#define dnnb__product_forward_desc       dnnl_inner_product_forward_primitive_desc_create
#define dnnb__product_backward_data_desc dnnl_inner_product_backward_data_primitive_desc_create
#define dnnb__product_backward_weights_desc                                                        \
    dnnl_inner_product_backward_weights_primitive_desc_create

#elif DNNL_VERSION_MAJOR == 2

typedef dnnl_memory_desc_t *dnnb__desc;
typedef const dnnl_memory_desc_t *dnnb__const_desc;

dnnl_status_t dnnb__desc_create(dnnb__desc *out, int ndim, const dnnl_dims_t dims,
                                dnnl_data_type_t type, dnnl_format_tag_t tag);
dnnl_status_t dnnb__desc_clone(dnnb__desc *out, dnnb__const_desc desc);
void dnnb__desc_destroy(dnnb__desc desc);

dnnl_status_t dnnb__conv_forward_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                      dnnl_prop_kind_t kind, dnnl_alg_kind_t algorithm,
                                      dnnb__const_desc src, dnnb__const_desc weights,
                                      dnnb__const_desc bias, dnnb__const_desc dst,
                                      const dnnl_dims_t stride, const dnnl_dims_t dilation,
                                      const dnnl_dims_t begin, const dnnl_dims_t end,
                                      const_dnnl_primitive_attr_t attr);
dnnl_status_t dnnb__conv_backward_data_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                            dnnl_alg_kind_t algorithm, dnnb__const_desc src,
                                            dnnb__const_desc weights, dnnb__const_desc dst,
                                            const dnnl_dims_t stride, const dnnl_dims_t dilation,
                                            const dnnl_dims_t begin, const dnnl_dims_t end,
                                            const_dnnl_primitive_desc_t forward,
                                            const_dnnl_primitive_attr_t attr);
dnnl_status_t dnnb__conv_backward_weights_desc(
    dnnl_primitive_desc_t *out, dnnl_engine_t engine, dnnl_alg_kind_t algorithm,
    dnnb__const_desc src, dnnb__const_desc weights, dnnb__const_desc bias, dnnb__const_desc dst,
    const dnnl_dims_t stride, const dnnl_dims_t dilation, const dnnl_dims_t begin,
    const dnnl_dims_t end, const_dnnl_primitive_desc_t forward, const_dnnl_primitive_attr_t attr);
dnnl_status_t dnnb__product_forward_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                         dnnl_prop_kind_t kind, dnnb__const_desc src,
                                         dnnb__const_desc weights, dnnb__const_desc bias,
                                         dnnb__const_desc dst, const_dnnl_primitive_attr_t attr);
dnnl_status_t dnnb__product_backward_data_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                               dnnb__const_desc src, dnnb__const_desc weights,
                                               dnnb__const_desc dst,
                                               const_dnnl_primitive_desc_t forward,
                                               const_dnnl_primitive_attr_t attr);
dnnl_status_t dnnb__product_backward_weights_desc(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                  dnnb__const_desc src, dnnb__const_desc weights,
                                                  dnnb__const_desc bias, dnnb__const_desc dst,
                                                  const_dnnl_primitive_desc_t forward,
                                                  const_dnnl_primitive_attr_t attr);

#else
#error "expected the headers of oneDNN 2 or 3"
#endif

/** Dimensions of a descriptor; they live as long as it does. */
size_t dnnb__desc_get_dims(dnnb__const_desc desc, const int64_t **dims);
/** Elements between neighbours in each dimension, or between its blocks where it has those.
 *  @param blocked The dimensions that blocks are of. */
dnnl_status_t dnnb__desc_get_strides(dnnb__const_desc desc, const int64_t **strides,
                                     const int64_t **blocked, int *n_blocked);
/** The same memory with its dimensions in another order. */
dnnl_status_t dnnb__desc_permute(dnnb__desc *out, dnnb__const_desc desc, const int *order);

#endif
