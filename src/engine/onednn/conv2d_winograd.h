/*
 * Convolutions of 3 x 3 and 5 x 5 pixels by Winograd's kernel (kernels/winograd.h): forward passes,
 * data gradients as the forward passes of conv2d_data.h, and weight gradients. Which ones are
 * follows the layer and the blocks of its channels, not the batch or the mode: a row has the same
 * bits in every plan of a net.
 */
#ifndef DNNB_ENGINE_ONEDNN_CONV2D_WINOGRAD_H
#define DNNB_ENGINE_ONEDNN_CONV2D_WINOGRAD_H

#include "engine/onednn/plan.h"
#include "kernels/kernels.h"

/** The kernel that computes it faster than oneDNN with these blocks of channels, or NULL. Where
 *  bfloat16 is widened (dnnb__dnnl_widens()) its weights are not rounded; with AMX it has no weight
 *  gradient, which is the one of conv2d_weights.h. */
const dnnb__winograd_kernel *dnnb__winograd_choose(const dnnb__dnnl *dnnl, const dnnb__conv *conv,
                                                   int64_t in_block, int64_t out_block);
/** The same for a plan: never for a net that weights are lent to, since one that answers once would
 *  transform them for a few images. */
const dnnb__winograd_kernel *dnnb__winograd_find(const dnnb__onednn_plan *plan,
                                                 const dnnb__conv *conv, int64_t in_block,
                                                 int64_t out_block);
/** Add the step, its ReLU included, and the one that renews the transformed weights. Buffers:
 *  @param bias DNNB__NO_BUFFER: none. */
DNNB_MUST_CHECK dnnb_status dnnb__winograd_add_forward(dnnb__onednn_plan *plan, const dnnb__op *op,
                                                       const dnnb__winograd_kernel *kernel,
                                                       const dnnb__conv *conv, size_t in,
                                                       size_t bias, size_t out);
/** The step of the weight gradient, in the layout of dnnb__layout_weights_blocked().
 *  @param bias DNNB__NO_BUFFER when it is not trained. */
DNNB_MUST_CHECK dnnb_status dnnb__winograd_add_weights(dnnb__onednn_plan *plan, const dnnb__op *op,
                                                       const dnnb__winograd_kernel *kernel,
                                                       const dnnb__conv *conv, size_t in,
                                                       size_t out_gradient, size_t weight,
                                                       size_t bias);
/** The step of the data gradient, and those that make its weights. @param turned The convolution
 * that makes it. */
DNNB_MUST_CHECK dnnb_status dnnb__winograd_add_data(dnnb__onednn_plan *plan, const dnnb__op *op,
                                                    const dnnb__winograd_kernel *kernel,
                                                    const dnnb__conv *turned, size_t out_gradient,
                                                    size_t in_gradient);

#endif
