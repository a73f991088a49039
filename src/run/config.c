/*
 * config.json: what is needed to say how a run came about and to make it again.
 *
 * Every part is a JSON object from a function of its own. jansson gives NULL when it is out of
 * memory, and its packing functions pass that on, so one check at the end is enough.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/file.h"
#include "core/thread.h"
#include "dnn/dnn.h"
#include "optim/optim.h"
#include "run/run.h"
#include "train/criterion.h"

/* What the compiler calls itself. */
#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

static void read_processor(char *out, size_t n) {
    char line[512];
    (void)snprintf(out, n, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "re");
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        line[strcspn(line, "\n")] = '\0';
        (void)snprintf(out, n, "%s", colon + 1 + (colon[1] == ' '));
        break;
    }
    fclose(file);
}

static json_t *describe_machine(const dnnb__run_inputs *in) {
    char processor[256];
    read_processor(processor, sizeof processor);
    return json_pack("{s:o, s:I, s:I, s:I}", "processor", dnnb__run_json_text(processor),
                     "n_processors", (json_int_t)dnnb__threads_get_available(), "threads",
                     (json_int_t)dnnb_dnn_get_n_threads(in->dnn), "loading_threads",
                     (json_int_t)(in->options->n_workers ? in->options->n_workers
                                                         : dnnb__threads_get_available()));
}

/* JSON's integers of most readers end at 2^63: larger seeds are written as text. */
static json_t *describe_seed(uint64_t seed) {
    char text[24];
    if (seed <= INT64_MAX) return json_integer((json_int_t)seed);
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    return json_string(text);
}

/* A file and its SHA-256; "" for either is null. */
static json_t *describe_file(const char *path, const char *sum) {
    return json_pack("{s:o, s:o}", "file", dnnb__run_json_text(path && *path ? path : NULL),
                     "sha256", dnnb__run_json_text(*sum ? sum : NULL));
}

/* Trained in some epoch. The same when the run begins and when it goes on. */
static bool is_trained(const dnnb__param *param) {
    return param->trainable || param->is_trained_later;
}

static json_t *list_trained(const dnnb_dnn *dnn) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < dnn->graph->n_params; i++) {
        if (!is_trained(&dnn->graph->params[i])) continue;
        if (json_array_append_new(list, dnnb__run_json_text(dnn->graph->params[i].path)) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *describe_network(const dnnb__run_inputs *in) {
    int64_t n_trainable, n_all;
    dnnb_dnn_count_parameters(in->dnn, &n_trainable, &n_all);
    const dnnb__graph *graph = in->dnn->graph;
    for (size_t i = 0; i < graph->n_params; i++)
        if (graph->params[i].is_trained_later) n_trainable += (int64_t)graph->params[i].count;
    const char *note = dnnb_dnn_get_note(in->dnn);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:s}", "name",
                     dnnb_dnn_get_name(in->dnn), "asked_for", dnnb__run_json_text(in->run->network),
                     "weights", describe_file(in->run->weights_path, in->weights_sum),
                     "weights_note", dnnb__run_json_text(*note ? note : NULL), "freeze",
                     dnnb__run_json_text(in->run->freeze), "unfreeze",
                     dnnb__run_json_text(in->options->unfreeze), "n_outputs",
                     (json_int_t)dnnb_dnn_get_n_outputs(in->dnn), "n_parameters", (json_int_t)n_all,
                     "n_trained_parameters", (json_int_t)n_trainable, "trained_parameters",
                     list_trained(in->dnn), "seed", describe_seed(dnnb_dnn_get_seed(in->dnn)),
                     "engine", dnnb_dnn_get_engine(in->dnn));
}

/* Images of each class; the labels have been checked against the number of outputs. */
static dnnb_status count_classes(const dnnb__run_inputs *in, const dnnb_stimulus *stim,
                                 size_t *counts) {
    int64_t n_classes = dnnb_dnn_get_n_outputs(in->dnn);
    size_t n = dnnb_stimulus_get_count(stim);
    int64_t *labels = dnnb__alloc(n, sizeof *labels);
    if (!labels) return dnnb__fail_memory();
    dnnb_status status = dnnb_stimulus_read_labels(stim, labels, n_classes);
    for (size_t i = 0; status == DNNB_OK && i < n; i++) counts[labels[i]]++;
    dnnb__free(labels);
    return status;
}

