/*
 * A tiny network, and pictures that it can learn, for tests of dnn, train and run.
 *
 * The network has every kind of layer that AlexNet has, on images of 16 x 16. Pictures of class 0
 * are reddish, those of class 1 bluish, each with noise of its own, as BMP files.
 */
#ifndef DNNB_TESTS_TINY_H
#define DNNB_TESTS_TINY_H

#include <ftw.h>
#include <math.h>
#include <unistd.h>

#include "core/file.h"
#include "core/random.h"
#include "dnn/dnn.h"
#include "dnnbrain/stimulus.h"

/** cmocka compares in float32 only. */
#define assert_close(a, b, tolerance)                                                              \
    do {                                                                                           \
        double a_ = (a), b_ = (b);                                                                 \
        if (!(fabs(a_ - b_) <= (tolerance))) fail_msg("%s: %.17g != %.17g", #a, a_, b_);           \
    } while (0)

static dnnb_status tiny_build(dnnb__graph *graph) {
    static const dnnb__layer_row rows[] = {
        {.path = "features.0",
         .name = "conv1",
         .kind = DNNB__LAYER_CONV2D,
         .attr.conv2d = {.out_channels = 8, .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}}},
        {.path = "features.1", .name = "conv1_relu", .kind = DNNB__LAYER_RELU},
        {.path = "features.2",
         .name = "conv1_maxpool",
         .kind = DNNB__LAYER_MAXPOOL2D,
         .attr.pool2d = {.kernel = {2, 2}, .stride = {2, 2}}},
        {.path = "flatten", .kind = DNNB__LAYER_FLATTEN},
        {.path = "classifier.0", .kind = DNNB__LAYER_DROPOUT, .attr.dropout = {.p = 0.5f}},
        {.path = "classifier.1",
         .name = "fc1",
         .kind = DNNB__LAYER_LINEAR,
         .attr.linear = {.out_features = 16}},
        {.path = "classifier.2", .name = "fc1_relu", .kind = DNNB__LAYER_RELU},
        {.path = "classifier.3",
         .name = "fc2",
         .kind = DNNB__LAYER_LINEAR,
         .attr.linear = {.out_features = 5}},
    };
    return dnnb__graph_add(graph, rows, sizeof rows / sizeof rows[0]);
}

static const dnnb__model tiny_model = {.name = "Tiny",
                                       .input = {.dim = {3, 16, 16}, .ndim = 3},
                                       .source = "this test",
                                       .build = tiny_build};

static inline dnnb_dnn *tiny_create_in(uint64_t seed, int64_t n_outputs, dnnb_precision precision) {
    dnnb_dnn *dnn;
    dnnb_dnn_options options = {.seed = seed, .n_threads = 1, .precision = precision};
    assert_ok(dnnb__dnn_create_from_model(&dnn, &tiny_model, &options));
    assert_ok(dnnb_dnn_replace_head(dnn, n_outputs));
    return dnn;
}

static inline dnnb_dnn *tiny_create(uint64_t seed, int64_t n_outputs) {
    return tiny_create_in(seed, n_outputs, DNNB_PRECISION_F32);
}

/** A folder of its own for a test, and the files put into it. */
typedef struct tiny_folder {
    char path[64];
} tiny_folder;

static inline tiny_folder tiny_folder_create(void) {
    tiny_folder f = {"/tmp/dnnb_test_XXXXXX"};
    assert_non_null(mkdtemp(f.path));
    return f;
}

