/*
 * dnnb_bench_run(): the floors, the steps of the scenarios and the loader, one after the other.
 *
 * Method: one network serves all. Its parameters are random, and training steps change them; no
 * speed depends on their values as long as these are dense.
 */
#include <math.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/machine.h"
#include "dnn/dnn.h"
#include "dnnbrain/plan.h"

enum { FEWEST_STEPS = 3, MOST_RATES = 7, N_OUTPUTS = 2, N_STEP_PARTS = 5 };

typedef struct report {
    dnnb_bench_report base; /* first: what the caller sees */
    char processor[128], engine[64], instructions[32], warning[DNNB__DNN_SLOW_BYTES];
    dnnb_dnn *dnn; /* which the ops' texts belong to */
    dnnb_bench_op *ops;
    dnnb_bench_rate rates[MOST_RATES];
    size_t n_done, n_parts; /* of the work, as they are told */
} report;

void dnnb_bench_report_destroy(dnnb_bench_report *base) {
    report *r = (report *)base;
    if (!r) return;
    dnnb_dnn_destroy(r->dnn);
    dnnb__free(r->ops);
    dnnb__free(r);
}

/* Tell what comes next. */
static dnnb_status tell(report *r, const dnnb_bench_options *options, const char *what) {
    if (!options->on_progress ||
        options->on_progress(options->context, what, r->n_done, r->n_parts)) {
        r->n_done++;
        return DNNB_OK;
    }
    return dnnb__fail(DNNB_ERR_STOPPED, "stopped before %s", what);
}

static void add_rate(report *r, const char *name, dnnb_bench_kind kind, size_t n_images,
                     dnnb__bench_times *times, double floor_s) {
    double median = dnnb__bench_times_get_median(times);
    r->rates[r->base.n_rates++] = (dnnb_bench_rate){.name = name,
                                                    .kind = kind,
                                                    .n_images = n_images,
                                                    .n = times->n,
                                                    .median_s = median,
                                                    .least_s = times->seconds[0],
                                                    .largest_s = times->seconds[times->n - 1],
                                                    .images_per_s = (double)n_images / median,
                                                    .floor_s = floor_s};
}

/* What has multiply-adds to count, convolutions and linear layers, has factors of the network's
 * precision; the optimiser and all else is bound by its bytes. */
static double set_floors(const report *r, dnnb_bench_op *ops, size_t n) {
    bool is_bf16 = r->dnn->precision == DNNB__BF16;
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        ops[i].floor_s =
            dnnb__bench_get_floor_s(&r->base.floors, is_bf16, ops[i].unpadded_flops, ops[i].bytes);
        sum += ops[i].floor_s;
    }
    return sum;
}

static dnnb_status time_steps(dnnb__bench_step *step, double seconds, dnnb__bench_times *times) {
    double begin = dnnb__bench_now_s(), now = begin;
    while (times->n < FEWEST_STEPS || now - begin < seconds) {
        double start = now;
        DNNB_TRY(dnnb__bench_step_run(step));
        now = dnnb__bench_now_s();
        DNNB_TRY(dnnb__bench_times_add(times, now - start));
    }
    return DNNB_OK;
}

/* A kind of step: its rate, and its ops where *ops is wanted. */
static dnnb_status measure_step(report *r, const char *name, dnnb_bench_kind kind,
                                const dnnb_bench_options *options, bool keeps_ops) {
    dnnb__bench_step *step;
    dnnb__bench_times times = {0};
    DNNB_TRY(dnnb__bench_step_create(&step, r->dnn, kind, &options->optimizer, options->batch));
    size_t n = dnnb__bench_step_get_n_ops(step);
    dnnb_bench_op *ops = dnnb__alloc(n, sizeof *ops);
    dnnb_status status = ops ? time_steps(step, options->seconds, &times) : dnnb__fail_memory();
    if (status == DNNB_OK && keeps_ops) status = tell(r, options, "the ops of a step");
    if (status == DNNB_OK) status = dnnb__bench_step_time_ops(step, keeps_ops ? times.n : 1, ops);
    if (status == DNNB_OK) add_rate(r, name, kind, options->batch, &times, set_floors(r, ops, n));
    dnnb__bench_times_destroy(&times);
    dnnb__bench_step_destroy(step);
    if (status != DNNB_OK || !keeps_ops) {
        dnnb__free(ops);
        return status;
    }
    r->base.ops = r->ops = ops;
    r->base.n_ops = n;
    return DNNB_OK;
}

