/* Loading and saving dicts in every format: bits, order, views, notes, and calls that fail. */
#include "unit/formats_files.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/io.h"

static const char *const endings[] = {".pth", ".pt", ".safetensors", ".npz"};
enum { N_ENDINGS = sizeof endings / sizeof endings[0] };

static char folder[] = "/tmp/dnnb-dict-file-XXXXXX";

static const char *path_of(const char *name, const char *ending) {
    static char path[128];
    (void)snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    return path;
}

/* Take every file of the folder away, and return how many there were. */
static size_t clear_folder(void) {
    size_t n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (e->d_name[0] == '.') continue;
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        assert_int_equal(unlink(path), 0);
        n++;
    }
    closedir(dir);
    return n;
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    (void)clear_folder();
    return rmdir(folder);
}

static void add(dnnb_dict *dict, const char *name, dnnb_dtype dtype, dnnb_shape shape) {
    dnnb_tensor *t;
    assert_ok(dnnb_tensor_create(&t, dtype, &shape));
    uint8_t *bytes = dnnb_tensor_get_writable(t);
    size_t n = dnnb__tensor_get_packed_bytes(t);
    for (size_t i = 0; i < n; i++)
        bytes[i] = dtype == DNNB_BOOL ? i & 1 : (uint8_t)(31 * i + (size_t)dtype);
    assert_ok(dnnb_dict_add(dict, name, t));
}

/* Each dtype that all formats have, each number of dimensions, and a transposed view. */
static dnnb_dict *make_dict(void) {
    dnnb_dict *dict;
    dnnb_tensor *t;
    assert_ok(dnnb_dict_create(&dict));
    add(dict, "bool", DNNB_BOOL, (dnnb_shape){{3}, 1});
    add(dict, "f32", DNNB_F32, (dnnb_shape){{2, 3, 1, 2, 2}, 5});
    add(dict, "i8", DNNB_I8, (dnnb_shape){{5}, 1});
    add(dict, "f64", DNNB_F64, (dnnb_shape){{3, 2}, 2});
    add(dict, "f16", DNNB_F16, (dnnb_shape){{3, 1, 1}, 3});
    add(dict, "i64", DNNB_I64, (dnnb_shape){{0}, 0});
    add(dict, "i32", DNNB_I32, (dnnb_shape){{4, 0, 2}, 3});
    add(dict, "i16", DNNB_I16, (dnnb_shape){{1}, 1});
    add(dict, "u8", DNNB_U8, (dnnb_shape){{7}, 1});
    const dnnb_tensor *f64 = dnnb_dict_find(dict, "f64");
    assert_ok(dnnb__tensor_view(&t, dnnb__tensor_get_storage(f64), 0, DNNB_F64,
                                &(dnnb_shape){{2, 3}, 2}, (const int64_t[]){1, 2}));
    assert_ok(dnnb_dict_add(dict, "transposed", t));
    return dict;
}

static void assert_same(const dnnb_dict *a, const dnnb_dict *b) {
    assert_int_equal(dnnb_dict_get_count(a), dnnb_dict_get_count(b));
    for (size_t i = 0; i < dnnb_dict_get_count(a); i++) {
        const dnnb_tensor *x = dnnb_dict_get_tensor(a, i), *y = dnnb_dict_get_tensor(b, i);
        const void *bytes[2];
        void *copies[2];
        assert_string_equal(dnnb_dict_get_name(a, i), dnnb_dict_get_name(b, i));
        assert_int_equal(dnnb_tensor_get_dtype(x), dnnb_tensor_get_dtype(y));
        assert_true(dnnb__shape_equal(dnnb_tensor_get_shape(x), dnnb_tensor_get_shape(y)));
        assert_ok(dnnb__tensor_pack(x, &bytes[0], &copies[0]));
        assert_ok(dnnb__tensor_pack(y, &bytes[1], &copies[1]));
        if (dnnb_tensor_get_count(x))
            assert_memory_equal(bytes[0], bytes[1], dnnb__tensor_get_packed_bytes(x));
        dnnb__free(copies[0]);
        dnnb__free(copies[1]);
    }
}

