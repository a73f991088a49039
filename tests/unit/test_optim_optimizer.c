/* Optimisers: options, states for checkpoints, threads, padding, allocation. Values are checked
 * against PyTorch in tests/golden/optim.py. */
#include "unit/unit.h"

#include <math.h>

#include "core/thread.h"
#include "optim/optim.h"

enum { N_ARRAYS = 4, N_TOTAL = 5 + 0 + 200000 + 65536 };

static const size_t SIZES[N_ARRAYS] = {5, 0, 200000, 65536};

typedef struct arrays {
    float values[N_TOTAL], gradient[N_TOTAL];
    float *weights[N_ARRAYS];
    const float *gradients[N_ARRAYS];
} arrays;

static arrays *make_arrays(void) {
    arrays *a = dnnb__calloc(1, sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < N_TOTAL; i++) {
        a->values[i] = (float)((i * 7919) % 2003) / 1000.0f - 1.0f;
        a->gradient[i] = (float)((i * 104729) % 1009) / 500.0f - 1.0f;
    }
    for (size_t i = 0, at = 0; i < N_ARRAYS; at += SIZES[i++]) {
        a->weights[i] = a->values + at;
        a->gradients[i] = a->gradient + at;
    }
    return a;
}

static dnnb__optimizer *make(const char *name, double momentum) {
    dnnb_optimizer_options options = DNNB_OPTIMIZER_OPTIONS_INIT;
    dnnb__optimizer *optimizer;
    options.name = name;
    options.momentum = momentum;
    assert_ok(dnnb__optimizer_create(&optimizer, &options, SIZES, N_ARRAYS));
    return optimizer;
}

static void test_optim_optimizer__defaults_are_pytorchs(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double lr, weight_decay;
    } rows[] = {{"adam", 1e-3, 0}, {"adamw", 1e-3, 1e-2}, {"sgd", 1e-3, 0}, {"ADAM", 1e-3, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dnnb__optimizer *optimizer = make(rows[i].name, 0);
        const dnnb_optimizer_options *options = dnnb__optimizer_get_options(optimizer);
        assert_true(options->lr == rows[i].lr && options->weight_decay == rows[i].weight_decay);
        dnnb__optimizer_destroy(optimizer);
    }
    size_t n;
    const char *const *names = dnnb_optimizer_get_names(&n);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "adam");
    dnnb__optimizer_destroy(NULL);
}

static void test_optim_optimizer__options_out_of_range_are_refused(void **state) {
    (void)state;
    static const dnnb_optimizer_options base = DNNB_OPTIMIZER_OPTIONS_INIT;
    dnnb_optimizer_options bad[10];
    static const char *const texts[10] = {"did you mean adam?",
                                          "adam: learning rate: expected a number from 0 on",
                                          "adam: learning rate: expected a number from 0 on",
                                          "adam: weight decay",
                                          "adam: beta1: expected a number from 0 to below 1",
                                          "adam: beta2: expected a number from 0 to below 1",
                                          "adam: eps: expected a number above 0",
                                          "adam: momentum and nesterov are options of sgd alone",
                                          "sgd: nesterov needs a momentum above 0",
                                          "sgd: momentum"};
    for (size_t i = 0; i < 10; i++) bad[i] = base;
    bad[0].name = "adamv";
    bad[1].lr = -1;
    bad[2].lr = INFINITY;
    bad[3].weight_decay = -0.1;
    bad[4].beta1 = 1;
    bad[5].beta2 = NAN;
    bad[6].eps = 0;
    bad[7].momentum = 0.9;
    bad[8].name = bad[9].name = "sgd";
    bad[8].nesterov = true;
    bad[9].momentum = -0.5;
    for (size_t i = 0; i < 10; i++) {
        dnnb__optimizer *optimizer;
        dnnb_status found = dnnb__optimizer_create(&optimizer, &bad[i], SIZES, N_ARRAYS);
        assert_int_equal(found, DNNB_ERR_ARGUMENT);
        assert_null(optimizer);
        if (!strstr(dnnb_get_error(), texts[i])) fail_msg("found '%s'", dnnb_get_error());
    }
}

static void test_optim_optimizer__threads_do_not_change_a_bit(void **state) {
    (void)state;
    size_t n;
    const char *const *names = dnnb_optimizer_get_names(&n);
    for (size_t i = 0; i < n; i++) {
        arrays *results[3];
        for (size_t threads = 1; threads <= 3; threads++) {
            arrays *a = results[threads - 1] = make_arrays();
            size_t before = dnnb__threads_set(threads);
            dnnb__optimizer *optimizer = make(names[i], strcmp(names[i], "sgd") == 0 ? 0.9 : 0);
            for (size_t step = 0; step < 3; step++)
                dnnb__optimizer_step(optimizer, 1.0, a->weights, a->gradients);
            dnnb__optimizer_destroy(optimizer);
            dnnb__threads_set(before);
        }
        for (size_t k = 1; k < 3; k++)
            assert_memory_equal(results[0]->values, results[k]->values, sizeof results[0]->values);
        for (size_t k = 0; k < 3; k++) dnnb__free(results[k]);
    }
}

