/* Warnings of training that goes wrong, on losses made up for it. */
#include "unit/unit.h"

#include "train/trainer.h"

/* Chance is 1: a loss of 0.98 or more is at chance. */
static const double chance = 1.0;

static bool count_warnings(void *context, const dnnb_event *event) {
    size_t *n = context;
    assert_int_equal(event->kind, DNNB_EVENT_WARNING);
    assert_non_null(strstr(event->message, "nothing is being learned"));
    ++*n;
    return true;
}

/* After which epoch (from 1) of a run with these losses the warning comes; 0: never. It comes at
 * most once. `n_before` epochs are those of a process that the run was resumed from. */
static size_t find_warning(const double *losses, size_t n, size_t n_before) {
    size_t n_warnings = 0, found = 0;
    dnnb_train_options o = DNNB_TRAIN_OPTIONS_INIT;
    o.on_event = count_warnings;
    o.context = &n_warnings;
    dnnb__trainer t = {.options = &o, .session = {.options = &o}, .chance_loss = chance};
    assert_ok(dnnb_history_create(&t.history));
    for (size_t i = 0; i < n; i++) {
        dnnb_epoch epoch = {.step_loss = &losses[i], .n_steps = 1, .epoch_loss = losses[i]};
        assert_ok(dnnb_history_add(t.history, &epoch));
        if (i < n_before) continue;
        size_t before = n_warnings;
        assert_ok(dnnb__trainer_check_learning(&t));
        if (n_warnings > before) found = i + 1;
        assert_true(n_warnings <= 1);
    }
    dnnb_history_destroy(t.history);
    return found;
}

static void test_train_health__a_loss_at_chance_is_told_once_however_it_jumps(void **state) {
    (void)state;
    static const double still[] = {1, 1, 1, 1, 1, 1, 1}, learns[] = {1, 1, 0.9, 0.8, 1, 1},
                        jumps[] = {1, 1, 1, 0.5, 1, 1, 1, 0.5, 1, 1, 1, 1},
                        leaps[] = {1, 1, 1, 40, 1, 1, 1, 1, 1},
                        falls[] = {4, 2, 1.5, 1.2, 1.1, 1.05, 1.02, 0.97}, few[] = {1, 1},
                        late[] = {0.7, 0.6, 1.2, 1.3, 1.3};
    assert_int_equal(find_warning(still, 7, 0), 3);
    assert_int_equal(find_warning(jumps, 12, 0), 3);
    assert_int_equal(find_warning(leaps, 9, 0), 3);
    assert_int_equal(find_warning(late, 5, 0), 5);
    assert_int_equal(find_warning(learns, 6, 0), 0);
    assert_int_equal(find_warning(falls, 8, 0), 0);
    assert_int_equal(find_warning(few, 2, 0), 0);
    /* Resumed: before it was to be told, and after. */
    assert_int_equal(find_warning(still, 7, 2), 3);
    assert_int_equal(find_warning(still, 7, 3), 0);
    assert_int_equal(find_warning(jumps, 12, 5), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_health__a_loss_at_chance_is_told_once_however_it_jumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
