/* Files read, mapped and written so that a name never holds half a file. */
#include "unit/folder.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/io.h"

static size_t count_entries(void) {
    size_t n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void assert_holds(const char *path, const char *text) {
    char *bytes;
    size_t n;
    assert_ok(dnnb__file_read(&bytes, &n, path, 1 << 20));
    assert_int_equal(n, strlen(text));
    assert_string_equal(bytes, text);
    dnnb__free(bytes);
}

static void test_core_file__reads_what_was_written(void **state) {
    (void)state;
    const char *path = in_folder("a.txt");
    assert_ok(dnnb__file_write(path, "ants and bees", 13));
    assert_holds(path, "ants and bees");
    struct stat st;
    mode_t mask = umask(0);
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666 & ~mask); /* as readable as any file */
    char head[4] = "";
    size_t n;
    assert_ok(dnnb__file_read_head(path, head, 4, &n));
    assert_int_equal(n, 4);
    assert_memory_equal(head, "ants", 4);
    dnnb__map map;
    assert_ok(dnnb__map_create(&map, path));
    assert_int_equal(map.n_bytes, 13);
    assert_memory_equal(map.data, "ants and bees", 13);
    dnnb__map_destroy(&map);
    assert_null(map.data);
}

static void test_core_file__empty_files(void **state) {
    (void)state;
    char *bytes, head[4];
    size_t n;
    dnnb__map map;
    const char *path = in_folder("empty");
    assert_ok(dnnb__file_write(path, NULL, 0));
    assert_ok(dnnb__file_read(&bytes, &n, path, 0));
    assert_int_equal(n, 0);
    assert_string_equal(bytes, "");
    dnnb__free(bytes);
    assert_ok(dnnb__file_read_head(path, head, 4, &n));
    assert_int_equal(n, 0);
    assert_ok(dnnb__map_create(&map, path));
    assert_true(map.n_bytes == 0 && !map.data);
    dnnb__map_destroy(&map);
}

static void test_core_file__refuses_what_is_no_file(void **state) {
    (void)state;
    char *bytes;
    size_t n;
    dnnb__map map;
    assert_fails(dnnb__file_read(&bytes, &n, in_folder("none"), 10), DNNB_ERR_IO,
                 "none: cannot open: No such file");
    assert_null(bytes);
    assert_fails(dnnb__map_create(&map, folder), DNNB_ERR_IO, "expected a file, found a folder");
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_fails(dnnb__file_read(&bytes, &n, in_folder("pipe"), 10), DNNB_ERR_IO,
                 "found a device or pipe"); /* and does not wait for a writer */
    assert_ok(dnnb__file_write(in_folder("large"), "0123456789", 10));
    assert_fails(dnnb__file_read(&bytes, &n, in_folder("large"), 9), DNNB_ERR_LIMIT,
                 "large: expected at most 9 bytes, found 10");
}

static void test_core_file__nothing_changes_before_the_commit(void **state) {
    (void)state;
    const char *path = in_folder("kept.txt");
    assert_ok(dnnb__file_write(path, "old", 3));
    dnnb__writer w;
    assert_ok(dnnb__writer_create(&w, path));
    assert_ok(dnnb__writer_write(&w, "new text", 8));
    assert_holds(path, "old");
    dnnb__writer_destroy(&w);
    assert_holds(path, "old");
    assert_int_equal(count_entries(), 1); /* the temporary file is gone */
    assert_ok(dnnb__writer_create(&w, path));
    assert_ok(dnnb__writer_write(&w, "new text", 8));
    assert_ok(dnnb__writer_commit(&w));
    dnnb__writer_destroy(&w);
    assert_holds(path, "new text");
    assert_int_equal(count_entries(), 1);
}

