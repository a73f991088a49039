/* What a run tells TensorBoard while its file cannot be written for very long. */
#include "unit/folder.h"

#include <errno.h>

#include "core/io.h"
#include "run/run.h"
#include "unit/board.h"

/* A run that has told of its beginning; `config` is what stands for its config.json. */
static dnnb__run begin(const dnnb_run_options *options, const char *config) {
    static const dnnb_train_options train = DNNB_TRAIN_OPTIONS_INIT;
    dnnb_event start = {.kind = DNNB_EVENT_START};
    dnnb__run r = {.in.run = options, .in.options = &train};
    assert_ok(dnnb__file_write(in_folder("config.json"), config, strlen(config)));
    assert_ok(dnnb_history_create(&r.history));
    dnnb__tensorboard_init(&r.board);
    assert_ok(dnnb__run_board_begin(&r, &start));
    return r;
}

static void add_epoch(dnnb__run *r, const double *losses, size_t n) {
    dnnb_epoch epoch = {.step_loss = losses,
                        .n_steps = n,
                        .epoch_loss = 0.25,
                        .loss_validation = (double)NAN,
                        .score_train = (double)NAN,
                        .score_validation = (double)NAN,
                        .learning_rate = (double)NAN,
                        .images_per_second = (double)NAN,
                        .gradient_norm = (double)NAN};
    assert_ok(dnnb_history_add(r->history, &epoch));
}

static void test_run_board__more_than_may_wait_is_made_again(void **state) {
    (void)state;
    static const double losses[] = {0.5, 0.25, 0.125};
    static board b;
    dnnb_run_options options = DNNB_RUN_OPTIONS_INIT;
    options.folder = folder;
    options.tensorboard = true;
    dnnb__run r = begin(&options, "{}\n");
    dnnb__io_fail_at(1, DNNB__IO_WRITING, true, ENOSPC);
    size_t n_steps = 1;
    assert_ok(dnnb__run_board_add_step(&r, 0.5)); /* half of it gets into the file, and no more */
    assert_fails(dnnb__tensorboard_flush(&r.board), DNNB_ERR_IO, "No space left on device");
    while (r.board.fd >= 0) { /* until as much waits as may: 64 MiB */
        assert_ok(dnnb__run_board_add_step(&r, 0.5));
        n_steps++;
    }
    assert_true(n_steps > 1000000);
    assert_int_equal(r.board.waiting.n_bytes, 0);
    assert_ok(dnnb__run_board_add_step(&r, 0.5)); /* is no longer kept */
    add_epoch(&r, losses, 3);
    assert_fails(dnnb__run_board_add_epoch(&r), DNNB_ERR_IO, "No space left on device");
    dnnb__io_fail_at(0, 0, false, 0);
    assert_ok(dnnb__run_board_add_epoch(&r)); /* with room again: all that the history has */
    assert_int_equal(r.n_board_steps, 3);
    assert_ok(dnnb__run_board_finish(&r));
    dnnb__tensorboard_close(&r.board);
    board_read(&b, in_folder("tensorboard"));
    assert_int_equal(b.n_rest_bytes, 0);
    assert_int_equal(b.n, 5); /* the configuration, three steps and the epoch's loss */
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(b.values[i + 1].tag, "loss/step");
        assert_int_equal(b.values[i + 1].step, i + 1);
        assert_true(b.values[i + 1].number == (float)losses[i]);
    }
    assert_string_equal(b.values[4].tag, "loss/epoch");
    dnnb_history_destroy(r.history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_run_board__more_than_may_wait_is_made_again, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