/* A run that is cut after two steps and goes on from copies of its states has the same weights. */
static void test_optim_optimizer__states_resume_a_run(void **state) {
    (void)state;
    size_t n;
    const char *const *names = dnnb_optimizer_get_names(&n);
    for (size_t i = 0; i < n; i++) {
        double momentum = strcmp(names[i], "sgd") == 0 ? 0.9 : 0;
        arrays *whole = make_arrays(), *cut = make_arrays();
        dnnb__optimizer *a = make(names[i], momentum), *b = make(names[i], momentum);
        for (size_t step = 0; step < 2; step++) {
            dnnb__optimizer_step(a, 0.5, whole->weights, whole->gradients);
            dnnb__optimizer_step(b, 0.5, cut->weights, cut->gradients);
        }
        dnnb__optimizer *c = make(names[i], momentum);
        for (size_t k = 0; k < N_ARRAYS; k++)
            for (size_t s = 0; dnnb__optimizer_get_state(b, k, s); s++)
                memcpy(dnnb__optimizer_get_state(c, k, s), dnnb__optimizer_get_state(b, k, s),
                       SIZES[k] * sizeof(float));
        assert_int_equal(dnnb__optimizer_get_steps(b), 2);
        dnnb__optimizer_set_steps(c, 2);
        dnnb__optimizer_step(a, 0.25, whole->weights, whole->gradients);
        dnnb__optimizer_step(c, 0.25, cut->weights, cut->gradients);
        assert_memory_equal(whole->values, cut->values, sizeof whole->values);
        dnnb__optimizer_destroy(a);
        dnnb__optimizer_destroy(b);
        dnnb__optimizer_destroy(c);
        dnnb__free(whole);
        dnnb__free(cut);
    }
}

static void test_optim_optimizer__sgd_without_momentum_keeps_no_state(void **state) {
    (void)state;
    dnnb__optimizer *plain = make("sgd", 0), *with = make("sgd", 0.9), *adam = make("adam", 0);
    assert_null(dnnb__optimizer_get_state(plain, 0, 0));
    assert_non_null(dnnb__optimizer_get_state(with, 2, 0));
    assert_null(dnnb__optimizer_get_state(with, 2, 1));
    assert_non_null(dnnb__optimizer_get_state(adam, 3, 1));
    assert_null(dnnb__optimizer_get_state(adam, 3, 2));
    assert_null(dnnb__optimizer_get_state(adam, N_ARRAYS, 0));
    dnnb__optimizer_destroy(plain);
    dnnb__optimizer_destroy(with);
    dnnb__optimizer_destroy(adam);
}

/* Padding of an engine's layout: weight and gradient are zero. A step allocates nothing. */
static void test_optim_optimizer__padding_stays_zero(void **state) {
    (void)state;
    size_t n;
    const char *const *names = dnnb_optimizer_get_names(&n);
    for (size_t i = 0; i < n; i++) {
        arrays *a = make_arrays();
        memset(a->values + 100, 0, 1000 * sizeof(float));
        memset(a->gradient + 100, 0, 1000 * sizeof(float));
        dnnb__optimizer *optimizer = make(names[i], strcmp(names[i], "sgd") == 0 ? 0.9 : 0);
        uint64_t before = dnnb__mem_get_count();
        for (size_t step = 0; step < 5; step++)
            dnnb__optimizer_step(optimizer, 1.0, a->weights, a->gradients);
        assert_int_equal(dnnb__mem_get_count(), before);
        for (size_t k = 100; k < 1100; k++) assert_true(a->values[k] == 0.0f);
        dnnb__optimizer_destroy(optimizer);
        dnnb__free(a);
    }
}

static void test_optim_optimizer__every_failed_allocation_is_an_error(void **state) {
    (void)state;
    dnnb_optimizer_options options = DNNB_OPTIMIZER_OPTIONS_INIT;
    dnnb__optimizer *optimizer;
    for (uint64_t i = 1; i <= 2 + 2 * N_ARRAYS; i++) {
        dnnb__mem_fail_at(i);
        assert_int_equal(dnnb__optimizer_create(&optimizer, &options, SIZES, N_ARRAYS),
                         DNNB_ERR_MEMORY);
        assert_null(optimizer);
    }
    dnnb__mem_fail_at(0);
}

