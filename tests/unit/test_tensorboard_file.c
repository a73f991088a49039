/* An event file that grows: whole records whatever happens to the disk, in the order of names. */
#include "unit/folder.h"

#include <errno.h>
#include <math.h>

#include "core/io.h"
#include "tensorboard/tensorboard.h"
#include "unit/board.h"

static void add(dnnb__tensorboard *file, int64_t step) {
    dnnb__tensorboard_add_scalar(&file->waiting, 1.7e9, step, "loss/step", (double)step / 4);
}

/* The folder tells of these steps and of nothing else. */
static void assert_steps(int64_t n_steps, size_t n_files) {
    static board b;
    board_read(&b, folder);
    assert_int_equal(b.n, n_steps);
    assert_int_equal(b.n_files, n_files);
    assert_int_equal(b.n_rest_bytes, 0);
    for (size_t i = 0; i < b.n; i++) {
        assert_string_equal(b.values[i].tag, "loss/step");
        assert_int_equal(b.values[i].step, i + 1);
        assert_true(b.values[i].number == (float)(i + 1) / 4);
    }
}

static void test_tensorboard_file__grows_by_whole_records(void **state) {
    (void)state;
    dnnb__tensorboard file;
    dnnb__tensorboard_init(&file);
    assert_ok(dnnb__tensorboard_open(&file, folder));
    add(&file, 1);
    assert_steps(0, 1);
    assert_ok(dnnb__tensorboard_flush(&file));
    assert_steps(1, 1);
    add(&file, 2);
    add(&file, 3);
    assert_ok(dnnb__tensorboard_flush(&file));
    assert_steps(3, 1);
    add(&file, 4);
    dnnb__tensorboard_close(&file);
    assert_steps(4, 1);
    dnnb__tensorboard_close(&file); /* does nothing */
}

static void test_tensorboard_file__a_name_sorts_behind_those_before(void **state) {
    (void)state;
    /* One of tomorrow, as after a clock that was set back, and names that are none. */
    static const char *const others[] = {"events.out.tfevents.9000000000.a.long.name",
                                         "events.out.tfevents.99999999999999999999.x",
                                         "events.out.tfevents.", "events.out.tfevents.x.9"};
    dnnb__tensorboard file;
    dnnb__tensorboard_init(&file);
    for (int i = 0; i < 3; i++) { /* three in one second */
        assert_ok(dnnb__tensorboard_open(&file, folder));
        add(&file, i + 1);
        dnnb__tensorboard_close(&file);
        assert_steps(i + 1, (size_t)i + 1);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_ok(dnnb__file_write(in_folder(others[i]), "", 0));
    assert_ok(dnnb__tensorboard_open(&file, folder));
    assert_non_null(strstr(file.path, "/events.out.tfevents.9000000001."));
    dnnb__tensorboard_discard(&file);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(unlink(in_folder(others[i])), 0);
    assert_steps(3, 3);
}

static void test_tensorboard_file__what_could_not_be_written_waits(void **state) {
    (void)state;
    dnnb__tensorboard file;
    dnnb__tensorboard_init(&file);
    assert_ok(dnnb__tensorboard_open(&file, folder));
    add(&file, 1);
    assert_ok(dnnb__tensorboard_flush(&file));
    add(&file, 2);
    for (int i = 0; i < 3; i++) { /* half of what waits gets into the file each time */
        dnnb__io_fail_at(1, DNNB__IO_WRITING, true, ENOSPC);
        add(&file, i + 3);
        assert_fails(dnnb__tensorboard_flush(&file), DNNB_ERR_IO, "No space left on device");
        dnnb__io_fail_at(0, 0, false, 0);
    }
    assert_ok(dnnb__tensorboard_flush(&file));
    assert_steps(5, 1);
    add(&file, 6);
    dnnb__tensorboard_close(&file);
    assert_steps(6, 1);
}

static void test_tensorboard_file__ends_with_a_whole_record_on_a_full_disk(void **state) {
    (void)state;
    dnnb__tensorboard file;
    dnnb__tensorboard_init(&file);
    assert_ok(dnnb__tensorboard_open(&file, folder));
    add(&file, 1);
    assert_ok(dnnb__tensorboard_flush(&file));
    add(&file, 2);
    dnnb__io_fail_at(1, DNNB__IO_WRITING, false,
                     ENOSPC); /* and the write that follows a half one */
    dnnb__tensorboard_close(&file);
    dnnb__io_fail_at(0, 0, false, 0);
    assert_steps(1, 1);
}

static void test_tensorboard_file__a_folder_that_is_none_is_told(void **state) {
    (void)state;
    dnnb__tensorboard file;
    dnnb__tensorboard_init(&file);
    assert_fails(dnnb__tensorboard_open(&file, in_folder("absent")), DNNB_ERR_IO, "absent");
    assert_ok(dnnb__tensorboard_flush(&file)); /* there is nothing to flush to */
    dnnb__tensorboard_close(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tensorboard_file__grows_by_whole_records, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_tensorboard_file__a_name_sorts_behind_those_before,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tensorboard_file__what_could_not_be_written_waits,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_tensorboard_file__ends_with_a_whole_record_on_a_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tensorboard_file__a_folder_that_is_none_is_told,
                                        set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
