/*
 * Fetches a file for fetch.py.
 *
 *   fetch_driver FILE MIRROR STALL_S TRIES [STOP_BYTES]
 *
 * Stores as dnnb_fetch() does; ends after STOP_BYTES. Prints "message TEXT" for each message,
 * then "ok PATH" or "error STATUS TEXT".
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/mem.h"
#include "fetch/fetch.h"

static bool on_progress(void *context, const dnnb_fetch_progress *progress) {
    const unsigned long *stop_bytes = context;
    if (progress->message) printf("message %s\n", progress->message);
    fflush(stdout);
    return *stop_bytes == 0 || progress->done_bytes < *stop_bytes;
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    unsigned long stop_bytes = argc > 5 ? strtoul(argv[5], NULL, 10) : 0;
    dnnb_pretrained what = {.network = "Test", .file = argv[1]};
    dnnb_fetch_options options = DNNB_FETCH_OPTIONS_INIT;
    char *path;
    options.mirror = argv[2];
    options.stall_s = strtod(argv[3], NULL);
    options.n_tries = strtoul(argv[4], NULL, 10);
    options.on_progress = on_progress;
    options.context = &stop_bytes;
    dnnb_status status = dnnb__fetch_file(&what, &options, &path);
    if (status == DNNB_OK)
        printf("ok %s\n", path);
    else
        printf("error %s %s\n", dnnb_status_get_name(status), dnnb_get_error());
    dnnb__free(path);
    return 0;
}
