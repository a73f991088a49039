/*
 * For train_options.py: a small network of a file, trained on the pictures of a .stim.csv without
 * augmentation, with the options that are named.
 *
 *   train_options_driver WEIGHTS TRAIN VALIDATION OUT.pth [KEY=VALUE...]
 *
 * Prints "order ROW..." for each epoch, "step LOSS NORM" for each step, and "epoch LOSS
 * VALIDATION-LOSS SCORE LEARNING-RATE TRAINED BEST" for each epoch; saves what was trained.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnn/dnn.h"
#include "dnnbrain/train.h"

static dnnb_status build(dnnb__graph *graph) {
    static const dnnb__layer_row rows[] = {
        {.path = "features.0",
         .name = "conv1",
         .kind = DNNB__LAYER_CONV2D,
         .attr.conv2d = {.out_channels = 8, .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}}},
        {.path = "features.1", .kind = DNNB__LAYER_RELU},
        {.path = "features.2",
         .kind = DNNB__LAYER_MAXPOOL2D,
         .attr.pool2d = {.kernel = {2, 2}, .stride = {2, 2}}},
        {.path = "flatten", .kind = DNNB__LAYER_FLATTEN},
        {.path = "classifier.0",
         .name = "fc1",
         .kind = DNNB__LAYER_LINEAR,
         .attr.linear = {.out_features = 16}},
        {.path = "classifier.1", .kind = DNNB__LAYER_RELU},
        {.path = "classifier.2",
         .name = "fc2",
         .kind = DNNB__LAYER_LINEAR,
         .attr.linear = {.out_features = 3}},
    };
    return dnnb__graph_add(graph, rows, sizeof rows / sizeof rows[0]);
}

static const dnnb__model model = {.name = "Small",
                                  .input = {.dim = {3, 16, 16}, .ndim = 3},
                                  .source = "train_options.py",
                                  .build = build};

static bool print(void *context, const dnnb_event *event) {
    (void)context;
    if (event->kind == DNNB_EVENT_STEP)
        printf("step %.17g %.17g\n", event->loss, event->gradient_norm);
    if (event->kind == DNNB_EVENT_EPOCH)
        printf("epoch %.17g %.17g %.17g %.17g %zu %d\n", event->result->epoch_loss,
               event->result->loss_validation, event->result->score_validation,
               event->result->learning_rate, event->result->n_trained, event->is_best);
    return true;
}

/* One KEY=VALUE. */
static dnnb_status set(dnnb_train_options *o, dnnb_dnn *dnn, const char *argument) {
    const char *value = strchr(argument, '=');
    if (!value) return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: expected KEY=VALUE", argument);
    size_t n = (size_t)(value++ - argument);
    double number = strtod(value, NULL);
    struct {
        const char *key;
        double *real;
        size_t *count;
        const char **text;
    } const rows[] = {{.key = "lr", .real = &o->optimizer.lr},
                      {.key = "momentum", .real = &o->optimizer.momentum},
                      {.key = "weight_decay", .real = &o->optimizer.weight_decay},
                      {.key = "clip_norm", .real = &o->clip_norm},
                      {.key = "label_smoothing", .real = &o->label_smoothing},
                      {.key = "min_delta", .real = &o->min_delta},
                      {.key = "epochs", .count = &o->epochs},
                      {.key = "batch", .count = &o->batch},
                      {.key = "early_stop", .count = &o->early_stop},
                      {.key = "optimizer", .text = &o->optimizer.name},
                      {.key = "schedule", .text = &o->schedule.name},
                      {.key = "class_weights", .text = &o->class_weights},
                      {.key = "lr_groups", .text = &o->lr_groups},
                      {.key = "unfreeze", .text = &o->unfreeze}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strlen(rows[i].key) != n || memcmp(rows[i].key, argument, n) != 0) continue;
        if (rows[i].real) *rows[i].real = number;
        if (rows[i].count) *rows[i].count = (size_t)number;
        if (rows[i].text) *rows[i].text = value;
        return DNNB_OK;
    }
    if (n == strlen("freeze") && memcmp(argument, "freeze", n) == 0)
        return dnnb_dnn_set_trainable(dnn, value, false);
    if (strcmp(argument, "monitor=loss") != 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "%s: unknown", argument);
    o->monitor = DNNB_MONITOR_LOSS;
    return DNNB_OK;
}

static dnnb_status print_orders(const dnnb_train_options *o, size_t n) {
    uint64_t *order = dnnb__alloc(n, sizeof *order);
    if (!order) return dnnb__fail_memory();
    for (uint32_t epoch = 0; epoch < o->epochs; epoch++) {
        dnnb__random_permutation(dnnb__random_key_create(o->seed, DNNB__PURPOSE_SHUFFLE), epoch,
                                 order, n);
        printf("order");
        for (size_t i = 0; i < n; i++) printf(" %" PRIu64, order[i]);
        printf("\n");
    }
    dnnb__free(order);
    return DNNB_OK;
}

static dnnb_status run(dnnb_dnn *dnn, const dnnb_stimulus *train, const dnnb_stimulus *validation,
                       int argc, char **argv) {
    dnnb_train_options options = DNNB_TRAIN_OPTIONS_INIT;
    options.augment = DNNB_AUGMENT_NONE;
    options.on_event = print;
    DNNB_TRY(dnnb_dnn_load(dnn, argv[1]));
    for (int i = 5; i < argc; i++) DNNB_TRY(set(&options, dnn, argv[i]));
    DNNB_TRY(print_orders(&options, dnnb_stimulus_get_count(train)));
    DNNB_TRY(dnnb_train(dnn, train, validation, &options, NULL));
    return dnnb_dnn_save(dnn, argv[4]);
}

static dnnb_status open(int argc, char **argv) {
    dnnb_stimulus *train = NULL, *validation = NULL;
    dnnb_dnn *dnn = NULL;
    if (argc < 5) return dnnb__fail(DNNB_ERR_ARGUMENT, "wrong arguments");
    dnnb_status status = dnnb_stimulus_load(&train, argv[2]);
    if (status == DNNB_OK) status = dnnb_stimulus_load(&validation, argv[3]);
    if (status == DNNB_OK) status = dnnb__dnn_create_from_model(&dnn, &model, NULL);
    if (status == DNNB_OK) status = run(dnn, train, validation, argc, argv);
    dnnb_dnn_destroy(dnn);
    dnnb_stimulus_destroy(train);
    dnnb_stimulus_destroy(validation);
    return status;
}

int main(int argc, char **argv) {
    if (open(argc, argv) == DNNB_OK) return 0;
    fprintf(stderr, "%s\n", dnnb_get_error());
    return 1;
}
