/*
 * For the training scripts: AlexNet of a file on the pictures of a .stim.csv.
 *
 *   train_driver predict WEIGHTS STIM OUT.csv
 *       outputs of every picture; the head is the file's
 *   train_driver gradients WEIGHTS STIM OUT.safetensors
 *       gradients of the mean cross-entropy of all pictures as one batch, without dropout; prints
 *       the loss
 *   train_driver steps WEIGHTS STIM LR FREEZE OUT.json
 *       an epoch in batches of 8 without dropout and augmentation, Adam; FREEZE is "none" or a
 *       pattern; prints the order
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnn/dnn.h"
#include "dnnbrain/train.h"
#include "engine/loss.h"

static void remove_dropout(dnnb_dnn *dnn) {
    for (size_t i = 0; i < dnn->graph->n_nodes; i++)
        if (dnn->graph->nodes[i].kind == DNNB__LAYER_DROPOUT)
            dnn->graph->nodes[i].attr.dropout.p = 0.0f;
}

static dnnb_status predict(dnnb_dnn *dnn, const dnnb_stimulus *stim, const char *path) {
    dnnb_predictions *predictions;
    DNNB_TRY(dnnb_predict(dnn, stim, NULL, &predictions));
    dnnb_status status =
        dnnb_predictions_save_csv(predictions, stim, DNNB_CLASSIFICATION, NULL, path);
    dnnb_predictions_destroy(predictions);
    return status;
}

static dnnb_status load_batch(const dnnb_stimulus *stim, const dnnb_shape *shape, float *out) {
    size_t n_floats = (size_t)(shape->dim[0] * shape->dim[1] * shape->dim[2]);
    for (size_t i = 0; i < dnnb_stimulus_get_count(stim); i++) {
        dnnb_image image, resized;
        DNNB_TRY(dnnb_image_load(&image, dnnb_stimulus_get_path(stim, i), NULL));
        dnnb_status status =
            dnnb_image_resize(&resized, &image, NULL, shape->dim[2], shape->dim[1]);
        dnnb_image_clear(&image);
        if (status != DNNB_OK) return status;
        dnnb_image_normalize(&resized, dnnb_imagenet_mean, dnnb_imagenet_std, out + i * n_floats);
        dnnb_image_clear(&resized);
    }
    return DNNB_OK;
}

static dnnb_status save_gradients(dnnb_dnn *dnn, const char *path) {
    dnnb_dict *dict;
    DNNB_TRY(dnnb_dict_create(&dict));
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; status == DNNB_OK && i < dnn->graph->n_params; i++) {
        dnnb_tensor *tensor;
        status = dnnb_tensor_create(&tensor, DNNB_F32, &dnn->graph->params[i].shape);
        if (status != DNNB_OK) break;
        status = dnnb__net_export_gradient(dnn->net, i, dnnb_tensor_get_writable(tensor));
        if (status == DNNB_OK) status = dnnb_dict_add(dict, dnn->graph->params[i].path, tensor);
        if (status != DNNB_OK) dnnb_tensor_destroy(tensor);
    }
    if (status == DNNB_OK) status = dnnb_dict_save(dict, path);
    dnnb_dict_destroy(dict);
    return status;
}

static dnnb_status run_batch(dnnb_dnn *dnn, const dnnb_stimulus *stim, float *images,
                             int64_t *labels, float *output_gradient, const char *path) {
    size_t n = dnnb_stimulus_get_count(stim), n_outputs = (size_t)dnnb_dnn_get_n_outputs(dnn);
    dnnb__plan_options options = {
        .mode = DNNB__MODE_TRAIN, .batch = n, .to = dnn->graph->n_nodes - 1};
    dnnb__step_random random = {.key = dnnb__random_key_create(0, DNNB__PURPOSE_DROPOUT)};
    dnnb__plan *plan;
    DNNB_TRY(dnnb_stimulus_read_labels(stim, labels, (int64_t)n_outputs));
    DNNB_TRY(load_batch(stim, dnnb_dnn_get_input_shape(dnn), images));
    DNNB_TRY(dnnb__dnn_get_plan(dnn, &options, &plan));
    DNNB_TRY(dnnb__plan_forward(plan, images, &random));
    double loss = dnnb__loss_cross_entropy(NULL, dnnb__plan_get_output(plan), labels, n, n_outputs,
                                           output_gradient);
    DNNB_TRY(dnnb__plan_backward(plan, output_gradient));
    printf("%.17g\n", loss);
    return save_gradients(dnn, path);
}

static dnnb_status gradients(dnnb_dnn *dnn, const dnnb_stimulus *stim, const char *path) {
    const dnnb_shape *shape = dnnb_dnn_get_input_shape(dnn);
    size_t n = dnnb_stimulus_get_count(stim);
    size_t n_floats = (size_t)(shape->dim[0] * shape->dim[1] * shape->dim[2]);
    float *images = dnnb__alloc(n * n_floats, sizeof *images);
    int64_t *labels = dnnb__alloc(n, sizeof *labels);
    float *output_gradient =
        dnnb__alloc(n * (size_t)dnnb_dnn_get_n_outputs(dnn), sizeof *output_gradient);
    remove_dropout(dnn);
    dnnb_status status = images && labels && output_gradient
                             ? run_batch(dnn, stim, images, labels, output_gradient, path)
                             : dnnb__fail_memory();
    dnnb__free(images);
    dnnb__free(labels);
    dnnb__free(output_gradient);
    return status;
}

static dnnb_status steps(dnnb_dnn *dnn, const dnnb_stimulus *stim, double lr, const char *freeze,
                         const char *path) {
    size_t n = dnnb_stimulus_get_count(stim);
    dnnb_train_options options = DNNB_TRAIN_OPTIONS_INIT;
    options.epochs = 1;
    options.batch = 8;
    options.optimizer.lr = lr;
    options.augment = DNNB_AUGMENT_NONE;
    remove_dropout(dnn);
    if (strcmp(freeze, "none") != 0) DNNB_TRY(dnnb_dnn_set_trainable(dnn, freeze, false));
    dnnb_history *history;
    DNNB_TRY(dnnb_train(dnn, stim, NULL, &options, &history));
    dnnb_status status = dnnb_history_save_json(history, path);
    dnnb_history_destroy(history);
    uint64_t *order = dnnb__alloc(n, sizeof *order);
    if (!order) return dnnb__fail_memory();
    dnnb__random_permutation(dnnb__random_key_create(options.seed, DNNB__PURPOSE_SHUFFLE), 0, order,
                             n);
    for (size_t i = 0; i < n; i++) printf("%" PRIu64 "\n", order[i]);
    dnnb__free(order);
    return status;
}

static dnnb_status run(int argc, char **argv) {
    const char *verb = argc > 1 ? argv[1] : "";
    dnnb_stimulus *stim;
    dnnb_dnn *dnn;
    if (argc != (strcmp(verb, "steps") == 0 ? 7 : 5))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "wrong arguments");
    DNNB_TRY(dnnb_stimulus_load(&stim, argv[3]));
    dnnb_status status = dnnb_dnn_create_from_file(&dnn, "alexnet", argv[2], NULL);
    if (status == DNNB_OK) {
        if (strcmp(verb, "predict") == 0)
            status = predict(dnn, stim, argv[4]);
        else if (strcmp(verb, "gradients") == 0)
            status = gradients(dnn, stim, argv[4]);
        else
            status = steps(dnn, stim, strtod(argv[4], NULL), argv[5], argv[6]);
        dnnb_dnn_destroy(dnn);
    }
    dnnb_stimulus_destroy(stim);
    return status;
}

int main(int argc, char **argv) {
    if (run(argc, argv) == DNNB_OK) return 0;
    fprintf(stderr, "%s\n", dnnb_get_error());
    return 1;
}
