/*
 * Loading, with each of its allocations and each of its file operations failing once: a clean
 * status and no result, or the whole result.
 */
#include "unit/faults.h"

#include "dnnbrain/history.h"
#include "dnnbrain/image.h"
#include "dnnbrain/tensor.h"
#include "dnnbrain/train.h"
#include "formats/json.h"
#include "unit/tiny.h"

/* What is loaded, as a sum of all its values: FNV-1a. */
typedef struct job {
    char path[512];
    tiny_folder folder;
    dnnb_stimulus *stim;
    dnnb_dnn *dnn, *other; /* what is loaded into, and what it was */
    uint64_t sum, whole;
    bool is_empty; /* nothing was given back */
} job;

static void add(job *j, const void *bytes, size_t n) {
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++) j->sum = (j->sum ^ b[i]) * 1099511628211u;
}

static void add_text(job *j, const char *text) {
    add(j, text, strlen(text) + 1);
}

static void begin(void *context) {
    job *j = context;
    j->sum = 14695981039346656037u;
    j->is_empty = true;
}

static void check(void *context, const fault *f, dnnb_status status, bool has_fired) {
    const job *j = context;
    (void)has_fired;
    if (status == DNNB_OK && j->sum != j->whole)
        fail_msg("%s: %s, number %llu: another result", j->path, f->name,
                 (unsigned long long)fault_now_at);
    if (status != DNNB_OK) assert_true(j->is_empty);
}

/* Every kind of failure on one action. */
static void sweep(const char *name, dnnb_status (*act)(void *), job *j) {
    fault_action action = {.name = name, .act = act, .prepare = begin, .check = check};
    begin(j);
    assert_ok(act(j));
    j->whole = j->sum;
    for (size_t i = 0; i < N_FAULTS; i++) fault_sweep(&action, j, i);
}

/* A file of the corpora. False where the test does not know their folder. */
static bool find_seed(job *j, const char *name) {
    const char *source = getenv("DNNB_SOURCE");
    if (source) (void)snprintf(j->path, sizeof j->path, "%s/tests/fuzz/corpus/%s", source, name);
    return source;
}

/* ---- dicts ---- */

static dnnb_status load_dict(void *context) {
    job *j = context;
    dnnb_dict *dict;
    dnnb_status status = dnnb_dict_load(&dict, j->path);
    j->is_empty = !dict;
    for (size_t i = 0; status == DNNB_OK && i < dnnb_dict_get_count(dict); i++) {
        const dnnb_tensor *t = dnnb_dict_get_tensor(dict, i);
        size_t n = dnnb_tensor_get_count(t);
        float *values = calloc(n + 1, sizeof *values);
        assert_non_null(values);
        add_text(j, dnnb_dict_get_name(dict, i));
        status = dnnb_tensor_read_f32(t, values, n);
        add(j, values, n * sizeof *values);
        free(values);
    }
    dnnb_dict_destroy(dict);
    return status;
}

static void test_faults_load__dicts(void **state) {
    (void)state;
    static const char *const seeds[] = {"pth_zip/seed-module",    "pth_zip/seed-module-deflated",
                                        "pth_zip/seed-views",     "pth_zip/seed-wrapped",
                                        "pth_legacy/seed-module", "pth_legacy/seed-types",
                                        "pth_tar/seed-small",     "safetensors/seed-many",
                                        "npz/seed-all",           "npz/seed-deflated",
                                        "npy/seed-fortran"};
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        job j = {0};
        if (!find_seed(&j, seeds[i])) skip();
        sweep(seeds[i], load_dict, &j);
    }
}

/* ---- histories ---- */

static dnnb_status load_history(void *context) {
    job *j = context;
    dnnb_history *history;
    dnnb_status status = dnnb_history_load(&history, j->path);
    j->is_empty = !history;
    for (size_t i = 0; status == DNNB_OK && i < dnnb_history_get_count(history); i++) {
        const dnnb_epoch *e = dnnb_history_get_epoch(history, i);
        add(j, e->step_loss, e->n_steps * sizeof *e->step_loss);
        add(j, &e->epoch_loss, sizeof e->epoch_loss);
        add(j, &e->score_validation, sizeof e->score_validation);
    }
    dnnb_history_destroy(history);
    return status;
}

