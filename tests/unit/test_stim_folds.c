/* Folds of a set: sizes, strata, rows, seeds. tests/golden/folds.py compares with scikit-learn. */
#include "unit/folder.h"

#include "dnnbrain/stimulus.h"

#include "core/file.h"
#include "core/mem.h"

enum { N_ROWS = 23, N_FOLDS = 5 };

/* Rows of three labels: 12 of 7, 8 of 0, 3 of 2, in turn as long as there are. */
static dnnb_stimulus *load_set(void) {
    static const int labels[] = {7, 0, 2}, n_of[] = {12, 8, 3};
    int used[3] = {0};
    dnnb__buf text;
    dnnb_stimulus *stim;
    dnnb__buf_init(&text, 1 << 16);
    dnnb__buf_printf(&text, "type=image\npath=/\ndata=stimID,label,RT\n");
    for (int row = 0, turn = 0; row < N_ROWS; turn = (turn + 1) % 3) {
        if (used[turn] == n_of[turn]) continue;
        used[turn]++;
        dnnb__buf_printf(&text, "%d.png,%d,%d.5\n", row, labels[turn], row);
        row++;
    }
    assert_ok(dnnb__file_write(in_folder("set.stim.csv"), text.data, text.n_bytes));
    dnnb__buf_destroy(&text);
    assert_ok(dnnb_stimulus_load(&stim, in_folder("set.stim.csv")));
    return stim;
}

static void test_stim_folds__each_label_is_spread(void **state) {
    (void)state;
    dnnb_stimulus *stim = load_set();
    int64_t labels[N_ROWS];
    size_t folds[N_ROWS], all[N_FOLDS] = {0}, of_label[8][N_FOLDS] = {{0}};
    assert_ok(dnnb_stimulus_read_labels(stim, labels, 0));
    assert_ok(dnnb_stimulus_assign_folds(stim, N_FOLDS, true, 3, folds));
    for (size_t i = 0; i < N_ROWS; i++) {
        assert_true(folds[i] < N_FOLDS);
        all[folds[i]]++;
        of_label[labels[i]][folds[i]]++;
    }
    /* 23 in 5 folds; 12, 8 and 3 of a label. The labels are dealt as 7, 0, 2: as they come. */
    static const size_t expected[4][N_FOLDS] = {
        {5, 5, 5, 4, 4}, {3, 3, 2, 2, 2}, {1, 1, 2, 2, 2}, {1, 1, 1, 0, 0}};
    for (size_t f = 0; f < N_FOLDS; f++) {
        assert_int_equal(all[f], expected[0][f]);
        assert_int_equal(of_label[7][f], expected[1][f]);
        assert_int_equal(of_label[0][f], expected[2][f]);
        assert_int_equal(of_label[2][f], expected[3][f]);
    }
    dnnb_stimulus_destroy(stim);
}

static void test_stim_folds__a_function_of_the_seed(void **state) {
    (void)state;
    dnnb_stimulus *stim = load_set();
    size_t folds[3][N_ROWS];
    for (int stratify = 0; stratify < 2; stratify++) {
        assert_ok(dnnb_stimulus_assign_folds(stim, N_FOLDS, stratify, 1, folds[0]));
        assert_ok(dnnb_stimulus_assign_folds(stim, N_FOLDS, stratify, 1, folds[1]));
        assert_ok(dnnb_stimulus_assign_folds(stim, N_FOLDS, stratify, 2, folds[2]));
        assert_memory_equal(folds[0], folds[1], sizeof folds[0]);
        assert_memory_not_equal(folds[0], folds[2], sizeof folds[0]);
    }
    dnnb_stimulus_destroy(stim);
}

static void test_stim_folds__the_two_sets_of_a_fold(void **state) {
    (void)state;
    dnnb_stimulus *stim = load_set();
    size_t folds[N_ROWS], n_held_out = 0;
    assert_ok(dnnb_stimulus_assign_folds(stim, N_FOLDS, true, 9, folds));
    for (size_t f = 0; f < N_FOLDS; f++) {
        dnnb_stimulus *others, *held_out;
        assert_ok(dnnb_stimulus_fold(stim, folds, f, &others, &held_out));
        size_t next[2] = {0, 0};
        for (size_t i = 0; i < N_ROWS; i++) {
            bool is_in = folds[i] == f;
            const dnnb_stimulus *set = is_in ? held_out : others;
            size_t row = next[is_in]++;
            assert_string_equal(dnnb_stimulus_get_id(set, row), dnnb_stimulus_get_id(stim, i));
            assert_int_equal(dnnb_stimulus_get_line(set, row), dnnb_stimulus_get_line(stim, i));
        }
        assert_int_equal(dnnb_stimulus_get_count(others), next[0]);
        assert_int_equal(dnnb_stimulus_get_count(held_out), next[1]);
        n_held_out += next[1];
        dnnb_stimulus_destroy(others);
        dnnb_stimulus_destroy(held_out);
    }
    assert_int_equal(n_held_out, N_ROWS);
    dnnb_stimulus_destroy(stim);
}

static void test_stim_folds__what_cannot_be_cut(void **state) {
    (void)state;
    dnnb_stimulus *stim = load_set(), *others, *held_out;
    size_t folds[N_ROWS] = {0};
    assert_fails(dnnb_stimulus_assign_folds(stim, 1, true, 0, folds), DNNB_ERR_ARGUMENT,
                 "folds: expected at least 2 and at most one an image, 23, found 1");
    assert_fails(dnnb_stimulus_assign_folds(stim, 24, false, 0, folds), DNNB_ERR_ARGUMENT,
                 "found 24");
    assert_fails(dnnb_stimulus_assign_folds(stim, 13, true, 0, folds), DNNB_ERR_ARGUMENT,
                 "expected a label with at least 13 images, one for each fold, found at most 12");
    assert_ok(dnnb_stimulus_assign_folds(stim, 13, false, 0, folds));
    assert_ok(dnnb_stimulus_assign_folds(stim, 12, true, 0, folds));
    assert_fails(dnnb_stimulus_fold(stim, folds, 12, &others, &held_out), DNNB_ERR_ARGUMENT,
                 "fold 13: expected images in it and others");
    assert_null(others);
    dnnb_stimulus_destroy(stim);
}

static void test_stim_folds__memory_runs_out(void **state) {
    (void)state;
    dnnb_stimulus *stim = load_set();
    size_t folds[N_ROWS];
    dnnb_status status = DNNB_ERR_MEMORY;
    for (uint64_t n = 1; status != DNNB_OK; n++) {
        dnnb_stimulus *others = NULL, *held_out = NULL;
        dnnb__mem_fail_at(n);
        status = dnnb_stimulus_assign_folds(stim, N_FOLDS, true, 1, folds);
        if (status == DNNB_OK) status = dnnb_stimulus_fold(stim, folds, 0, &others, &held_out);
        dnnb__mem_fail_at(0);
        if (status != DNNB_OK) {
            assert_int_equal(status, DNNB_ERR_MEMORY);
            assert_null(others);
            assert_null(held_out);
        }
        dnnb_stimulus_destroy(others);
        dnnb_stimulus_destroy(held_out);
    }
    dnnb_stimulus_destroy(stim);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stim_folds__each_label_is_spread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_folds__a_function_of_the_seed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_folds__the_two_sets_of_a_fold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_folds__what_cannot_be_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stim_folds__memory_runs_out, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
