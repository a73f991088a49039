/* The log of a run: whole lines whatever happens to the disk, and none lost in silence. */
#include "unit/folder.h"

#include <errno.h>

#include "core/file.h"
#include "core/io.h"
#include "run/run.h"

static void add(dnnb__run_log *log, int i) {
    assert_ok(dnnb__run_log_add(log, "step", json_pack("{s:i}", "i", i)));
}

static char *read_log(const char *path) {
    char *text;
    size_t n;
    assert_ok(dnnb__file_read(&text, &n, path, (size_t)1 << 28));
    assert_int_equal(strlen(text), n);
    return text;
}

/* Assert that the file holds whole lines, steps from 0 up to n_steps and nothing else. */
static void assert_steps(const char *path, int n_steps) {
    char *text = read_log(path), *at = text;
    for (int i = 0; i < n_steps; i++) {
        char *end = strchr(at, '\n'), expected[32];
        assert_non_null(end);
        *end = '\0';
        (void)snprintf(expected, sizeof expected, "\"i\":%d}", i);
        assert_memory_equal(at, "{\"event\":\"step\",\"time\":", 23);
        assert_non_null(strstr(at, expected));
        at = end + 1;
    }
    assert_string_equal(at, "");
    dnnb__free(text);
}

static void test_run_log__lines_wait_for_the_file(void **state) {
    (void)state;
    dnnb__run_log log;
    const char *path = in_folder("log.jsonl");
    dnnb__run_log_init(&log);
    add(&log, 0);
    assert_ok(dnnb__run_log_flush(&log));
    assert_ok(dnnb__run_log_open(&log, path, false));
    assert_steps(path, 1);
    add(&log, 1);
    assert_steps(path, 1);
    assert_ok(dnnb__run_log_flush(&log));
    assert_steps(path, 2);
    add(&log, 2);
    dnnb__run_log_close(&log);
    assert_steps(path, 3);
    dnnb__run_log_init(&log);
    assert_ok(dnnb__run_log_open(&log, path, false)); /* a new one takes its place */
    dnnb__run_log_close(&log);
    assert_steps(path, 0);
}

static void test_run_log__goes_on_after_the_last_whole_line(void **state) {
    (void)state;
    static const size_t rests[] = {0, 1, 30, 4095, 4096, 4097, 20000};
    const char *path = in_folder("log.jsonl");
    char *half = malloc(20000);
    assert_non_null(half);
    memset(half, 'x', 20000);
    for (int n_before = 0; n_before < 3; n_before += 2)
        for (size_t i = 0; i < sizeof rests / sizeof rests[0]; i++) {
            dnnb__run_log log;
            (void)unlink(path);
            dnnb__run_log_init(&log);
            assert_ok(dnnb__run_log_open(&log, path, true)); /* none is there: begun */
            for (int k = 0; k < n_before; k++) add(&log, k);
            dnnb__run_log_close(&log);
            FILE *file = fopen(path, "ab");
            assert_non_null(file);
            assert_int_equal(fwrite(half, 1, rests[i], file), rests[i]);
            fclose(file);
            dnnb__run_log_init(&log);
            assert_ok(dnnb__run_log_open(&log, path, true));
            assert_steps(path, n_before);
            add(&log, n_before);
            dnnb__run_log_close(&log);
            assert_steps(path, n_before + 1);
        }
    free(half);
}

static void test_run_log__a_full_disk_is_waited_for(void **state) {
    (void)state;
    dnnb__run_log log;
    const char *path = in_folder("log.jsonl");
    dnnb__run_log_init(&log);
    assert_ok(dnnb__run_log_open(&log, path, false));
    for (int i = 0; i < 40; i++) {
        add(&log, i);
        if (i % 4 == 0) continue;
        /* Half of what waits is written, then nothing, whichever is tried. */
        dnnb__io_fail_at(1, DNNB__IO_WRITING, true, ENOSPC);
        assert_fails(dnnb__run_log_flush(&log), DNNB_ERR_IO,
                     "log.jsonl: cannot write: No space left on device");
        dnnb__io_fail_at(0, 0, false, 0);
        if (i % 8 == 3) assert_ok(dnnb__run_log_flush(&log));
    }
    dnnb__run_log_close(&log);
    assert_steps(path, 40);
}

