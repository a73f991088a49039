/* The lock of a run folder, between processes. */
#include "unit/folder.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "core/file.h"
#include "core/io.h"
#include "run/lock.h"

static bool lock_exists(void) {
    return dnnb__file_exists(in_folder("lock"));
}

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void write_lock(const char *text) {
    assert_ok(dnnb__file_write(in_folder("lock"), text, strlen(text)));
}

/* A process that has ended and was waited for. */
static pid_t get_dead_pid(void) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return child;
}

/* Fork a process that takes the lock and keeps it until it is killed. With for_ms > 0 the holder
 * has a child that lives for so long after it. */
static pid_t fork_holder(long for_ms) {
    int ends[2];
    char said = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dnnb__run_lock lock;
        bool is_taken = dnnb__run_lock_take(&lock, folder) == DNNB_OK;
        if (for_ms > 0 && fork() == 0) {
            const struct timespec t = {.tv_sec = for_ms / 1000,
                                       .tv_nsec = for_ms % 1000 * 1000000L};
            close(ends[1]);
            close(ends[0]);
            nanosleep(&t, NULL);
            _exit(0);
        }
        if (write(ends[1], is_taken ? "y" : "n", 1) != 1) _exit(1);
        for (;;) pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &said, 1), 1);
    close(ends[0]);
    assert_int_equal(said, 'y');
    return child;
}

static void kill_holder(pid_t child) {
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_run_lock__names_its_process_and_goes_with_it(void **state) {
    (void)state;
    dnnb__run_lock lock;
    char host[256] = "", expected[320], *text;
    size_t n;
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    (void)snprintf(expected, sizeof expected, "%ld %s\n", (long)getpid(), host);
    assert_ok(dnnb__run_lock_take(&lock, folder));
    assert_ok(dnnb__file_read(&text, &n, in_folder("lock"), 1000));
    assert_string_equal(text, expected);
    dnnb__free(text);
    dnnb__run_lock_release(&lock);
    assert_false(lock_exists());
    dnnb__run_lock_release(&lock);
    assert_ok(dnnb__run_lock_take(&lock, folder));
    dnnb__run_lock_release(&lock);
}

static void test_run_lock__one_process_at_a_time(void **state) {
    (void)state;
    dnnb__run_lock lock, other;
    char expected[128];
    pid_t child = fork_holder(0);
    (void)snprintf(expected, sizeof expected,
                   "%s: expected a folder that no run works in, found process %ld on ", folder,
                   (long)child);
    double began = now_s();
    assert_fails(dnnb__run_lock_take(&lock, folder), DNNB_ERR_ARGUMENT, expected);
    assert_true(now_s() - began < 1); /* one that lives is not waited for */
    assert_null(lock.path);
    dnnb__run_lock_release(&lock);
    assert_true(lock_exists());
    kill_holder(child);
    assert_ok(dnnb__run_lock_take(&lock, folder));
    assert_fails(dnnb__run_lock_take(&other, folder), DNNB_ERR_ARGUMENT, "working in it");
    dnnb__run_lock_release(&lock);
}

static void test_run_lock__a_child_of_a_killed_holder_is_waited_for(void **state) {
    (void)state;
    dnnb__run_lock lock;
    kill_holder(fork_holder(300));
    assert_ok(dnnb__run_lock_take(&lock, folder));
    dnnb__run_lock_release(&lock);
    kill_holder(fork_holder(4000));
    assert_fails(dnnb__run_lock_take(&lock, folder), DNNB_ERR_ARGUMENT, "found a child of process");
}

static void test_run_lock__stale_files_do_not_hinder(void **state) {
    (void)state;
    dnnb__run_lock lock;
    char text[64];
    (void)snprintf(text, sizeof text, "%ld elsewhere\n", (long)get_dead_pid());
    const char *const texts[] = {
        text, "", "1 host", "12", "-4 x\n", "99999999999999999999 x\n", "no number\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_lock(texts[i]);
        assert_ok(dnnb__run_lock_take(&lock, folder));
        dnnb__run_lock_release(&lock);
        assert_false(lock_exists());
    }
}

/* What is in the way is never another's to lose. */
static void test_run_lock__a_file_of_another_is_left(void **state) {
    (void)state;
    dnnb__run_lock lock, other;
    assert_ok(dnnb__run_lock_take(&lock, folder));
    assert_int_equal(unlink(in_folder("lock")), 0); /* somebody cleans up */
    assert_ok(dnnb__run_lock_take(&other, folder));
    dnnb__run_lock_release(&lock);
    assert_true(lock_exists());
    dnnb__run_lock_release(&other);
    assert_false(lock_exists());
}

/* Processes that take and release in turn, each through the file that another may just unlink: no
 * two have it at once. */
static void test_run_lock__no_two_have_it_while_others_release(void **state) {
    (void)state;
    enum { N_PROCESSES = 4, N_TURNS = 25 };
    const char *inside = in_folder("inside");
    pid_t children[N_PROCESSES];
    for (size_t i = 0; i < N_PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] != 0) continue;
        for (int n = 0; n < N_TURNS;) {
            dnnb__run_lock lock;
            dnnb_status status = dnnb__run_lock_take(&lock, folder);
            if (status == DNNB_ERR_ARGUMENT) continue;
            if (status != DNNB_OK || mkdir(inside, 0777) != 0 || rmdir(inside) != 0) _exit(1);
            dnnb__run_lock_release(&lock);
            n++;
        }
        _exit(0);
    }
    for (size_t i = 0; i < N_PROCESSES; i++) {
        int how;
        assert_int_equal(waitpid(children[i], &how, 0), children[i]);
        assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    }
    assert_false(lock_exists());
}

static void test_run_lock__failures_hold_nothing(void **state) {
    (void)state;
    dnnb__run_lock lock;
    assert_fails(dnnb__run_lock_take(&lock, in_folder("none")), DNNB_ERR_IO,
                 "none/lock: cannot lock: No such file");
    uint64_t before = dnnb__io_get_count(DNNB__IO_ALL);
    assert_ok(dnnb__run_lock_take(&lock, folder));
    uint64_t n_operations = dnnb__io_get_count(DNNB__IO_ALL) - before;
    dnnb__run_lock_release(&lock);
    assert_true(n_operations >= 6);
    for (uint64_t n = 1; n <= n_operations; n++) {
        dnnb__io_fail_at(n, DNNB__IO_ALL, false, EIO);
        dnnb_status status = dnnb__run_lock_take(&lock, folder);
        dnnb__io_fail_at(0, 0, false, 0);
        assert_int_equal(status, DNNB_ERR_IO);
        assert_non_null(strstr(dnnb_get_error(), "/lock: cannot lock: Input/output error"));
        assert_ok(dnnb__run_lock_take(&lock, folder)); /* nothing holds it */
        dnnb__run_lock_release(&lock);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_run_lock__names_its_process_and_goes_with_it),
        TEST(test_run_lock__one_process_at_a_time),
        TEST(test_run_lock__a_child_of_a_killed_holder_is_waited_for),
        TEST(test_run_lock__stale_files_do_not_hinder),
        TEST(test_run_lock__a_file_of_another_is_left),
        TEST(test_run_lock__no_two_have_it_while_others_release),
        TEST(test_run_lock__failures_hold_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