static void test_core_file__failed_writes_leave_nothing(void **state) {
    (void)state;
    assert_fails(dnnb__file_write(in_folder("none/a"), "x", 1), DNNB_ERR_IO,
                 "none/a: cannot create: No such file");
    assert_int_equal(mkdir(in_folder("taken"), 0777), 0);
    assert_fails(dnnb__file_write(in_folder("taken"), "x", 1), DNNB_ERR_IO,
                 "taken: cannot rename into place");
    assert_int_equal(count_entries(), 1);
}

static void test_core_file__folders_and_paths(void **state) {
    (void)state;
    assert_ok(dnnb__folder_create(in_folder("new")));
    assert_ok(dnnb__folder_create(in_folder("new")));
    assert_true(dnnb__folder_exists(in_folder("new")));
    assert_true(dnnb__file_exists(in_folder("new")));
    assert_false(dnnb__file_exists(in_folder("none")));
    assert_ok(dnnb__file_write(in_folder("file"), "x", 1));
    assert_false(dnnb__folder_exists(in_folder("file")));
    assert_fails(dnnb__folder_create(in_folder("file")), DNNB_ERR_IO, "cannot create the folder");
    assert_fails(dnnb__folder_create(in_folder("a/b")), DNNB_ERR_IO, "cannot create the folder");
    static const char *const joined[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "/b"}, {"", "b", "b"}, {"/", "b", "/b"}};
    static const char *const parents[][2] = {
        {"a/b", "a"}, {"a", "."}, {"/a", "/"}, {"/a/b/c", "/a/b"}, {"a/", "a"}};
    for (size_t i = 0; i < 5; i++) {
        char *path;
        assert_ok(dnnb__path_join(&path, joined[i][0], joined[i][1]));
        assert_string_equal(path, joined[i][2]);
        dnnb__free(path);
        assert_ok(dnnb__path_get_folder(&path, parents[i][0]));
        assert_string_equal(path, parents[i][1]);
        dnnb__free(path);
    }
}