static void test_run_log__ends_with_a_whole_line(void **state) {
    (void)state;
    dnnb__run_log log;
    const char *path = in_folder("log.jsonl");
    for (int n_lost = 1; n_lost < 4; n_lost++) {
        dnnb__run_log_init(&log);
        assert_ok(dnnb__run_log_open(&log, path, false));
        add(&log, 0);
        assert_ok(dnnb__run_log_flush(&log));
        for (int i = 1; i <= n_lost; i++) add(&log, i);
        /* The disk is full until the end of the program, but a file can be made shorter. Half of
         * what waits is written before; lines differ in length, as a time that ends in zeros is
         * shorter. */
        int n_written = 1;
        for (size_t k = 0; k < log.waiting.n_bytes / 2; k++)
            n_written += log.waiting.data[k] == '\n';
        dnnb__io_fail_at(1, DNNB__IO_WRITING, false, ENOSPC);
        dnnb__run_log_close(&log);
        dnnb__io_fail_at(0, 0, false, 0);
        assert_steps(path, n_written);
    }
}

/* Bytes that a log holds back grow to a limit; what finds no room is told of in its place. */
static void test_run_log__dropped_lines_are_told_of(void **state) {
    (void)state;
    enum { N_TEXT = 1 << 20, N_LINES = 70, N_KEPT = 63 };
    dnnb__run_log log;
    const char *path = in_folder("log.jsonl");
    char *x = malloc(N_TEXT + 1);
    assert_non_null(x);
    memset(x, 'x', N_TEXT);
    x[N_TEXT] = '\0';
    dnnb__run_log_init(&log);
    for (int i = 0; i < N_LINES; i++)
        assert_ok(dnnb__run_log_add(&log, "long", json_pack("{s:s}", "x", x)));
    assert_ok(dnnb__run_log_add(&log, "short", json_object())); /* no line overtakes another */
    free(x);
    assert_ok(dnnb__run_log_open(&log, path, false));
    assert_ok(dnnb__run_log_add(&log, "after", json_object()));
    dnnb__run_log_close(&log);
    char *text;
    size_t n_text, n = 0;
    assert_ok(dnnb__file_read(&text, &n_text, path, (size_t)1 << 28));
    for (const char *at = text; (at = strstr(at, "\"event\":\"long\"")); at++) n++;
    assert_int_equal(n, N_KEPT);
    const char *warning = strstr(text, "{\"event\":\"warning\""),
               *after = strstr(text, "\"after\"");
    assert_non_null(warning);
    assert_non_null(
        strstr(warning, "the log lost 7 lines here while its file could not be written"));
    const char *small = strstr(text, "\"short\"");
    assert_true(small > warning && after > small);
    dnnb__free(text);
}

static void test_run_log__every_failed_operation_of_opening(void **state) {
    (void)state;
    dnnb__run_log log;
    const char *path = in_folder("log.jsonl");
    assert_ok(dnnb__file_write(path, "{}\nhalf", 7));
    dnnb__run_log_init(&log);
    for (uint64_t n = 1; n <= 4; n++) { /* open, size, read, cut */
        dnnb__io_fail_at(n, DNNB__IO_ALL, false, EIO);
        assert_fails(dnnb__run_log_open(&log, path, true), DNNB_ERR_IO, "log.jsonl: cannot ");
        dnnb__io_fail_at(0, 0, false, 0);
        assert_int_equal(log.fd, -1);
    }
    assert_ok(dnnb__run_log_open(&log, path, true));
    dnnb__run_log_close(&log);
    char *text = read_log(path);
    assert_string_equal(text, "{}\n");
    dnnb__free(text);
    dnnb__run_log_init(&log);
    assert_fails(dnnb__run_log_open(&log, in_folder("none/log.jsonl"), false), DNNB_ERR_IO,
                 "none/log.jsonl: cannot write: No such file");
    dnnb__run_log_close(&log);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_run_log__lines_wait_for_the_file),
        TEST(test_run_log__goes_on_after_the_last_whole_line),
        TEST(test_run_log__a_full_disk_is_waited_for),
        TEST(test_run_log__ends_with_a_whole_line),
        TEST(test_run_log__dropped_lines_are_told_of),
        TEST(test_run_log__every_failed_operation_of_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
