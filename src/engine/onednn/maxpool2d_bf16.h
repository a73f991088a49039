/*
 * Max pooling of bfloat16 activations, with the ReLU before it, as maxpool2d.c does it in float32.
 *
 * A gradient is gathered and not scattered: each element of the input looks into the windows that
 * cover it. So sums of windows that overlap are made in float32, and are rounded once.
 */
#ifndef DNNB_ENGINE_ONEDNN_MAXPOOL2D_BF16_H
#define DNNB_ENGINE_ONEDNN_MAXPOOL2D_BF16_H

#include "engine/onednn/plan.h"

/** Add the step of the operation, whose values are there; op->saved will be the buffer of the
 *  places of the maxima. */
DNNB_MUST_CHECK dnnb_status dnnb__maxpool2d_bf16_forward(dnnb__onednn_plan *plan, dnnb__op *op);
/** Add the step that makes the input's gradient in the buffer. */
DNNB_MUST_CHECK dnnb_status dnnb__maxpool2d_bf16_backward(dnnb__onednn_plan *plan,
                                                          const dnnb__op *op, size_t in_gradient);

#endif
