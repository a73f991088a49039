/* A run folder read back: of a run that was trained here, and of files written by hand. */
#include "unit/unit.h"

#include <math.h>

#include "dnnbrain/record.h"
#include "dnnbrain/run.h"
#include "run/lock.h"
#include "unit/tiny.h"

static void write_file(const tiny_folder *f, const char *name, const char *text) {
    assert_ok(dnnb__file_write(tiny_join(f, name).text, text, strlen(text)));
}

/* ---- a run ---- */

enum { N_TRAIN = 44, N_VALIDATION = 12, N_EPOCHS = 3 };

typedef struct run {
    tiny_folder images, parent;
    tiny_path path;
    dnnb_stimulus *train, *validation;
    dnnb_history *history;
} run;

/* One picture of the training set is damaged after it was checked. */
static bool damage_one(void *context, const dnnb_event *event) {
    run *r = context;
    if (event->kind == DNNB_EVENT_START) tiny_damage(&r->images, "5.bmp");
    return true;
}

static void run_open(run *r, dnnb_task task) {
    r->images = tiny_folder_create();
    r->parent = tiny_folder_create();
    r->path = tiny_join(&r->parent, "run");
    r->train = tiny_write_set(&r->images, "train.stim.csv", N_TRAIN, 0);
    r->validation = tiny_write_set(&r->images, "validation.stim.csv", N_VALIDATION, N_TRAIN);
    dnnb_dnn *dnn = tiny_create(1, 2);
    dnnb_train_options options = DNNB_TRAIN_OPTIONS_INIT;
    options.task = task;
    options.target = task == DNNB_REGRESSION ? "x,y" : NULL;
    options.epochs = N_EPOCHS;
    options.batch = 8;
    options.on_bad_image = DNNB_BAD_IMAGE_SKIP;
    options.cache_bytes = 0;
    options.on_event = damage_one;
    options.context = r;
    dnnb_run_options o = DNNB_RUN_OPTIONS_INIT;
    o.folder = r->path.text;
    assert_ok(dnnb_run_train(dnn, r->train, r->validation, &options, &o, &r->history));
    dnnb_dnn_destroy(dnn);
}

static void run_close(run *r) {
    dnnb_stimulus_destroy(r->train);
    dnnb_stimulus_destroy(r->validation);
    dnnb_history_destroy(r->history);
    tiny_folder_remove(&r->images);
    tiny_folder_remove(&r->parent);
}

static void check_history(const dnnb_history *a, const dnnb_history *b) {
    assert_int_equal(dnnb_history_get_count(a), dnnb_history_get_count(b));
    for (size_t i = 0; i < dnnb_history_get_count(a); i++) {
        const dnnb_epoch *x = dnnb_history_get_epoch(a, i), *y = dnnb_history_get_epoch(b, i);
        assert_true(x->epoch_loss == y->epoch_loss && x->seconds == y->seconds);
        assert_true(x->score_validation == y->score_validation);
        assert_true(x->loss_validation == y->loss_validation);
        assert_true(x->learning_rate == y->learning_rate);
        assert_int_equal(x->n_left_out, y->n_left_out);
        assert_int_equal(x->n_steps, y->n_steps);
        assert_memory_equal(x->step_loss, y->step_loss, x->n_steps * sizeof(double));
    }
}

