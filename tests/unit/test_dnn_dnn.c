/* Networks with parameters: names, heads, freezing, strict loading, the place of parameters. */
#include "unit/unit.h"

#include "dnnbrain/plan.h"
#include "unit/tiny.h"

static int64_t count_trainable(const dnnb_dnn *dnn) {
    int64_t n_trainable, n_all;
    dnnb_dnn_count_parameters(dnn, &n_trainable, &n_all);
    return n_trainable;
}

static void test_dnn_dnn__names_are_taken_in_any_case(void **state) {
    (void)state;
    dnnb_dnn *dnn;
    size_t n;
    const char *const *names = dnnb_dnn_get_network_names(&n);
    assert_true(n >= 1);
    assert_string_equal(names[0], "AlexNet");
    assert_ok(dnnb_dnn_create(&dnn, "alexNET", NULL));
    assert_string_equal(dnnb_dnn_get_name(dnn), "AlexNet");
    assert_int_equal(dnnb_dnn_get_n_outputs(dnn), 1000);
    assert_int_equal(count_trainable(dnn), 61100840); /* torchvision's alexnet */
    assert_ok(dnnb_dnn_replace_head(dnn, 2));
    assert_int_equal(count_trainable(dnn), 57012034);
    dnnb_dnn_destroy(dnn);
    assert_fails(dnnb_dnn_create(&dnn, "alexnte", NULL), DNNB_ERR_ARGUMENT, "AlexNet");
    assert_null(dnn);
    dnnb_dnn_options options = {.engine = "rfe"};
    assert_fails(dnnb_dnn_create(&dnn, "alexnet", &options), DNNB_ERR_ARGUMENT, "ref");
}

static void test_dnn_dnn__initial_values_follow_the_seed_and_the_path_alone(void **state) {
    (void)state;
    dnnb_dnn *a = tiny_create(7, 2), *b = tiny_create(7, 2), *c = tiny_create(8, 2);
    assert_true(tiny_equal(a, b));
    assert_false(tiny_equal(a, c));
    dnnb_dnn *d = tiny_create(7, 3);
    size_t n;
    float *of_a = tiny_copy_param(a, "features.0.weight", &n);
    float *of_d = tiny_copy_param(d, "features.0.weight", &n);
    assert_memory_equal(of_a, of_d, n * sizeof *of_a);
    dnnb__free(of_a);
    dnnb__free(of_d);
    dnnb_dnn_destroy(a);
    dnnb_dnn_destroy(b);
    dnnb_dnn_destroy(c);
    dnnb_dnn_destroy(d);
}

static void test_dnn_dnn__computing_moves_no_bit_of_the_parameters(void **state) {
    (void)state;
    dnnb_dnn *a = tiny_create(7, 3), *b = tiny_create(7, 3);
    float image[3 * 16 * 16] = {0.25f}, outputs[3];
    assert_ok(dnnb_dnn_forward(b, image, 1, outputs));
    assert_non_null(b->net);
    assert_true(tiny_equal(a, b));
    /* A new head takes the parameters out of the engine; the others stay as they were. */
    assert_ok(dnnb_dnn_replace_head(b, 4));
    assert_ok(dnnb_dnn_replace_head(b, 3));
    assert_null(b->net);
    assert_true(tiny_equal(a, b));
    dnnb_dnn_destroy(a);
    dnnb_dnn_destroy(b);
}