static void test_core_file__sha256(void **state) {
    (void)state;
    /* FIPS 180-4, the example "abc". */
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    static const char nothing[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    char digest[65];
    dnnb__sha256_bytes(digest, "abc", 3);
    assert_string_equal(digest, abc);
    assert_ok(dnnb__file_write(in_folder("abc"), "abc", 3));
    assert_ok(dnnb__sha256_file(digest, in_folder("abc")));
    assert_string_equal(digest, abc);
    assert_ok(dnnb__file_write(in_folder("empty"), NULL, 0));
    assert_ok(dnnb__sha256_file(digest, in_folder("empty")));
    assert_string_equal(digest, nothing);
}

static void test_core_file__every_failed_allocation_is_an_error(void **state) {
    (void)state;
    char path[64];
    (void)snprintf(path, sizeof path, "%s/a", folder);
    uint64_t n = 0;
    dnnb_status status;
    do {
        dnnb__mem_fail_at(++n);
        status = dnnb__file_write(path, "x", 1);
        dnnb__mem_fail_at(0);
        if (status != DNNB_OK) assert_int_equal(status, DNNB_ERR_MEMORY);
        assert_true(count_entries() <= 1); /* never a temporary file */
    } while (status != DNNB_OK);
    assert_true(n > 2);
    assert_holds(path, "x");
}

/* Write with the n-th operation failing; what is under the final name is whole, old or new. */
static dnnb_status write_failing(const char *path, uint64_t n, bool and_later) {
    enum { N = 100000 };
    char *fresh = malloc(N), *found;
    size_t n_found;
    assert_non_null(fresh);
    memset(fresh, 'n', N);
    assert_ok(dnnb__file_write(path, "old", 3));
    dnnb__io_fail_at(n, DNNB__IO_READING | DNNB__IO_WRITING, and_later, ENOSPC);
    dnnb_status status = dnnb__file_write(path, fresh, N);
    dnnb__io_fail_at(0, 0, false, 0);
    assert_ok(dnnb__file_read(&found, &n_found, path, N));
    if (n_found == N)
        assert_memory_equal(found, fresh, N);
    else
        assert_string_equal(found, "old");
    if (status == DNNB_OK) assert_int_equal(n_found, N);
    assert_int_equal(count_entries(), 1); /* no temporary file */
    dnnb__free(found);
    free(fresh);
    return status;
}

static void test_core_file__every_failed_operation_of_a_write(void **state) {
    (void)state;
    char path[64], expected[128];
    (void)snprintf(path, sizeof path, "%s/a", folder);
    uint64_t before = dnnb__io_get_count(DNNB__IO_ALL);
    assert_ok(dnnb__file_write(path, "old", 3));
    uint64_t n_operations = dnnb__io_get_count(DNNB__IO_ALL) - before;
    assert_int_equal(n_operations,
                     7); /* open, write, flush, close, rename; the folder: open, flush */
    for (int and_later = 0; and_later < 2; and_later++)
        for (uint64_t n = 1; n <= n_operations; n++) {
            assert_int_equal(write_failing(path, n, and_later), DNNB_ERR_IO);
            (void)snprintf(expected, sizeof expected, "%s: cannot ", path);
            assert_memory_equal(dnnb_get_error(), expected, strlen(expected));
            assert_non_null(strstr(dnnb_get_error(), ": No space left on device"));
        }
    assert_ok(write_failing(path, n_operations + 2, false)); /* a large one may write twice */
}

static void test_core_file__every_failed_operation_of_reading(void **state) {
    (void)state;
    const char *path = in_folder("a");
    char *bytes, head[4];
    size_t n_bytes;
    dnnb__map map;
    assert_ok(dnnb__file_write(path, "text", 4));
    for (uint64_t n = 1; n <= 3; n++) { /* open, size, read or map */
        dnnb__io_fail_at(n, DNNB__IO_READING, false, EIO);
        assert_fails(dnnb__file_read(&bytes, &n_bytes, path, 10), DNNB_ERR_IO, path);
        assert_null(bytes);
        dnnb__io_fail_at(n, DNNB__IO_READING, false, EIO);
        assert_fails(dnnb__file_read_head(path, head, 4, &n_bytes), DNNB_ERR_IO, path);
        dnnb__io_fail_at(n, DNNB__IO_READING, false, EIO);
        assert_fails(dnnb__map_create(&map, path), DNNB_ERR_IO, path);
        assert_null(map.data);
    }
    dnnb__io_fail_at(4, DNNB__IO_READING, false, EIO);
    assert_holds(path, "text");
    dnnb__io_fail_at(1, DNNB__IO_WRITING, false, EROFS);
    assert_fails(dnnb__folder_create(in_folder("b")), DNNB_ERR_IO,
                 "b: cannot create the folder: Read-only file system");
    dnnb__io_fail_at(0, 0, false, 0);
}

/* The reason of the write that failed is told by the commit, whatever was called since. */
static void test_core_file__commit_tells_of_an_earlier_write(void **state) {
    (void)state;
    dnnb__writer w;
    assert_ok(dnnb__writer_create(&w, in_folder("a")));
    dnnb__io_fail_at(1, DNNB__IO_WRITING, false, EDQUOT);
    for (int i = 0; i < 100000; i++) fputs("text", w.file);
    dnnb__io_fail_at(0, 0, false, 0);
    errno = ENOENT;
    assert_int_equal(dnnb__writer_get_error(&w), EDQUOT);
    assert_fails(dnnb__writer_commit(&w), DNNB_ERR_IO, "a: cannot write: Disk quota exceeded");
    assert_int_equal(count_entries(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_core_file__reads_what_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_core_file__empty_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_core_file__refuses_what_is_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_core_file__nothing_changes_before_the_commit, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_core_file__failed_writes_leave_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_core_file__folders_and_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_core_file__sha256, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_core_file__every_failed_allocation_is_an_error, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_core_file__every_failed_operation_of_a_write, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_core_file__every_failed_operation_of_reading, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_core_file__commit_tells_of_an_earlier_write, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
