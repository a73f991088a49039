/* Writing a checkpoint in a child and in a thread: what it holds, and what is told of a failure. */
#include "unit/unit.h"

#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/mem.h"
#include "train/saver.h"
#include "unit/tiny.h"

enum { N_VALUES = 1000 };

static const char temporary_name[] = "checkpoint/" DNNB__CHECKPOINT_TEMPORARY;

typedef struct fixture {
    tiny_folder folder;
    tiny_path checkpoints;
    dnnb__saver saver;
    float values[N_VALUES];
    uint64_t seed;
} fixture;

static void fixture_create(fixture *f, size_t most_copied) {
    *f = (fixture){.folder = tiny_folder_create(), .seed = 7};
    for (size_t i = 0; i < N_VALUES; i++) f->values[i] = (float)i;
    f->checkpoints = tiny_join(&f->folder, "checkpoint");
    dnnb__saver_set_most_copied(most_copied);
    assert_ok(dnnb__saver_open(&f->saver, f->checkpoints.text));
}

static void fixture_destroy(fixture *f) {
    dnnb__saver_close(&f->saver);
    tiny_folder_remove(&f->folder);
}

static dnnb_checkpoint *create_checkpoint(const fixture *f, uint64_t epoch) {
    dnnb_checkpoint *checkpoint;
    const dnnb__checkpoint_place place = {.epoch = epoch, .step = 3};
    assert_ok(dnnb__checkpoint_create(&checkpoint, &place));
    assert_ok(dnnb__checkpoint_add(checkpoint, "values", DNNB_F32, f->values, N_VALUES));
    assert_ok(dnnb__checkpoint_add(checkpoint, "seed", DNNB_I64, &f->seed, 1));
    return checkpoint;
}

static void start(fixture *f, uint64_t epoch) {
    dnnb_checkpoint *checkpoint = create_checkpoint(f, epoch);
    assert_ok(dnnb__saver_start(&f->saver, checkpoint));
    dnnb__checkpoint_destroy(checkpoint);
}

static void finish(fixture *f) {
    dnnb__saver_result result;
    assert_ok(dnnb__saver_poll(&f->saver, true, &result));
    assert_int_equal(result, DNNB__SAVER_SAVED);
}

/* The newest checkpoint is of that epoch, and holds the values as they were when it was begun. */
static void check_newest(const fixture *f, uint64_t epoch) {
    dnnb_checkpoint *checkpoint;
    dnnb__buf damaged;
    size_t n;
    dnnb__buf_init(&damaged, 1000);
    assert_ok(dnnb__checkpoint_load(&checkpoint, f->checkpoints.text, &damaged));
    assert_non_null(checkpoint);
    assert_int_equal(checkpoint->place.epoch, epoch);
    const float *values = dnnb__checkpoint_find(checkpoint, "values", DNNB_F32, &n);
    const int64_t *seed = dnnb__checkpoint_find(checkpoint, "seed", DNNB_I64, &n);
    assert_true(values && seed);
    for (size_t i = 0; i < N_VALUES; i++) assert_true(values[i] == (float)i);
    assert_int_equal(*seed, 7);
    dnnb__buf_destroy(&damaged);
    dnnb__checkpoint_destroy(checkpoint);
}

static void check_saves(size_t most_copied) {
    fixture f;
    fixture_create(&f, most_copied);
    dnnb__saver_result result;
    for (uint64_t epoch = 0; epoch < 4; epoch++) {
        start(&f, epoch);
        assert_true(dnnb__saver_is_writing(&f.saver));
        assert_true((f.saver.thread != NULL) == (most_copied > 0));
        for (size_t i = 0; i < N_VALUES; i++) f.values[i] = -1.0f; /* the training goes on */
        f.seed = 8;
        finish(&f);
        assert_false(dnnb__saver_is_writing(&f.saver));
        assert_ok(dnnb__saver_poll(&f.saver, true, &result));
        assert_int_equal(result, DNNB__SAVER_IDLE);
        check_newest(&f, epoch);
        for (size_t i = 0; i < N_VALUES; i++) f.values[i] = (float)i;
        f.seed = 7;
    }
    char **names;
    size_t n;
    assert_ok(dnnb__checkpoint_list(&names, &n, f.checkpoints.text));
    assert_int_equal(n, 2); /* the newest, and the one before */
    dnnb__checkpoint_list_destroy(names, n);
    fixture_destroy(&f);
}

