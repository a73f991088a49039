/**
 * @file
 * @ingroup training
 * report.html: all of a run on one page that needs no network.
 */
#ifndef DNNBRAIN_REPORT_H
#define DNNBRAIN_REPORT_H

#include "dnnbrain/record.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Write the report of a run as one HTML file, atomically.
 *
 * The page holds its data, its charts' library and small copies of the images that were classified
 * worst and best; it loads nothing, and its content security policy forbids it to. An image that is
 * gone or cannot be decoded is listed without its picture.
 *
 * @error DNNB_ERR_IO; DNNB_ERR_MEMORY.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_report_save(const dnnb_record *record, const char *path);

/**
 * The page in memory.
 *
 * @param events Address on the page's own server that sends events with newer data
 *               (dnnb_report_print_json()), such as "/events"; NULL for a page that stays as it is.
 * @param[out] html Ends with NUL; free with dnnb_free().
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_report_print_page(const dnnb_record *record,
                                                            const char *events, char **html,
                                                            size_t *n_bytes);

/**
 * The page's data alone: one line of JSON without a control character, a less-than sign or an
 * ampersand, so that it may stand in HTML and in a server-sent event.
 *
 * @param[out] json Ends with NUL; free with dnnb_free().
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_report_print_json(const dnnb_record *record, char **json,
                                                            size_t *n_bytes);

#ifdef __cplusplus
}
#endif

#endif