static void test_dnn_dnn__forward_takes_any_number_of_images(void **state) {
    (void)state;
    enum { N = 70, N_IN = 3 * 16 * 16, N_OUT = 3 };
    dnnb_dnn *dnn = tiny_create(7, N_OUT);
    float *images = dnnb__alloc(N * N_IN, sizeof *images);
    float together[N * N_OUT], alone[N_OUT];
    dnnb__random_key key = dnnb__random_key_create(3, DNNB__PURPOSE_TEST);
    for (size_t i = 0; i < N * N_IN; i++)
        images[i] = (float)dnnb__random_at(key, 0, 0, i).word[0] * 0x1p-32f - 0.5f;
    assert_ok(dnnb_dnn_forward(dnn, images, N, together));
    for (size_t i = 0; i < N; i += 23) {
        assert_ok(dnnb_dnn_forward(dnn, images + i * N_IN, 1, alone));
        /* The same sums of about 30 terms below 1, perhaps in another order. */
        for (size_t k = 0; k < N_OUT; k++)
            assert_close((double)alone[k], (double)together[i * N_OUT + k], 1e-5);
    }
    assert_ok(dnnb_dnn_forward(dnn, images, 0, together));
    dnnb__free(images);
    dnnb_dnn_destroy(dnn);
}

static void test_dnn_dnn__heads_are_limited(void **state) {
    (void)state;
    dnnb_dnn *dnn = tiny_create(0, 2);
    assert_fails(dnnb_dnn_replace_head(dnn, 0), DNNB_ERR_ARGUMENT, "found 0");
    assert_fails(dnnb_dnn_replace_head(dnn, INT64_MAX), DNNB_ERR_ARGUMENT, "1000000");
    assert_int_equal(dnnb_dnn_get_n_outputs(dnn), 2);
    dnnb_dnn_destroy(dnn);
}

static void test_dnn_dnn__patterns_freeze(void **state) {
    (void)state;
    dnnb_dnn *dnn = tiny_create(0, 2);
    int64_t conv = 8 * 27 + 8, fc1 = 8 * 16 * 16 + 16, fc2 = 16 * 2 + 2;
    assert_int_equal(count_trainable(dnn), conv + fc1 + fc2);
    assert_ok(dnnb_dnn_set_trainable(dnn, "backbone", false));
    assert_int_equal(count_trainable(dnn), fc2);
    assert_ok(dnnb_dnn_set_trainable(dnn, "all", true));
    assert_ok(dnnb_dnn_set_trainable(dnn, "features.*", false));
    assert_int_equal(count_trainable(dnn), fc1 + fc2);
    assert_ok(dnnb_dnn_set_trainable(dnn, "conv1,fc1", false));
    assert_int_equal(count_trainable(dnn), fc2);
    assert_ok(dnnb_dnn_set_trainable(dnn, "classifier.1.bias", true));
    assert_int_equal(count_trainable(dnn), fc2 + 16);
    /* A pattern that fails changes nothing, its good part too. */
    assert_fails(dnnb_dnn_set_trainable(dnn, "conv1,con2", true), DNNB_ERR_ARGUMENT, "conv1");
    assert_fails(dnnb_dnn_set_trainable(dnn, "conv1_relu", true), DNNB_ERR_ARGUMENT, "ReLU");
    assert_fails(dnnb_dnn_set_trainable(dnn, ",", true), DNNB_ERR_ARGUMENT, "nothing");
    assert_int_equal(count_trainable(dnn), fc2 + 16);
    dnnb_dnn_destroy(dnn);
}

static void test_dnn_dnn__a_new_head_is_trainable(void **state) {
    (void)state;
    dnnb_dnn *dnn = tiny_create(0, 2);
    assert_ok(dnnb_dnn_set_trainable(dnn, "all", false));
    assert_ok(dnnb_dnn_replace_head(dnn, 3));
    assert_int_equal(count_trainable(dnn), 16 * 3 + 3);
    dnnb_dnn_destroy(dnn);
}

