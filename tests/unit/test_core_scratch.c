/* A file without a name: what is written is read back, and nothing is left or promised in vain. */
#include "unit/unit.h"

#include <errno.h>

#include "core/io.h"
#include "core/scratch.h"
#include "unit/tiny.h"

enum { N = 5000 };

static void write_and_read(const char *folder) {
    dnnb__scratch *scratch;
    uint8_t written[N], found[N];
    for (size_t i = 0; i < N; i++) written[i] = (uint8_t)(i * 7 + i / 256);
    assert_ok(dnnb__scratch_create(&scratch, folder, 3 * N));
    assert_ok(dnnb__scratch_write(scratch, 2 * N, written, N));
    assert_ok(dnnb__scratch_write(scratch, 0, written + 1, N - 1));
    assert_ok(dnnb__scratch_read(scratch, 2 * N, found, N));
    assert_memory_equal(found, written, N);
    assert_ok(dnnb__scratch_read(scratch, 10, found, 100));
    assert_memory_equal(found, written + 11, 100);
    assert_fails(dnnb__scratch_read(scratch, 4 * N, found, 1), DNNB_ERR_IO, "cannot be read back");
    dnnb__scratch_destroy(scratch);
}

static void test_core_scratch__what_is_written_is_read_back(void **state) {
    (void)state;
    tiny_folder f = tiny_folder_create();
    write_and_read(f.path);
    assert_int_equal(rmdir(f.path), 0); /* it is empty */
    f = tiny_folder_create();
    dnnb__io_fail_at(1, DNNB__IO_WRITING, false, EOPNOTSUPP); /* no files without a name there */
    write_and_read(f.path);
    dnnb__io_fail_at(0, 0, false, 0);
    assert_int_equal(rmdir(f.path), 0);
}

static void test_core_scratch__room_is_asked_for_first(void **state) {
    (void)state;
    tiny_folder f = tiny_folder_create();
    dnnb__scratch *scratch;
    assert_fails(dnnb__scratch_create(&scratch, f.path, (uint64_t)1 << 60), DNNB_ERR_IO,
                 "twice the size of the file");
    assert_null(scratch);
    dnnb__io_fail_at(2, DNNB__IO_WRITING, false, ENOSPC);
    assert_fails(dnnb__scratch_create(&scratch, f.path, 10), DNNB_ERR_IO, "cannot take room");
    dnnb__io_fail_at(2, DNNB__IO_WRITING, false, EOPNOTSUPP); /* a file system that cannot */
    assert_ok(dnnb__scratch_create(&scratch, f.path, 10));
    dnnb__io_fail_at(0, 0, false, 0);
    dnnb__scratch_destroy(scratch);
    assert_fails(dnnb__scratch_create(&scratch, tiny_join(&f, "absent").text, 10), DNNB_ERR_IO,
                 "absent");
    dnnb__scratch_destroy(NULL);
    tiny_folder_remove(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_core_scratch__what_is_written_is_read_back),
        cmocka_unit_test(test_core_scratch__room_is_asked_for_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
