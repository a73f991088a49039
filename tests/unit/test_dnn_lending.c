/* Weights that are lent to a net: the outputs are right, and nothing of it stays behind. */
#include "unit/unit.h"

#include "dnnbrain/train.h"
#include "unit/tiny.h"

typedef struct fixture {
    tiny_folder folder;
    dnnb_stimulus *few, *many;
    char weights[160];
} fixture;

static fixture fixture_create(void) {
    fixture f = {.folder = tiny_folder_create()};
    dnnb_dnn *dnn;
    dnnb_dnn_options options = {.seed = 3, .n_threads = 1};
    f.few = tiny_write_set(&f.folder, "few.stim.csv", DNNB__DNN_FEW, 0);
    f.many = tiny_write_set(&f.folder, "many.stim.csv", DNNB__DNN_FEW + 1, 0);
    (void)snprintf(f.weights, sizeof f.weights, "%s", tiny_join(&f.folder, "w.pth").text);
    assert_ok(dnnb_dnn_create(&dnn, "alexnet-mini", &options));
    assert_ok(dnnb_dnn_save(dnn, f.weights));
    dnnb_dnn_destroy(dnn);
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->few);
    dnnb_stimulus_destroy(f->many);
    tiny_folder_remove(&f->folder);
}

static dnnb_dnn *load(const fixture *f) {
    dnnb_dnn *dnn;
    dnnb_dnn_options options = {.n_threads = 2};
    assert_ok(dnnb_dnn_create_from_file(&dnn, "alexnet-mini", f->weights, &options));
    return dnn;
}

static dnnb_predictions *predict(dnnb_dnn *dnn, const dnnb_stimulus *stim) {
    dnnb_predictions *predictions;
    assert_ok(dnnb_predict(dnn, stim, NULL, &predictions));
    return predictions;
}

static void test_dnn_lending__few_images_have_the_outputs_of_many(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnn = load(&f), *other = load(&f);
    dnnb_predictions *few = predict(dnn, f.few), *many = predict(other, f.many);
    assert_null(dnn->net); /* it was lent to, and is gone */
    assert_non_null(dnn->sources);
    assert_non_null(other->net);
    for (size_t i = 0; i < DNNB__DNN_FEW; i++)
        for (size_t k = 0; k < dnnb_predictions_get_n_outputs(few); k++)
            /* Outputs of about 1. Three sums of up to 1152 terms in two orders (and a convolution
             * by other products, which errs less); roundings of 2^-24 add up like a random walk: 3
             * sqrt(1152) 2^-24 = 6e-6. */
            assert_close((double)dnnb_predictions_get_outputs(few, i)[k],
                         (double)dnnb_predictions_get_outputs(many, i)[k], 1e-5);
    dnnb_predictions_destroy(few);
    dnnb_predictions_destroy(many);
    dnnb_dnn_destroy(dnn);
    dnnb_dnn_destroy(other);
    fixture_destroy(&f);
}

static void test_dnn_lending__happens_once_and_changes_no_parameter(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnn = load(&f), *other = load(&f);
    dnnb_predictions *first = predict(dnn, f.few), *second = predict(dnn, f.few);
    assert_non_null(dnn->net); /* the second time all is imported */
    assert_null(dnn->sources);
    dnnb_predictions *many = predict(other, f.many), *again = predict(dnn, f.many);
    size_t n_bytes = dnnb_predictions_get_n_outputs(many) * sizeof(float);
    for (size_t i = 0; i <= DNNB__DNN_FEW; i++)
        assert_memory_equal(dnnb_predictions_get_outputs(many, i),
                            dnnb_predictions_get_outputs(again, i), n_bytes);
    size_t n, n_other;
    float *a = tiny_copy_param(dnn, "classifier.1.weight", &n);
    float *b = tiny_copy_param(other, "classifier.1.weight", &n_other);
    assert_int_equal(n, n_other);
    assert_memory_equal(a, b, n * sizeof *a);
    dnnb__free(a);
    dnnb__free(b);
    dnnb_predictions_destroy(first);
    dnnb_predictions_destroy(second);
    dnnb_predictions_destroy(many);
    dnnb_predictions_destroy(again);
    dnnb_dnn_destroy(dnn);
    dnnb_dnn_destroy(other);
    fixture_destroy(&f);
}

static void test_dnn_lending__a_training_run_after_it_has_the_same_bits(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_train_options options = DNNB_TRAIN_OPTIONS_INIT;
    options.epochs = 1;
    options.batch = 2;
    float *weights[2];
    size_t n[2];
    for (size_t i = 0; i < 2; i++) {
        dnnb_dnn *dnn = load(&f);
        if (i == 1) dnnb_predictions_destroy(predict(dnn, f.few));
        assert_ok(dnnb_dnn_replace_head(dnn, 2));
        assert_ok(dnnb_train(dnn, f.many, NULL, &options, NULL));
        weights[i] = tiny_copy_param(dnn, "classifier.1.weight", &n[i]);
        dnnb_dnn_destroy(dnn);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(weights[0], weights[1], n[0] * sizeof **weights);
    dnnb__free(weights[0]);
    dnnb__free(weights[1]);
    fixture_destroy(&f);
}

static void test_dnn_lending__a_bad_picture_leaves_the_network_usable(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnn = load(&f);
    dnnb_predictions *predictions;
    tiny_damage(&f.folder, "1.bmp");
    assert_fails(dnnb_predict(dnn, f.few, NULL, &predictions), DNNB_ERR_FORMAT, "1.bmp");
    assert_null(dnn->net);
    tiny_write_picture(&f.folder, "1.bmp", 1, 1);
    dnnb_predictions_destroy(predict(dnn, f.few));
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

static void test_dnn_lending__initialised_parameters_are_not_lent(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb_dnn *dnn;
    assert_ok(dnnb_dnn_create(&dnn, "alexnet-mini", NULL));
    assert_false(dnnb__dnn_begin_lending(dnn));
    dnnb_predictions_destroy(predict(dnn, f.few));
    assert_non_null(dnn->net);
    dnnb_dnn_destroy(dnn);
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dnn_lending__few_images_have_the_outputs_of_many),
        cmocka_unit_test(test_dnn_lending__happens_once_and_changes_no_parameter),
        cmocka_unit_test(test_dnn_lending__a_training_run_after_it_has_the_same_bits),
        cmocka_unit_test(test_dnn_lending__a_bad_picture_leaves_the_network_usable),
        cmocka_unit_test(test_dnn_lending__initialised_parameters_are_not_lent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
