/*
 * The weight gradient of a convolution by a kernel of our own (kernels/kernels.h), where
 * that is faster than oneDNN's.
 */
#ifndef DNNB_ENGINE_ONEDNN_CONV2D_WEIGHTS_H
#define DNNB_ENGINE_ONEDNN_CONV2D_WEIGHTS_H

#include "engine/onednn/plan.h"
#include "kernels/kernels.h"

/** The kernel for bfloat16 with these blocks of channels, or NULL; dnnb__layout_weights_tiled() is
 *  where it writes. */
const dnnb__conv_weights_bf16_kernel *dnnb__conv_weights_find_bf16(const dnnb__dnnl *dnnl,
                                                                   const dnnb__conv *conv,
                                                                   int64_t in_block,
                                                                   int64_t out_block);
/** Add the step. @param bias DNNB__NO_BUFFER when it is not trained. */
DNNB_MUST_CHECK dnnb_status dnnb__conv_weights_add_bf16(
    dnnb__onednn_plan *plan, const char *layer, const dnnb__conv_weights_bf16_kernel *kernel,
    const dnnb__conv *conv, size_t in, size_t out_gradient, size_t weight, size_t bias);

/** The kernel for float32 that is faster than the primitive and takes its layouts, or NULL. */
DNNB_MUST_CHECK dnnb_status dnnb__conv_weights_find(dnnb__dnnl *dnnl, const dnnb__conv *conv,
                                                    const dnnb__primitive *primitive,
                                                    const dnnb__conv_weights_kernel **out);
/** Add the step. @param bias DNNB__NO_BUFFER when it is not trained. */
DNNB_MUST_CHECK dnnb_status dnnb__conv_weights_add(dnnb__onednn_plan *plan, const char *layer,
                                                   const dnnb__conv_weights_kernel *kernel,
                                                   const dnnb__conv *conv, size_t in,
                                                   size_t out_gradient, size_t weight, size_t bias);

#endif
