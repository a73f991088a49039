/**
 * @file
 * @ingroup support
 * Speed of the computation alone: steps on random images, without loading any.
 */
#ifndef DNNBRAIN_BENCH_H
#define DNNBRAIN_BENCH_H

#include "dnnbrain/dnn.h"
#include "dnnbrain/optim.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is timed. */
typedef enum dnnb_bench_kind {
    DNNB_BENCH_TRAIN, /**< forward, loss, backward, optimiser; what is frozen stays so */
    DNNB_BENCH_TEST   /**< forward in test mode */
} dnnb_bench_kind;

/** One op of the plan that was timed, summed over the timed steps. Borrowed text. */
typedef struct dnnb_bench_op {
    const char *layer;          /**< its module path */
    const char *pass;           /**< "forward", or what of the backward pass */
    const char *implementation; /**< as the engine names it */
    double flops;               /**< of one step */
    double seconds;             /**< of one step, mean */
} dnnb_bench_op;

/** Called with each op; `context` is that of dnnb_bench_step(). */
typedef void (*dnnb_bench_op_fn)(void *context, const dnnb_bench_op *op);

/**
 * Time steps of a batch of random normal images.
 *
 * Training changes the parameters. Two steps go before the timed ones.
 *
 * @param seconds [n_steps] wall seconds of each step.
 * @param on_op   NULL, or called for each op of the plan after one more step with timing on.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_bench_step(dnnb_dnn *dnn, dnnb_bench_kind kind,
                                                     const dnnb_optimizer_options *optimizer,
                                                     size_t batch, double *seconds, size_t n_steps,
                                                     dnnb_bench_op_fn on_op, void *context);

#ifdef __cplusplus
}
#endif

#endif
