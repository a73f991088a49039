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
    double loss = dnnb__loss_cross_entropy(logits, labels, 2, 3, gradient);
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
    assert_true(dnnb__loss_cross_entropy(logits, labels, 2, 3, NULL) == loss);
}

static void test_engine_loss__large_logits_do_not_overflow(void **state) {
    (void)state;
    static const float logits[] = {1e30f, -1e30f, 1000.0f, 999.0f};
    static const int64_t labels[] = {0, 1};
    float gradient[4];
    double loss = dnnb__loss_cross_entropy(logits, labels, 2, 2, gradient);
    assert_true(fabs(loss - log(1 + exp(1.0)) / 2) < 1e-12);
    assert_true(gradient[0] == 0.0f && gradient[1] == 0.0f);
    static const int64_t wrong[] = {1, 1};
    loss = dnnb__loss_cross_entropy(logits, wrong, 1, 2, gradient);
    assert_true(fabs(loss / 2e30 - 1) < 1e-6);
    assert_true(gradient[0] == 1.0f && gradient[1] == -1.0f);
}

static void test_engine_loss__not_finite_stays_visible(void **state) {
    (void)state;
    static const int64_t label[] = {0};
    static const float with_nan[] = {1.0f, NAN}, with_inf[] = {INFINITY, 0.0f};
    assert_true(isnan(dnnb__loss_cross_entropy(with_nan, label, 1, 2, NULL)));
    assert_true(isnan(dnnb__loss_cross_entropy(with_inf, label, 1, 2, NULL)));
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
        cmocka_unit_test(test_engine_loss__large_logits_do_not_overflow),
        cmocka_unit_test(test_engine_loss__not_finite_stays_visible),
        cmocka_unit_test(test_engine_loss__mean_squared_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
