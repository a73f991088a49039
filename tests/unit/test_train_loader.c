/* The loader: order, crops, what is kept, failures; no result depends on the workers. */
#include "unit/unit.h"

#include "train/loader.h"
#include "unit/jpeg_file.h"
#include "unit/tiny.h"

enum { N = 23, SIDE = 16, N_FLOATS = 3 * SIDE * SIDE };

typedef struct fixture {
    tiny_folder folder;
    dnnb_stimulus *stim;
    dnnb_train_options options;
} fixture;

static fixture fixture_create(void) {
    fixture f = {.folder = tiny_folder_create(),
                 .options = (dnnb_train_options)DNNB_TRAIN_OPTIONS_INIT};
    f.stim = tiny_write_set(&f.folder, "train.stim.csv", N, 0);
    /* Some are JPEGs, which are decoded in part where they are not kept. */
    static const jpeg_kind kinds[] = {{"4:2:0", 3, 2, 2, false, 0}, {"4:2:2", 3, 2, 1, true, 0}};
    for (size_t i = 0; i < N; i += 4)
        jpeg_write(dnnb_stimulus_get_path(f.stim, i), &kinds[i / 4 % 2], 90 + (unsigned)i, 70);
    return f;
}

static void fixture_destroy(fixture *f) {
    dnnb_stimulus_destroy(f->stim);
    tiny_folder_remove(&f->folder);
}

static dnnb__loader *create_loader(dnnb__budget *budget, size_t n_workers) {
    dnnb__loader *loader;
    dnnb__loader_options options = {.width_px = SIDE,
                                    .height_px = SIDE,
                                    .layout = dnnb__image_layout_plain(3, SIDE, SIDE),
                                    .max_batch = 8,
                                    .n_workers = n_workers,
                                    .decode = DNNB_DECODE_OPTIONS_INIT,
                                    .budget = budget};
    assert_ok(dnnb__loader_create(&loader, &options));
    return loader;
}

/* All images of two epochs, in the order of the batches. */
static float *load_epochs(const fixture *f, size_t n_workers, size_t cache_bytes, bool augment) {
    float *images = dnnb__alloc(2 * N * N_FLOATS, sizeof *images);
    size_t n_loaded = 0;
    dnnb__set *set;
    dnnb__budget budget;
    dnnb__budget_init(&budget, cache_bytes);
    assert_ok(dnnb__set_create(&set, f->stim, &f->options, true, 2));
    dnnb__loader *loader = create_loader(&budget, n_workers);
    for (size_t epoch = 0; epoch < 2; epoch++) {
        size_t n = dnnb__set_fill_shuffled(set, 3, epoch);
        dnnb__pass pass = {.set = set,
                           .order = set->order,
                           .n = n,
                           .batch = 8,
                           .augment = augment,
                           .crop_scale = DNNB_CROP_SCALE,
                           .keep = true,
                           .seed = 3,
                           .epoch = epoch};
        dnnb__loader_start(loader, &pass);
        for (;;) {
            dnnb__batch batch;
            assert_ok(dnnb__loader_next(loader, &batch));
            if (batch.n_planned == 0) break;
            assert_int_equal(batch.n, n_loaded % N == 16 ? 7 : 8);
            memcpy(images + n_loaded * N_FLOATS, batch.images, batch.n * N_FLOATS * sizeof *images);
            n_loaded += batch.n;
        }
    }
    assert_int_equal(n_loaded, 2 * N);
    dnnb__loader_destroy(loader);
    dnnb__set_destroy(set);
    return images;
}

static void test_train_loader__no_result_depends_on_workers_or_memory(void **state) {
    (void)state;
    fixture f = fixture_create();
    for (int augment = 0; augment < 2; augment++) {
        float *expected = load_epochs(&f, 1, 0, augment);
        static const struct {
            size_t n_workers, cache_bytes;
        } rows[] = {{1, SIZE_MAX}, {2, 0}, {5, 50000}, {3, SIZE_MAX}};
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            float *found = load_epochs(&f, rows[i].n_workers, rows[i].cache_bytes, augment);
            assert_memory_equal(found, expected, 2 * N * N_FLOATS * sizeof *found);
            dnnb__free(found);
        }
        dnnb__free(expected);
    }
    fixture_destroy(&f);
}

