/**
 * @file
 * @ingroup support
 * What computes a network: the operations of a step in their order, and the kernel of each.
 */
#ifndef DNNBRAIN_PLAN_H
#define DNNBRAIN_PLAN_H

#include "dnnbrain/dnn.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Which step is planned. */
typedef enum dnnb_plan_mode {
    DNNB_PLAN_TRAIN, /**< forward and backward, for the parameters that are trainable */
    DNNB_PLAN_TEST   /**< forward alone */
} dnnb_plan_mode;

/** One operation of a plan. Text is borrowed and lasts for the call. */
typedef struct dnnb_plan_op {
    const char *name;           /**< DNNBrain's name of its layer, "conv1", or the path */
    const char *path;           /**< module path, "features.0" */
    const char *pass;           /**< "forward", or what of the backward pass or of the layouts */
    const char *implementation; /**< the kernel, as the engine names it: "jit:avx512_core" */
    double flops;               /**< multiplications and additions of the whole batch */
    double bytes;               /**< of what it reads and writes, each once; 0 when not counted */
    bool is_slow; /**< the engine has no better kernel for it on this processor than a plain loop */
} dnnb_plan_op;

/** Called with each operation; `context` is that of dnnb_dnn_list_plan(). */
typedef void (*dnnb_plan_op_fn)(void *context, const dnnb_plan_op *op);

/**
 * Make the plan of a whole step, and list its operations in the order in which they run.
 *
 * What a run computes may be less: below the first trained layer it may take what is cached.
 *
 * @param batch Images a step; kernels may depend on it.
 * @error DNNB_ERR_UNSUPPORTED a layer that the engine lacks; DNNB_ERR_ARGUMENT a batch out of
 *        range; DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_dnn_list_plan(dnnb_dnn *dnn, dnnb_plan_mode mode,
                                                        size_t batch, dnnb_plan_op_fn on_op,
                                                        void *context);

/** The widest instructions that the engine computes with here: "AVX-512", "AVX2", "SSE4.1". */
DNNB_API const char *dnnb_dnn_get_instructions(const dnnb_dnn *dnn);

#ifdef __cplusplus
}
#endif

#endif
