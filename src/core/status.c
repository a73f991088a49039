/* Status names and the thread-local message of the last error. */
#include "core/status.h"

#include <stdarg.h>
#include <string.h>

enum { MESSAGE_BYTES = 1024 };

static _Thread_local char last_message[MESSAGE_BYTES];

const char *dnnb_status_get_name(dnnb_status status) {
    static const char *const names[] = {
#define STATUS_NAME(code, name, meaning) name,
        DNNB_STATUS_LIST(STATUS_NAME)
#undef STATUS_NAME
    };
    size_t i = (size_t)status;
    return i < sizeof names / sizeof names[0] ? names[i] : "unknown";
}

const char *dnnb_get_error(void) {
    return last_message;
}

const char *dnnb_get_version(void) {
    return DNNB_VERSION;
}

/* A file's name may hold a newline or an escape sequence; a message must not. */
static void make_one_line(char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) *text = '?';
    }
}

void dnnb__set_message(const char *format, ...) {
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    make_one_line(message);
    memcpy(last_message, message, sizeof message);
}

dnnb_status dnnb__fail_prefix(dnnb_status code, const char *format, ...) {
    char message[MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < sizeof message ? (size_t)n : sizeof message - 1;
    const char *parts[] = {": ", last_message};
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(parts[i]), left = sizeof message - 1 - used;
        if (length > left) length = left;
        memcpy(message + used, parts[i], length);
        used += length;
    }
    message[used] = '\0';
    make_one_line(message);
    memcpy(last_message, message, sizeof message);
    return code;
}

void dnnb__set_error(const char *message) {
    (void)snprintf(last_message, sizeof last_message, "%s", message);
}
