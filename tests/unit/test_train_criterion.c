/* The loss of a step, of a set and of knowing nothing, with weights of classes. */
#include "unit/unit.h"

#include "train/criterion.h"
#include "unit/tiny.h"

enum { N = 4 };

static const float outputs[] = {1, 0, 0, 1, 0, 1, 2, -1};
static const int64_t labels[] = {0, 0, 1, 1, 0};
static const uint64_t rows[] = {0, 1, 2, 4};

/* A set of five rows, of which the fourth is left out. */
typedef struct fixture {
    dnnb__set set;
    int64_t labels[5];
    float targets[10];
    uint32_t bad_since[5];
    dnnb_predictions *predictions; /* of the others */
} fixture;

static void fixture_create(fixture *f) {
    *f = (fixture){.bad_since = {0, 0, 0, 1, 0}};
    memcpy(f->labels, labels, sizeof labels);
    for (size_t i = 0; i < 10; i++) f->targets[i] = 0.25f * (float)i;
    f->set = (dnnb__set){.n = 5,
                         .labels = f->labels,
                         .targets = f->targets,
                         .n_targets = 2,
                         .bad_since = f->bad_since};
    assert_ok(dnnb__predictions_create(&f->predictions, N, 2));
    for (size_t i = 0; i < N; i++) f->predictions->rows[i] = (size_t)rows[i];
    memcpy(f->predictions->outputs, outputs, sizeof outputs);
    f->predictions->n = N;
}

static dnnb__criterion open_criterion(const fixture *f, dnnb_task task, const char *weights,
                                      double smoothing) {
    dnnb__criterion c;
    dnnb_train_options o = DNNB_TRAIN_OPTIONS_INIT;
    o.task = task;
    o.class_weights = weights;
    o.label_smoothing = smoothing;
    assert_ok(dnnb__criterion_open(&c, &o, &f->set, 2, N));
    return c;
}

/* Of the whole set, in one step, and in two steps weighted as the loop weights them. */
static void check_losses(const fixture *f, const dnnb__criterion *c, double expected,
                         double expected_weight) {
    float gradient[2 * N];
    double weights[3],
        loss = dnnb__criterion_get_step_loss(c, &f->set, outputs, rows, N, gradient, &weights[0]);
    assert_close(loss, expected, 1e-15);
    assert_close(weights[0], expected_weight, 1e-15);
    double first =
        dnnb__criterion_get_step_loss(c, &f->set, outputs, rows, 1, gradient, &weights[1]);
    double rest = dnnb__criterion_get_step_loss(c, &f->set, outputs + 2, rows + 1, N - 1, gradient,
                                                &weights[2]);
    assert_close((first * weights[1] + rest * weights[2]) / (weights[1] + weights[2]), expected,
                 1e-15);
    assert_close(dnnb__criterion_get_set_loss(c, &f->set, f->predictions), expected, 1e-15);
}

/* torch.nn.functional.cross_entropy(x, y, weight, label_smoothing=s) and mse_loss in float64, of
 * the four rows; scikit-learn's compute_class_weight("balanced") of the five labels. */
static void test_train_criterion__losses_of_steps_make_that_of_the_set(void **state) {
    (void)state;
    fixture f;
    fixture_create(&f);
    static const struct {
        const char *weights;
        double smoothing, loss, weight;
    } cases[] = {
        {"none", 0, 0.4970931035321026, 4},
        {"none", 0.1, 0.5470931035321026, 4},
        {"balanced", 0, 0.4766673906416715, 3.7500000000000004},
        {"balanced", 0.1, 0.545344329747738, 3.7500000000000004},
        {"3,0.5", 0, 0.5454697919568079, 9.5},
        {"3,0.5", 0.1, 0.551234936179282, 9.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dnnb__criterion c =
            open_criterion(&f, DNNB_CLASSIFICATION, cases[i].weights, cases[i].smoothing);
        check_losses(&f, &c, cases[i].loss, cases[i].weight);
        dnnb__criterion_close(&c);
    }
    dnnb__criterion c = open_criterion(&f, DNNB_REGRESSION, NULL, 0);
    check_losses(&f, &c, 1.625, N);
    dnnb__criterion_close(&c);
    dnnb_predictions_destroy(f.predictions);
}

/* No constant output does better than the chance loss, and one reaches it. */
static void test_train_criterion__chance_is_the_best_constant(void **state) {
    (void)state;
    fixture f;
    fixture_create(&f);
    static const char *const weights[] = {"none", "balanced", "3,0.5"};
    static const double smoothings[] = {0, 0.2};
    for (size_t i = 0; i < 6; i++) {
        dnnb__criterion c =
            open_criterion(&f, DNNB_CLASSIFICATION, weights[i % 3], smoothings[i / 3]);
        double chance = dnnb__criterion_get_chance_loss(&c, &f.set), best = 1e9;
        for (int k = -4000; k <= 4000; k++) {
            for (size_t row = 0; row < N; row++) f.predictions->outputs[2 * row] = (float)k * 1e-3f;
            for (size_t row = 0; row < N; row++) f.predictions->outputs[2 * row + 1] = 0;
            best = fmin(best, dnnb__criterion_get_set_loss(&c, &f.set, f.predictions));
        }
        assert_close(best, chance, 1e-6); /* the grid's step, squared */
        assert_true(best >= chance - 1e-12);
        dnnb__criterion_close(&c);
    }
    dnnb_predictions_destroy(f.predictions);
}

static void test_train_criterion__weights_are_read(void **state) {
    (void)state;
    double *w;
    static const int64_t some[] = {2, 0, 2, 2};
    assert_ok(dnnb__class_weights_read(&w, NULL, some, 4, 3));
    assert_null(w);
    assert_ok(dnnb__class_weights_read(&w, "none", some, 4, 3));
    assert_null(w);
    assert_ok(dnnb__class_weights_read(&w, " 1, 2.5,1e-3", some, 4, 3));
    const double listed[] = {1, 2.5, 1e-3};
    assert_memory_equal(w, listed, sizeof listed);
    dnnb__free(w);
    /* Two of three classes have images: 4 / (2 * 1) and 4 / (2 * 3). */
    assert_ok(dnnb__class_weights_read(&w, "balanced", some, 4, 3));
    const double balanced[] = {2, 1, 4.0 / 6};
    assert_memory_equal(w, balanced, sizeof balanced);
    dnnb__free(w);
    assert_ok(dnnb__class_weights_read(&w, "balanced", NULL, 0, 3)); /* the word alone */
    assert_null(w);
    static const char *const refused[] = {"",        "1,2",     "1,2,3,4", "1,2,3,",
                                          "1,,3",    "1,2,x",   "1,2,0",   "1,2,-1",
                                          "1,2,inf", "1,2,nan", "balance", ",,"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_fails(dnnb__class_weights_read(&w, refused[i], some, 4, 3), DNNB_ERR_ARGUMENT,
                     "expected none, balanced, or a number above 0 for each of 3 classes");
        assert_null(w);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_criterion__losses_of_steps_make_that_of_the_set),
        cmocka_unit_test(test_train_criterion__chance_is_the_best_constant),
        cmocka_unit_test(test_train_criterion__weights_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