static void test_record_record__a_run_is_read_back(void **state) {
    run r;
    dnnb_record *record;
    (void)state;
    run_open(&r, DNNB_CLASSIFICATION);
    assert_ok(dnnb_record_load(&record, r.path.text));
    check_history(dnnb_record_get_history(record), r.history);
    assert_int_equal(dnnb_record_get_state(record), DNNB_RUN_FINISHED);
    assert_null(dnnb_record_get_message(record));
    double started_s = dnnb_record_get_started_s(record), ended_s = dnnb_record_get_ended_s(record);
    assert_true(started_s > 1e9 && ended_s >= started_s);
    assert_close(dnnb_record_get_worked_s(record), ended_s - started_s, 1e-6);
    assert_string_equal(dnnb_record_get_text(record, "network.name"), "Tiny");
    assert_true(dnnb_record_get_number(record, "training.batch") == 8);
    assert_true(isnan(dnnb_record_get_number(record, "training.nothing")));
    assert_int_equal(dnnb_record_get_n_classes(record), 2);
    assert_string_equal(dnnb_record_get_class_name(record, 0), "red");
    assert_string_equal(dnnb_record_get_class_name(record, 1), "blue");
    assert_true(dnnb_record_get_chance(record) == 0.5);
    assert_string_equal(dnnb_record_get_images_folder(record), r.images.path);
    assert_int_equal(dnnb_record_get_n_predictions(record), N_VALIDATION);
    size_t n_right = 0;
    for (size_t i = 0; i < N_VALIDATION; i++) {
        dnnb_prediction p = dnnb_record_get_prediction(record, i);
        assert_string_equal(p.id, dnnb_stimulus_get_id(r.validation, i));
        assert_string_equal(p.condition, i % 2 ? "blue" : "red");
        assert_int_equal(p.label, i % 2);
        assert_int_equal(p.predicted, p.outputs[1] > p.outputs[0]);
        assert_null(p.targets);
        n_right += p.predicted == p.label;
    }
    double score = dnnb_history_get_epoch(r.history, N_EPOCHS - 1)->score_validation;
    assert_true((double)n_right / N_VALIDATION == score);
    assert_int_equal(dnnb_record_get_n_left_out(record), 1);
    dnnb_left_out_image image = dnnb_record_get_left_out(record, 0);
    assert_false(image.is_validation);
    assert_string_equal(image.id, "5.bmp");
    assert_non_null(strstr(image.reason, "train.stim.csv:9"));
    assert_int_equal(dnnb_record_get_n_open_steps(record), 0);
    dnnb_record_destroy(record);
    run_close(&r);
}

static void test_record_record__targets_of_a_regression(void **state) {
    run r;
    dnnb_record *record;
    (void)state;
    run_open(&r, DNNB_REGRESSION);
    assert_ok(dnnb_record_load(&record, r.path.text));
    assert_int_equal(dnnb_record_get_task(record), DNNB_REGRESSION);
    assert_int_equal(dnnb_record_get_n_classes(record), 0);
    assert_true(isnan(dnnb_record_get_chance(record)));
    assert_int_equal(dnnb_record_get_n_targets(record), 2);
    assert_string_equal(dnnb_record_get_target_name(record, 1), "y");
    dnnb_prediction p = dnnb_record_get_prediction(record, 1);
    assert_true(p.targets[0] == 0.5f && p.targets[1] == -2.0f);
    assert_int_equal(p.label, -1);
    dnnb_record_destroy(record);
    run_close(&r);
}

/* ---- the log ---- */

static const char config[] = "{\"training\": {\"task\": \"classification\"}}";
static const char begun[] = "{\"event\":\"start\",\"time\":100}\n"
                            "{\"event\":\"step\",\"time\":101,\"epoch\":1,\"step\":1,\"loss\":4}\n"
                            "{\"event\":\"step\",\"time\":102,\"epoch\":1,\"step\":2,\"loss\":3}\n";

static dnnb_record *load_with_log(const tiny_folder *f, const char *log) {
    dnnb_record *record;
    write_file(f, "config.json", config);
    write_file(f, "log.jsonl", log);
    assert_ok(dnnb_record_load(&record, f->path));
    return record;
}

static void test_record_record__a_run_that_goes_on_has_a_lock(void **state) {
    tiny_folder f = tiny_folder_create();
    dnnb__run_lock lock;
    (void)state;
    dnnb_record *record = load_with_log(&f, begun);
    assert_int_equal(dnnb_record_get_state(record), DNNB_RUN_CUT_OFF);
    dnnb_record_destroy(record);
    assert_ok(dnnb__run_lock_take(&lock, f.path));
    record = load_with_log(&f, begun);
    assert_int_equal(dnnb_record_get_state(record), DNNB_RUN_GOING_ON);
    assert_int_equal(dnnb_record_get_n_open_steps(record), 2);
    assert_true(dnnb_record_get_open_steps(record)[1] == 3);
    dnnb_record_destroy(record);
    dnnb__run_lock_release(&lock);
    /* What a killed process leaves is a file that nobody has locked. */
    write_file(&f, "lock", "123 host\n");
    record = load_with_log(&f, begun);
    assert_int_equal(dnnb_record_get_state(record), DNNB_RUN_CUT_OFF);
    dnnb_record_destroy(record);
    tiny_folder_remove(&f);
}