static void test_formats_dict_file__round_trips_are_exact(void **state) {
    (void)state;
    dnnb_dict *dict = make_dict(), *again;
    for (size_t i = 0; i < N_ENDINGS; i++) {
        assert_ok(dnnb_dict_save(dict, path_of("round", endings[i])));
        assert_ok(dnnb_dict_load(&again, path_of("round", endings[i])));
        assert_same(dict, again);
        assert_string_equal(dnnb_dict_get_note(again), "");
        for (size_t k = 0; k < dnnb_dict_get_count(again); k++) {
            const dnnb_tensor *t = dnnb_dict_get_tensor(again, k);
            size_t size = dnnb_dtype_get_size(dnnb_tensor_get_dtype(t));
            /* A view of the map: read only, and aligned. */
            assert_null(dnnb_tensor_get_writable((dnnb_tensor *)(uintptr_t)t));
            if (dnnb_tensor_get_count(t))
                assert_int_equal((uintptr_t)dnnb_tensor_get_data(t) % size, 0);
        }
        dnnb_dict_destroy(again);
    }
    dnnb_dict_destroy(dict);
    assert_int_equal(clear_folder(), N_ENDINGS);
}

enum { MADE_ROWS = 5, MADE_ROW_BYTES = 3 * 4 };

/* Elements of which a row at a time is made. */
typedef struct rows {
    uint8_t bytes[MADE_ROWS * MADE_ROW_BYTES];
    size_t n_made, fail_at; /* rows */
} rows;

static dnnb_status make_row(void *context, size_t index, size_t at, dnnb__made *out) {
    rows *r = context;
    assert_int_equal(index, 7);
    assert_int_equal(at, r->n_made * MADE_ROW_BYTES);
    if (r->n_made++ == r->fail_at) return dnnb__fail(DNNB_ERR_NUMERIC, "no such row");
    out->n_bytes = MADE_ROW_BYTES;
    out->copy = NULL;
    out->bytes = r->bytes + at;
    if (r->n_made % 2) return DNNB_OK;
    out->bytes = out->copy = dnnb__alloc(MADE_ROW_BYTES, 1);
    assert_non_null(out->copy);
    memcpy(out->copy, r->bytes + at, MADE_ROW_BYTES);
    return DNNB_OK;
}

static void test_formats_dict_file__elements_may_be_made_in_parts(void **state) {
    (void)state;
    static const char *const all[] = {".pth", ".pt", ".safetensors", ".npz", ".npy"};
    rows r = {.fail_at = MADE_ROWS};
    for (size_t i = 0; i < sizeof r.bytes; i++) r.bytes[i] = (uint8_t)(i * 37);
    dnnb_shape shape = {{MADE_ROWS, 3}, 2};
    dnnb__storage *storage;
    dnnb_tensor *t;
    dnnb_dict *dict, *again;
    assert_ok(dnnb_dict_create(&dict));
    assert_ok(dnnb__storage_create_made(&storage, sizeof r.bytes, (dnnb__maker){make_row, &r, 7}));
    assert_ok(dnnb__tensor_view(&t, storage, 0, DNNB_F32, &shape, NULL));
    dnnb__storage_release(storage);
    assert_ok(dnnb_dict_add(dict, "made", t));
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        r.n_made = 0;
        assert_ok(dnnb_dict_save(dict, path_of("made", all[i])));
        assert_int_equal(r.n_made, MADE_ROWS);
        assert_ok(dnnb_dict_load(&again, path_of("made", all[i])));
        assert_memory_equal(dnnb_tensor_get_data(dnnb_dict_get_tensor(again, 0)), r.bytes,
                            sizeof r.bytes);
        dnnb_dict_destroy(again);
    }
    assert_int_equal(clear_folder(), sizeof all / sizeof all[0]);
    for (r.fail_at = 0; r.fail_at < MADE_ROWS; r.fail_at++)
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            r.n_made = 0;
            assert_fails(dnnb_dict_save(dict, path_of("made", all[i])), DNNB_ERR_NUMERIC,
                         "no such");
        }
    assert_int_equal(clear_folder(), 0);
    dnnb_dict_destroy(dict);
}

static void test_formats_dict_file__a_tensor_outlives_its_dict_and_file(void **state) {
    (void)state;
    for (size_t i = 0; i < N_ENDINGS; i++) {
        dnnb_dict *dict = make_dict(), *again;
        dnnb_tensor *kept;
        float values[6], expected[6];
        assert_ok(dnnb_tensor_read_f32(dnnb_dict_find(dict, "transposed"), expected, 6));
        assert_ok(dnnb_dict_save(dict, path_of("kept", endings[i])));
        assert_ok(dnnb_dict_load(&again, path_of("kept", endings[i])));
        assert_ok(dnnb_tensor_clone(&kept, dnnb_dict_find(again, "transposed")));
        dnnb_dict_destroy(again);
        dnnb_dict_destroy(dict);
        assert_int_equal(clear_folder(), 1);
        assert_ok(dnnb_tensor_read_f32(kept, values, 6));
        assert_memory_equal(values, expected, sizeof values);
        dnnb_tensor_destroy(kept);
    }
}

