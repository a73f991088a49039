/*
 * The steps of a linear layer whose weights are kept in the tiles of own kernels
 * (kernels/kernels.h).
 */
#ifndef DNNB_ENGINE_ONEDNN_LINEAR_OWN_H
#define DNNB_ENGINE_ONEDNN_LINEAR_OWN_H

#include "engine/onednn/plan.h"

/** True when there are kernels for this processor, faster than what oneDNN would take. It does not
 *  depend on the number of rows. In bfloat16 they are for nets that widen (dnnb__dnnl_widens());
 *  weights are not rounded then. @param forward What oneDNN would take for the forward pass. */
bool dnnb__linear_own_suits(const dnnb__dnnl *dnnl, const dnnb__product *product,
                            const dnnb__primitive *forward);

/** Add the forward step. @param packed The input as the weight gradient wants it, a new buffer. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_own_forward(dnnb__onednn_plan *plan, const char *layer,
                                                     const dnnb__product *product, size_t in,
                                                     size_t weight, size_t bias, size_t out,
                                                     size_t *packed);
/** Add the step of the weight gradient, which can hand it over to an optimiser while it is in the
 *  first cache, and of the bias's unless that is DNNB__NO_BUFFER. @param param The weight; where it
 *  is not trained its gradient goes nowhere. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_own_backward_weights(dnnb__onednn_plan *plan,
                                                              const char *layer,
                                                              const dnnb__product *product,
                                                              size_t packed, size_t out_gradient,
                                                              size_t param, size_t bias);
/** Add the step of the input's gradient. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_own_backward_data(dnnb__onednn_plan *plan,
                                                           const char *layer,
                                                           const dnnb__product *product,
                                                           size_t out_gradient, size_t weight,
                                                           size_t in_gradient);

#endif
