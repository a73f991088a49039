/**
 * @file
 * @ingroup support
 * Speed of the computation: what this machine can do at best, and how near to it a network comes.
 */
#ifndef DNNBRAIN_BENCH_H
#define DNNBRAIN_BENCH_H

#include "dnnbrain/dnn.h"
#include "dnnbrain/optim.h"
#include "dnnbrain/train.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is timed. */
typedef enum dnnb_bench_kind {
    DNNB_BENCH_TRAIN,      /**< forward, loss, backward, optimiser; what is frozen stays so */
    DNNB_BENCH_TEST,       /**< forward in test mode */
    DNNB_BENCH_TRAIN_KEPT, /**< as TRAIN, from kept outputs of the frozen layers on */
    DNNB_BENCH_LOAD,       /**< images of stimuli, cropped at random: of each file the part of the
                                crop is decoded, as where no pixels are kept, after a first pass */
    DNNB_BENCH_LOAD_WHOLE, /**< the same with all of each file decoded, as in the first pass of a
                                set whose pixels are kept */
    DNNB_BENCH_LOAD_KEPT   /**< the same from decoded pixels that were kept in memory */
} dnnb_bench_kind;

/** One op of the plan that was timed. Borrowed text. */
typedef struct dnnb_bench_op {
    const char *layer;          /**< its module path, or what it does when it belongs to no layer */
    const char *pass;           /**< "forward", "optimiser", or what of the backward pass */
    const char *implementation; /**< as the engine names it */
    double flops;               /**< of one step, products with padding included */
    double unpadded_flops;      /**< without these, which a kernel may leave out */
    double bytes;               /**< that it reads or writes in one step, each at least once */
    double seconds;             /**< of one step, median; 0: it had nothing to do */
    double floor_s; /**< no computation of that many unpadded flops and bytes is faster here; NaN
                         where the floors were not measured */
} dnnb_bench_op;

/** Called with each op; `context` is that of dnnb_bench_step(). */
typedef void (*dnnb_bench_op_fn)(void *context, const dnnb_bench_op *op);

/**
 * Time steps of a batch of random normal images.
 *
 * Training changes the parameters. Two steps go before the timed ones.
 *
 * @param kind    TRAIN, TRAIN_KEPT or TEST.
 * @param seconds [n_steps] wall seconds of each step.
 * @param on_op   NULL, or called for each op of the plan after as many steps with timing on.
 * @error DNNB_ERR_ARGUMENT another kind; no step; TRAIN_KEPT of a network without frozen layers
 *        before all others.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_bench_step(dnnb_dnn *dnn, dnnb_bench_kind kind,
                                                     const dnnb_optimizer_options *optimizer,
                                                     size_t batch, double *seconds, size_t n_steps,
                                                     dnnb_bench_op_fn on_op, void *context);

/** What this machine can do at best with so many threads, as measured. Static text. */
typedef struct dnnb_bench_floors {
    size_t n_threads;              /**< that computed */
    const char *f32_instructions;  /**< of the next line: "AVX-512", "AVX2", "SSE2" */
    double f32_flops_s;            /**< float32 operations a second; a multiply-add counts as two */
    const char *bf16_instructions; /**< "AMX", "AVX512_BF16"; NULL where the processor has none */
    double bf16_flops_s;           /**< the same with bfloat16 factors and float32 sums; 0 */
    double read_bytes_s;           /**< bytes a second that are read from memory */
    double update_bytes_s; /**< bytes a second that are read and written back; each counts twice */
    size_t cache_bytes;    /**< of the last cache before the memory; 0 where it is not known */
} dnnb_bench_floors;

/**
 * Measure them, on random data. DNNBRAIN_MAX_ISA limits the instructions.
 *
 * @param n_threads 0 for every processor available.
 * @param seconds   About as long for each of the four; the best of several tries counts.
 * @error DNNB_ERR_MEMORY; DNNB_ERR_ARGUMENT DNNBRAIN_MAX_ISA names no instruction set.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_bench_measure_floors(dnnb_bench_floors *out,
                                                               size_t n_threads, double seconds);

/** Steps of one kind, or passes of the loader. */
typedef struct dnnb_bench_rate {
    const char *name;     /**< "fine-tuned whole", "fixed features", "testing"; static text */
    dnnb_bench_kind kind; /**< what was timed */
    size_t n_images;      /**< of a step or pass */
    size_t n;             /**< steps or passes */
    double median_s;      /**< seconds of one */
    double least_s;       /**< of the fastest */
    double largest_s;     /**< of the slowest */
    double images_per_s;  /**< n_images / median_s */
    double floor_s;       /**< of the ops of a step, summed; NaN for the loader */
} dnnb_bench_rate;