/* The same by the public calls of image.h. */
static void check_image(const fixture *f, size_t row, size_t epoch, bool augment,
                        const float *found) {
    dnnb_image image, resized;
    dnnb_box box;
    bool flip = false;
    float expected[N_FLOATS];
    assert_ok(dnnb_image_load(&image, dnnb_stimulus_get_path(f->stim, row), NULL));
    if (augment)
        dnnb_augment_draw(3, epoch, row, image.width_px, image.height_px, DNNB_CROP_SCALE, &box,
                          &flip);
    assert_ok(dnnb_image_resize(&resized, &image, augment ? &box : NULL, SIDE, SIDE));
    if (flip) dnnb_image_flip(&resized);
    dnnb_image_normalize(&resized, dnnb_imagenet_mean, dnnb_imagenet_std, expected);
    assert_memory_equal(found, expected, sizeof expected);
    dnnb_image_clear(&image);
    dnnb_image_clear(&resized);
}

static void test_train_loader__images_are_those_of_the_public_calls(void **state) {
    (void)state;
    fixture f = fixture_create();
    uint64_t order[N];
    for (int augment = 0; augment < 2; augment++) {
        float *images = load_epochs(&f, 2, SIZE_MAX, augment);
        for (size_t epoch = 0; epoch < 2; epoch++) {
            dnnb__random_key key = dnnb__random_key_create(3, DNNB__PURPOSE_SHUFFLE);
            dnnb__random_permutation(key, (uint32_t)epoch, order, N);
            for (size_t i = 0; i < N; i++)
                check_image(&f, (size_t)order[i], epoch, augment,
                            images + (epoch * N + i) * N_FLOATS);
        }
        dnnb__free(images);
    }
    fixture_destroy(&f);
}

static void damage(const fixture *f, const char *name) {
    tiny_damage(&f->folder, name);
}

static void test_train_loader__the_first_bad_row_ends_the_pass_with_file_and_line(void **state) {
    (void)state;
    fixture f = fixture_create();
    damage(&f, "12.bmp");
    damage(&f, "10.bmp");
    dnnb__set *set;
    dnnb__batch batch;
    dnnb__budget budget;
    dnnb__budget_init(&budget, 0);
    assert_ok(dnnb__set_create(&set, f.stim, &f.options, true, 2));
    for (size_t n_workers = 1; n_workers <= 4; n_workers++) {
        dnnb__loader *loader = create_loader(&budget, n_workers);
        dnnb__pass pass = {
            .set = set, .order = set->order, .n = dnnb__set_fill_order(set), .batch = 8};
        dnnb__loader_start(loader, &pass);
        assert_ok(dnnb__loader_next(loader, &batch));
        /* Row 10 stands on line 14: three lines of header before row 0 on line 4. */
        dnnb_status status = dnnb__loader_next(loader, &batch);
        assert_int_equal(status, DNNB_ERR_FORMAT);
        assert_non_null(strstr(dnnb_get_error(), "train.stim.csv:14: 10.bmp: "));
        dnnb__loader_destroy(loader);
    }
    dnnb__set_destroy(set);
    fixture_destroy(&f);
}

static void test_train_loader__bad_rows_are_dropped_and_a_pass_may_be_left_early(void **state) {
    (void)state;
    fixture f = fixture_create();
    damage(&f, "3.bmp");
    dnnb__set *set;
    dnnb__batch batch;
    dnnb__budget budget;
    dnnb__budget_init(&budget, 0);
    assert_ok(dnnb__set_create(&set, f.stim, &f.options, true, 2));
    dnnb__loader *loader = create_loader(&budget, 3);
    dnnb__pass pass = {.set = set, .order = set->order, .n = dnnb__set_fill_order(set), .batch = 8};
    for (int i = 0; i < 20; i++) {
        dnnb__loader_start(loader, &pass);
        assert_int_equal(dnnb__loader_next(loader, &batch), DNNB_ERR_FORMAT);
        assert_int_equal(batch.n_planned, 8);
        for (size_t k = 0; k < batch.n_planned; k++) {
            assert_int_equal(batch.statuses[k], k == 3 ? DNNB_ERR_FORMAT : DNNB_OK);
            assert_true((batch.messages[k] != NULL) == (k == 3));
        }
        dnnb__loader_drop_failed(loader, &batch);
        assert_int_equal(batch.n, 7);
        for (size_t k = 0; k < batch.n; k++) {
            assert_int_equal(batch.rows[k], k < 3 ? k : k + 1);
            check_image(&f, (size_t)batch.rows[k], 0, false,
                        (const float *)batch.images + k * N_FLOATS);
        }
        for (size_t k = 0; k < 8; k++) assert_true((set->sound[k] != 0) == (k != 3));
    }
    dnnb__loader_destroy(loader);
    dnnb__set_destroy(set);
    fixture_destroy(&f);
}