static void test_optim_optimizer__schedules_are_checked(void **state) {
    (void)state;
    dnnb_schedule_options options = DNNB_SCHEDULE_OPTIONS_INIT;
    size_t n;
    const char *const *names = dnnb_schedule_get_names(&n);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) {
        options.name = names[i];
        assert_ok(dnnb__schedule_check(&options));
        assert_true(dnnb_schedule_get_factor(&options, 10, 4, 0, 0) == 1.0);
    }
    assert_string_equal(names[0], "constant");
    options.name = "cosin";
    assert_fails(dnnb__schedule_check(&options), DNNB_ERR_ARGUMENT, "did you mean cosine?");
    options.name = "step";
    options.gamma = NAN;
    assert_fails(dnnb__schedule_check(&options), DNNB_ERR_ARGUMENT, "gamma");
    options.gamma = -1;
    assert_fails(dnnb__schedule_check(&options), DNNB_ERR_ARGUMENT, "gamma");
}

/* The warm-up rises step by step to 1 and joins the schedule behind it. */
static void test_optim_optimizer__warm_up_is_linear(void **state) {
    (void)state;
    dnnb_schedule_options options = DNNB_SCHEDULE_OPTIONS_INIT;
    options.warmup_epochs = 2;
    assert_true(dnnb_schedule_get_factor(&options, 10, 4, 0, 0) == 1.0 / 8);
    assert_true(dnnb_schedule_get_factor(&options, 10, 4, 1, 3) == 1.0);
    assert_true(dnnb_schedule_get_factor(&options, 10, 4, 2, 0) == 1.0);
    options.name = "cosine"; /* eight epochs remain: half of them at epoch 6 */
    assert_true(fabs(dnnb_schedule_get_factor(&options, 10, 4, 6, 0) - 0.5) < 1e-15);
    options.warmup_epochs = 100; /* longer than the run */
    assert_true(dnnb_schedule_get_factor(&options, 10, 4, 9, 3) == 0.1);
}

/* The norm is the plain sum's; clipped gradients have the largest norm, and keep their direction.
 */
static void test_optim_optimizer__gradients_are_clipped_as_one(void **state) {
    (void)state;
    double sum = 0;
    arrays *a = make_arrays(), *before = make_arrays();
    for (size_t i = 0; i < N_TOTAL; i++) sum += (double)a->gradient[i] * (double)a->gradient[i];
    double norm = sqrt(sum), first = 0;
    float *gradients[N_ARRAYS];
    for (size_t i = 0; i < N_ARRAYS; i++)
        gradients[i] = a->gradient + (a->gradients[i] - a->gradient);
    dnnb__optimizer *optimizer = make("adam", 0);
    for (size_t threads = 1; threads <= 3; threads++) {
        size_t threads_before = dnnb__threads_set(threads);
        double found = dnnb__optimizer_clip(optimizer, norm + 1, gradients); /* large enough */
        dnnb__threads_set(threads_before);
        assert_true(fabs(found / norm - 1) < 1e-12); /* sums of 265,541 terms in another order */
        assert_memory_equal(a->gradient, before->gradient, sizeof a->gradient);
        if (threads == 1) first = found;
        assert_memory_equal(&found, &first, sizeof found);
    }
    assert_true(dnnb__optimizer_clip(optimizer, 2.0, gradients) == first);
    float factor = (float)(2.0 / (first + 1e-6));
    for (size_t i = 0; i < N_TOTAL; i++)
        assert_true(a->gradient[i] == before->gradient[i] * factor);
    /* A rounding to float32 for each element and the factor. */
    assert_true(fabs(dnnb__optimizer_clip(optimizer, 9.0, gradients) / 2 - 1) < 2e-7);
    memcpy(before->gradient, a->gradient, sizeof a->gradient);
    a->gradient[70000] = before->gradient[70000] = NAN;
    assert_true(isnan(dnnb__optimizer_clip(optimizer, 1.0, gradients)));
    assert_memory_equal(a->gradient, before->gradient, sizeof a->gradient);
    dnnb__optimizer_destroy(optimizer);
    dnnb__free(a);
    dnnb__free(before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optim_optimizer__defaults_are_pytorchs),
        cmocka_unit_test(test_optim_optimizer__options_out_of_range_are_refused),
        cmocka_unit_test(test_optim_optimizer__threads_do_not_change_a_bit),
        cmocka_unit_test(test_optim_optimizer__gradients_are_clipped_as_one),
        cmocka_unit_test(test_optim_optimizer__states_resume_a_run),
        cmocka_unit_test(test_optim_optimizer__sgd_without_momentum_keeps_no_state),
        cmocka_unit_test(test_optim_optimizer__padding_stays_zero),
        cmocka_unit_test(test_optim_optimizer__every_failed_allocation_is_an_error),
        cmocka_unit_test(test_optim_optimizer__schedules_are_checked),
        cmocka_unit_test(test_optim_optimizer__warm_up_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
