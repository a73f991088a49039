/* A temporary folder for the files of one test: fixtures set_up and tear_down, and in_folder(). */
#ifndef DNNB_TESTS_FOLDER_H
#define DNNB_TESTS_FOLDER_H

#include <ftw.h>
#include <unistd.h>

#include "unit/unit.h"

static char folder[] = "/tmp/dnnb-test-XXXXXX";

/** The path of a name in the folder; good until the fourth call after it. */
static inline const char *in_folder(const char *name) {
    static char paths[4][512];
    static size_t next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline int set_up(void **state) {
    (void)state;
    (void)memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    return mkdtemp(folder) ? 0 : -1;
}

static inline int tear_down(void **state) {
    (void)state;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