static void test_faults_load__histories(void **state) {
    (void)state;
    job j = {.folder = tiny_folder_create()};
    dnnb_history *history;
    const double losses[3] = {0.69314718055994529, 1.0 / 3, 2.5e-7};
    assert_ok(dnnb_history_create(&history));
    for (size_t i = 0; i < 2; i++) {
        dnnb_epoch epoch = {.step_loss = losses + i,
                            .n_steps = 2,
                            .epoch_loss = losses[i],
                            .score_train = (double)NAN,
                            .score_validation = 0.5};
        assert_ok(dnnb_history_add(history, &epoch));
    }
    (void)snprintf(j.path, sizeof j.path, "%s/train_dict.pkl", j.folder.path);
    assert_ok(dnnb_history_save_pickle(history, j.path));
    sweep("train_dict.pkl", load_history, &j);
    (void)snprintf(j.path, sizeof j.path, "%s/train_dict.json", j.folder.path);
    assert_ok(dnnb_history_save_json(history, j.path));
    sweep("train_dict.json", load_history, &j);
    dnnb_history_destroy(history);
    tiny_folder_remove(&j.folder);
}

/* Where jansson does tell, it is no damage to the file. */
static dnnb_status parse_json(void *context) {
    job *j = context;
    json_t *json;
    dnnb_status status = dnnb__json_parse(&json, "{}", 2, 10, "file");
    j->is_empty = !json;
    json_decref(json);
    return status;
}

static void test_faults_load__json(void **state) {
    (void)state;
    job j = {0};
    fault_take_jansson(true);
    sweep("JSON", parse_json, &j);
    fault_take_jansson(false);
}

/* ---- stimuli ---- */

static void add_stimuli(job *j, const dnnb_stimulus *stim) {
    add_text(j, dnnb_stimulus_get_folder(stim));
    for (size_t i = 0; i < dnnb_stimulus_get_count(stim); i++) {
        add_text(j, dnnb_stimulus_get_path(stim, i));
        for (size_t k = 0; k < dnnb_stimulus_get_n_columns(stim); k++)
            add_text(j, dnnb_stimulus_get_field(stim, i, k));
    }
}

static dnnb_status load_stimuli(void *context) {
    job *j = context;
    dnnb_stimulus *stim, *a = NULL, *b = NULL;
    float *targets = NULL;
    int64_t labels[8];
    size_t n;
    dnnb_status status = dnnb_stimulus_load(&stim, j->path);
    j->is_empty = !stim;
    if (status == DNNB_OK) status = dnnb_stimulus_read_labels(stim, labels, 2);
    if (status == DNNB_OK) status = dnnb_stimulus_read_targets(stim, "x,y", &targets, &n);
    if (status == DNNB_OK) status = dnnb_stimulus_split(stim, 0.5, 1, &a, &b);
    if (status == DNNB_OK) status = dnnb_stimulus_check_files(stim);
    if (status == DNNB_OK) {
        add_stimuli(j, stim);
        add_stimuli(j, a);
        add_stimuli(j, b);
        add(j, labels, sizeof labels);
        add(j, targets, n * dnnb_stimulus_get_count(stim) * sizeof *targets);
    } else {
        j->is_empty = true; /* what was made before is this function's own */
    }
    dnnb_free(targets);
    dnnb_stimulus_destroy(a);
    dnnb_stimulus_destroy(b);
    dnnb_stimulus_destroy(stim);
    return status;
}

static dnnb_status scan_stimuli(void *context) {
    job *j = context;
    dnnb_stimulus *stim;
    size_t n_left_out = 0;
    dnnb_status status = dnnb_stimulus_scan(&stim, j->folder.path, &n_left_out);
    j->is_empty = !stim;
    if (status == DNNB_OK) {
        add_stimuli(j, stim);
        add(j, &n_left_out, sizeof n_left_out);
    }
    dnnb_stimulus_destroy(stim);
    return status;
}

