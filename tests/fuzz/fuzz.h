/*
 * What every fuzz target includes.
 *
 * A target is one file, fuzz_NAME.c, with the entry that libFuzzer calls. replay.c calls the same
 * entry for each file of a corpus, so that the corpora are tested without libFuzzer too. Targets
 * touch nothing but memory.
 */
#ifndef DNNB_TESTS_FUZZ_FUZZ_H
#define DNNB_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/** The name that readers are given for the input: messages must begin with it. */
#define FUZZ_NAME "file"

static inline void fuzz_require(bool holds, const char *what) {
    if (holds) return;
    (void)fprintf(stderr, "%s: '%s'\n", what, dnnb_get_error());
    abort();
}

/**
 * A reader may refuse, with one line that names the file. It may not run out of memory: a request
 * for more than the file is worth must have been refused before it was made.
 */
static inline void fuzz_check(dnnb_status status) {
    if (status == DNNB_OK) return;
    fuzz_require(status == DNNB_ERR_FORMAT || status == DNNB_ERR_UNSUPPORTED ||
                     status == DNNB_ERR_LIMIT || status == DNNB_ERR_IO,
                 "a status that no file may cause");
    fuzz_require(strncmp(dnnb_get_error(), FUZZ_NAME, strlen(FUZZ_NAME)) == 0,
                 "a message that does not name the file");
    fuzz_require(!strchr(dnnb_get_error(), '\n'), "a message of two lines");
}

#endif
