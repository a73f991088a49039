/*
 * The weight gradient of a convolution on processors with AVX2, by a kernel of our own.
 *
 * oneDNN's reaches half of such a processor's peak. Here a tile of weights for 4 input channels and
 * up to 24 output channels stays in 12 vector registers while the pixels of some rows pass by.
 * Activations are in blocks of 8 channels, weights in blocks of 8 x 8 (input, output innermost).
 */
#ifndef DNNB_ENGINE_ONEDNN_CONV2D_WEIGHTS_H
#define DNNB_ENGINE_ONEDNN_CONV2D_WEIGHTS_H

#include "engine/onednn/plan.h"

/** True when the kernel is faster than the primitive and takes its layouts. */
DNNB_MUST_CHECK dnnb_status dnnb__conv_weights_suits(dnnb__dnnl *dnnl, const dnnb__conv *conv,
                                                     const dnnb__primitive *primitive, bool *out);
/** Add the step. @param bias DNNB__NO_BUFFER when it is not trained. */
DNNB_MUST_CHECK dnnb_status dnnb__conv_weights_add(dnnb__onednn_plan *plan, const char *layer,
                                                   const dnnb__conv *conv, double flops, size_t in,
                                                   size_t out_gradient, size_t weight, size_t bias);

#endif