/* The folder of the images is relative, and stands beside the file. */
static void test_faults_load__a_stim_csv(void **state) {
    (void)state;
    job j = {.folder = tiny_folder_create()};
    dnnb__buf text;
    assert_int_equal(mkdir(tiny_join(&j.folder, "images").text, 0777), 0);
    dnnb__buf_init(&text, 1 << 16);
    dnnb__buf_printf(&text, "type=image\npath=images\ntitle=\"a, b\"\ndata=stimID,label,x,y\n");
    for (unsigned i = 0; i < 8; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "images/%u.bmp", i);
        tiny_write_picture(&j.folder, name, i, i % 2);
        dnnb__buf_printf(&text, "%u.bmp,%u,%g,-2\n", i, i % 2, i / 8.0);
    }
    (void)snprintf(j.path, sizeof j.path, "%s/a.stim.csv", j.folder.path);
    assert_ok(dnnb__file_write(j.path, text.data, text.n_bytes));
    dnnb__buf_destroy(&text);
    sweep(".stim.csv", load_stimuli, &j);
    tiny_folder_remove(&j.folder);
}

static void test_faults_load__a_folder_of_classes(void **state) {
    (void)state;
    job j = {.folder = tiny_folder_create()};
    (void)snprintf(j.path, sizeof j.path, "%s", j.folder.path);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(mkdir(tiny_join(&j.folder, i ? "bee" : "ant").text, 0777), 0);
        tiny_write_picture(&j.folder, i ? "bee/0.bmp" : "ant/0.bmp", i, i);
        tiny_write_picture(&j.folder, i ? "bee/1.bmp" : "ant/1.bmp", 2 + i, i);
    }
    assert_ok(dnnb__file_write(tiny_join(&j.folder, "ant/notes.txt").text, "x", 1));
    assert_ok(dnnb__file_write(tiny_join(&j.folder, "readme").text, "x", 1));
    sweep("a folder of classes", scan_stimuli, &j);
    tiny_folder_remove(&j.folder);
}

/* ---- images ---- */

static dnnb_status load_image(void *context) {
    job *j = context;
    dnnb_image image, small = {0};
    int64_t size_px[2];
    dnnb_status status = dnnb_image_check(j->path, NULL, &size_px[0], &size_px[1]);
    if (status != DNNB_OK) return status;
    status = dnnb_image_load(&image, j->path, NULL);
    j->is_empty = !image.pixels;
    if (status != DNNB_OK) return status;
    add(j, size_px, sizeof size_px);
    add(j, image.pixels, (size_t)(image.width_px * image.height_px * 3));
    status = dnnb_image_resize(&small, &image, NULL, 5, 4);
    if (status == DNNB_OK) add(j, small.pixels, 5 * 4 * 3);
    j->is_empty = !small.pixels;
    dnnb_image_clear(&small);
    dnnb_image_clear(&image);
    return status;
}

static void test_faults_load__images(void **state) {
    (void)state;
    static const char *const seeds[] = {
        "bmp/seed-pillow-00",  "bmp/seed-pillow-03",  "gif/seed-pillow-00",  "gif/seed-made-00",
        "jpeg/seed-pillow-00", "jpeg/seed-pillow-05", "png/seed-pillow-00",  "png/seed-pillow-03",
        "tiff/seed-pillow-00", "tiff/seed-pillow-05", "tiff/seed-pillow-16", "tiff/seed-made-05",
        "webp/seed-pillow-00", "webp/seed-pillow-03"};
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
        job j = {0};
        if (!find_seed(&j, seeds[i])) skip();
        sweep(seeds[i], load_image, &j);
    }
}

/* ---- networks ---- */

static void put_parameters(job *j, dnnb_dnn *dnn) {
    dnnb_dict *dict;
    assert_ok(dnnb_dnn_get_state(dnn, &dict));
    for (size_t i = 0; i < dnnb_dict_get_count(dict); i++) {
        const dnnb_tensor *t = dnnb_dict_get_tensor(dict, i);
        add(j, dnnb_tensor_get_data(t), dnnb_tensor_get_count(t) * sizeof(float));
    }
    dnnb_dict_destroy(dict);
}