/** Called before each part of the work: `done` of `total` parts are done, `what` comes next. False
 *  ends it with DNNB_ERR_STOPPED. */
typedef bool (*dnnb_bench_progress_fn)(void *context, const char *what, size_t done, size_t total);

/** Parts of dnnb_bench_run(). */
typedef enum dnnb_bench_part {
    DNNB_BENCH_ALL,    /**< what follows */
    DNNB_BENCH_FLOORS, /**< the floors alone */
    DNNB_BENCH_STEPS,  /**< floors and steps */
    DNNB_BENCH_LOADER  /**< the loader alone: floors are 0, and there are no ops */
} dnnb_bench_part;

/** What dnnb_bench_run() measures, and how. */
typedef struct dnnb_bench_options {
    dnnb_bench_part part;               /**< what is measured */
    dnnb_dnn_options dnn;               /**< how the network is made */
    size_t batch;                       /**< images a step */
    double seconds;                     /**< for each kind of step; at least three are made */
    dnnb_optimizer_options optimizer;   /**< of the training steps */
    const dnnb_stimulus *stim;          /**< images for the loader; NULL: it is left out */
    size_t n_workers;                   /**< threads that load images; 0: one a processor */
    dnnb_decode_options decode;         /**< of the images */
    dnnb_bench_progress_fn on_progress; /**< NULL for none */
    void *context;                      /**< for on_progress */
} dnnb_bench_options;

/** The default options. */
#define DNNB_BENCH_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .part = DNNB_BENCH_ALL, .dnn = DNNB_DNN_OPTIONS_INIT, .batch = 64, .seconds = 3,           \
        .optimizer = DNNB_OPTIMIZER_OPTIONS_INIT, .stim = NULL, .n_workers = 0,                    \
        .decode = DNNB_DECODE_OPTIONS_INIT, .on_progress = NULL, .context = NULL                   \
    }

/** What was measured. Borrowed text lives as long as the report. */
typedef struct dnnb_bench_report {
    const char *network;          /**< "AlexNet" */
    const char *engine;           /**< "oneDNN 2.6.3" */
    const char *instructions;     /**< that the engine computes with */
    const char *processor;        /**< as it calls itself; "unknown" */
    const char *precision;        /**< "f32" or "bf16": numbers of the computation */
    const char *warning;          /**< an operation without a good kernel; NULL for none */
    size_t batch;                 /**< images a step */
    size_t n_workers;             /**< threads of the loader; 0 where it was left out */
    dnnb_bench_floors floors;     /**< of this machine */
    const dnnb_bench_op *ops;     /**< [n_ops] of the step that trains all; the optimiser last */
    size_t n_ops;                 /**< number of ops */
    const dnnb_bench_rate *rates; /**< [n_rates] */
    size_t n_rates;               /**< number of rates */
} dnnb_bench_report;

/**
 * Measure the floors, a network's steps beside them, and the loader.
 *
 * Steps have random normal images: zeros would run faster. The network has random parameters and
 * two outputs. Fixed features are a new last layer on frozen layers; kept ones are what the network
 * makes of these images, and how many are zero changes the time.
 *
 * @param out     Destroy with dnnb_bench_report_destroy().
 * @param options NULL for DNNB_BENCH_OPTIONS_INIT.
 * @error What dnnb_dnn_create() gives; DNNB_ERR_ARGUMENT a batch of no images, seconds that are
 *        not above 0, or the loader alone without stimuli; DNNB_ERR_STOPPED; of the loader that of
 * an image that cannot be used.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_bench_run(dnnb_bench_report **out, const char *network,
                                                    const dnnb_bench_options *options);
/** Takes NULL. */
DNNB_API void dnnb_bench_report_destroy(dnnb_bench_report *report);

/** The report as one JSON object, with a newline; docs/performance.md names its fields.
 *  @param[out] out Text; free with dnnb_free(). */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_bench_report_print_json(char **out,
                                                                  const dnnb_bench_report *report);

#ifdef __cplusplus
}
#endif

#endif