dnnb_status dnnb__run_get_chance(const dnnb__run_inputs *in, double *chance) {
    *chance = (double)NAN;
    if (in->options->task != DNNB_CLASSIFICATION) return DNNB_OK;
    const dnnb_stimulus *stim = in->validation ? in->validation : in->train;
    size_t n_classes = (size_t)dnnb_dnn_get_n_outputs(in->dnn), largest = 0;
    size_t *counts = dnnb__calloc(n_classes, sizeof *counts);
    if (!counts) return dnnb__fail_memory();
    dnnb_status status = count_classes(in, stim, counts);
    for (size_t i = 0; i < n_classes; i++)
        if (counts[i] > largest) largest = counts[i];
    if (status == DNNB_OK) *chance = (double)largest / (double)dnnb_stimulus_get_count(stim);
    dnnb__free(counts);
    return status;
}

static json_t *list_class_counts(const dnnb__run_inputs *in, const dnnb_stimulus *stim) {
    if (in->options->task != DNNB_CLASSIFICATION) return json_null();
    size_t n_classes = (size_t)dnnb_dnn_get_n_outputs(in->dnn);
    size_t *counts = dnnb__calloc(n_classes, sizeof *counts);
    json_t *list = counts && count_classes(in, stim, counts) == DNNB_OK ? json_array() : NULL;
    for (size_t i = 0; list && i < n_classes; i++) {
        if (json_array_append_new(list, json_integer((json_int_t)counts[i])) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    dnnb__free(counts);
    return list;
}

/* Stands for the condition of a label whose images have several, or none. */
static const char mixed[] = "";

static dnnb_status find_conditions(const dnnb__run_inputs *in, const dnnb_stimulus *stim,
                                   const char **conditions) {
    size_t n = dnnb_stimulus_get_count(stim), column = dnnb_stimulus_find_column(stim, "condition");
    int64_t *labels = dnnb__alloc(n, sizeof *labels);
    if (!labels) return dnnb__fail_memory();
    dnnb_status status = dnnb_stimulus_read_labels(stim, labels, dnnb_dnn_get_n_outputs(in->dnn));
    for (size_t i = 0; status == DNNB_OK && i < n; i++) {
        const char *found = column == SIZE_MAX ? mixed : dnnb_stimulus_get_field(stim, i, column);
        const char **condition = &conditions[labels[i]];
        *condition = !*condition || strcmp(*condition, found) == 0 ? found : mixed;
    }
    dnnb__free(labels);
    return status;
}

typedef char number_text[24];

dnnb_status dnnb__run_list_class_names(const dnnb__run_inputs *in, const char ***out) {
    size_t n = (size_t)dnnb_dnn_get_n_outputs(in->dnn);
    /* One block: the pointers, and the numbers of classes without a name. */
    const char **names = dnnb__calloc(n, sizeof *names + sizeof(number_text));
    *out = NULL;
    if (!names) return dnnb__fail_memory();
    dnnb_status status = find_conditions(in, in->train, names);
    if (status == DNNB_OK && in->validation) status = find_conditions(in, in->validation, names);
    if (status != DNNB_OK) {
        dnnb__free(names);
        return status;
    }
    number_text *numbers = (number_text *)(void *)(names + n);
    for (size_t k = 0; k < n; k++) {
        (void)snprintf(numbers[k], sizeof numbers[k], "%zu", k);
        if (!names[k] || !*names[k]) names[k] = numbers[k];
    }
    *out = names;
    return DNNB_OK;
}

/* Null for a regression. */
static json_t *list_class_names(const dnnb__run_inputs *in) {
    if (in->options->task != DNNB_CLASSIFICATION) return json_null();
    size_t n_classes = (size_t)dnnb_dnn_get_n_outputs(in->dnn);
    const char **names;
    if (dnnb__run_list_class_names(in, &names) != DNNB_OK) return NULL;
    json_t *list = json_array();
    for (size_t k = 0; list && k < n_classes; k++) {
        if (json_array_append_new(list, dnnb__run_json_text(names[k])) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    dnnb__free(names);
    return list;
}

/* The folder of a set's images as anybody can find it; null when it is gone. */
static json_t *describe_folder(const dnnb_stimulus *stim) {
    const char *folder = dnnb_stimulus_get_folder(stim);
    char absolute[PATH_MAX];
    return dnnb__run_json_text(realpath(*folder ? folder : ".", absolute));
}

/* "" for a set that came from no file, or whose file is there no more. */
static dnnb_status sum_stimuli(char sum[65], const dnnb_stimulus *stim) {
    const char *path = stim ? dnnb_stimulus_get_file(stim) : "";
    bool is_there = false;
    sum[0] = '\0';
    if (*path) DNNB_TRY(dnnb__file_find(&is_there, path));
    return is_there ? dnnb__sha256_file(sum, path) : DNNB_OK;
}

static json_t *describe_stimuli(const dnnb__run_inputs *in, const dnnb_stimulus *stim,
                                const char *sum) {
    if (!stim) return json_null();
    json_t *json = json_pack("{s:o, s:I, s:o}", "folder", describe_folder(stim), "n_images",
                             (json_int_t)dnnb_stimulus_get_count(stim), "n_images_of_class",
                             list_class_counts(in, stim));
    json_t *file = describe_file(dnnb_stimulus_get_file(stim), sum);
    if (json && file && json_object_update(file, json) == 0) {
        json_decref(json);
        return file;
    }
    json_decref(json);
    json_decref(file);
    return NULL;
}

/* With the defaults that the optimiser filled in. */
static json_t *describe_optimizer(const dnnb_train_options *options) {
    dnnb__optimizer *optimizer;
    if (dnnb__optimizer_create(&optimizer, &options->optimizer, NULL, 0) != DNNB_OK) return NULL;
    const dnnb_optimizer_options *o = dnnb__optimizer_get_options(optimizer);
    json_t *json = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o}", "name", o->name, "lr",
        dnnb__run_json_real(o->lr), "lr_groups", dnnb__run_json_text(options->lr_groups),
        "weight_decay", dnnb__run_json_real(o->weight_decay), "momentum",
        dnnb__run_json_real(o->momentum), "nesterov", o->nesterov, "beta1",
        dnnb__run_json_real(o->beta1), "beta2", dnnb__run_json_real(o->beta2), "eps",
        dnnb__run_json_real(o->eps), "clip_norm", dnnb__run_json_real(options->clip_norm));
    dnnb__optimizer_destroy(optimizer);
    return json;
}

static json_t *describe_schedule(const dnnb_train_options *o) {
    return json_pack("{s:s, s:I, s:I, s:o}", "name", o->schedule.name, "warmup_epochs",
                     (json_int_t)o->schedule.warmup_epochs, "step_epochs",
                     (json_int_t)o->schedule.step_epochs, "gamma",
                     dnnb__run_json_real(o->schedule.gamma));
}

static json_t *describe_decoding(const dnnb_train_options *o) {
    const uint8_t *c = o->decode.background;
    json_t *background = o->decode.use_background
                             ? json_pack("[i, i, i]", (int)c[0], (int)c[1], (int)c[2])
                             : json_null();
    return json_pack("{s:o, s:I, s:s, s:s}", "background", background, "max_pixels",
                     (json_int_t)o->decode.max_pixels, "on_bad_image",
                     o->on_bad_image == DNNB_BAD_IMAGE_SKIP ? "skip" : "stop", "check",
                     o->check == DNNB_CHECK_FULL ? "full" : "quick");
}

/* As asked for, and the number of each class; null where all are alike. */
static json_t *describe_class_weights(const dnnb__run_inputs *in) {
    const char *asked = in->options->class_weights;
    size_t n = dnnb_stimulus_get_count(in->train);
    size_t n_classes = (size_t)dnnb_dnn_get_n_outputs(in->dnn);
    if (!asked || strcmp(asked, "none") == 0) return json_null();
    double *weights = NULL;
    int64_t *labels = dnnb__alloc(n, sizeof *labels);
    bool is_read = labels &&
                   dnnb_stimulus_read_labels(in->train, labels, (int64_t)n_classes) == DNNB_OK &&
                   dnnb__class_weights_read(&weights, asked, labels, n, n_classes) == DNNB_OK;
    json_t *values = is_read ? json_array() : NULL;
    for (size_t k = 0; values && k < n_classes; k++) {
        if (json_array_append_new(values, json_real(weights[k])) == 0) continue;
        json_decref(values);
        values = NULL;
    }
    dnnb__free(labels);
    dnnb__free(weights);
    return json_pack("{s:o, s:o}", "asked", dnnb__run_json_text(asked), "values", values);
}

static json_t *describe_loss(const dnnb__run_inputs *in) {
    return json_pack("{s:o, s:o}", "class_weights", describe_class_weights(in), "label_smoothing",
                     dnnb__run_json_real(in->options->label_smoothing));
}

static json_t *describe_stopping(const dnnb_train_options *o) {
    return json_pack("{s:s, s:I, s:o}", "monitor",
                     o->monitor == DNNB_MONITOR_LOSS ? "loss" : "score", "early_stop",
                     (json_int_t)o->early_stop, "min_delta", dnnb__run_json_real(o->min_delta));
}

static json_t *describe_augment(const dnnb_train_options *o) {
    if (o->augment == DNNB_AUGMENT_VIEWS) return json_sprintf("views:%zu", o->views);
    return json_string(o->augment == DNNB_AUGMENT_NONE ? "none" : "dnnbrain");
}

static json_t *describe_training(const dnnb__run_inputs *in) {
    const dnnb_train_options *o = in->options;
    bool is_regression = o->task == DNNB_REGRESSION;
    return json_pack("{s:s, s:o, s:I, s:I, s:b, s:o, s:f, s:o, s:s, s:o, s:o, s:o, s:o, s:o}",
                     "task", is_regression ? "regression" : "classification", "target",
                     dnnb__run_json_text(is_regression && o->target ? o->target : "label"),
                     "epochs", (json_int_t)o->epochs, "batch", (json_int_t)o->batch, "score_train",
                     o->score_train, "augment", describe_augment(o), "crop_scale", o->crop_scale,
                     "seed", describe_seed(o->seed), "precision", dnnb_dnn_get_precision(in->dnn),
                     "optimizer", describe_optimizer(o), "schedule", describe_schedule(o), "images",
                     describe_decoding(o), "loss", describe_loss(in), "stopping",
                     describe_stopping(o));
}

void dnnb__run_print_time(char out[32]) {
    time_t now = time(NULL);
    struct tm utc;
    if (!gmtime_r(&now, &utc) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc)) out[0] = '\0';
}

dnnb_status dnnb__run_config_create(json_t **out, const dnnb__run_inputs *in) {
    char train_sum[65], validation_sum[65];
    *out = NULL;
    DNNB_TRY(sum_stimuli(train_sum, in->train));
    DNNB_TRY(sum_stimuli(validation_sum, in->validation));
    *out = json_pack("{s:{s:s, s:s, s:s}, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "versions",
                     "dnnbrain", dnnb_get_version(), "engine", dnnb_dnn_get_engine_version(in->dnn),
                     "compiler", COMPILER, "started", dnnb__run_json_text(in->started), "machine",
                     describe_machine(in), "network", describe_network(in), "train",
                     describe_stimuli(in, in->train, train_sum), "validation",
                     describe_stimuli(in, in->validation, validation_sum), "class_names",
                     list_class_names(in), "training", describe_training(in));
    return *out ? DNNB_OK : dnnb__fail(DNNB_ERR_MEMORY, "out of memory for config.json");
}

dnnb_status dnnb__run_config_save(const dnnb__run_inputs *in, const char *path) {
    json_t *config;
    dnnb__buf text;
    DNNB_TRY(dnnb__run_config_create(&config, in));
    dnnb__buf_init(&text, (size_t)1 << 28);
    dnnb_status status = dnnb__run_json_print(&text, config, JSON_INDENT(2));
    json_decref(config);
    if (status == DNNB_OK) status = dnnb__file_write(path, text.data, text.n_bytes);
    dnnb__buf_destroy(&text);
    return status;
}
