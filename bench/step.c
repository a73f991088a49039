/*
 * Seconds of AlexNet steps on random images, as one JSON line; with --ops a table of the plan's
 * ops.
 *
 * Usage: step KIND BATCH STEPS [THREADS] [--bf16] [--ops]
 *   KIND  train (all parameters), frozen (a new last layer only), kept (the same from kept
 *         features), or test
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnnbrain/bench.h"

enum { MAX_STEPS = 1000 };

static void print_op(void *context, const dnnb_bench_op *op) {
    (void)context;
    printf("%-16s %-18s %9.3f ms %8.1f GFLOP/s  %s\n", op->layer, op->pass, op->seconds * 1e3,
           op->seconds > 0 ? op->flops / op->seconds * 1e-9 : 0.0, op->implementation);
}

static dnnb_bench_kind find_kind(const char *kind) {
    if (strcmp(kind, "test") == 0) return DNNB_BENCH_TEST;
    return strcmp(kind, "kept") == 0 ? DNNB_BENCH_TRAIN_KEPT : DNNB_BENCH_TRAIN;
}

static dnnb_status run(const char *kind, size_t batch, size_t n_steps, size_t n_threads, int bf16,
                       int ops, double *seconds) {
    dnnb_dnn_options options = DNNB_DNN_OPTIONS_INIT;
    dnnb_optimizer_options optimizer = DNNB_OPTIMIZER_OPTIONS_INIT;
    dnnb_dnn *dnn = NULL;
    options.n_threads = n_threads;
    options.precision = bf16 ? DNNB_PRECISION_BF16 : DNNB_PRECISION_F32;
    optimizer.lr = 1e-5;
    dnnb_status status = dnnb_dnn_create(&dnn, "alexnet", &options);
    if (status == DNNB_OK) status = dnnb_dnn_replace_head(dnn, 2);
    if (status == DNNB_OK && (strcmp(kind, "frozen") == 0 || strcmp(kind, "kept") == 0))
        status = dnnb_dnn_set_trainable(dnn, "backbone", false);
    if (status == DNNB_OK)
        status = dnnb_bench_step(dnn, find_kind(kind), &optimizer, batch, seconds, n_steps,
                                 ops ? print_op : NULL, NULL);
    dnnb_dnn_destroy(dnn);
    return status;
}

int main(int argc, char **argv) {
    static double seconds[MAX_STEPS];
    int ops = argc > 1 && strcmp(argv[argc - 1], "--ops") == 0;
    if (ops) argc--;
    int bf16 = argc > 1 && strcmp(argv[argc - 1], "--bf16") == 0;
    if (bf16) argc--;
    if (argc < 4 || argc > 5) {
        fprintf(stderr,
                "usage: step train|frozen|kept|test BATCH STEPS [THREADS] [--bf16] [--ops]\n");
        return 2;
    }
    size_t batch = strtoul(argv[2], NULL, 10), n_steps = strtoul(argv[3], NULL, 10);
    size_t n_threads = argc > 4 ? strtoul(argv[4], NULL, 10) : 2;
    if (batch == 0 || n_steps == 0 || n_steps > MAX_STEPS) {
        fprintf(stderr, "step: expected a batch and 1 to %d steps\n", MAX_STEPS);
        return 2;
    }
    if (run(argv[1], batch, n_steps, n_threads, bf16, ops, seconds) != DNNB_OK) {
        fprintf(stderr, "step: %s\n", dnnb_get_error());
        return 1;
    }
    for (size_t i = 0; i < n_steps; i++) printf("%s%.6f", i ? ", " : "[", seconds[i]);
    printf("]\n");
    return 0;
}
