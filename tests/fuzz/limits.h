/* Limits of a test that reads hostile files: more memory or time than they allow ends it. */
#ifndef DNNB_TESTS_FUZZ_LIMITS_H
#define DNNB_TESTS_FUZZ_LIMITS_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/** Let the address space grow by so much from now on. The sanitizers reserve terabytes: under them
 *  the test's environment limits each allocation instead. */
static inline bool limit_memory(size_t n_bytes) {
#ifdef DNNB_SANITIZE
    (void)n_bytes;
    return true;
#else
    unsigned long long n_pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return false;
    bool is_read = fscanf(file, "%llu", &n_pages) == 1;
    (void)fclose(file);
    rlim_t limit = (rlim_t)n_pages * (rlim_t)sysconf(_SC_PAGESIZE) + n_bytes;
    struct rlimit rlimit = {.rlim_cur = limit, .rlim_max = limit};
    return is_read && setrlimit(RLIMIT_AS, &rlimit) == 0;
#endif
}

static const char *volatile limited_file = "";

static inline void on_time_out(int number) {
    static const char text[] = ": took too long\n";
    const char *file = limited_file;
    (void)number;
    if (write(STDERR_FILENO, file, strlen(file)) < 0 ||
        write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(2);
    _exit(1);
}

/** From now on `file` is read, and must be done within so many seconds. */
static inline void limit_time(const char *file, unsigned seconds) {
    (void)signal(SIGALRM, on_time_out);
    limited_file = file;
    (void)alarm(seconds);
}

#endif
