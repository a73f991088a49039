/*
 * Seconds of a network's steps on random images, as one JSON line; with --ops a table of the plan's
 * ops before it.
 *
 * Usage: step KIND BATCH STEPS [THREADS] [--net NET] [--outputs N] [--bf16] [--ops]
 *   KIND  train (all parameters), frozen (a new last layer only), kept (the same from kept
 *         features), or test
 *   NET   AlexNet unless given; with two outputs unless --outputs gives another number
 */
#include <stdbool.h>
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

typedef struct step_command {
    const char *kind, *network;
    size_t batch, n_steps, n_threads;
    int64_t n_outputs;
    bool bf16, ops;
} step_command;

static dnnb_status run(const step_command *c, double *seconds) {
    dnnb_dnn_options options = DNNB_DNN_OPTIONS_INIT;
    dnnb_optimizer_options optimizer = DNNB_OPTIMIZER_OPTIONS_INIT;
    dnnb_dnn *dnn = NULL;
    options.n_threads = c->n_threads;
    options.precision = c->bf16 ? DNNB_PRECISION_BF16 : DNNB_PRECISION_F32;
    optimizer.lr = 1e-5;
    dnnb_status status = dnnb_dnn_create(&dnn, c->network, &options);
    if (status == DNNB_OK) status = dnnb_dnn_replace_head(dnn, c->n_outputs);
    if (status == DNNB_OK && (strcmp(c->kind, "frozen") == 0 || strcmp(c->kind, "kept") == 0))
        status = dnnb_dnn_set_trainable(dnn, "backbone", false);
    if (status == DNNB_OK)
        status = dnnb_bench_step(dnn, find_kind(c->kind), &optimizer, c->batch, seconds, c->n_steps,
                                 c->ops ? print_op : NULL, NULL);
    dnnb_dnn_destroy(dnn);
    return status;
}

/* False where the words are not those of the usage. */
static bool parse(step_command *c, int argc, char **argv) {
    size_t *const numbers[] = {&c->batch, &c->n_steps, &c->n_threads};
    size_t n_numbers = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bf16") == 0)
            c->bf16 = true;
        else if (strcmp(argv[i], "--ops") == 0)
            c->ops = true;
        else if (strcmp(argv[i], "--net") == 0 && i + 1 < argc)
            c->network = argv[++i];
        else if (strcmp(argv[i], "--outputs") == 0 && i + 1 < argc)
            c->n_outputs = strtol(argv[++i], NULL, 10);
        else if (!c->kind)
            c->kind = argv[i];
        else if (n_numbers < sizeof numbers / sizeof numbers[0])
            *numbers[n_numbers++] = strtoul(argv[i], NULL, 10);
        else
            return false;
    }
    return n_numbers >= 2;
}

int main(int argc, char **argv) {
    static double seconds[MAX_STEPS];
    step_command c = {.network = "alexnet", .n_threads = 2, .n_outputs = 2};
    if (!parse(&c, argc, argv)) {
        fprintf(stderr, "usage: step train|frozen|kept|test BATCH STEPS [THREADS] [--net NET] "
                        "[--outputs N] [--bf16] [--ops]\n");
        return 2;
    }
    if (c.batch == 0 || c.n_steps == 0 || c.n_steps > MAX_STEPS) {
        fprintf(stderr, "step: expected a batch and 1 to %d steps\n", MAX_STEPS);
        return 2;
    }
    if (run(&c, seconds) != DNNB_OK) {
        fprintf(stderr, "step: %s\n", dnnb_get_error());
        return 1;
    }
    for (size_t i = 0; i < c.n_steps; i++) printf("%s%.6f", i ? ", " : "[", seconds[i]);
    printf("]\n");
    return 0;
}
