/* Losses against values computed by hand and by PyTorch, and in places where exp overflows. */
#include "unit/unit.h"

#include <math.h>

#include "engine/loss.h"

static void test_engine_loss__cross_entropy_as_pytorch(void **state) {
    (void)state;
    /* torch.nn.functional.cross_entropy(torch.tensor(logits).double(), torch.tensor(labels)) and
     * the gradient of its input. */
    static const float logits[] = {1.0f, -2.0f, 0.5f, 0.0f, 3.0f, -1.0f};
    static const int64_t labels[] = {2, 1};
    float gradient[6];
    double loss = dnnb__loss_cross_entropy(NULL, logits, labels, 2, 3, gradient);
    double a = log(exp(1.0) + exp(-2.0) + exp(0.5)) - 0.5;
    double b = log(exp(0.0) + exp(3.0) + exp(-1.0)) - 3.0;
    assert_true(fabs(loss - (a + b) / 2) < 1e-15); /* some roundings of float64 */
    double sum_a = exp(1.0) + exp(-2.0) + exp(0.5);
    double sum_b = exp(0.0) + exp(3.0) + exp(-1.0);
    double expected[] = {exp(1.0) / sum_a / 2,       exp(-2.0) / sum_a / 2,
                         (exp(0.5) / sum_a - 1) / 2, exp(0.0) / sum_b / 2,
                         (exp(3.0) / sum_b - 1) / 2, exp(-1.0) / sum_b / 2};
    /* One rounding to float32. */
    for (size_t i = 0; i < 6; i++) assert_true(fabs((double)gradient[i] - expected[i]) < 3e-8);
    assert_true(dnnb__loss_cross_entropy(NULL, logits, labels, 2, 3, NULL) == loss);
}

/* torch.nn.functional.cross_entropy(x, y, weight=w, label_smoothing=s) of the same numbers in
 * float64, and the gradient of x. */
static void test_engine_loss__weights_and_smoothing_as_pytorch(void **state) {
    (void)state;
    static const float x[] = {1.0f, -2.0f, 0.5f, 0.0f, 3.0f, -1.0f, 0.25f, 0.5f, 2.0f};
    static const int64_t y[] = {2, 1, 2};
    static const double w[] = {0.5, 1.5, 2.25};
    static const struct {
        dnnb__loss_options options;
        double loss, gradient[9];
    } rows[] = {
        {{w, 0},
         0.5185417268404247,
         {0.226405836, 0.0112720828, -0.237677919, 0.0116531556, -0.015940112, 0.00428695639,
          0.0466497511, 0.0598994661, -0.106549217}},
        {{NULL, 0.1},
         0.6043575242756474,
         {0.190138521, -0.00109148192, -0.189047039, 0.00442642975, 0.000968739514, -0.00539516926,
          0.0303553343, 0.0421328588, -0.0724881931}},
        {{w, 0.25},
         0.709672153017094,
         {0.198497888, -0.0106049619, -0.187892926, 0.00454686182, 0.0224757229, -0.0270225847,
          0.0353858853, 0.0335198859, -0.0689057712}},
    };
    assert_true(dnnb__loss_get_weight(&rows[0].options, y, 3) == 6);
    assert_true(dnnb__loss_get_weight(&rows[1].options, y, 3) == 3);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        float gradient[9];
        double loss = dnnb__loss_cross_entropy(&rows[i].options, x, y, 3, 3, gradient);
        assert_true(fabs(loss - rows[i].loss) < 1e-15); /* some roundings of float64 */
        for (size_t k = 0; k < 9; k++)                  /* one rounding to float32 */
            assert_true(fabs((double)gradient[k] - rows[i].gradient[k]) < 1.5e-8);
    }
    /* Weights of 1 and no smoothing are the plain loss, to the bit. */
    static const double ones[] = {1, 1, 1};
    float plain[9], weighted[9];
    double loss = dnnb__loss_cross_entropy(NULL, x, y, 3, 3, plain);
    const dnnb__loss_options neutral = {ones, 0};
    assert_true(dnnb__loss_cross_entropy(&neutral, x, y, 3, 3, weighted) == loss);
    assert_memory_equal(plain, weighted, sizeof plain);
}

static void test_engine_loss__large_logits_do_not_overflow(void **state) {
    (void)state;
    static const float logits[] = {1e30f, -1e30f, 1000.0f, 999.0f};
    static const int64_t labels[] = {0, 1};
    float gradient[4];
    double loss = dnnb__loss_cross_entropy(NULL, logits, labels, 2, 2, gradient);
    assert_true(fabs(loss - log(1 + exp(1.0)) / 2) < 1e-12);
    assert_true(gradient[0] == 0.0f && gradient[1] == 0.0f);
    static const int64_t wrong[] = {1, 1};
    loss = dnnb__loss_cross_entropy(NULL, logits, wrong, 1, 2, gradient);
    assert_true(fabs(loss / 2e30 - 1) < 1e-6);
    assert_true(gradient[0] == 1.0f && gradient[1] == -1.0f);
}

static void test_engine_loss__not_finite_stays_visible(void **state) {
    (void)state;
    static const int64_t label[] = {0};
    static const float with_nan[] = {1.0f, NAN}, with_inf[] = {INFINITY, 0.0f};
    assert_true(isnan(dnnb__loss_cross_entropy(NULL, with_nan, label, 1, 2, NULL)));
    assert_true(isnan(dnnb__loss_cross_entropy(NULL, with_inf, label, 1, 2, NULL)));
}

static void test_engine_loss__mean_squared_error(void **state) {
    (void)state;
    static const float outputs[] = {1.0f, 2.0f, -3.0f, 0.5f}, targets[] = {0.0f, 2.0f, -1.0f, 1.0f};
    float gradient[4];
    assert_true(dnnb__loss_mse(outputs, targets, 2, 2, gradient) == (1 + 0 + 4 + 0.25) / 4);
    static const float expected[] = {0.5f, 0.0f, -1.0f, -0.25f}; /* 2 (y - t) / 4 */
    assert_memory_equal(gradient, expected, sizeof expected);
    assert_true(dnnb__loss_mse(outputs, targets, 4, 1, NULL) == 5.25 / 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_loss__cross_entropy_as_pytorch),
        cmocka_unit_test(test_engine_loss__weights_and_smoothing_as_pytorch),
        cmocka_unit_test(test_engine_loss__large_logits_do_not_overflow),
        cmocka_unit_test(test_engine_loss__not_finite_stays_visible),
        cmocka_unit_test(test_engine_loss__mean_squared_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
