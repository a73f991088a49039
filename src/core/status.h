/* Setting an error: code and message in one call. */
#ifndef DNNB_CORE_STATUS_H
#define DNNB_CORE_STATUS_H

#include <stdio.h>
#include <stdlib.h>

#include "dnnbrain/status.h"

/** Set this thread's message and give `code`: "return dnnb__fail(code, format, ...)". The message
 * is cut at 1,023 bytes and control characters are replaced, so that it stays one line whatever a
 *  file's name holds. A macro, so that the compiler sees that the status is never DNNB_OK. */
#define dnnb__fail(code, ...) (dnnb__set_message(__VA_ARGS__), (dnnb_status)(code))

void dnnb__set_message(const char *format, ...) DNNB_PRINTF(1, 2);

/** Put "prefix: " before this thread's message; returns `code`. */
DNNB_MUST_CHECK dnnb_status dnnb__fail_prefix(dnnb_status code, const char *format, ...)
    DNNB_PRINTF(2, 3);

/** Take over a message that another thread's job carried here. */
void dnnb__set_error(const char *message);

/** Leave the function with the status of a call that failed. */
#define DNNB_TRY(call)                                                                             \
    do {                                                                                           \
        dnnb_status try_status_ = (call);                                                          \
        if (try_status_ != DNNB_OK) return try_status_;                                            \
    } while (0)

/** For a caller's bug; never for a file, a shape or a user's option. Stays on in release builds. */
#define DNNB_ASSERT(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #condition);      \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
