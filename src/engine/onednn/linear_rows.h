/*
 * A linear layer whose weights are read as PyTorch stores them, where a mapped file has them: for a
 * few rows through a network that was just loaded, so that its largest weights are neither brought
 * into another layout nor copied.
 */
#ifndef DNNB_ENGINE_ONEDNN_LINEAR_ROWS_H
#define DNNB_ENGINE_ONEDNN_LINEAR_ROWS_H

#include "engine/onednn/plan.h"

/** Add the forward step. @param weights [out, in], row-major; pages of a mapped file, which are
 *  given back after each pass. @param bias A buffer, or DNNB__NO_BUFFER. */
DNNB_MUST_CHECK dnnb_status dnnb__linear_rows_forward(dnnb__onednn_plan *plan, const char *layer,
                                                      const dnnb__product *product,
                                                      const float *weights, size_t in, size_t bias,
                                                      size_t out);

#endif
