/* What the commands share: messages, exit statuses, and text for people. */
#ifndef DNNB_CLI_COMMON_H
#define DNNB_CLI_COMMON_H

#include <stdio.h>

#include "dnnbrain/dnnbrain.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

#define CLI_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/** Name the command that messages begin with; "" for the program itself. */
void cli_set_command(const char *name);
const char *cli_get_command(void);

/** "dnnbrain COMMAND: MESSAGE" on standard error. */
void cli_error(const char *format, ...) DNNB_PRINTF(1, 2);
/** Print the library's message, return CLI_FAILED. */
int cli_fail(void);
/** The same where a wrong argument is one that the user gave as an option: CLI_USAGE then. */
int cli_fail_options(dnnb_status status);
/** cli_error() and CLI_USAGE. */
int cli_usage_error(const char *format, ...) DNNB_PRINTF(1, 2);

/** Flush standard output; CLI_FAILED with a message when something could not be written. */
int cli_finish_output(int status);

typedef struct cli_text {
    char s[40];
} cli_text;

/** 57012034 as "57,012,034". */
cli_text cli_thousands(int64_t n);
/** Seconds as "12 s", "3 min 20 s", "1 h 05 min"; "" when not finite. */
cli_text cli_duration(double seconds);
/** "(64, 3, 11, 11)", as PyTorch and the library's messages write it. */
typedef struct cli_shape_text {
    char s[DNNB_MAX_NDIM * 22 + 4];
} cli_shape_text;
cli_shape_text cli_format_shape(const dnnb_shape *shape);

/** True when a file or a folder of that name is there. */
bool cli_exists(const char *path);
bool cli_is_folder(const char *path);
/** Make a folder, unless it is there; false with the message printed when that fails. */
bool cli_make_folder(const char *path);
/** "folder/name" in `out`; false when it does not fit. */
bool cli_join(char *out, size_t n_out, const char *folder, const char *name);

/** True when text ends with `ending`, in any case. */
bool cli_ends_with(const char *text, const char *ending);

/** The names of dnnb_task, dnnb_augment (without views), dnnb_on_bad_image, dnnb_check and
 *  dnnb_monitor, in their order. */
extern const char *const cli_task_names[2];
extern const char *const cli_augment_names[2];
extern const char *const cli_bad_image_names[2];
extern const char *const cli_check_names[2];
extern const char *const cli_precision_names[3]; /* dnnb_precision */
extern const char *const cli_monitor_names[2];

/** "float32" for "f32", "bfloat16" for "bf16". */
const char *cli_precision_type(const char *precision);

/** "accuracy" or "r squared". */
const char *cli_score_name(dnnb_task task);

#endif
