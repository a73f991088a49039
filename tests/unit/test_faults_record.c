/*
 * Reading a run folder back, with each of its allocations and each of its file operations failing
 * once: a clean status and no record, or the whole record.
 */
#include "unit/faults.h"

#include "dnnbrain/record.h"
#include "unit/tiny.h"

typedef struct job {
    tiny_folder folder;
    char *text, *whole; /* of everything that was read */
    bool is_empty;
} job;

static void write_file(const job *j, const char *name, const char *text) {
    assert_ok(dnnb__file_write(tiny_join(&j->folder, name).text, text, strlen(text)));
}

static void write_folder(const job *j) {
    write_file(
        j, "config.json",
        "{\"training\": {\"task\": \"classification\"}, \"class_names\": [\"ant\", \"bee\"]}");
    write_file(j, "train_dict.json",
               "{\"step_loss\": [[0.5, 0.25]], \"epoch_loss\": [0.375], \"score_train\": [], "
               "\"score_validation\": [0.75]}");
    write_file(j, "history.csv", "epoch,loss,learning_rate,seconds\n1,0.375,1e-3,2.5\n");
    write_file(j, "predictions.csv",
               "stimID,label,predicted,condition,output_0,output_1\n"
               "a.jpg,0,1,ant,-0.5,2\nb.jpg,1,1,bee,0,1\n");
    write_file(j, "log.jsonl",
               "{\"event\":\"start\",\"time\":1}\n"
               "{\"event\":\"warning\",\"message\":\"m\",\"left_out\":{\"stimID\":\"x\"}}\n"
               "{\"event\":\"warning\",\"message\":\"m\",\"left_out\":{\"stimID\":\"x\"}}\n"
               "{\"event\":\"warning\",\"message\":\"slow\"}\n"
               "{\"event\":\"step\",\"epoch\":2,\"step\":1,\"loss\":0.125}\n"
               "{\"event\":\"end\",\"time\":9,\"status\":\"stopped\",\"message\":\"by hand\"}\n");
}

static char *print(const dnnb_record *record) {
    dnnb_prediction p = dnnb_record_get_prediction(record, 1);
    const dnnb_epoch *e = dnnb_history_get_epoch(dnnb_record_get_history(record), 0);
    char text[512];
    (void)snprintf(text, sizeof text, "%s %s %s | %zu %s %g %g | %g %g %g | %zu %s %zu %s | %zu %g",
                   dnnb_run_state_get_name(dnnb_record_get_state(record)),
                   dnnb_record_get_message(record), dnnb_record_get_class_name(record, 1),
                   dnnb_record_get_n_predictions(record), p.id, (double)p.outputs[0],
                   (double)p.outputs[1], e->epoch_loss, e->learning_rate, e->step_loss[1],
                   dnnb_record_get_n_left_out(record), dnnb_record_get_left_out(record, 0).id,
                   dnnb_record_get_n_warnings(record), dnnb_record_get_warning(record, 0).message,
                   dnnb_record_get_n_open_steps(record), dnnb_record_get_open_steps(record)[0]);
    return strdup(text);
}

static void begin(void *context) {
    job *j = context;
    free(j->text);
    j->text = NULL;
    j->is_empty = true;
}

static dnnb_status act(void *context) {
    job *j = context;
    dnnb_record *record;
    dnnb_status status = dnnb_record_load(&record, j->folder.path);
    j->is_empty = !record;
    if (status == DNNB_OK) j->text = print(record);
    dnnb_record_destroy(record);
    return status;
}

static void check(void *context, const fault *f, dnnb_status status, bool has_fired) {
    const job *j = context;
    (void)has_fired;
    if (status != DNNB_OK)
        assert_true(j->is_empty);
    else if (strcmp(j->text, j->whole) != 0)
        fail_msg("%s, number %llu: '%s' is another record than '%s'", f->name,
                 (unsigned long long)fault_now_at, j->text, j->whole);
}

static void test_faults_record__every_call(void **state) {
    job j = {.folder = tiny_folder_create()};
    fault_action action = {.name = "a run folder", .act = act, .prepare = begin, .check = check};
    (void)state;
    write_folder(&j);
    assert_ok(act(&j));
    j.whole = j.text;
    j.text = NULL;
    assert_string_equal(j.whole,
                        "stopped by hand bee | 2 b.jpg 0 1 | 0.375 0.001 0.25 | 1 x 1 slow "
                        "| 1 0.125");
    for (size_t i = 0; i < N_FAULTS; i++) fault_sweep(&action, &j, i);
    free(j.text);
    free(j.whole);
    tiny_folder_remove(&j.folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_faults_record__every_call)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
