/* What every unit test includes: cmocka with the headers it needs, and a few shared assertions. */
#ifndef DNNB_TESTS_UNIT_H
#define DNNB_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dnnbrain/status.h"

/** The call succeeds; otherwise print its message. */
#define assert_ok(call)                                                                            \
    do {                                                                                           \
        dnnb_status status_ = (call);                                                              \
        if (status_ != DNNB_OK) fail_msg("%s: %s", #call, dnnb_get_error());                       \
    } while (0)

/** The call fails with this status, and its message holds the text. */
#define assert_fails(call, expected, text)                                                         \
    do {                                                                                           \
        dnnb_status status_ = (call);                                                              \
        assert_int_equal(status_, expected);                                                       \
        if (!strstr(dnnb_get_error(), text))                                                       \
            fail_msg("expected '%s' in the message '%s'", text, dnnb_get_error());                 \
    } while (0)

#endif
