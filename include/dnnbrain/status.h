/**
 * @file
 * @ingroup support
 * Status codes, and the message of the last error.
 *
 * Every fallible function of the library returns a dnnb_status that must be checked. The message of
 * a failure is one line: where, what was expected, what was found. It is kept for each thread.
 */
#ifndef DNNBRAIN_STATUS_H
#define DNNBRAIN_STATUS_H

#if defined(__GNUC__)
#define DNNB_API        __attribute__((visibility("default")))
#define DNNB_MUST_CHECK __attribute__((warn_unused_result))
#define DNNB_PRINTF(format_index, first_arg)                                                       \
    __attribute__((format(printf, format_index, first_arg)))
#else
#define DNNB_API
#define DNNB_MUST_CHECK
#define DNNB_PRINTF(format_index, first_arg)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Each code with its short name and its meaning. */
#define DNNB_STATUS_LIST(X)                                                                        \
    X(OK, "ok", "success")                                                                         \
    X(ERR_ARGUMENT, "argument", "a wrong argument or option")                                      \
    X(ERR_IO, "io", "the operating system could not read or write")                                \
    X(ERR_FORMAT, "format", "a file is not what it should be")                                     \
    X(ERR_SHAPE, "shape", "a shape, a name or a count does not fit")                               \
    X(ERR_UNSUPPORTED, "unsupported", "valid, and not supported")                                  \
    X(ERR_MEMORY, "memory", "out of memory")                                                       \
    X(ERR_LIMIT, "limit", "larger or deeper than the limit set for it")                            \
    X(ERR_NUMERIC, "numeric", "a result is not finite")                                            \
    X(ERR_STOPPED, "stopped", "stopped because the caller asked for it")                           \
    X(ERR_INTERNAL, "internal", "a bug of the library")

/** What became of a call: dnnb_get_error() has the message of a failure. */
typedef enum dnnb_status {
#define DNNB_STATUS_ENUM(code, name, meaning) DNNB_##code,
    DNNB_STATUS_LIST(DNNB_STATUS_ENUM)
#undef DNNB_STATUS_ENUM
} dnnb_status;

/** The code's short name, such as "format". Never NULL. */
DNNB_API const char *dnnb_status_get_name(dnnb_status status);

/**
 * The message of the last failure in this thread, "" before the first one.
 * Borrowed: it stays until the next failure in the same thread.
 */
DNNB_API const char *dnnb_get_error(void);

/** The library's version, such as "0.1.0". */
DNNB_API const char *dnnb_get_version(void);

#ifdef __cplusplus
}
#endif

#endif
