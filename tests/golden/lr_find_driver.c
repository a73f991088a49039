/*
 * The learning-rate range test on AlexNet of a file, without dropout and augmentation.
 *
 *   lr_find_driver WEIGHTS STIM OPTIMIZER MOMENTUM BATCH MIN MAX STEPS SMOOTHING FREEZE OUT.csv
 *       prints the order of each epoch that was begun, a row a line, then the suggested rate
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "dnn/dnn.h"
#include "dnnbrain/lr_find.h"

static void remove_dropout(dnnb_dnn *dnn) {
    for (size_t i = 0; i < dnn->graph->n_nodes; i++)
        if (dnn->graph->nodes[i].kind == DNNB__LAYER_DROPOUT)
            dnn->graph->nodes[i].attr.dropout.p = 0.0f;
}

static dnnb_status print_orders(size_t n, size_t batch, size_t n_steps) {
    size_t steps_per_epoch = (n + batch - 1) / batch;
    uint64_t *order = dnnb__alloc(n, sizeof *order);
    if (!order) return dnnb__fail_memory();
    for (size_t epoch = 0; epoch * steps_per_epoch < n_steps; epoch++) {
        dnnb__random_permutation(dnnb__random_key_create(0, DNNB__PURPOSE_SHUFFLE), (uint32_t)epoch,
                                 order, n);
        for (size_t i = 0; i < n; i++) printf("%" PRIu64 "\n", order[i]);
    }
    dnnb__free(order);
    return DNNB_OK;
}

static dnnb_status run(dnnb_dnn *dnn, const dnnb_stimulus *stim, char **argv) {
    dnnb_train_options train = DNNB_TRAIN_OPTIONS_INIT;
    dnnb_lr_find_options find = DNNB_LR_FIND_OPTIONS_INIT;
    dnnb_lr_curve *curve;
    train.optimizer.name = argv[3];
    train.optimizer.momentum = strtod(argv[4], NULL);
    train.batch = (size_t)strtoull(argv[5], NULL, 10);
    train.augment = DNNB_AUGMENT_NONE;
    find.min_lr = strtod(argv[6], NULL);
    find.max_lr = strtod(argv[7], NULL);
    find.steps = (size_t)strtoull(argv[8], NULL, 10);
    find.smoothing = strtod(argv[9], NULL);
    remove_dropout(dnn);
    DNNB_TRY(dnnb_dnn_set_trainable(dnn, argv[10], false));
    DNNB_TRY(dnnb_lr_find(dnn, stim, &train, &find, &curve));
    dnnb_status status = dnnb_lr_curve_save_csv(curve, argv[11]);
    if (status == DNNB_OK)
        status = print_orders(dnnb_stimulus_get_count(stim), train.batch, curve->n);
    printf("%.17g\n", curve->suggested_lr);
    dnnb_lr_curve_destroy(curve);
    return status;
}

int main(int argc, char **argv) {
    dnnb_stimulus *stim = NULL;
    dnnb_dnn *dnn = NULL;
    if (argc != 12) return 2;
    dnnb_status status = dnnb_stimulus_load(&stim, argv[2]);
    if (status == DNNB_OK) status = dnnb_dnn_create_from_file(&dnn, "alexnet", argv[1], NULL);
    if (status == DNNB_OK) status = run(dnn, stim, argv);
    dnnb_dnn_destroy(dnn);
    dnnb_stimulus_destroy(stim);
    if (status == DNNB_OK) return 0;
    fprintf(stderr, "%s\n", dnnb_get_error());
    return 1;
}