static dnnb_status load_network(void *context) {
    job *j = context;
    return dnnb_dnn_load(j->dnn, j->path);
}

static void begin_network(void *context) {
    job *j = context;
    begin(j);
    dnnb_dnn_destroy(j->dnn);
    j->dnn = tiny_create(2, 2);
}

/* The same with an engine's network made, which the parameters go into. */
static void begin_used_network(void *context) {
    job *j = context;
    static const float image[3 * 16 * 16];
    float outputs[2];
    begin_network(j);
    assert_ok(dnnb_dnn_forward(j->dnn, image, 1, outputs));
}

/* A network that was not loaded is what it was. */
static void check_network(void *context, const fault *f, dnnb_status status, bool has_fired) {
    job *j = context;
    if (status == DNNB_OK) put_parameters(j, j->dnn);
    check(j, f, status, has_fired);
    if (status != DNNB_OK && !tiny_equal(j->dnn, j->other))
        fail_msg("%s, number %llu: a network is loaded in part", f->name,
                 (unsigned long long)fault_now_at);
}

static void test_faults_load__networks(void **state) {
    (void)state;
    job j = {.folder = tiny_folder_create(), .other = tiny_create(2, 2)};
    dnnb_dnn *saved = tiny_create(1, 2);
    (void)snprintf(j.path, sizeof j.path, "%s/weights.pth", j.folder.path);
    assert_ok(dnnb_dnn_save(saved, j.path));
    begin(&j);
    put_parameters(&j, saved);
    j.whole = j.sum;
    dnnb_dnn_destroy(saved);
    for (size_t used = 0; used < 2; used++) {
        fault_action action = {.name = used ? "parameters of a network in use" : "parameters",
                               .act = load_network,
                               .prepare = used ? begin_used_network : begin_network,
                               .check = check_network};
        for (size_t i = 0; i < N_FAULTS; i++) fault_sweep(&action, &j, i);
    }
    dnnb_dnn_destroy(j.dnn);
    dnnb_dnn_destroy(j.other);
    tiny_folder_remove(&j.folder);
}

/* ---- testing a network ---- */

static dnnb_status test_network(void *context) {
    job *j = context;
    dnnb_train_options options = DNNB_TRAIN_OPTIONS_INIT;
    dnnb_predictions *predictions;
    double score;
    options.n_workers = 1;
    dnnb_status status = dnnb_test(j->dnn, j->stim, &options, &score, &predictions);
    j->is_empty = !predictions;
    if (status == DNNB_OK) add(j, &score, sizeof score);
    for (size_t i = 0; status == DNNB_OK && i < dnnb_predictions_get_count(predictions); i++)
        add(j, dnnb_predictions_get_outputs(predictions, i), 2 * sizeof(float));
    dnnb_predictions_destroy(predictions);
    return status;
}

static void test_faults_load__testing_a_network(void **state) {
    (void)state;
    job j = {.folder = tiny_folder_create()};
    j.stim = tiny_write_set(&j.folder, "a.stim.csv", 4, 0);
    begin_network(&j);
    assert_ok(test_network(&j));
    j.whole = j.sum;
    fault_action action = {.name = "testing a network",
                           .act = test_network,
                           .prepare = begin_network,
                           .check = check,
                           .is_long = true};
    for (size_t i = 0; i < N_FAULTS; i++) fault_sweep(&action, &j, i);
    dnnb_dnn_destroy(j.dnn);
    dnnb_stimulus_destroy(j.stim);
    tiny_folder_remove(&j.folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_load__dicts),
        cmocka_unit_test(test_faults_load__histories),
        cmocka_unit_test(test_faults_load__json),
        cmocka_unit_test(test_faults_load__a_stim_csv),
        cmocka_unit_test(test_faults_load__a_folder_of_classes),
        cmocka_unit_test(test_faults_load__images),
        cmocka_unit_test(test_faults_load__networks),
        cmocka_unit_test(test_faults_load__testing_a_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
