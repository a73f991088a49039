/*
 * The step of a linear layer's weight gradient in bfloat16 that can hand the gradient over to an
 * optimiser while it is in the first cache (kernels/linear_gradient.h).
 */
#ifndef DNNB_ENGINE_ONEDNN_LINEAR_UPDATE_H
#define DNNB_ENGINE_ONEDNN_LINEAR_UPDATE_H

#include "engine/onednn/plan.h"

/** The width of the kernel's blocks, where there is a kernel for this processor and weights of this
 *  layout are in its blocks; otherwise 0. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_update_find_width(dnnb__dnnl *dnnl, dnnb__layout kept,
                                                           int64_t *width);
/** Add the step. @param bias DNNB__NO_BUFFER when its gradient is not wanted. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_update_add(dnnb__onednn_plan *plan, const char *layer,
                                                    const dnnb__product *product, size_t param,
                                                    size_t in, size_t out_gradient, size_t bias);

#endif
