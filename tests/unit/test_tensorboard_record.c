/* Records of event files against the bytes that TensorBoard's own writer makes. */
#include "unit/unit.h"

#include <math.h>

#include "tensorboard/tensorboard.h"

enum { CAP_BYTES = 1 << 20 };

/* Each expected text is the hex of tensorboard.summary.writer.record_writer.RecordWriter (2.21) on
 * the Event that stands above it. */
static void assert_record(dnnb__buf *out, const char *expected) {
    assert_ok(dnnb__buf_get_status(out));
    assert_int_equal(2 * out->n_bytes, strlen(expected));
    for (size_t i = 0; i < out->n_bytes; i++) {
        char hex[3];
        (void)snprintf(hex, sizeof hex, "%02x", (unsigned char)out->data[i]);
        if (strncmp(hex, expected + 2 * i, 2) != 0)
            fail_msg("byte %zu: %s, expected %.2s", i, hex, expected + 2 * i);
    }
    out->n_bytes = 0;
}

static void test_tensorboard_record__has_the_bytes_of_tensorboards_own_writer(void **state) {
    (void)state;
    dnnb__buf out;
    dnnb__buf_init(&out, CAP_BYTES);
    /* Event(wall_time=1.7e9, file_version="brain.Event:2") */
    dnnb__tensorboard_add_version(&out, 1.7e9);
    assert_record(&out, "1800000000000000a37f4b220900000040fc54d9411a0d627261696e2e4576656e743a32"
                        "eced8f9d");
    /* Event(wall_time=1.7e9, step=7, summary=Summary(value=[
     *     Summary.Value(tag="loss/step", simple_value=0.1)])) */
    dnnb__tensorboard_add_scalar(&out, 1.7e9, 7, "loss/step", 0.1);
    assert_record(&out, "1f00000000000000514b44180900000040fc54d94110072a120a100a096c6f73732f7374"
                        "657015cdcccc3df1eee510");
    /* Event(wall_time=1.7e9, session_log=SessionLog(status=SessionLog.START)) */
    dnnb__tensorboard_add_restart(&out, 1.7e9, 0);
    assert_record(&out, "0d000000000000003c37b8340900000040fc54d9413a020801b7a36b29");
    /* Event(wall_time=1.7e9, step=3, summary=Summary(value=[Summary.Value(tag="m", image=
     *     Summary.Image(height=5, width=4, colorspace=3, encoded_image_string=b"PNG\0"))])) */
    dnnb__tensorboard_image image = {
        .png = "PNG", .n_bytes = sizeof "PNG", .width_px = 4, .height_px = 5};
    dnnb__tensorboard_add_image(&out, 1.7e9, 3, "m", &image);
    assert_record(&out, "200000000000000029eda9500900000040fc54d94110032a130a110a016d220c08051004"
                        "18032204504e4700e3250d45");
    /* Event(wall_time=1.7e9, summary=Summary(value=[Summary.Value(tag="config",
     *     metadata=SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text")),
     *     tensor=TensorProto(dtype=DT_STRING, tensor_shape=TensorShapeProto(),
     *                        string_val=[b"# a"]))])) */
    dnnb__tensorboard_add_text(&out, 1.7e9, 0, "config", "# a", 3);
    assert_record(&out, "2a00000000000000ae8d91f50900000040fc54d9412a1f0a1d0a06636f6e666967420908"
                        "07120042032320614a080a060a0474657874828b04c3");
    dnnb__buf_destroy(&out);
}

static void test_tensorboard_record__a_number_that_is_none_is_left_out(void **state) {
    (void)state;
    dnnb__buf out;
    dnnb__buf_init(&out, CAP_BYTES);
    dnnb__tensorboard_add_scalar(&out, 1.7e9, 1, "score/train", (double)NAN);
    assert_int_equal(out.n_bytes, 0);
    dnnb__tensorboard_add_scalar(&out, 1.7e9, 1, "score/train", (double)INFINITY);
    assert_true(out.n_bytes > 0);
    dnnb__buf_destroy(&out);
}

static void test_tensorboard_record__without_room_no_part_of_it_is_appended(void **state) {
    (void)state;
    for (size_t cap = 0; cap < 120; cap++) {
        dnnb__buf out;
        dnnb__buf_init(&out, cap);
        dnnb__tensorboard_add_version(&out, 1.7e9);
        size_t n_first = out.n_bytes;
        dnnb__tensorboard_add_scalar(&out, 1.7e9, 1, "loss/step", 1);
        assert_int_equal(n_first, cap < 40 ? 0 : 40);
        assert_int_equal(out.n_bytes, cap < 40 ? 0 : cap < 40 + 47 ? 40 : 40 + 47);
        assert_int_equal(out.status, cap < 40 + 47 ? DNNB_ERR_LIMIT : DNNB_OK);
        dnnb__buf_destroy(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tensorboard_record__has_the_bytes_of_tensorboards_own_writer),
        cmocka_unit_test(test_tensorboard_record__a_number_that_is_none_is_left_out),
        cmocka_unit_test(test_tensorboard_record__without_room_no_part_of_it_is_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
