/*
 * Linear layers on processors with AVX2, by kernels of our own.
 *
 * A batch is a thin matrix, for which oneDNN's general product reaches a third to a half of such a
 * processor's peak, and at small batches a fraction of the memory's speed. Here the weights are
 * kept in one layout that all three passes read front to back: [in / 48][out / 16][48][16], padded
 * with zeros. An output does not depend on the other rows of its batch, to the last bit.
 */
#ifndef DNNB_ENGINE_ONEDNN_LINEAR_AVX2_H
#define DNNB_ENGINE_ONEDNN_LINEAR_AVX2_H

#include "engine/onednn/plan.h"

/** True when the kernels run here and are faster than what oneDNN would take. */
bool dnnb__linear_avx2_suits(const dnnb__primitive *primitive);

/** Elements of the weights with padding. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_avx2_count(int64_t in, int64_t out, int64_t *count);
/** Row-major weights [out, in] to this layout, and back. */
void dnnb__linear_avx2_expand(int64_t in, int64_t out, const float *plain, float *tiled);
void dnnb__linear_avx2_contract(int64_t in, int64_t out, const float *tiled, float *plain);

/** Add the forward step. @param packed The input as the weight gradient wants it, a new buffer. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_avx2_forward(dnnb__onednn_plan *plan, const char *layer,
                                                      const dnnb__product *product, size_t in,
                                                      size_t weight, size_t bias, size_t out,
                                                      size_t *packed);
/** Add the step of the weight gradient, and of the bias's unless that is DNNB__NO_BUFFER. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_avx2_backward_weights(dnnb__onednn_plan *plan,
                                                               const char *layer,
                                                               const dnnb__product *product,
                                                               size_t packed, size_t out_gradient,
                                                               size_t weight, size_t bias);
/** Add the step of the input's gradient. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_avx2_backward_data(dnnb__onednn_plan *plan,
                                                            const char *layer,
                                                            const dnnb__product *product,
                                                            size_t out_gradient, size_t weight,
                                                            size_t in_gradient);

#endif
