/* The failure hook of the system's calls for files. */
#include "unit/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "core/io.h"

static int set_up_hook(void **state) {
    dnnb__io_fail_at(0, 0, false, 0);
    return set_up(state);
}

static int tear_down_hook(void **state) {
    dnnb__io_fail_at(0, 0, false, 0);
    return tear_down(state);
}

#define assert_errno(call, failed, error)                                                          \
    do {                                                                                           \
        errno = 0;                                                                                 \
        assert_true((call) == (failed));                                                           \
        assert_int_equal(errno, error);                                                            \
    } while (0)

static int open_new(const char *name) {
    int fd = dnnb__io_open(in_folder(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    return fd;
}

static void test_core_io__the_nth_operation_fails_alone(void **state) {
    (void)state;
    struct stat st;
    dnnb__io_fail_at(3, DNNB__IO_READING, false, EIO);
    assert_int_equal(dnnb__io_stat(folder, &st), 0);
    assert_int_equal(dnnb__io_stat(folder, &st), 0);
    assert_errno(dnnb__io_stat(folder, &st), -1, EIO);
    assert_int_equal(dnnb__io_stat(folder, &st), 0);
    dnnb__io_fail_at(1, DNNB__IO_READING, false, EIO);
    dnnb__io_fail_at(0, 0, false, 0);
    assert_int_equal(dnnb__io_stat(folder, &st), 0);
}

static void test_core_io__and_all_later_ones(void **state) {
    (void)state;
    int fd = open_new("a");
    dnnb__io_fail_at(2, DNNB__IO_WRITING, true, ENOSPC);
    assert_int_equal(dnnb__io_fsync(fd), 0);
    for (int i = 0; i < 3; i++) assert_errno(dnnb__io_fsync(fd), -1, ENOSPC);
    assert_errno(dnnb__io_close(fd), -1, ENOSPC);
    assert_errno(fcntl(fd, F_GETFD), -1, EBADF); /* closed nonetheless */
    dnnb__io_fail_at(0, 0, false, 0);
    assert_int_equal(dnnb__io_unlink(in_folder("a")), 0);
}

static void test_core_io__kinds(void **state) {
    (void)state;
    struct stat st;
    int fd = open_new("a");
    char bytes[2] = "a";
    dnnb__io_fail_at(1, DNNB__IO_WRITING, true, ENOSPC);
    assert_int_equal(dnnb__io_stat(in_folder("a"), &st), 0);
    assert_int_equal(dnnb__io_fstat(fd, &st), 0);
    assert_int_equal(dnnb__io_read(fd, bytes, 1), 0);
    int to_read = dnnb__io_open(in_folder("a"), O_RDONLY | O_CLOEXEC, 0);
    assert_true(to_read >= 0);
    close(to_read);
    DIR *dir = dnnb__io_opendir(folder);
    assert_non_null(dir);
    assert_non_null(dnnb__io_readdir(dir));
    assert_errno(dnnb__io_open(in_folder("a"), O_RDWR, 0), -1, ENOSPC);
    assert_errno(dnnb__io_open(in_folder("b"), O_RDONLY | O_CREAT, 0666), -1, ENOSPC);
    assert_errno(dnnb__io_ftruncate(fd, 0), -1, ENOSPC);
    assert_errno(dnnb__io_lock(fd), -1, ENOSPC);
    assert_errno(dnnb__io_rename(in_folder("a"), in_folder("b")), -1, ENOSPC);
    assert_errno(dnnb__io_mkdir(in_folder("c"), 0777), -1, ENOSPC);
    assert_int_equal(dnnb__io_unlink(in_folder("a")), 0); /* room is made on a full disk */

    dnnb__io_fail_at(1, DNNB__IO_READING, true, EIO);
    assert_errno(dnnb__io_readdir(dir), NULL, EIO);
    assert_errno(dnnb__io_opendir(folder), NULL, EIO);
    assert_errno(dnnb__io_mmap(1, fd), MAP_FAILED, EIO);
    assert_errno(dnnb__io_read(fd, bytes, 1), -1, EIO);
    assert_errno(dnnb__io_fstat(fd, &st), -1, EIO);
    assert_int_equal(dnnb__io_write(fd, bytes, 1), 1);
    assert_int_equal(dnnb__io_mkdir(in_folder("c"), 0777), 0);

    dnnb__io_fail_at(1, DNNB__IO_REMOVING, true, EPERM);
    assert_errno(dnnb__io_rmdir(in_folder("c")), -1, EPERM);
    assert_errno(dnnb__io_unlink(in_folder("a")), -1, EPERM);
    assert_int_equal(dnnb__io_fsync(fd), 0);
    closedir(dir);
    close(fd);
}

static void test_core_io__operations_are_counted_by_kind(void **state) {
    (void)state;
    struct stat st;
    uint64_t reading = dnnb__io_get_count(DNNB__IO_READING);
    uint64_t writing = dnnb__io_get_count(DNNB__IO_WRITING);
    uint64_t all = dnnb__io_get_count(DNNB__IO_ALL);
    int fd = open_new("a");
    assert_int_equal(dnnb__io_stat(folder, &st), 0);
    assert_int_equal(dnnb__io_write_all(fd, "abc", 3), 3);
    assert_int_equal(dnnb__io_close(fd), 0);
    assert_int_equal(dnnb__io_unlink(in_folder("a")), 0);
    assert_int_equal(dnnb__io_get_count(DNNB__IO_READING) - reading, 1);
    assert_int_equal(dnnb__io_get_count(DNNB__IO_WRITING) - writing, 3);
    assert_int_equal(dnnb__io_get_count(DNNB__IO_ALL) - all, 5);
}

static void test_core_io__a_failing_write_is_short_first(void **state) {
    (void)state;
    struct stat st;
    int fd = open_new("a");
    dnnb__io_fail_at(2, DNNB__IO_WRITING, false, ENOSPC);
    assert_int_equal(dnnb__io_write(fd, "abcd", 4), 4);
    assert_int_equal(dnnb__io_write(fd, "efgh", 4), 2);
    assert_errno(dnnb__io_write(fd, "gh", 2), -1, ENOSPC);
    assert_int_equal(dnnb__io_write(fd, "gh", 2), 2);
    dnnb__io_fail_at(1, DNNB__IO_WRITING, true, ENOSPC);
    assert_errno(dnnb__io_write_all(fd, "ijkl", 4), 2, ENOSPC);
    assert_errno(dnnb__io_write_all(fd, "kl", 2), 0, ENOSPC);
    dnnb__io_fail_at(1, DNNB__IO_WRITING, false, ENOSPC);
    assert_errno(dnnb__io_write(fd, "k", 1), -1, ENOSPC); /* a byte has no half */
    assert_int_equal(dnnb__io_write(fd, "k", 1), 1);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 11);
    close(fd);
}

/* What a child does between two operations of its parent, which fail as the parent's own would. */
static void test_core_io__a_forked_child_counts_too(void **state) {
    (void)state;
    struct stat st;
    uint64_t before = dnnb__io_get_count(DNNB__IO_READING);
    dnnb__io_fail_at(3, DNNB__IO_READING, true, EIO);
    assert_int_equal(dnnb__io_stat(folder, &st), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool first = dnnb__io_stat(folder, &st) == 0;
        bool second = dnnb__io_stat(folder, &st) == 0;
        _exit(first && !second ? 7 : 1);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 7);
    assert_errno(dnnb__io_stat(folder, &st), -1, EIO);
    assert_int_equal(dnnb__io_get_count(DNNB__IO_READING) - before, 4);
}

static void test_core_io__a_lock_is_of_an_opening(void **state) {
    (void)state;
    int first = open_new("a"), second = open_new("a"), copy = dup(first);
    assert_int_equal(dnnb__io_lock(first), 0);
    assert_int_equal(dnnb__io_lock(copy), 0);
    assert_errno(dnnb__io_lock(second), -1, EAGAIN);
    close(first);
    assert_errno(dnnb__io_lock(second), -1, EAGAIN);
    close(copy);
    assert_int_equal(dnnb__io_lock(second), 0);
    close(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_hook, tear_down_hook)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_core_io__the_nth_operation_fails_alone),
        TEST(test_core_io__and_all_later_ones),
        TEST(test_core_io__kinds),
        TEST(test_core_io__operations_are_counted_by_kind),
        TEST(test_core_io__a_failing_write_is_short_first),
        TEST(test_core_io__a_forked_child_counts_too),
        TEST(test_core_io__a_lock_is_of_an_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