static void test_formats_dict_file__the_bytes_are_a_function_of_the_tensors(void **state) {
    (void)state;
    for (size_t i = 0; i < N_ENDINGS; i++) {
        char digest[2][65];
        for (size_t k = 0; k < 2; k++) {
            dnnb_dict *dict = make_dict();
            assert_ok(dnnb_dict_save(dict, path_of(k ? "b" : "a", endings[i])));
            assert_ok(dnnb__sha256_file(digest[k], path_of(k ? "b" : "a", endings[i])));
            dnnb_dict_destroy(dict);
        }
        assert_string_equal(digest[0], digest[1]);
    }
    assert_int_equal(clear_folder(), 2 * N_ENDINGS);
}

static void test_formats_dict_file__the_first_bytes_decide(void **state) {
    (void)state;
    dnnb_dict *dict = make_dict(), *again;
    for (size_t i = 0; i < N_ENDINGS; i++) {
        char from[128];
        (void)snprintf(from, sizeof from, "%s", path_of("named", endings[i]));
        assert_ok(dnnb_dict_save(dict, from));
        assert_int_equal(rename(from, path_of("named", ".txt")), 0);
        assert_ok(dnnb_dict_load(&again, path_of("named", ".txt")));
        assert_same(dict, again);
        dnnb_dict_destroy(again);
    }
    dnnb_dict_destroy(dict);
    assert_int_equal(clear_folder(), 1);
}

static void test_formats_dict_file__the_prefix_of_parallel_training_goes(void **state) {
    (void)state;
    for (size_t i = 0; i < N_ENDINGS; i++) {
        dnnb_dict *dict, *again;
        assert_ok(dnnb_dict_create(&dict));
        add(dict, "module.a", DNNB_F32, (dnnb_shape){{2}, 1});
        add(dict, "module.b", DNNB_F32, (dnnb_shape){{3}, 1});
        assert_ok(dnnb_dict_save(dict, path_of("prefix", endings[i])));
        assert_ok(dnnb_dict_load(&again, path_of("prefix", endings[i])));
        assert_string_equal(dnnb_dict_get_name(again, 0), "a");
        assert_string_equal(dnnb_dict_get_name(again, 1), "b");
        assert_string_equal(dnnb_dict_get_note(again), "prefix 'module.' taken off");
        dnnb_dict_destroy(again);
        add(dict, "c", DNNB_F32, (dnnb_shape){{3}, 1});
        assert_ok(dnnb_dict_save(dict, path_of("prefix", endings[i])));
        assert_ok(dnnb_dict_load(&again, path_of("prefix", endings[i])));
        assert_string_equal(dnnb_dict_get_name(again, 0), "module.a");
        dnnb_dict_destroy(again);
        dnnb_dict_destroy(dict);
    }
    (void)clear_folder();
}

static void test_formats_dict_file__what_cannot_be_saved(void **state) {
    (void)state;
    dnnb_dict *dict = make_dict();
    assert_fails(dnnb_dict_save(dict, path_of("x", ".bin")), DNNB_ERR_ARGUMENT,
                 "expected a name that ends in .pth, .pt, .safetensors, .npz or .npy");
    assert_fails(dnnb_dict_save(dict, path_of("x", "")), DNNB_ERR_ARGUMENT, "expected a name");
    assert_fails(dnnb_dict_save(dict, path_of("absent/x", ".pth")), DNNB_ERR_IO, "cannot create");
    assert_fails(dnnb_dict_save(dict, path_of("x", ".npy")), DNNB_ERR_ARGUMENT, "found 10");
    add(dict, "bf16", DNNB_BF16, (dnnb_shape){{3}, 1});
    assert_fails(dnnb_dict_save(dict, path_of("x", ".npz")), DNNB_ERR_UNSUPPORTED, "bfloat16");
    add(dict, "__metadata__", DNNB_F32, (dnnb_shape){{3}, 1});
    assert_fails(dnnb_dict_save(dict, path_of("x", ".safetensors")), DNNB_ERR_ARGUMENT,
                 "'__metadata__'");
    add(dict, "caf\xe9", DNNB_F32, (dnnb_shape){{3}, 1});
    for (size_t i = 0; i < N_ENDINGS; i++)
        assert_fails(dnnb_dict_save(dict, path_of("x", endings[i])), DNNB_ERR_ARGUMENT, "UTF-8");
    dnnb_dict_destroy(dict);
    assert_int_equal(clear_folder(), 0); /* not even a temporary file */
}