static void test_dnn_dnn__layers_have_shapes_and_counts(void **state) {
    (void)state;
    dnnb_dnn *dnn = tiny_create(0, 2);
    dnnb_layer_info layer;
    assert_int_equal(dnnb_dnn_get_n_layers(dnn), 8);
    assert_ok(dnnb_dnn_find_layer(dnn, "fc1", &layer));
    assert_string_equal(layer.path, "classifier.1");
    assert_string_equal(layer.type, "Linear");
    assert_int_equal(layer.n_inputs, 128);
    assert_int_equal(layer.n_parameters, 128 * 16 + 16);
    assert_int_equal(layer.macs, 128 * 16);
    assert_int_equal(layer.output.dim[0], 16);
    assert_fails(dnnb_dnn_find_layer(dnn, "fc7", &layer), DNNB_ERR_ARGUMENT, "fc");
    assert_fails(dnnb_dnn_find_layer(dnn, "", &layer), DNNB_ERR_ARGUMENT, "Tiny");
    dnnb_dnn_destroy(dnn);
}

static void add_tensor(dnnb_dict *dict, const char *name, int64_t rows, int64_t columns) {
    dnnb_tensor *tensor;
    dnnb_shape shape = {.dim = {rows, columns}, .ndim = columns ? 2 : 1};
    assert_ok(dnnb_tensor_create(&tensor, DNNB_F32, &shape));
    assert_ok(dnnb_dict_add(dict, name, tensor));
}

static void test_dnn_dnn__all_that_does_not_fit_is_told_at_once(void **state) {
    (void)state;
    dnnb_dnn *dnn = tiny_create(5, 2), *same = tiny_create(5, 2);
    dnnb_dict *dict;
    assert_ok(dnnb_dict_create(&dict));
    add_tensor(dict, "features.0.weight", 8, 27);
    add_tensor(dict, "features.0.bias", 8, 0);
    add_tensor(dict, "classifier.3.weight", 10, 16);
    for (int i = 0; i < 9; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "extra.%d", i);
        add_tensor(dict, name, 1, 0);
    }
    assert_fails(dnnb_dnn_set_state(dnn, dict), DNNB_ERR_SHAPE,
                 "3 missing (classifier.1.weight, classifier.1.bias, classifier.3.bias)");
    const char *message = dnnb_get_error();
    assert_non_null(strstr(message, "9 unexpected (extra.0, "));
    assert_non_null(strstr(message, " and 5 more)"));
    assert_non_null(strstr(message, "2 of another shape (features.0.weight: expected (8, 3, 3, 3), "
                                    "found (8, 27)"));
    assert_non_null(strstr(message, "classifier.3.weight: expected (2, 16), found (10, 16)"));
    assert_true(tiny_equal(dnn, same));
    dnnb_dict_destroy(dict);
    dnnb_dnn_destroy(dnn);
    dnnb_dnn_destroy(same);
}

static void test_dnn_dnn__state_goes_in_before_and_after_the_first_computation(void **state) {
    (void)state;
    dnnb_dnn *source = tiny_create(1, 2), *target = tiny_create(2, 2);
    dnnb_dict *dict;
    float image[3 * 16 * 16] = {0.5f}, expected[2], found[2];
    assert_ok(dnnb_dnn_get_state(source, &dict));
    assert_ok(dnnb_dnn_forward(source, image, 1, expected));
    assert_ok(dnnb_dnn_set_state(target, dict));
    assert_ok(dnnb_dnn_forward(target, image, 1, found));
    assert_memory_equal(expected, found, sizeof found);
    dnnb_dnn_destroy(target);
    target = tiny_create(2, 2);
    assert_ok(dnnb_dnn_forward(target, image, 1, found));
    assert_ok(dnnb_dnn_set_state(target, dict));
    assert_true(tiny_equal(source, target));
    assert_ok(dnnb_dnn_forward(target, image, 1, found));
    assert_memory_equal(expected, found, sizeof found);
    dnnb_dict_destroy(dict);
    dnnb_dnn_destroy(source);
    dnnb_dnn_destroy(target);
}

