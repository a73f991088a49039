/* The library's parts as a C programmer meets them: public headers and the shared library alone. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <dnnbrain/dnnbrain.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        if ((call) != DNNB_OK) fail_msg("%s: %s", #call, dnnb_get_error());                        \
    } while (0)

static char folder[] = "/tmp/dnnbrain-api-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static const char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int remove_folder(void **state) {
    static const char *const names[] = {"t.pth", "t.safetensors", "t.npz",
                                        "h.pkl", "h.json",        "loss.svg"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) (void)remove(in_folder(names[i]));
    return rmdir(folder);
}

static void test_parts__a_layer_tells_its_shape(void **state) {
    (void)state;
    dnnb_dnn *dnn;
    dnnb_layer_info layer;
    int64_t n_trainable, n_all;
    assert_ok(dnnb_dnn_create(&dnn, "alexnet", NULL));
    assert_string_equal(dnnb_dnn_get_name(dnn), "AlexNet");
    assert_ok(dnnb_dnn_find_layer(dnn, "fc3", &layer));
    assert_string_equal(layer.path, "classifier.6");
    assert_int_equal(layer.n_inputs, 4096); /* dnn.model.classifier[6].in_features */
    assert_int_equal(layer.output.dim[0], 1000);
    assert_ok(dnnb_dnn_find_layer(dnn, "features.0", &layer));
    assert_string_equal(layer.name, "conv1");
    assert_int_equal(layer.output.ndim, 3);
    assert_int_equal(layer.output.dim[0], 64);
    assert_int_equal(layer.output.dim[1], 55);
    assert_int_equal(layer.macs, (int64_t)64 * 55 * 55 * 3 * 11 * 11);

    assert_ok(dnnb_dnn_set_trainable(dnn, "backbone", false));
    assert_ok(dnnb_dnn_replace_head(dnn, 2));
    dnnb_dnn_count_parameters(dnn, &n_trainable, &n_all);
    assert_int_equal(n_trainable, 2 * 4096 + 2);
    assert_int_equal(n_all,
                     57012034); /* torchvision's alexnet with classifier[6] = Linear(4096, 2) */
    assert_int_equal(dnnb_dnn_set_trainable(dnn, "conf1", true), DNNB_ERR_ARGUMENT);
    assert_non_null(strstr(dnnb_get_error(), "conv1"));
    dnnb_dnn_destroy(dnn);
}

static void test_parts__an_unknown_network_names_the_nearest(void **state) {
    (void)state;
    dnnb_dnn *dnn;
    assert_int_equal(dnnb_dnn_create(&dnn, "alxnet", NULL), DNNB_ERR_ARGUMENT);
    assert_null(dnn);
    assert_non_null(strstr(dnnb_get_error(), "AlexNet"));
}

static void test_parts__a_dict_goes_through_each_format(void **state) {
    (void)state;
    static const char *const names[] = {"t.pth", "t.safetensors", "t.npz"};
    const dnnb_shape shape = {.dim = {2, 3}, .ndim = 2};
    dnnb_dict *dict, *back;
    dnnb_tensor *t;
    assert_ok(dnnb_dict_create(&dict));
    assert_ok(dnnb_tensor_create(&t, DNNB_F32, &shape));
    float *values = dnnb_tensor_get_writable(t), read[6];
    for (size_t i = 0; i < 6; i++) values[i] = (float)i * 0.1f;
    assert_ok(dnnb_dict_add(dict, "fc.weight", t));
    for (size_t i = 0; i < 3; i++) {
        assert_ok(dnnb_dict_save(dict, in_folder(names[i])));
        assert_ok(dnnb_dict_load(&back, in_folder(names[i])));
        assert_int_equal(dnnb_dict_get_count(back), 1);
        const dnnb_tensor *found = dnnb_dict_find(back, "fc.weight");
        assert_non_null(found);
        assert_int_equal(dnnb_tensor_get_shape(found)->dim[1], 3);
        assert_ok(dnnb_tensor_read_f32(found, read, 6));
        assert_memory_equal(read, values, sizeof read); /* stored, so exact */
        dnnb_dict_destroy(back);
    }
    dnnb_dict_destroy(dict);
}

