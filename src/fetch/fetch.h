/* Fetching a file whose name ends in the digits of its SHA-256. */
#ifndef DNNB_FETCH_FETCH_H
#define DNNB_FETCH_FETCH_H

#include "dnnbrain/fetch.h"

/** dnnb_fetch() for a row that need not be a network's. */
DNNB_MUST_CHECK dnnb_status dnnb__fetch_file(const dnnb_pretrained *what,
                                             const dnnb_fetch_options *options, char **path);

#endif