static dnnb_status use_everything(void) {
    dnnb_dnn *dnn;
    dnnb_dict *dict = NULL;
    float image[3 * 16 * 16] = {0.5f}, outputs[5];
    /* ref: an engine may have another way that needs less memory, and then nothing fails. */
    dnnb_dnn_options options = {.engine = "ref"};
    DNNB_TRY(dnnb__dnn_create_from_model(&dnn, &tiny_model, &options));
    dnnb_status status = dnnb_dnn_forward(dnn, image, 1, outputs);
    if (status == DNNB_OK) status = dnnb_dnn_replace_head(dnn, 3);
    if (status == DNNB_OK) status = dnnb_dnn_set_trainable(dnn, "conv1", false);
    if (status == DNNB_OK) status = dnnb_dnn_forward(dnn, image, 1, outputs);
    if (status == DNNB_OK) status = dnnb_dnn_get_state(dnn, &dict);
    if (status == DNNB_OK) status = dnnb_dnn_set_state(dnn, dict);
    dnnb_dict_destroy(dict);
    dnnb_dnn_destroy(dnn);
    return status;
}

static void test_dnn_dnn__running_out_of_memory_anywhere_is_an_error(void **state) {
    (void)state;
    uint64_t before = dnnb__mem_get_count();
    assert_ok(use_everything());
    uint64_t n = dnnb__mem_get_count() - before;
    for (uint64_t i = 1; i <= n; i++) {
        dnnb__mem_fail_at(i);
        dnnb_status status = use_everything();
        dnnb__mem_fail_at(0);
        if (status != DNNB_ERR_MEMORY)
            fail_msg("allocation %u of %u: status %s", (unsigned)i, (unsigned)n,
                     dnnb_status_get_name(status));
    }
}

/* An engine whose second operation has no good kernel. */
static size_t count_ops(const dnnb__plan *plan) {
    (void)plan;
    return 3;
}

static dnnb__plan_op get_op(const dnnb__plan *plan, size_t i) {
    (void)plan;
    static const char *const layers[] = {"features.0", "classifier.1.weight", "classifier.3"};
    return (dnnb__plan_op){.layer = layers[i],
                           .pass = "backward weights",
                           .implementation = "ref:any",
                           .is_slow = i > 0};
}

static void test_dnn_dnn__the_first_slow_operation_is_noted(void **state) {
    (void)state;
    static const dnnb__engine engine = {.plan_get_n_ops = count_ops, .plan_get_op = get_op};
    dnnb__plan plan = {.engine = &engine};
    dnnb_dnn *dnn = tiny_create(7, 2);
    float image[3 * 16 * 16] = {0.25f}, outputs[2];
    assert_ok(dnnb_dnn_forward(dnn, image, 1, outputs));
    assert_string_equal(dnn->slow_op, ""); /* oneDNN has kernels for all of this network */
    dnnb__dnn_note_slow(dnn, &plan);
    assert_string_equal(dnn->slow_op, "fc1: backward weights by ref:any");
    dnnb_dnn_destroy(dnn);
}

typedef struct seen {
    size_t n_ops, n_backward, n_of_fc2;
    double conv_flops, fc2_bytes;
} seen;

static void see_op(void *context, const dnnb_plan_op *op) {
    seen *s = context;
    bool is_forward = strcmp(op->pass, "forward") == 0;
    s->n_ops++;
    s->n_backward += strncmp(op->pass, "backward", 8) == 0;
    assert_false(op->is_slow);
    assert_true(op->bytes > 0);
    if (strcmp(op->path, "features.0") == 0 && is_forward) {
        assert_string_equal(op->name, "conv1");
        s->conv_flops += op->flops;
    }
    if (strcmp(op->name, "fc2") == 0 && is_forward) {
        s->n_of_fc2++;
        s->fc2_bytes += op->bytes;
    }
}