static void test_record_record__parts_of_a_run_add_up(void **state) {
    tiny_folder f = tiny_folder_create();
    char log[2048];
    (void)state;
    (void)snprintf(log, sizeof log,
                   "%s{\"event\":\"resume\",\"time\":200}\n"
                   "{\"event\":\"step\",\"time\":201,\"epoch\":1,\"step\":2,\"loss\":3.5}\n"
                   "{\"event\":\"end\",\"time\":205.5,\"status\":\"failed\",\"message\":\"NaN\"}\n"
                   "{\"event\":\"wa",
                   begun);
    dnnb_record *record = load_with_log(&f, log);
    assert_int_equal(dnnb_record_get_state(record), DNNB_RUN_FAILED);
    assert_string_equal(dnnb_record_get_message(record), "NaN");
    assert_close(dnnb_record_get_worked_s(record), 2 + 5.5, 1e-9);
    assert_true(dnnb_record_get_started_s(record) == 100);
    assert_true(dnnb_record_get_ended_s(record) == 205.5);
    /* The second part took the second step again. */
    assert_int_equal(dnnb_record_get_n_open_steps(record), 2);
    assert_true(dnnb_record_get_open_steps(record)[1] == 3.5);
    dnnb_record_destroy(record);
    tiny_folder_remove(&f);
}

