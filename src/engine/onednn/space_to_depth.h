/*
 * A strided convolution of few channels as one of stride 1 with many.
 *
 * With stride s every s x s square of pixels becomes one pixel of s * s * channels, as
 * core/image_layout.h says; whoever writes the images may write them so. The weights move alike,
 * and the places that have no weight are zero. The sums are the same, and the kernels for many
 * channels are several times as fast as those for three.
 */
#ifndef DNNB_ENGINE_ONEDNN_SPACE_TO_DEPTH_H
#define DNNB_ENGINE_ONEDNN_SPACE_TO_DEPTH_H

#include "engine/onednn/plan.h"

/** True when `conv` gains by it. */
bool dnnb__space_to_depth_suits(const dnnb__conv *conv);
/** The convolution of stride 1. */
void dnnb__space_to_depth_convert(const dnnb__conv *conv, dnnb__conv *out);

/** How its input lies, with channel blocks of `block`. */
void dnnb__space_to_depth_lay_out(const dnnb__conv *conv, int64_t block, dnnb__precision precision,
                                  dnnb__image_layout *out);

/** Weights [out, in, kh, kw] to the dimensions of the converted convolution, and back. */
void dnnb__space_to_depth_expand(const dnnb__conv *conv, const float *weights, float *expanded);
void dnnb__space_to_depth_contract(const dnnb__conv *conv, const float *expanded, float *weights);

/** The step that makes the converted input, with channel blocks of `block` and in the net's
 * numbers, from a row-major one of float32, and the one that takes its gradient back. */
DNNB_MUST_CHECK dnnb_status dnnb__space_to_depth_add(dnnb__onednn_plan *plan, const char *layer,
                                                     const dnnb__conv *conv, int64_t block,
                                                     size_t from, size_t to);
DNNB_MUST_CHECK dnnb_status dnnb__space_to_depth_add_backward(dnnb__onednn_plan *plan,
                                                              const char *layer,
                                                              const dnnb__conv *conv, int64_t block,
                                                              size_t gradient, size_t in_gradient);

#endif