static void test_formats_dict_file__what_cannot_be_loaded(void **state) {
    (void)state;
    dnnb_dict *dict;
    assert_fails(dnnb_dict_load(&dict, path_of("absent", ".pth")), DNNB_ERR_IO, "cannot open");
    assert_null(dict);
    assert_fails(dnnb_dict_load(&dict, folder), DNNB_ERR_IO, "found a folder");
    assert_ok(dnnb__file_write(path_of("empty", ".pth"), "", 0));
    assert_fails(dnnb_dict_load(&dict, path_of("empty", ".pth")), DNNB_ERR_FORMAT,
                 "found an empty file");
    assert_ok(dnnb__file_write(path_of("short", ".pth"), "PK\3", 3));
    assert_fails(dnnb_dict_load(&dict, path_of("short", ".pth")), DNNB_ERR_FORMAT,
                 "begins with the bytes 50 4b 03");
    assert_int_equal(clear_folder(), 2);
}

/* Every allocation in turn fails; what was there before stays, and nothing leaks. */
static void test_formats_dict_file__out_of_memory_anywhere(void **state) {
    (void)state;
    dnnb_dict *dict = make_dict();
    for (size_t i = 0; i < N_ENDINGS; i++) {
        const char *path = path_of("memory", endings[i]);
        char before[65], after[65];
        assert_ok(dnnb_dict_save(dict, path));
        assert_ok(dnnb__sha256_file(before, path));
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            dnnb__mem_fail_at(n);
            dnnb_status status = dnnb_dict_save(dict, path);
            dnnb__mem_fail_at(0);
            is_done = status == DNNB_OK;
            if (!is_done) assert_int_equal(status, DNNB_ERR_MEMORY);
            assert_ok(dnnb__sha256_file(after, path));
            assert_string_equal(before, after);
            assert_true(n < 1000);
        }
        is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            dnnb_dict *again;
            dnnb__mem_fail_at(n);
            dnnb_status status = dnnb_dict_load(&again, path);
            dnnb__mem_fail_at(0);
            is_done = status == DNNB_OK;
            if (!is_done) assert_int_equal(status, DNNB_ERR_MEMORY);
            dnnb_dict_destroy(again);
            assert_true(n < 1000);
        }
    }
    dnnb_dict_destroy(dict);
    assert_int_equal(clear_folder(), N_ENDINGS);
}

/* Save over a file of another dict with the n-th operation failing: one of the two is there, whole.
 */
static dnnb_status save_failing(const dnnb_dict *old, const dnnb_dict *fresh, const char *path,
                                uint64_t n, bool and_later) {
    char sums[3][65];
    assert_ok(dnnb_dict_save(fresh, path));
    assert_ok(dnnb__sha256_file(sums[0], path));
    assert_ok(dnnb_dict_save(old, path));
    assert_ok(dnnb__sha256_file(sums[1], path));
    dnnb__io_fail_at(n, DNNB__IO_READING | DNNB__IO_WRITING, and_later, ENOSPC);
    dnnb_status status = dnnb_dict_save(fresh, path);
    dnnb__io_fail_at(0, 0, false, 0);
    assert_ok(dnnb__sha256_file(sums[2], path));
    bool is_fresh = strcmp(sums[2], sums[0]) == 0;
    assert_true(is_fresh || (status != DNNB_OK && strcmp(sums[2], sums[1]) == 0));
    return status;
}