static dnnb_status measure_steps(report *r, const dnnb_bench_options *options) {
    DNNB_TRY(tell(r, options, "fine-tuning steps"));
    DNNB_TRY(measure_step(r, "fine-tuned whole", DNNB_BENCH_TRAIN, options, true));
    DNNB_TRY(tell(r, options, "testing steps"));
    DNNB_TRY(measure_step(r, "testing", DNNB_BENCH_TEST, options, false));
    DNNB_TRY(tell(r, options, "steps on fixed features"));
    DNNB_TRY(dnnb_dnn_set_trainable(r->dnn, "backbone", false));
    DNNB_TRY(measure_step(r, "fixed features, computed", DNNB_BENCH_TRAIN, options, false));
    DNNB_TRY(tell(r, options, "steps on kept features"));
    if (dnnb__graph_find_cut(r->dnn->graph, true) == 0) return DNNB_OK; /* nothing can be kept */
    return measure_step(r, "fixed features, kept", DNNB_BENCH_TRAIN_KEPT, options, false);
}

static dnnb_status measure_loader(report *r, const dnnb_bench_options *options) {
    dnnb__bench_loads loads = {0};
    dnnb_status status = tell(r, options, "loading images");
    if (status == DNNB_OK) status = dnnb__bench_load(r->dnn, options, &loads);
    if (status == DNNB_OK) {
        size_t n = loads.n_images;
        double none = (double)NAN;
        add_rate(r, "loading, nothing kept, later epochs", DNNB_BENCH_LOAD, n, &loads.parts, none);
        add_rate(r, "loading, all decoded, then kept", DNNB_BENCH_LOAD_WHOLE, n, &loads.whole,
                 none);
        add_rate(r, "loading, pixels kept", DNNB_BENCH_LOAD_KEPT, n, &loads.kept, none);
        r->base.n_workers = loads.n_workers;
    }
    dnnb__bench_times_destroy(&loads.parts);
    dnnb__bench_times_destroy(&loads.whole);
    dnnb__bench_times_destroy(&loads.kept);
    return status;
}

static void describe(report *r, const dnnb_bench_options *options) {
    dnnb__bench_get_processor(r->processor, sizeof r->processor);
    (void)snprintf(r->engine, sizeof r->engine, "%s", dnnb_dnn_get_engine_version(r->dnn));
    (void)snprintf(r->instructions, sizeof r->instructions, "%s",
                   dnnb_dnn_get_instructions(r->dnn));
    r->base.network = dnnb_dnn_get_name(r->dnn);
    r->base.engine = r->engine;
    r->base.instructions = r->instructions;
    r->base.precision = dnnb_dnn_get_precision(r->dnn);
    r->base.processor = r->processor;
    r->base.batch = options->batch;
    r->base.floors.n_threads = dnnb_dnn_get_n_threads(r->dnn);
    r->base.rates = r->rates;
}

static dnnb_status run(report *r, const char *network, const dnnb_bench_options *options) {
    if (options->batch == 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "bench: expected a batch of at least one image");
    if (!(options->seconds > 0) || !isfinite(options->seconds))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "bench: expected seconds above 0, found %g",
                          options->seconds);
    bool has_floors = options->part != DNNB_BENCH_LOADER;
    bool has_steps = has_floors && options->part != DNNB_BENCH_FLOORS;
    bool has_loader =
        options->part == DNNB_BENCH_LOADER || (options->part == DNNB_BENCH_ALL && options->stim);
    if (has_loader && !options->stim)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "bench: expected stimuli for the loader, found none");
    r->n_parts = (has_floors ? 1U : 0U) + (has_steps ? N_STEP_PARTS : 0U) + (has_loader ? 1U : 0U);
    DNNB_TRY(dnnb_dnn_create(&r->dnn, network, &options->dnn));
    DNNB_TRY(dnnb_dnn_replace_head(r->dnn, N_OUTPUTS));
    describe(r, options);
    if (has_floors) {
        DNNB_TRY(tell(r, options, "multiply-adds and memory"));
        DNNB_TRY(dnnb_bench_measure_floors(&r->base.floors, dnnb_dnn_get_n_threads(r->dnn),
                                           options->seconds / 2));
    }
    if (has_steps) DNNB_TRY(measure_steps(r, options));
    if (dnnb__dnn_print_slow(r->dnn, r->warning)) r->base.warning = r->warning;
    return has_loader ? measure_loader(r, options) : DNNB_OK;
}

dnnb_status dnnb_bench_run(dnnb_bench_report **out, const char *network,
                           const dnnb_bench_options *options) {
    static const dnnb_bench_options defaults = DNNB_BENCH_OPTIONS_INIT;
    *out = NULL;
    report *r = dnnb__calloc(1, sizeof *r);
    if (!r) return dnnb__fail_memory();
    dnnb_status status = run(r, network, options ? options : &defaults);
    if (status != DNNB_OK) {
        dnnb_bench_report_destroy(&r->base);
        return status;
    }
    *out = &r->base;
    return DNNB_OK;
}
