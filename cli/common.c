/* Messages, exit statuses and small pieces of text. */
#include "cli/common.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

const char *const cli_task_names[2] = {"classification", "regression"};
const char *const cli_augment_names[2] = {"dnnbrain", "none"};
const char *const cli_bad_image_names[2] = {"stop", "skip"};
const char *const cli_check_names[2] = {"quick", "full"};
const char *const cli_precision_names[3] = {"f32", "bf16", "auto"};
const char *const cli_monitor_names[2] = {"score", "loss"};

static const char *command_name = "";

void cli_set_command(const char *name) {
    command_name = name;
}

const char *cli_get_command(void) {
    return command_name;
}

/* A name may hold a newline or an escape sequence; a message must not. */
static void print_message(const char *format, va_list args) {
    char text[4096];
    vsnprintf(text, sizeof text, format, args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
    fprintf(stderr, "dnnbrain%s%s: %s\n", *command_name ? " " : "", command_name, text);
}

void cli_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_message(format, args);
    va_end(args);
}

int cli_usage_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_message(format, args);
    va_end(args);
    return CLI_USAGE;
}

int cli_fail(void) {
    cli_error("%s", dnnb_get_error());
    return CLI_FAILED;
}

int cli_fail_options(dnnb_status status) {
    cli_error("%s", dnnb_get_error());
    return status == DNNB_ERR_ARGUMENT ? CLI_USAGE : CLI_FAILED;
}

int cli_finish_output(int status) {
    errno = 0;
    bool failed = fflush(stdout) != 0;
    int error = errno;
    if (!failed && !ferror(stdout)) return status;
    cli_error("standard output: %s", error ? strerror(error) : "some of it could not be written");
    return status == CLI_DONE ? CLI_FAILED : status;
}

cli_text cli_thousands(int64_t n) {
    char digits[24];
    cli_text out;
    int n_digits = snprintf(digits, sizeof digits, "%" PRId64, n);
    size_t to = 0;
    for (int i = 0; i < n_digits; i++) {
        if (i > 0 && digits[i - 1] != '-' && (n_digits - i) % 3 == 0) out.s[to++] = ',';
        out.s[to++] = digits[i];
    }
    out.s[to] = '\0';
    return out;
}

cli_text cli_duration(double seconds) {
    cli_text out = {""};
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9) return out;
    long s = lround(seconds);
    if (s < 60)
        snprintf(out.s, sizeof out.s, "%ld s", s);
    else if (s < 3600)
        snprintf(out.s, sizeof out.s, "%ld min %02ld s", s / 60, s % 60);
    else
        snprintf(out.s, sizeof out.s, "%ld h %02ld min", s / 3600, s % 3600 / 60);
    return out;
}

cli_shape_text cli_format_shape(const dnnb_shape *shape) {
    cli_shape_text out;
    size_t used = 0;
    out.s[used++] = '(';
    for (size_t i = 0; i < shape->ndim; i++)
        used += (size_t)snprintf(out.s + used, sizeof out.s - used, "%s%" PRId64, i ? ", " : "",
                                 shape->dim[i]);
    if (shape->ndim == 1) out.s[used++] = ',';
    out.s[used++] = ')';
    out.s[used] = '\0';
    return out;
}

bool cli_exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

bool cli_is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool cli_make_folder(const char *path) {
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && cli_is_folder(path))) return true;
    cli_error("%s: cannot make the folder: %s", path, strerror(errno));
    return false;
}

bool cli_join(char *out, size_t n_out, const char *folder, const char *name) {
    size_t n = strlen(folder);
    const char *slash = n > 0 && folder[n - 1] == '/' ? "" : "/";
    int length = snprintf(out, n_out, "%s%s%s", folder, slash, name);
    return length >= 0 && (size_t)length < n_out;
}

bool cli_ends_with(const char *text, const char *ending) {
    size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcasecmp(text + n - m, ending) == 0;
}

const char *cli_precision_type(const char *precision) {
    return strcmp(precision, "bf16") == 0 ? "bfloat16" : "float32";
}

const char *cli_score_name(dnnb_task task) {
    return task == DNNB_CLASSIFICATION ? "accuracy" : "r squared";
}
