/*
 * Optimisers: elementwise over flat (weight, gradient, state) arrays, in one pass, in whatever
 * layout the arrays have. Each is src/optim/<file>.c, and a line of optim_list.h.
 */
#ifndef DNNB_OPTIM_OPTIM_H
#define DNNB_OPTIM_OPTIM_H

#include "core/mem.h"
#include "dnnbrain/optim.h"

enum { DNNB__OPTIM_MAX_STATES = 2 };

/** One step's numbers, made once for each array. */
typedef struct dnnb__optim_step {
    const dnnb_optimizer_options *options; /* lr and weight_decay resolved */
    double lr;                             /* of this step, schedule included */
    uint64_t t;                            /* 1 in the array's first step */
    double beta1_t, beta2_t;               /* the betas to the power of t */
} dnnb__optim_step;

/** An optimiser's own part: src/optim/<file>.c defines dnnb__optim_<file>. */
typedef struct dnnb__optim_type {
    const char *name;
    double default_lr, default_weight_decay;
    /** Arrays of the weight's size that it keeps with these options. */
    size_t (*get_n_states)(const dnnb_optimizer_options *options);
    /** Check options that it alone takes or does not take; NULL when there are none. */
    dnnb_status (*check)(const dnnb_optimizer_options *options);
    /** Update n elements; a pure elementwise loop, called on chunks from several threads. */
    void (*update)(const dnnb__optim_step *step, float *weight, const float *gradient,
                   float *const *states, size_t n);
} dnnb__optim_type;

typedef struct dnnb__optimizer dnnb__optimizer;

/** @param sizes Elements of each array to train.
 *  @error DNNB_ERR_ARGUMENT unknown name (with the nearest), or a number out of its range. */
DNNB_MUST_CHECK dnnb_status dnnb__optimizer_create(dnnb__optimizer **out,
                                                   const dnnb_optimizer_options *options,
                                                   const size_t *sizes, size_t n_arrays);
void dnnb__optimizer_destroy(dnnb__optimizer *optimizer);
/** The options with defaults filled in. */
const dnnb_optimizer_options *dnnb__optimizer_get_options(const dnnb__optimizer *optimizer);

/** Give array i a rate of its own; each begins with options->lr. */
void dnnb__optimizer_set_lr(dnnb__optimizer *optimizer, size_t i, double lr);
double dnnb__optimizer_get_lr(const dnnb__optimizer *optimizer, size_t i);
/** A copy of array i's weight in bfloat16, in rows as dnnb__bf16_round_pairs() takes them, that
 * each step writes too; NULL for none. @param copy Borrowed. `row` divides 1024. */
void dnnb__optimizer_set_copy(dnnb__optimizer *optimizer, size_t i, uint16_t *copy, size_t row);
/** Leave array i out until dnnb__optimizer_begin(): its weight and gradient may be NULL. */
void dnnb__optimizer_leave_out(dnnb__optimizer *optimizer, size_t i);
bool dnnb__optimizer_is_left_out(const dnnb__optimizer *optimizer, size_t i);
/** Update array i from the next step on, as one whose first step that is. */
void dnnb__optimizer_begin(dnnb__optimizer *optimizer, size_t i);
/** Steps that were done when array i began, for checkpoints. */
uint64_t dnnb__optimizer_get_begin(const dnnb__optimizer *optimizer, size_t i);
void dnnb__optimizer_set_begin(dnnb__optimizer *optimizer, size_t i, uint64_t begin);

/**
 * Scale the gradients so that the norm of all of them is at most max_norm.
 *
 * The squares are summed in float64, in the same order whatever the number of threads.
 * @return The norm before; gradients are as they were when it is not finite.
 * @source PyTorch torch.nn.utils.clip_grad_norm_, norm 2.
 */
double dnnb__optimizer_clip(dnnb__optimizer *optimizer, double max_norm, float *const *gradients);

/** One step over all arrays. @param lr_factor From the schedule. */
void dnnb__optimizer_step(dnnb__optimizer *optimizer, double lr_factor, float *const *weights,
                          const float *const *gradients);

/* The same in parts, for gradients that are not kept: begin, arrays in parts, end; the same bits.
 */

/** @param lr_factor As above. */
void dnnb__optimizer_begin_step(dnnb__optimizer *optimizer, double lr_factor);
/** Update elements `first` to first + n of array i, whole pairs of rows of its copy. Any thread may
 *  do so; each element has its turn once a step.
 *  @param weight   The whole array. @param gradient Of these elements. */
void dnnb__optimizer_update_part(dnnb__optimizer *optimizer, size_t i, size_t first, size_t n,
                                 float *weight, const float *gradient);
/** Update the arrays that have a gradient here. @param gradients NULL for those that were updated
 *  in parts. */
void dnnb__optimizer_end_step(dnnb__optimizer *optimizer, float *const *weights,
                              const float *const *gradients);
/** The largest magnitude of a gradient that array i was updated from in parts, in the last step;
 *  NaN is larger than all others. 0 for none. */
float dnnb__optimizer_get_largest(const dnnb__optimizer *optimizer, size_t i);

/** State array `state` of array `i`, for checkpoints; NULL when there is none. */
float *dnnb__optimizer_get_state(dnnb__optimizer *optimizer, size_t i, size_t state);
/** Steps done, for checkpoints. */
uint64_t dnnb__optimizer_get_steps(const dnnb__optimizer *optimizer);
void dnnb__optimizer_set_steps(dnnb__optimizer *optimizer, uint64_t steps);

/** @error DNNB_ERR_ARGUMENT an unknown schedule (with the nearest), or a gamma out of range. */
DNNB_MUST_CHECK dnnb_status dnnb__schedule_check(const dnnb_schedule_options *options);

#endif
