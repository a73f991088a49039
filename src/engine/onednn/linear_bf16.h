/* Steps of linear layers in bfloat16 on own kernels (kernels/linear_bf16.h). */
#ifndef DNNB_ENGINE_ONEDNN_LINEAR_BF16_H
#define DNNB_ENGINE_ONEDNN_LINEAR_BF16_H

#include "engine/onednn/plan.h"

/** The layout that the kernel for this processor reads, where there is one and weights kept so can
 *  be rounded into it in their order. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_bf16_find_layout(dnnb__dnnl *dnnl,
                                                          const dnnb__product *product,
                                                          dnnb__layout kept, dnnb__layout *out,
                                                          bool *found);
/** Add the step. @param bias DNNB__NO_BUFFER for none. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_bf16_forward(dnnb__onednn_plan *plan, const char *layer,
                                                      const dnnb__product *product, size_t in,
                                                      size_t weight, size_t bias, size_t out);
DNNB_MUST_CHECK dnnb_status dnnb__linear_bf16_backward_data(dnnb__onednn_plan *plan,
                                                            const char *layer,
                                                            const dnnb__product *product,
                                                            size_t out_gradient, size_t weight,
                                                            size_t in_gradient);

#endif
