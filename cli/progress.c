/* Drawing the progress line. */
#include "cli/progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/common.h"

enum { LINE_BYTES = 256, WIDEST_BAR = 30, NARROWEST_BAR = 8 };

static const double redraw_s = 0.1, plain_line_s = 30, first_plain_line_s = 5;

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static size_t get_width(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

void cli_progress_init(cli_progress *progress, bool quiet) {
    const char *terminal = getenv("TERM");
    *progress = (cli_progress){.quiet = quiet, .begin_time_s = now_s()};
    progress->is_terminal =
        isatty(STDERR_FILENO) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
    progress->last_time_s = progress->begin_time_s + first_plain_line_s - plain_line_s;
    if (progress->is_terminal) progress->last_time_s = -1;
}

void cli_progress_clear(cli_progress *progress) {
    if (!progress->is_drawn) return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->is_drawn = false;
}

void cli_progress_note(cli_progress *progress, const char *format, ...) {
    if (progress->quiet) return;
    cli_progress_clear(progress);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* What happens, how far it is (0 to 1), and what is told beside the bar. */
typedef struct progress_text {
    char before[64];
    char after[128];
    double share;
} progress_text;

static void append(progress_text *text, const char *format, ...) DNNB_PRINTF(2, 3);
static void append(progress_text *text, const char *format, ...) {
    size_t used = strlen(text->after);
    va_list args;
    va_start(args, format);
    vsnprintf(text->after + used, sizeof text->after - used, format, args);
    va_end(args);
}

static progress_text describe(const dnnb_event *event) {
    progress_text text = {"", "", 0};
    if (event->n_epochs > 0)
        snprintf(text.before, sizeof text.before, "epoch %zu/%zu", event->epoch + 1,
                 event->n_epochs);
    size_t used = strlen(text.before);
    if (event->kind == DNNB_EVENT_STEP) {
        size_t done = event->step + 1;
        text.share = event->n_steps ? (double)done / (double)event->n_steps : 0;
        snprintf(text.before + used, sizeof text.before - used, "  step %zu/%zu", done,
                 event->n_steps);
        append(&text, "  loss %.4g", event->loss);
        if (isfinite(event->images_per_second) && event->images_per_second > 0)
            append(&text, "  %.*f images/s", event->images_per_second < 10 ? 1 : 0,
                   event->images_per_second);
    } else {
        text.share = event->total ? (double)event->done / (double)event->total : 0;
        snprintf(text.before + used, sizeof text.before - used, "%sscoring %zu/%zu",
                 used ? "  " : "", event->done, event->total);
    }
    cli_text left = cli_duration(event->seconds_left);
    if (*left.s) append(&text, "  %s left", left.s);
    return text;
}

/* "before [====    ] after", the bar as wide as there is room, nothing wider than the terminal. */
static void draw(cli_progress *progress, const progress_text *text) {
    char line[LINE_BYTES], bar[WIDEST_BAR + 4] = "";
    size_t width = get_width() - 1; /* the last column makes some terminals wrap */
    size_t used = strlen(text->before) + strlen(text->after);
    if (width >= used + NARROWEST_BAR + 3) {
        size_t n = width - used - 3;
        if (n > WIDEST_BAR) n = WIDEST_BAR;
        size_t full = (size_t)(text->share * (double)n);
        bar[0] = ' ';
        bar[1] = '[';
        memset(bar + 2, ' ', n);
        memset(bar + 2, '=', full < n ? full : n);
        bar[n + 2] = ']';
    }
    snprintf(line, sizeof line, "%s%s%s", text->before, bar, text->after);
    if (width < sizeof line) line[width] = '\0';
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    progress->is_drawn = true;
}

void cli_progress_show(cli_progress *progress, const dnnb_event *event) {
    if (event->kind == DNNB_EVENT_WARNING) {
        progress->n_warnings++;
        cli_progress_clear(progress);
        cli_error("warning: %s", event->message);
        return;
    }
    if (progress->quiet) return;
    if (event->kind == DNNB_EVENT_START) {
        if (event->message && *event->message) cli_progress_note(progress, "%s", event->message);
        return;
    }
    if (event->kind == DNNB_EVENT_EPOCH) {
        cli_progress_clear(progress);
        return;
    }
    double now = now_s();
    if (now - progress->last_time_s < (progress->is_terminal ? redraw_s : plain_line_s)) return;
    progress->last_time_s = now;
    progress_text text = describe(event);
    if (progress->is_terminal)
        draw(progress, &text);
    else
        fprintf(stderr, "%s%s\n", text.before, text.after);
}

bool cli_progress_on_event(void *context, const dnnb_event *event) {
    cli_progress_show(context, event);
    return true;
}