static void test_record_record__an_image_counts_once(void **state) {
    static const char line[] =
        "{\"event\":\"warning\",\"message\":\"m\",\"left_out\":{\"set\":\"%s\","
        "\"stimID\":\"%s\",\"reason\":\"%s\"}}\n";
    tiny_folder f = tiny_folder_create();
    char log[2048];
    size_t n = 0;
    (void)state;
    n += (size_t)snprintf(log + n, sizeof log - n, line, "validation", "b", "first");
    n += (size_t)snprintf(log + n, sizeof log - n, line, "train", "a", "second");
    n += (size_t)snprintf(log + n, sizeof log - n, line, "validation", "b", "third");
    n += (size_t)snprintf(log + n, sizeof log - n, line, "validation", "a", "fourth");
    (void)snprintf(log + n, sizeof log - n,
                   "{\"event\":\"warning\",\"time\":7,\"message\":\"w\"}\n");
    dnnb_record *record = load_with_log(&f, log);
    static const char *const reasons[] = {"first", "second", "fourth"};
    assert_int_equal(dnnb_record_get_n_left_out(record), 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(dnnb_record_get_left_out(record, i).reason, reasons[i]);
    assert_int_equal(dnnb_record_get_n_warnings(record), 1);
    assert_string_equal(dnnb_record_get_warning(record, 0).message, "w");
    assert_int_equal(dnnb_record_get_state(record), DNNB_RUN_UNKNOWN);
    dnnb_record_destroy(record);
    tiny_folder_remove(&f);
}

/* ---- files that are not what they should be ---- */

static void check_refused(const tiny_folder *f, const char *name, const char *text,
                          const char *message) {
    dnnb_record *record;
    write_file(f, "config.json", config);
    write_file(f, name, text);
    assert_fails(dnnb_record_load(&record, f->path), DNNB_ERR_FORMAT, message);
    assert_null(record);
    assert_non_null(strstr(dnnb_get_error(), name));
    assert_int_equal(remove(tiny_join(f, name).text), 0);
}

static void test_record_record__damage_is_named(void **state) {
    static const char header[] = "stimID,label,predicted,condition,output_0,output_1\n";
    tiny_folder f = tiny_folder_create();
    dnnb_record *record;
    char text[512];
    (void)state;
    assert_fails(dnnb_record_load(&record, f.path), DNNB_ERR_FORMAT, "found neither");
    assert_fails(dnnb_record_load(&record, tiny_join(&f, "none").text), DNNB_ERR_IO, "found none");
    check_refused(&f, "config.json", "{\"training\": ", "JSON line 1");
    check_refused(&f, "log.jsonl", "{}\n{\"event\n{}\n", "line 2: an event: JSON line 1");
    check_refused(&f, "history.csv", "epoch,loss\n1,x\n",
                  "row 2: loss: expected a number, found 'x'");
    check_refused(&f, "history.csv", "epoch,loss\n1\n", "row 2: expected 2 fields, found 1");
    check_refused(&f, "predictions.csv", "stimID,label\na,0\n", "row 1: expected stimID, a label");
    check_refused(&f, "predictions.csv", "", "expected a row of names");
    (void)snprintf(text, sizeof text, "%sa,2,0,,1,2\n", header);
    check_refused(&f, "predictions.csv", text, "row 2: expected a label from 0 to 1, found '2'");
    (void)snprintf(text, sizeof text, "%sa,0.5,0,,1,2\n", header);
    check_refused(&f, "predictions.csv", text, "row 2: expected a label from 0 to 1");
    (void)snprintf(text, sizeof text, "%sa,0,0,,nan,2\n", header);
    check_refused(&f, "predictions.csv", text, "row 2: expected a finite number as output 0");
    (void)snprintf(text, sizeof text, "%sa\"b,0,0,,1,2\n", header);
    check_refused(&f, "predictions.csv", text, "row 2: expected '\"'");
    tiny_folder_remove(&f);
}

static void test_record_record__names_without_a_config(void **state) {
    tiny_folder f = tiny_folder_create();
    dnnb_record *record;
    (void)state;
    write_file(&f, "config.json", config);
    write_file(&f, "predictions.csv",
               "stimID,label,predicted,condition,output_0,output_1,output_2\n"
               "\"a, \"\"b\"\"\",0,0,ant,1,0,0\nb,1,0,x,1,0,0\nc,1,0,y,1,0,0\n");
    assert_ok(dnnb_record_load(&record, f.path));
    assert_int_equal(dnnb_record_get_n_classes(record), 3);
    assert_string_equal(dnnb_record_get_class_name(record, 0), "ant");
    assert_string_equal(dnnb_record_get_class_name(record, 1), "1");
    assert_string_equal(dnnb_record_get_class_name(record, 2), "2");
    assert_string_equal(dnnb_record_get_prediction(record, 0).id, "a, \"b\"");
    dnnb_record_destroy(record);
    tiny_folder_remove(&f);
}

static void collect(void *context, const char *place, const char *value) {
    dnnb__buf_printf(context, "%s=%s;", place, value ? value : "null");
}

static void test_record_record__options_in_their_order(void **state) {
    tiny_folder f = tiny_folder_create();
    dnnb_record *record;
    dnnb__buf text;
    (void)state;
    write_file(&f, "config.json",
               "{\"b\": [1, 2.5, \"x\"], \"a\": {\"c.d\": true, \"e\": null}, \"f\": []}");
    assert_ok(dnnb_record_load(&record, f.path));
    dnnb__buf_init(&text, 4096);
    assert_ok(dnnb_record_visit_options(record, collect, &text));
    assert_string_equal(text.data, "b.0=1;b.1=2.5;b.2=x;a.c.d=true;a.e=null;f=;");
    assert_true(dnnb_record_get_number(record, "a.c.d") == 1);
    assert_true(dnnb_record_get_number(record, "b.1") == 2.5);
    assert_string_equal(dnnb_record_get_text(record, "b.2"), "x");
    assert_null(dnnb_record_get_text(record, "b.-1"));
    dnnb__buf_destroy(&text);
    dnnb_record_destroy(record);
    tiny_folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_record__a_run_is_read_back),
        cmocka_unit_test(test_record_record__targets_of_a_regression),
        cmocka_unit_test(test_record_record__a_run_that_goes_on_has_a_lock),
        cmocka_unit_test(test_record_record__parts_of_a_run_add_up),
        cmocka_unit_test(test_record_record__an_image_counts_once),
        cmocka_unit_test(test_record_record__damage_is_named),
        cmocka_unit_test(test_record_record__names_without_a_config),
        cmocka_unit_test(test_record_record__options_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