/* All rows in order, with random crops. */
static dnnb__pass create_pass(dnnb__set *set, bool keep, uint64_t epoch) {
    return (dnnb__pass){.set = set,
                        .order = set->order,
                        .n = dnnb__set_fill_order(set),
                        .batch = 8,
                        .augment = true,
                        .crop_scale = DNNB_CROP_SCALE,
                        .keep = keep,
                        .seed = 3,
                        .epoch = epoch};
}

/* Such a pass; the status of its first batch. */
static dnnb_status load_cropped(dnnb__loader *loader, dnnb__set *set, uint64_t epoch) {
    dnnb__batch batch;
    dnnb__pass pass = create_pass(set, false, epoch);
    dnnb__loader_start(loader, &pass);
    dnnb_status status = dnnb__loader_next(loader, &batch);
    while (batch.n_planned > 0) assert_ok(dnnb__loader_next(loader, &batch));
    return status;
}

/* Of a JPEG that was sound, later passes read no more than they need: of the same bytes only. */
static void test_train_loader__a_file_that_turns_bad_is_found_wherever_it_is_cut(void **state) {
    (void)state;
    fixture f = fixture_create();
    const char *path = dnnb_stimulus_get_path(f.stim, 0);
    dnnb__set *set;
    dnnb__budget budget;
    char *bytes;
    size_t n_bytes;
    dnnb__budget_init(&budget, 0);
    assert_ok(dnnb__set_create(&set, f.stim, &f.options, true, 2));
    dnnb__loader *loader = create_loader(&budget, 2);
    for (uint64_t epoch = 0; epoch < 4; epoch++) assert_ok(load_cropped(loader, set, epoch));
    assert_ok(dnnb__file_read(&bytes, &n_bytes, path, 1 << 20));
    assert_ok(dnnb__file_write(path, bytes, n_bytes - 100));
    for (uint64_t epoch = 4; epoch < 12; epoch++)
        assert_int_equal(load_cropped(loader, set, epoch), DNNB_ERR_FORMAT);
    assert_ok(dnnb__file_write(path, bytes, n_bytes));
    for (uint64_t epoch = 12; epoch < 14; epoch++) assert_ok(load_cropped(loader, set, epoch));
    dnnb__free(bytes);
    dnnb__loader_destroy(loader);
    dnnb__set_destroy(set);
    fixture_destroy(&f);
}

static void test_train_loader__a_warm_pass_allocates_nothing(void **state) {
    (void)state;
    fixture f = fixture_create();
    dnnb__set *set;
    dnnb__batch batch;
    dnnb__budget budget;
    assert_ok(dnnb__set_create(&set, f.stim, &f.options, true, 2));
    for (size_t i = 0; i < 2; i++) {
        dnnb__budget_init(&budget, i ? (size_t)1 << 24 : 0);
        dnnb__loader *loader = create_loader(&budget, 1);
        uint64_t count = 0;
        for (size_t epoch = 0; epoch < 4; epoch++) {
            dnnb__pass pass = create_pass(set, true, epoch % 2);
            if (epoch == 2) count = dnnb__mem_get_count();
            dnnb__loader_start(loader, &pass);
            do assert_ok(dnnb__loader_next(loader, &batch));
            while (batch.n_planned > 0);
        }
        assert_int_equal(dnnb__mem_get_count(), count);
        dnnb__loader_destroy(loader);
    }
    dnnb__set_destroy(set);
    fixture_destroy(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_train_loader__no_result_depends_on_workers_or_memory),
        cmocka_unit_test(test_train_loader__images_are_those_of_the_public_calls),
        cmocka_unit_test(test_train_loader__the_first_bad_row_ends_the_pass_with_file_and_line),
        cmocka_unit_test(test_train_loader__bad_rows_are_dropped_and_a_pass_may_be_left_early),
        cmocka_unit_test(test_train_loader__a_file_that_turns_bad_is_found_wherever_it_is_cut),
        cmocka_unit_test(test_train_loader__a_warm_pass_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
