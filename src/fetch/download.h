/*
 * One file over HTTP into an open file, going on where it ends: the folder's only use of libcurl.
 */
#ifndef DNNB_FETCH_DOWNLOAD_H
#define DNNB_FETCH_DOWNLOAD_H

#include <stdint.h>

#include "core/status.h"
#include "dnnbrain/fetch.h"

enum { DNNB__VALIDATOR_BYTES = 512 };

typedef struct dnnb__download {
    const char *url;
    int fd;           /* written at its end */
    const char *path; /* of the file, for messages */
    uint64_t n_bytes; /* in the file so far */
    uint64_t n_total; /* of the whole; 0 when the server has not said */
    /* What names the version of the file at the server, an ETag or a date; "" when it gave none.
     * What is already there is only added to when the server still has that version. */
    char validator[DNNB__VALIDATOR_BYTES];
    const dnnb_fetch_options *options;
} dnnb__download;

/**
 * Fetch what is missing, asking again after a break. `n_bytes`, `n_total` and `validator` follow
 * what happens, also when it fails.
 *
 * @error DNNB_ERR_IO with the address, what was expected and what was found; DNNB_ERR_STOPPED;
 *        DNNB_ERR_LIMIT more than any network has.
 */
DNNB_MUST_CHECK dnnb_status dnnb__download_run(dnnb__download *d);

#endif