/* A folder stands where the file is to be written. */
static void check_failure(size_t most_copied) {
    fixture f;
    fixture_create(&f, most_copied);
    tiny_path temporary = tiny_join(&f.folder, temporary_name);
    dnnb__saver_result result;
    assert_ok(dnnb__folder_create(f.checkpoints.text));
    assert_ok(dnnb__folder_create(temporary.text));
    start(&f, 0);
    assert_fails(dnnb__saver_poll(&f.saver, true, &result), DNNB_ERR_IO,
                 "cannot write: Is a directory");
    assert_int_equal(result, DNNB__SAVER_IDLE);
    assert_false(dnnb__saver_is_writing(&f.saver));
    assert_int_equal(rmdir(temporary.text), 0);
    start(&f, 1);
    finish(&f);
    check_newest(&f, 1);
    fixture_destroy(&f);
}

/* What is begun may be closed at once: what is there then is whole. */
static void check_closing(size_t most_copied) {
    fixture f;
    fixture_create(&f, most_copied);
    tiny_path temporary = tiny_join(&f.folder, temporary_name);
    start(&f, 0);
    finish(&f);
    start(&f, 1);
    dnnb__saver_close(&f.saver);
    assert_int_not_equal(access(temporary.text, F_OK), 0);
    char **names;
    size_t n;
    assert_ok(dnnb__checkpoint_list(&names, &n, f.checkpoints.text));
    assert_true(n == 1 || n == 2);
    check_newest(&f, n - 1);
    dnnb__checkpoint_list_destroy(names, n);
    fixture_destroy(&f);
}

static void test_train_saver__a_child_writes_what_was(void **state) {
    (void)state;
    check_saves(0);
    check_failure(0);
    check_closing(0);
}

static void test_train_saver__a_thread_writes_what_was(void **state) {
    (void)state;
    check_saves(1 << 20);
    check_failure(1 << 20);
    check_closing(1 << 20);
}

static void test_train_saver__what_is_larger_is_left_to_a_child(void **state) {
    (void)state;
    fixture f;
    fixture_create(&f, N_VALUES * sizeof(float)); /* the seed has no room */
    start(&f, 0);
    assert_true(f.saver.child > 0 && !f.saver.thread);
    finish(&f);
    check_newest(&f, 0);
    fixture_destroy(&f);
}

/* Memory that a copy cannot have is told of; the next save may have it. */
static void test_train_saver__every_failed_allocation_is_told_of(void **state) {
    (void)state;
    fixture f;
    fixture_create(&f, 1 << 20);
    dnnb_status status = DNNB_ERR_MEMORY;
    uint64_t k = 0;
    while (status != DNNB_OK) {
        dnnb_checkpoint *checkpoint = create_checkpoint(&f, k);
        dnnb__mem_fail_at(++k);
        status = dnnb__saver_start(&f.saver, checkpoint);
        dnnb__mem_fail_at(0);
        dnnb__checkpoint_destroy(checkpoint);
        if (status == DNNB_OK) break;
        assert_int_equal(status, DNNB_ERR_MEMORY);
        assert_false(dnnb__saver_is_writing(&f.saver));
    }
    assert_true(k > 3); /* the thread's, its arrays, its values, and what is before them */
    finish(&f);
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_saver__a_child_writes_what_was),
        cmocka_unit_test(test_train_saver__a_thread_writes_what_was),
        cmocka_unit_test(test_train_saver__what_is_larger_is_left_to_a_child),
        cmocka_unit_test(test_train_saver__every_failed_allocation_is_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
