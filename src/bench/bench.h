/*
 * What the parts of a benchmark share: a step that is timed, the loader's passes, the floors.
 */
#ifndef DNNB_BENCH_BENCH_H
#define DNNB_BENCH_BENCH_H

#include "core/status.h"
#include "dnnbrain/bench.h"

/** Seconds of a steady clock. */
double dnnb__bench_now_s(void);

/** Seconds that a computation of so many operations and bytes takes at least. Bytes that the last
 *  cache may hold do not count. */
double dnnb__bench_get_floor_s(const dnnb_bench_floors *floors, bool is_bf16, double flops,
                               double bytes);

/** A step made ready. */
typedef struct dnnb__bench_step dnnb__bench_step;

/** @param dnn Borrowed; it must not change until the step is destroyed. */
DNNB_MUST_CHECK dnnb_status dnnb__bench_step_create(dnnb__bench_step **out, dnnb_dnn *dnn,
                                                    dnnb_bench_kind kind,
                                                    const dnnb_optimizer_options *optimizer,
                                                    size_t batch);
void dnnb__bench_step_destroy(dnnb__bench_step *step);
DNNB_MUST_CHECK dnnb_status dnnb__bench_step_run(dnnb__bench_step *step);
/** Ops of the plan, and one for the optimiser where the step trains. */
size_t dnnb__bench_step_get_n_ops(const dnnb__bench_step *step);
/** Run so many steps with timing on; `ops` has room for all, with the median of the seconds. */
DNNB_MUST_CHECK dnnb_status dnnb__bench_step_time_ops(dnnb__bench_step *step, size_t n_steps,
                                                      dnnb_bench_op *ops);

/** Growing list of seconds: repeated work until its time is over. */
typedef struct dnnb__bench_times {
    double *seconds;
    size_t n, capacity;
} dnnb__bench_times;

void dnnb__bench_times_destroy(dnnb__bench_times *times);
DNNB_MUST_CHECK dnnb_status dnnb__bench_times_add(dnnb__bench_times *times, double seconds);
/** Sorts them; 0 where there are none. */
double dnnb__bench_times_get_median(dnnb__bench_times *times);

/** Passes of the loader over stimuli, by what they decode. */
typedef struct dnnb__bench_loads {
    dnnb__bench_times parts; /* the part of each crop: nothing is kept */
    dnnb__bench_times whole; /* all of each file: first passes of sets whose pixels are kept */
    dnnb__bench_times kept;  /* nothing: later passes */
    size_t n_images;         /* of a pass */
    size_t n_workers;        /* that loaded */
} dnnb__bench_loads;

/** Passes with random crops, each of at most DNNB__BENCH_LOAD_IMAGES, until so many seconds have
 *  passed for each of the three kinds; at least one each. Before those of parts and of kept pixels
 *  comes one that is not timed.
 *  @param[out] loads Zeros before; destroy its three times also after a failure. */
DNNB_MUST_CHECK dnnb_status dnnb__bench_load(dnnb_dnn *dnn, const dnnb_bench_options *options,
                                             dnnb__bench_loads *loads);
enum { DNNB__BENCH_LOAD_IMAGES = 1024 };

#endif
