/*
 * Every fallible call of an action fails once: the n-th, for n = 1, 2, 3 ... until the action comes
 * to its end without it.
 *
 * Method: the hooks of core/mem and core/io. Allocations of other libraries are not among those
 * that fail, but jansson's are where it writes (its reader passes over a byte that it finds no room
 * for, and says nothing). Under a sanitizer a long action takes every third n. Each sweep prints
 * how many failures it made, and sees that no file stays open.
 */
#ifndef DNNB_TESTS_FAULTS_H
#define DNNB_TESTS_FAULTS_H

#include "unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>

#include "core/io.h"
#include "core/mem.h"

typedef struct fault {
    const char *name;
    bool is_allocation;
    unsigned kinds;
    bool and_later;
    int error;
} fault;

enum {
    FAULT_ALLOCATION,
    FAULT_READ,
    FAULT_READ_LATER,
    FAULT_WRITE,
    FAULT_DISK_FULL,
    FAULT_REMOVE,
    N_FAULTS
};

static const fault faults[N_FAULTS] = {
    [FAULT_ALLOCATION] = {.name = "an allocation", .is_allocation = true},
    [FAULT_READ] = {.name = "a reading operation", .kinds = DNNB__IO_READING, .error = EIO},
    [FAULT_READ_LATER] = {.name = "a reading operation and all later ones",
                          .kinds = DNNB__IO_READING,
                          .and_later = true,
                          .error = EIO},
    [FAULT_WRITE] = {.name = "a writing operation", .kinds = DNNB__IO_WRITING, .error = ENOSPC},
    [FAULT_DISK_FULL] = {.name = "a writing operation and all later ones",
                         .kinds = DNNB__IO_WRITING,
                         .and_later = true,
                         .error = ENOSPC},
    [FAULT_REMOVE] = {.name = "a removing operation", .kinds = DNNB__IO_REMOVING, .error = EPERM}};

/** An action on a context. `prepare` makes the same start for each n; `check` sees what is there
 *  afterwards, with no hook set. Either may be NULL. */
typedef struct fault_action {
    const char *name;
    dnnb_status (*act)(void *context);
    void (*prepare)(void *context);
    void (*check)(void *context, const fault *f, dnnb_status status, bool has_fired);
    bool is_long;
} fault_action;

static uint64_t fault_now_at; /* for messages of what fails */

static inline uint64_t fault_count(const fault *f) {
    return f->is_allocation ? dnnb__mem_get_count() : dnnb__io_get_count(f->kinds);
}

static inline void fault_arm(const fault *f, uint64_t n) {
    if (f->is_allocation)
        dnnb__mem_fail_at(n);
    else
        dnnb__io_fail_at(n, f->kinds, f->and_later, f->error);
}

static inline void fault_disarm(void) {
    dnnb__mem_fail_at(0);
    dnnb__io_fail_at(0, 0, false, 0);
}

static inline size_t fault_count_open_files(void) {
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;
    assert_non_null(dir);
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

static void *fault_malloc(size_t n) {
    return dnnb__alloc(n, 1);
}

/** Let jansson's allocations fail too, or no longer; when nothing of it is in use. */
static inline void fault_take_jansson(bool take) {
    if (take)
        json_set_alloc_funcs(fault_malloc, dnnb__free);
    else
        json_set_alloc_funcs(malloc, free);
}

/* The failure must be what failed, told in one line. */
static inline void fault_check_status(const fault_action *a, const fault *f, dnnb_status status,
                                      bool has_fired) {
    dnnb_status expected = f->is_allocation ? DNNB_ERR_MEMORY : DNNB_ERR_IO;
    const char *message = dnnb_get_error();
    if (status == DNNB_OK) return;
    if (!has_fired || status != expected || !*message || strchr(message, '\n'))
        fail_msg("%s: %s, number %llu: status '%s' with '%s'", a->name, f->name,
                 (unsigned long long)fault_now_at, dnnb_status_get_name(status), message);
}

static inline void fault_sweep(const fault_action *a, void *context, size_t which) {
    const fault *f = &faults[which];
#ifdef DNNB_SANITIZE
    uint64_t step = a->is_long ? 3 : 1;
#else
    uint64_t step = 1;
#endif
    size_t n_taken = 0, n_survived = 0;
    bool has_fired = true;
    for (uint64_t n = 1; has_fired; n += step) {
        fault_now_at = n;
        if (a->prepare) a->prepare(context);
        size_t n_open = fault_count_open_files();
        uint64_t before = fault_count(f);
        dnnb__set_error("");
        fault_arm(f, n);
        dnnb_status status = a->act(context);
        has_fired = fault_count(f) - before >= n;
        fault_disarm();
        fault_check_status(a, f, status, has_fired);
        size_t n_open_after = fault_count_open_files();
        if (n_open_after > n_open)
            fail_msg("%s: %s, number %llu: %zu files left open", a->name, f->name,
                     (unsigned long long)n, n_open_after - n_open);
        if (a->check) a->check(context, f, status, has_fired);
        n_taken += has_fired;
        n_survived += has_fired && status == DNNB_OK;
        assert_true(n < 100000);
    }
    if (n_taken == 0) return; /* nothing of the kind is called */
    print_message("%s: %s fails: %zu failures, %zu survived%s\n", a->name, f->name, n_taken,
                  n_survived, step > 1 ? " (every third under a sanitizer)" : "");
}

#endif