static void test_parts__a_history_is_kept_and_plotted(void **state) {
    (void)state;
    static const char *const names[] = {"h.pkl", "h.json"};
    const double losses[] = {0.7, 0.6};
    dnnb_history *history, *back;
    assert_ok(dnnb_history_create(&history));
    for (size_t i = 0; i < 3; i++) {
        dnnb_epoch epoch = {.step_loss = losses,
                            .n_steps = 2,
                            .epoch_loss = 0.65,
                            .score_train = DNNB_NAN,
                            .score_validation = 0.5 + 0.1 * (double)i,
                            .learning_rate = 1e-3,
                            .seconds = 1,
                            .images_per_second = 64};
        assert_ok(dnnb_history_add(history, &epoch));
    }
    assert_ok(dnnb_history_save_pickle(history, in_folder(names[0])));
    assert_ok(dnnb_history_save_json(history, in_folder(names[1])));
    for (size_t i = 0; i < 2; i++) {
        assert_ok(dnnb_history_load(&back, in_folder(names[i])));
        assert_int_equal(dnnb_history_get_count(back), 3);
        assert_true(dnnb_history_get_epoch(back, 2)->score_validation == 0.5 + 0.1 * 2.0);
        assert_true(dnnb_history_get_epoch(back, 1)->step_loss[1] == 0.6);
        dnnb_history_destroy(back);
    }
    assert_ok(dnnb_plot_epoch_loss(history, in_folder("loss.svg")));
    assert_int_equal(dnnb_plot_epoch_loss(history, in_folder("loss.bmp")), DNNB_ERR_ARGUMENT);
    dnnb_history_destroy(history);
}

static void test_parts__transforms_work_by_themselves(void **state) {
    (void)state;
    uint8_t grey[4 * 4 * 3];
    float out[3 * 2 * 2];
    memset(grey, 255, sizeof grey);
    dnnb_image image = {.pixels = grey, .width_px = 4, .height_px = 4}, small;
    assert_ok(dnnb_image_resize(&small, &image, NULL, 2, 2));
    dnnb_image_normalize(&small, dnnb_imagenet_mean, dnnb_imagenet_std, out);
    assert_true(out[0] == (1.0f - 0.485f) / 0.229f); /* white stays white */
    dnnb_image_clear(&small);
    for (uint64_t i = 0; i < 100; i++) {
        dnnb_box box;
        bool flip;
        dnnb_augment_draw(1, 0, i, 40, 30, DNNB_CROP_SCALE, &box, &flip);
        assert_true(box.left_px >= 0 && box.left_px + box.width_px <= 40 && box.top_px >= 0 &&
                    box.top_px + box.height_px <= 30);
    }
    dnnb_schedule_options cosine = DNNB_SCHEDULE_OPTIONS_INIT;
    cosine.name = "cosine";
    assert_true(dnnb_schedule_get_factor(&cosine, 10, 4, 0, 0) == 1.0);
    assert_float_equal(dnnb_schedule_get_factor(&cosine, 10, 4, 5, 0), 0.5, 1e-15);
}

static void count_op(void *context, const dnnb_bench_op *op) {
    if (op->flops > 0) (*(size_t *)context)++;
}

static void test_parts__a_step_can_be_timed(void **state) {
    (void)state;
    dnnb_dnn *dnn;
    double seconds[1] = {0};
    size_t n_ops = 0;
    assert_ok(dnnb_dnn_create(&dnn, "alexnet", NULL));
    assert_ok(dnnb_bench_step(dnn, DNNB_BENCH_TEST, NULL, 1, seconds, 1, count_op, &n_ops));
    assert_true(seconds[0] > 0);
    assert_true(n_ops >= 8); /* five convolutions and three linear layers */
    dnnb_dnn_destroy(dnn);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts__a_layer_tells_its_shape),
        cmocka_unit_test(test_parts__an_unknown_network_names_the_nearest),
        cmocka_unit_test(test_parts__a_dict_goes_through_each_format),
        cmocka_unit_test(test_parts__a_history_is_kept_and_plotted),
        cmocka_unit_test(test_parts__transforms_work_by_themselves),
        cmocka_unit_test(test_parts__a_step_can_be_timed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
