/*
 * The data gradient of a convolution of stride 1 as the forward pass of another one.
 *
 * Its input is the output's gradient; channels are exchanged, the weights turned by half a circle,
 * and the padding is what the kernel reaches beyond it. The sums are the same. oneDNN 2.6 has a
 * newer kernel for forward passes with AMX than for data gradients.
 */
#ifndef DNNB_ENGINE_ONEDNN_CONV2D_DATA_H
#define DNNB_ENGINE_ONEDNN_CONV2D_DATA_H

#include "engine/onednn/conv2d_form.h"

/** That other convolution; false where there is none. */
bool dnnb__conv_data_describe(dnnb__conv *out, const dnnb__conv *conv);
/** Put the forward primitive in the place of oneDNN's data gradient in the same layouts, where it
 *  is the faster one; *exchanged says whether. On failure `primitive` is empty. */
DNNB_MUST_CHECK dnnb_status dnnb__conv_data_exchange(const dnnb__onednn_plan *plan,
                                                     dnnb__primitive *primitive,
                                                     const dnnb__conv *conv,
                                                     const dnnb__conv2d_layouts *layouts,
                                                     size_t weight_param, bool *exchanged);
/** The buffer of the weights that it reads, with the steps that renew them. */
DNNB_MUST_CHECK dnnb_status dnnb__conv_data_weight(dnnb__onednn_plan *plan, size_t *out,
                                                   size_t param, dnnb__layout layout);

#endif
