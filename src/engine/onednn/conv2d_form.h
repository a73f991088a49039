/*
 * How a convolution is computed: whether it is converted to stride 1, in which layouts its
 * activations are kept, and by which forward primitive. Neither depends on batch or mode.
 */
#ifndef DNNB_ENGINE_ONEDNN_CONV2D_FORM_H
#define DNNB_ENGINE_ONEDNN_CONV2D_FORM_H

#include "engine/onednn/plan.h"

/** The layouts of one convolution's activations. */
typedef struct dnnb__conv2d_layouts {
    int64_t in_block, out_block;
    dnnb__layout in, out;
} dnnb__conv2d_layouts;

/** The convolution as the graph has it; returns true when it is to be converted. */
bool dnnb__conv2d_describe(dnnb__conv *out, const dnnb__graph *graph, const dnnb__node *node,
                           int64_t batch);

/** The layouts with blocks of these sizes. */
DNNB_MUST_CHECK dnnb_status dnnb__conv2d_get_layouts(dnnb__dnnl *dnnl, dnnb__conv2d_layouts *l,
                                                     const dnnb__conv *c, int64_t in_block,
                                                     int64_t out_block);

/** @param weights The layout that the weights are kept in: the one that the primitive reads, or in
 *  bfloat16, where it reads a copy, the gradient's. */
DNNB_MUST_CHECK dnnb_status dnnb__conv2d_create_forward(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                                        const dnnb__conv *conv,
                                                        dnnb__conv2d_layouts *l,
                                                        dnnb__layout *weights);

/** In bfloat16 there is no falling back to a plain loop, which would be slower than float32. */
dnnb_status dnnb__conv2d_fail_slow(void);

/** How the images of a graph are best laid out: as its first convolution reads them where that is
 *  converted and nothing else reads them; row-major elsewhere. */
DNNB_MUST_CHECK dnnb_status dnnb__conv2d_lay_out_images(dnnb__dnnl *dnnl, const dnnb__graph *graph,
                                                        dnnb__image_layout *out);

/** Of the engine's table. */
DNNB_MUST_CHECK dnnb_status dnnb__onednn_get_image_layout(dnnb__image_layout *out,
                                                          const dnnb__graph *graph,
                                                          size_t n_threads,
                                                          dnnb__precision precision);

#endif