static void test_formats_dict_file__every_failed_operation(void **state) {
    (void)state;
    dnnb_dict *old, *fresh, *again;
    assert_ok(dnnb_dict_create(&old));
    assert_ok(dnnb_dict_create(&fresh));
    add(old, "a", DNNB_U8, (dnnb_shape){{3}, 1});
    add(fresh, "a", DNNB_F32, (dnnb_shape){{7, 1000}, 2});
    add(fresh, "b", DNNB_U8, (dnnb_shape){{20000}, 1});
    for (size_t i = 0; i < 2 * N_ENDINGS; i++) {
        const char *path = path_of("io", endings[i / 2]);
        uint64_t before = dnnb__io_get_count(DNNB__IO_ALL);
        assert_ok(dnnb_dict_save(fresh, path));
        uint64_t n_operations = dnnb__io_get_count(DNNB__IO_ALL) - before;
        for (uint64_t n = 1; n <= n_operations; n++) {
            assert_int_equal(save_failing(old, fresh, path, n, i % 2), DNNB_ERR_IO);
            assert_memory_equal(dnnb_get_error(), path, strlen(path));
            assert_non_null(strstr(dnnb_get_error(), ": No space left on device"));
        }
        for (uint64_t n = 1; n <= 3; n++) { /* open, size, map */
            dnnb__io_fail_at(n, DNNB__IO_READING, i % 2, EIO);
            assert_fails(dnnb_dict_load(&again, path), DNNB_ERR_IO, path);
            assert_null(again);
            dnnb__io_fail_at(0, 0, false, 0);
        }
        assert_int_equal(clear_folder(), 1);
    }
    dnnb_dict_destroy(old);
    dnnb_dict_destroy(fresh);
}

/* Memory in the layouts that are only read. */
static void test_formats_dict_file__out_of_memory_in_old_layouts(void **state) {
    (void)state;
    for (int is_tar = 0; is_tar < 2; is_tar++) {
        dnnb__buf out;
        dnnb__buf_init(&out, 1 << 20);
        if (is_tar) {
            tar_parts parts = make_tar_parts();
            put_tar(&out, &parts);
        } else {
            put_legacy(&out);
        }
        dnnb__storage *s = make_storage(out.data, out.n_bytes);
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            dnnb_dict *dict;
            dnnb__mem_fail_at(n);
            dnnb_status status = dnnb__dict_read(&dict, s, "file");
            dnnb__mem_fail_at(0);
            is_done = status == DNNB_OK;
            if (!is_done) assert_int_equal(status, DNNB_ERR_MEMORY);
            if (is_done) {
                float values[2];
                assert_ok(dnnb_tensor_read_f32(dnnb_dict_find(dict, "w"), values, 2));
                assert_true(values[0] == 1.0f && values[1] == 2.0f);
            }
            dnnb_dict_destroy(dict);
            assert_true(n < 1000);
        }
        dnnb__storage_release(s);
        dnnb__buf_destroy(&out);
    }
}

/* Far more than any network has; a zip's directory counts to 65,535. */
static void test_formats_dict_file__seventy_thousand_tensors(void **state) {
    (void)state;
    enum { N = 70000 };
    dnnb_dict *dict, *again;
    assert_ok(dnnb_dict_create(&dict));
    for (size_t i = 0; i < N; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%zu", i);
        add(dict, name, DNNB_U8, (dnnb_shape){{1}, 1});
    }
    assert_ok(dnnb_dict_save(dict, path_of("many", ".safetensors")));
    assert_ok(dnnb_dict_load(&again, path_of("many", ".safetensors")));
    assert_same(dict, again);
    dnnb_dict_destroy(again);
    assert_fails(dnnb_dict_save(dict, path_of("many", ".pth")), DNNB_ERR_LIMIT, "65534 entries");
    assert_fails(dnnb_dict_save(dict, path_of("many", ".npz")), DNNB_ERR_LIMIT, "65534 entries");
    dnnb_dict_destroy(dict);
    assert_int_equal(clear_folder(), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_dict_file__round_trips_are_exact),
        cmocka_unit_test(test_formats_dict_file__elements_may_be_made_in_parts),
        cmocka_unit_test(test_formats_dict_file__a_tensor_outlives_its_dict_and_file),
        cmocka_unit_test(test_formats_dict_file__the_bytes_are_a_function_of_the_tensors),
        cmocka_unit_test(test_formats_dict_file__the_first_bytes_decide),
        cmocka_unit_test(test_formats_dict_file__the_prefix_of_parallel_training_goes),
        cmocka_unit_test(test_formats_dict_file__what_cannot_be_saved),
        cmocka_unit_test(test_formats_dict_file__what_cannot_be_loaded),
        cmocka_unit_test(test_formats_dict_file__out_of_memory_anywhere),
        cmocka_unit_test(test_formats_dict_file__out_of_memory_in_old_layouts),
        cmocka_unit_test(test_formats_dict_file__every_failed_operation),
        cmocka_unit_test(test_formats_dict_file__seventy_thousand_tensors),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
