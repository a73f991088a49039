/* Predictions as CSV, and the two scores. */
#include "unit/unit.h"

#include "train/score.h"
#include "unit/tiny.h"

static dnnb_predictions *make(size_t n, size_t n_outputs, const float *outputs) {
    dnnb_predictions *p;
    assert_ok(dnnb__predictions_create(&p, n, n_outputs));
    for (size_t i = 0; i < n; i++) p->rows[i] = i;
    memcpy(p->outputs, outputs, n * n_outputs * sizeof *outputs);
    p->n = n;
    return p;
}

static void test_train_predictions__the_first_of_equals_is_predicted(void **state) {
    (void)state;
    const float outputs[] = {1, 3, 3, 2};
    assert_int_equal(dnnb__predictions_argmax(outputs, 4), 1);
    assert_int_equal(dnnb__predictions_argmax(outputs, 1), 0);
}

static void test_train_predictions__accuracy_counts_rows_that_are_there(void **state) {
    (void)state;
    const float outputs[] = {1, 0, 0, 1, 0, 1};
    const int64_t labels[] = {0, 7, 0, 1};
    dnnb_predictions *p = make(3, 2, outputs);
    p->rows[1] = 2; /* row 1 was left out */
    p->rows[2] = 3;
    assert_close(dnnb__score_accuracy(p, labels), 2.0 / 3, 1e-15);
    dnnb_predictions_destroy(p);
}

static void test_train_predictions__correlation_is_numpys(void **state) {
    (void)state;
    const float outputs[] = {0.5f, -1, 2, 0.25f, 1, 3}, targets[] = {1, 0, 1.5f, 1, 0.5f, 2.5f};
    dnnb_predictions *p = make(3, 2, outputs);
    /* numpy.corrcoef([.5, -1, 2, .25, 1, 3], [1, 0, 1.5, 1, .5, 2.5])[0, 1] ** 2 */
    assert_close(dnnb__score_correlation(p, targets), 0.8385174748355204, 1e-12);
    const float constant[] = {0.1f, 0.1f, 0.1f, 0.1f, 0.1f, 0.1f};
    assert_close(dnnb__score_correlation(p, constant), 0.0, 1e-12);
    memcpy(p->outputs, constant, sizeof constant);
    assert_close(dnnb__score_correlation(p, targets), 0.0, 1e-12);
    dnnb_predictions_destroy(p);
}

static char *save(const dnnb_predictions *p, const dnnb_stimulus *stim, dnnb_task task,
                  const char *labels, const char *path) {
    char *text;
    size_t n;
    assert_ok(dnnb_predictions_save_csv(p, stim, task, labels, path));
    assert_ok(dnnb__file_read(&text, &n, path, 1 << 16));
    return text;
}

static void test_train_predictions__csv_has_the_promised_columns(void **state) {
    (void)state;
    tiny_folder f = tiny_folder_create();
    tiny_path csv = tiny_join(&f, "a.stim.csv"), out = tiny_join(&f, "out.csv");
    dnnb__buf text;
    dnnb__buf_init(&text, 4096);
    dnnb__buf_printf(&text,
                     "type=image\npath=%s\ndata=stimID,label,condition,RT\n"
                     "\"a,1.png\",0,\"an \"\"ant\"\"\",0.5\nb.png,1,bee,0.25\n",
                     f.path);
    assert_ok(dnnb__file_write(csv.text, text.data, text.n_bytes));
    dnnb__buf_destroy(&text);
    dnnb_stimulus *stim;
    assert_ok(dnnb_stimulus_load(&stim, csv.text));
    const float outputs[] = {0.1f, -2, 1, 1e-10f};
    dnnb_predictions *p = make(2, 2, outputs);

    char *found = save(p, stim, DNNB_CLASSIFICATION, NULL, out.text);
    assert_string_equal(found, "stimID,predicted,condition,output_0,output_1\n"
                               "\"a,1.png\",0,\"an \"\"ant\"\"\",0.100000001,-2\n"
                               "b.png,0,bee,1,1.00000001e-10\n");
    dnnb__free(found);
    found = save(p, stim, DNNB_CLASSIFICATION, "label", out.text);
    assert_string_equal(found, "stimID,label,predicted,condition,output_0,output_1\n"
                               "\"a,1.png\",0,0,\"an \"\"ant\"\"\",0.100000001,-2\n"
                               "b.png,1,0,bee,1,1.00000001e-10\n");
    dnnb__free(found);
    found = save(p, stim, DNNB_REGRESSION, "RT,label", out.text);
    assert_string_equal(found, "stimID,RT,label,predicted,condition,output_0,output_1\n"
                               "\"a,1.png\",0.5,0,0.100000001,\"an \"\"ant\"\"\",0.100000001,-2\n"
                               "b.png,0.25,1,1,bee,1,1.00000001e-10\n");
    dnnb__free(found);
    assert_fails(dnnb_predictions_save_csv(p, stim, DNNB_REGRESSION, "rt", out.text),
                 DNNB_ERR_FORMAT, "'rt'");
    assert_fails(dnnb_predictions_save_csv(p, stim, DNNB_REGRESSION, NULL, "/no/such/folder/x"),
                 DNNB_ERR_IO, "/no/such/folder");
    dnnb_predictions_destroy(p);
    dnnb_stimulus_destroy(stim);
    tiny_folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_predictions__the_first_of_equals_is_predicted),
        cmocka_unit_test(test_train_predictions__accuracy_counts_rows_that_are_there),
        cmocka_unit_test(test_train_predictions__correlation_is_numpys),
        cmocka_unit_test(test_train_predictions__csv_has_the_promised_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
