/**
 * @file
 * @ingroup training
 * A run's report in a browser while the run goes on.
 *
 * A small server on 127.0.0.1 gives the page of dnnbrain/report.h, and sends it newer data as they
 * come (server-sent events). It takes no lock, writes nothing, and gives out that run's files and
 * nothing else. It works in the caller's thread:
 *
 *     dnnb_watch *watch;
 *     if (dnnb_watch_create(&watch, "finetuned", 0) != DNNB_OK) return fail();
 *     puts(dnnb_watch_get_url(watch));
 *     while (!stopped && dnnb_watch_serve(watch, 0.5) == DNNB_OK) continue;
 *     dnnb_watch_destroy(watch);
 */
#ifndef DNNBRAIN_WATCH_H
#define DNNBRAIN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "dnnbrain/record.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A run folder that is being shown. */
typedef struct dnnb_watch dnnb_watch;

/**
 * Begin to serve a run folder. It need not be there yet, and may be taken away and made again.
 *
 * Requests for another machine's name (`Host:`), and methods other than GET and HEAD, are refused.
 * Everybody who is logged in on the machine can open the page.
 *
 * @param folder A run folder; a file is refused.
 * @param port   0: any that is free.
 * @error DNNB_ERR_ARGUMENT a file; DNNB_ERR_IO the port is taken, or may not be used;
 *        DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_watch_create(dnnb_watch **out, const char *folder,
                                                       uint16_t port);
/** Stop, and close every connection; NULL is fine. */
DNNB_API void dnnb_watch_destroy(dnnb_watch *watch);

/** Where the page is, "http://127.0.0.1:43210/". */
DNNB_API const char *dnnb_watch_get_url(const dnnb_watch *watch);

/**
 * Answer requests, look at the folder twice a second, and send what is new.
 *
 * Returns after `timeout_s` seconds at the latest, and when a signal has been caught. What cannot
 * be read is no failure: a run may be writing it, and it is tried again.
 *
 * @error DNNB_ERR_IO the server cannot go on; DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_watch_serve(dnnb_watch *watch, double timeout_s);

/** The run as it was read last, until the next call of dnnb_watch_serve(); NULL while there is
 *  none. */
DNNB_API const dnnb_record *dnnb_watch_get_record(const dnnb_watch *watch);
/** True when every open page has been sent what was read last. */
DNNB_API bool dnnb_watch_is_told(const dnnb_watch *watch);

#ifdef __cplusplus
}
#endif

#endif