static void test_dnn_dnn__a_plan_tells_its_operations(void **state) {
    (void)state;
    dnnb_dnn *dnn = tiny_create(7, 2);
    seen train = {0}, test = {0};
    assert_ok(dnnb_dnn_list_plan(dnn, DNNB_PLAN_TRAIN, 4, see_op, &train));
    assert_ok(dnnb_dnn_list_plan(dnn, DNNB_PLAN_TEST, 4, see_op, &test));
    assert_true(train.n_backward >= 4); /* of three layers with parameters: weights, two of data */
    assert_int_equal(test.n_backward, 0);
    assert_true(test.n_ops < train.n_ops);
    /* 8 channels of 8 x 8 outputs, 27 products and sums each, 4 images. */
    assert_true(test.conv_flops == 2.0 * 8 * 64 * 27 * 4);
    assert_int_equal(test.n_of_fc2, 1);
    /* Activations of 16 and 2 a row, weights and biases. Layouts may pad. */
    assert_true(test.fc2_bytes >= 4.0 * (4 * 16 + 4 * 2 + 2 * 16 + 2));
    assert_fails(dnnb_dnn_list_plan(dnn, DNNB_PLAN_TEST, 0, see_op, &test), DNNB_ERR_ARGUMENT,
                 "batch");
    dnnb_dnn_destroy(dnn);
}

/* Linear layers whose weights are saved in two parts where own kernels keep them. */
static void test_dnn_dnn__what_is_saved_is_the_state(void **state) {
    (void)state;
    tiny_folder folder = tiny_folder_create();
    tiny_path path = tiny_join(&folder, "net.safetensors");
    dnnb_dnn *dnn;
    dnnb_dict *of_net, *of_file;
    float image[3 * 64 * 64] = {0.25f}, outputs[200];
    assert_ok(dnnb_dnn_create(&dnn, "alexnet-mini", NULL));
    assert_ok(dnnb_dnn_forward(dnn, image, 1, outputs));
    assert_non_null(dnn->net); /* which has them in layouts of its own */
    assert_ok(dnnb_dnn_get_state(dnn, &of_net));
    assert_ok(dnnb_dnn_save(dnn, path.text));
    assert_ok(dnnb_dict_load(&of_file, path.text));
    assert_int_equal(dnnb_dict_get_count(of_file), dnnb_dict_get_count(of_net));
    for (size_t i = 0; i < dnnb_dict_get_count(of_net); i++) {
        const dnnb_tensor *a = dnnb_dict_get_tensor(of_net, i);
        const dnnb_tensor *b = dnnb_dict_find(of_file, dnnb_dict_get_name(of_net, i));
        assert_non_null(b);
        assert_int_equal(dnnb_tensor_get_count(a), dnnb_tensor_get_count(b));
        assert_memory_equal(dnnb_tensor_get_data(a), dnnb_tensor_get_data(b),
                            dnnb_tensor_get_count(a) * sizeof(float));
    }
    dnnb_dict_destroy(of_net);
    dnnb_dict_destroy(of_file);
    dnnb_dnn_destroy(dnn);
    tiny_folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dnn_dnn__what_is_saved_is_the_state),
        cmocka_unit_test(test_dnn_dnn__names_are_taken_in_any_case),
        cmocka_unit_test(test_dnn_dnn__initial_values_follow_the_seed_and_the_path_alone),
        cmocka_unit_test(test_dnn_dnn__computing_moves_no_bit_of_the_parameters),
        cmocka_unit_test(test_dnn_dnn__forward_takes_any_number_of_images),
        cmocka_unit_test(test_dnn_dnn__heads_are_limited),
        cmocka_unit_test(test_dnn_dnn__patterns_freeze),
        cmocka_unit_test(test_dnn_dnn__a_new_head_is_trainable),
        cmocka_unit_test(test_dnn_dnn__layers_have_shapes_and_counts),
        cmocka_unit_test(test_dnn_dnn__all_that_does_not_fit_is_told_at_once),
        cmocka_unit_test(test_dnn_dnn__state_goes_in_before_and_after_the_first_computation),
        cmocka_unit_test(test_dnn_dnn__the_first_slow_operation_is_noted),
        cmocka_unit_test(test_dnn_dnn__a_plan_tells_its_operations),
        cmocka_unit_test(test_dnn_dnn__running_out_of_memory_anywhere_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