static int tiny_remove(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void tiny_folder_remove(tiny_folder *f) {
    assert_int_equal(nftw(f->path, tiny_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

typedef struct tiny_path {
    char text[160];
} tiny_path;

static inline tiny_path tiny_join(const tiny_folder *f, const char *name) {
    tiny_path path;
    (void)snprintf(path.text, sizeof path.text, "%s/%s", f->path, name);
    return path;
}

/** A BMP of 24 bits, of the class's colour with noise, larger than the network's input. */
static inline void tiny_write_picture(const tiny_folder *f, const char *name, unsigned index,
                                      unsigned class) {
    enum { WIDTH = 24, HEIGHT = 20, N_BYTES = WIDTH * HEIGHT * 3 };
    uint8_t file[54 + N_BYTES] = {'B', 'M', 0, 0,     0, 0, 0, 0,      0, 0, 54, 0, 0, 0, 40,
                                  0,   0,   0, WIDTH, 0, 0, 0, HEIGHT, 0, 0, 0,  1, 0, 24};
    file[2] = sizeof file & 0xff;
    file[3] = sizeof file >> 8;
    dnnb__random_key key = dnnb__random_key_create(1, DNNB__PURPOSE_TEST);
    for (unsigned i = 0; i < N_BYTES; i++) {
        unsigned noise = dnnb__random_at(key, index, 0, i / 4).word[i % 4] % 80;
        bool bright = i % 3 == (class == 0 ? 2u : 0u); /* stored blue, green, red */
        file[54 + i] = (uint8_t)(noise + (bright ? 140 : 40));
    }
    assert_ok(dnnb__file_write(tiny_join(f, name).text, file, sizeof file));
}

/** Cut a picture in the middle of its pixels: its signature is right, and it cannot be decoded. */
static inline void tiny_damage(const tiny_folder *f, const char *name) {
    assert_int_equal(truncate(tiny_join(f, name).text, 200), 0);
}

/** n pictures of two classes in turn, and a CSV: label, condition, and the columns x and y. */
static inline dnnb_stimulus *tiny_write_set(const tiny_folder *f, const char *name, unsigned n,
                                            unsigned first) {
    dnnb__buf text;
    dnnb_stimulus *stim;
    dnnb__buf_init(&text, 1 << 20);
    dnnb__buf_printf(&text, "type=image\npath=%s\ndata=stimID,label,condition,x,y\n", f->path);
    for (unsigned i = first; i < first + n; i++) {
        char picture[32];
        (void)snprintf(picture, sizeof picture, "%u.bmp", i);
        tiny_write_picture(f, picture, i, i % 2);
        dnnb__buf_printf(&text, "%s,%u,%s,%g,%g\n", picture, i % 2, i % 2 ? "blue" : "red",
                         i % 2 ? 0.5 : -0.5, i % 2 ? -2.0 : 1.0);
    }
    tiny_path csv = tiny_join(f, name);
    assert_ok(dnnb__file_write(csv.text, text.data, text.n_bytes));
    dnnb__buf_destroy(&text);
    assert_ok(dnnb_stimulus_load(&stim, csv.text));
    return stim;
}

/** The named parameter's values; free with dnnb__free. */
static inline float *tiny_copy_param(dnnb_dnn *dnn, const char *path, size_t *n) {
    dnnb_dict *state;
    assert_ok(dnnb_dnn_get_state(dnn, &state));
    const dnnb_tensor *tensor = dnnb_dict_find(state, path);
    assert_non_null(tensor);
    *n = dnnb_tensor_get_count(tensor);
    float *values = dnnb__alloc(*n, sizeof *values);
    assert_ok(dnnb_tensor_read_f32(tensor, values, *n));
    dnnb_dict_destroy(state);
    return values;
}

/** All parameters have the same bits. */
static inline bool tiny_equal(dnnb_dnn *a, dnnb_dnn *b) {
    dnnb_dict *states[2];
    bool equal = true;
    assert_ok(dnnb_dnn_get_state(a, &states[0]));
    assert_ok(dnnb_dnn_get_state(b, &states[1]));
    assert_int_equal(dnnb_dict_get_count(states[0]), dnnb_dict_get_count(states[1]));
    for (size_t i = 0; i < dnnb_dict_get_count(states[0]); i++) {
        const dnnb_tensor *t[2] = {dnnb_dict_get_tensor(states[0], i),
                                   dnnb_dict_get_tensor(states[1], i)};
        size_t n = dnnb_tensor_get_count(t[0]);
        assert_int_equal(n, dnnb_tensor_get_count(t[1]));
        if (memcmp(dnnb_tensor_get_data(t[0]), dnnb_tensor_get_data(t[1]), n * 4) != 0)
            equal = false;
    }
    dnnb_dict_destroy(states[0]);
    dnnb_dict_destroy(states[1]);
    return equal;
}

#endif
