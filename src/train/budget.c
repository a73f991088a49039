/*
 * The budget's size: a quarter of the machine's memory, or of the limit that a container or a batch
 * system set for this process's control group, where that is lower.
 *
 * Source: Linux Documentation/admin-guide/cgroup-v2.rst, memory.max; cgroups(7).
 */
#include "train/budget.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The limit in one memory.max; SIZE_MAX where there is none ("max", or no such file). */
static size_t read_limit(const char *folder) {
    char path[PATH_MAX + 32];
    unsigned long long bytes;
    (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", folder);
    FILE *file = fopen(path, "re");
    if (!file) return SIZE_MAX;
    int n = fscanf(file, "%llu", &bytes);
    fclose(file);
    return n == 1 ? (size_t)bytes : SIZE_MAX;
}

/* The lowest limit of the process's group and of the groups around it. */
static size_t get_group_limit(void) {
    char line[PATH_MAX];
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file) return SIZE_MAX;
    size_t limit = SIZE_MAX;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "0::/", 4) != 0) continue;
        char *folder = line + 3;
        folder[strcspn(folder, "\n")] = '\0';
        for (;;) {
            size_t found = read_limit(folder);
            if (found < limit) limit = found;
            char *slash = strrchr(folder, '/');
            if (!slash) break;
            *slash = '\0';
        }
    }
    fclose(file);
    return limit;
}

void dnnb__budget_init(dnnb__budget *budget, size_t bytes) {
    if (bytes == SIZE_MAX) {
        long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
        bytes = pages > 0 && page_bytes > 0 ? (size_t)pages * (size_t)page_bytes : (size_t)1 << 30;
        size_t limit = get_group_limit();
        bytes = (limit < bytes ? limit : bytes) / 4;
    }
    atomic_init(&budget->left_bytes, bytes);
}

bool dnnb__budget_take(dnnb__budget *budget, size_t bytes) {
    size_t left = atomic_load(&budget->left_bytes);
    while (left >= bytes)
        if (atomic_compare_exchange_weak(&budget->left_bytes, &left, left - bytes)) return true;
    return false;
}

void dnnb__budget_give_back(dnnb__budget *budget, size_t bytes) {
    atomic_fetch_add(&budget->left_bytes, bytes);
}
