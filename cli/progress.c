/*
 * Drawing the progress line.
 *
 * Method: the cursor is left at the line's beginning, and a line is taken away by erasing from
 * there to the end of the screen. So a window that was made narrower, and has broken the line in
 * two, is clean again at the next drawing. While the line is drawn the terminal does not wrap,
 * since it may have become narrower than it was when the line was made. A program in the
 * background draws nothing over its terminal.
 */
#include "cli/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/common.h"

enum { WIDEST_BAR = 40, NARROWEST_BAR = 6, NAME_BYTES = 256, PART_BYTES = 64, N_PARTS = 4 };

static const double redraw_s = 0.1, plain_line_s = 30, first_plain_line_s = 5;

static double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void cli_progress_init(cli_progress *progress, bool quiet) {
    *progress = (cli_progress){.quiet = quiet, .pass.id = -1};
    progress->terminal = cli_terminal_open(stderr);
    progress->last_time_s =
        progress->terminal.is_terminal ? -1 : now_s() + first_plain_line_s - plain_line_s;
}

const char *cli_progress_get_clearing(const cli_progress *progress) {
    return progress->terminal.is_terminal ? "\r" CLI_ERASE : "\n";
}

void cli_progress_clear(cli_progress *progress) {
    if (!progress->is_drawn) return;
    fputs("\r" CLI_ERASE, stderr);
    fflush(stderr);
    progress->is_drawn = false;
}

/* A line of any length, broken between words where the terminal has room; what follows is moved in
 * by two columns. */
static void print_broken(const cli_terminal *terminal, const char *text) {
    size_t width = cli_terminal_get_width(terminal) - 1, indent = 0;
    while (cli_text_width(text) + indent > width) {
        size_t n = cli_text_clip(text, width > indent ? width - indent : 1), end = n;
        while (end > 0 && text[end] != ' ') end--;
        if (end <= indent || end == 0) end = n; /* a word wider than the line */
        if (end == 0) break;
        fprintf(stderr, "%*s%.*s\n", (int)indent, "", (int)end, text);
        text += end + strspn(text + end, " ");
        indent = 2;
    }
    fprintf(stderr, "%*s%s\n", (int)indent, "", text);
}

void cli_progress_note(cli_progress *progress, const char *format, ...) {
    char text[4096];
    if (progress->quiet) return;
    cli_progress_clear(progress);
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (progress->terminal.is_terminal)
        print_broken(&progress->terminal, text);
    else
        fprintf(stderr, "%s\n", text);
}

/* Also when quiet. */
static void print_warning(cli_progress *progress, const char *message) {
    char text[4096];
    cli_progress_clear(progress);
    if (!progress->terminal.is_terminal) {
        cli_error("warning: %s", message);
        return;
    }
    snprintf(text, sizeof text, "dnnbrain %s: warning: %s", cli_get_command(), message);
    cli_text_make_safe(text);
    print_broken(&progress->terminal, text);
}

/* A line's parts. What a narrow terminal has no room for is left out, the last ones first. */
typedef struct progress_line {
    char name[NAME_BYTES];  /* what is done */
    char count[PART_BYTES]; /* how much of it; left out third */
    char loss[PART_BYTES];  /* left out second */
    char rate[PART_BYTES];  /* left out first */
    char left[PART_BYTES];  /* time; left out last */
    double share;           /* 0 to 1; negative: there is no bar */
} progress_line;

static void print_part(char part[PART_BYTES], const char *format, ...) DNNB_PRINTF(2, 3);
static void print_part(char part[PART_BYTES], const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(part, PART_BYTES, format, args);
    va_end(args);
}

static void print_rate(progress_line *line, double per_second, const char *things) {
    if (!isfinite(per_second) || per_second <= 0 || per_second > 1e15) return;
    if (per_second < 10)
        print_part(line->rate, "%.1f %s/s", per_second, things);
    else
        print_part(line->rate, "%s %s/s", cli_thousands(llround(per_second)).s, things);
}

/* As a clock shows it, so that its width stays while it runs down. */
static void print_left(progress_line *line, double seconds) {
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9) return;
    long s = lround(seconds);
    if (s < 3600)
        print_part(line->left, "%ld:%02ld left", s / 60, s % 60);
    else
        print_part(line->left, "%ld:%02ld:%02ld left", s / 3600, s % 3600 / 60, s % 60);
}

/* Seconds since this pass was seen first; another one begins where the id or the total differs, or
 * where it has gone back. */
static double measure(cli_progress *progress, int id, size_t done, size_t total) {
    cli_pass *pass = &progress->pass;
    if (pass->id != id || pass->total != total || done < pass->done_then)
        *pass = (cli_pass){.id = id, .total = total, .done_then = done, .begun_s = now_s()};
    return now_s() - pass->begun_s;
}

static const char *get_pass_name(dnnb_pass pass) {
    switch (pass) {
    case DNNB_PASS_CHECK:
        return "checking images";
    case DNNB_PASS_FEATURES:
        return "computing features";
    case DNNB_PASS_SCORE_TRAIN:
        return "scoring training";
    case DNNB_PASS_SCORE_VALIDATION:
        return "scoring validation";
    case DNNB_PASS_PREDICT:
        break;
    }
    return "predicting";
}

static progress_line describe_step(const dnnb_event *event) {
    progress_line line = {0};
    size_t done = event->step + 1;
    line.share = event->n_steps ? (double)done / (double)event->n_steps : 0;
    snprintf(line.name, sizeof line.name, "epoch %zu/%zu", event->epoch + 1, event->n_epochs);
    print_part(line.count, "step %zu/%zu", done, event->n_steps);
    print_part(line.loss, event->loss >= 1e-3 && event->loss < 1e4 ? "loss %.4f" : "loss %.2e",
               event->loss);
    print_rate(&line, event->images_per_second, "images");
    print_left(&line, event->seconds_left);
    return line;
}

static progress_line describe_pass(cli_progress *progress, const dnnb_event *event) {
    progress_line line = {0};
    bool is_in_epoch =
        event->pass == DNNB_PASS_SCORE_TRAIN || event->pass == DNNB_PASS_SCORE_VALIDATION;
    double elapsed_s = measure(progress, (int)event->pass, event->done, event->total);
    double n = (double)(event->done - progress->pass.done_then);
    line.share = event->total ? (double)event->done / (double)event->total : 0;
    if (is_in_epoch)
        snprintf(line.name, sizeof line.name, "epoch %zu/%zu  %s", event->epoch + 1,
                 event->n_epochs, get_pass_name(event->pass));
    else
        snprintf(line.name, sizeof line.name, "%s", get_pass_name(event->pass));
    print_part(line.count, "%zu/%zu", event->done, event->total);
    if (n > 0 && elapsed_s > 0) print_rate(&line, n / elapsed_s, "images");
    double left_s = event->seconds_left;
    if (!isfinite(left_s) && n > 0 && !is_in_epoch)
        left_s = elapsed_s / n * (double)(event->total - event->done);
    print_left(&line, left_s);
    return line;
}

static size_t width_of(const char *part) {
    return *part ? strlen(part) + 2 : 0;
}

/* Columns beside the bar, parts left out until these and a short bar have room. */
static size_t fit(progress_line *line, size_t width) {
    char *const parts[N_PARTS] = {line->rate, line->loss, line->count, line->left};
    size_t bar = line->share < 0 ? 0 : NARROWEST_BAR + 1;
    size_t used = cli_text_width(line->name);
    for (size_t i = 0; i < N_PARTS; i++) used += width_of(parts[i]);
    for (size_t i = 0; i < N_PARTS && used + bar > width; i++) {
        used -= width_of(parts[i]);
        parts[i][0] = '\0';
    }
    return used;
}

/* What is drawn goes out at once: half a line would be seen to flicker. */
typedef struct drawing {
    char text[2048];
    size_t n;
} drawing;

static void put(drawing *out, const char *format, ...) DNNB_PRINTF(2, 3);
static void put(drawing *out, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out->text + out->n, sizeof out->text - out->n, format, args);
    va_end(args);
    if (n > 0 && out->n + (size_t)n < sizeof out->text) out->n += (size_t)n;
}

/* The bar, `n` columns wide. */
static void put_bar(drawing *out, const cli_terminal *terminal, double share, size_t n) {
    double filled = fmin(fmax(share, 0), 1) * (double)n;
    size_t whole = (size_t)filled;
    const char *plain = cli_terminal_style(terminal, CLI_PLAIN);
    if (!terminal->has_utf8) {
        put(out, "[");
        for (size_t i = 1; i + 1 < n; i++) put(out, i < whole || whole == n ? "=" : " ");
        put(out, "]");
        return;
    }
    bool has_half = whole < n && filled - (double)whole >= 0.5;
    put(out, "%s", cli_terminal_style(terminal, CLI_FULL));
    for (size_t i = 0; i < whole; i++) put(out, "\u2501"); /* a heavy line */
    if (has_half) put(out, "\u2578");                      /* the left half of one */
    put(out, "%s%s", plain, cli_terminal_style(terminal, CLI_DIM));
    for (size_t i = whole + has_half; i < n; i++) put(out, "\u2500"); /* a light line */
    put(out, "%s", plain);
}

/* "name  count BAR  loss  rate  left", nothing wider than the terminal. */
static void draw(cli_progress *progress, progress_line *line) {
    /* The last column makes some terminals wrap. */
    size_t width = cli_terminal_get_width(&progress->terminal) - 1;
    size_t used = fit(line, width);
    drawing out = {.n = 0};
    if (progress->width != width || progress->reserved < used) progress->reserved = used;
    progress->width = width;
    put(&out, "\r" CLI_ERASE CLI_NO_WRAP "%.*s", (int)cli_text_clip(line->name, width), line->name);
    if (*line->count) put(&out, "  %s", line->count);
    size_t room = width > progress->reserved ? width - progress->reserved - 1 : 0;
    if (room < NARROWEST_BAR) room = width > used ? width - used - 1 : 0;
    if (room > WIDEST_BAR) room = WIDEST_BAR;
    if (line->share >= 0 && room >= NARROWEST_BAR) {
        put(&out, " ");
        put_bar(&out, &progress->terminal, line->share, room);
    }
    if (*line->loss) put(&out, "  %s", line->loss);
    if (*line->rate) put(&out, "  %s", line->rate);
    if (*line->left) put(&out, "  %s", line->left);
    put(&out, "\r" CLI_WRAP);
    fputs(out.text, stderr);
    fflush(stderr);
    progress->is_drawn = true;
}

static bool is_in_foreground(void) {
    pid_t group = tcgetpgrp(STDERR_FILENO);
    return group < 0 || group == getpgrp();
}

static void show(cli_progress *progress, progress_line *line) {
    progress->last_time_s = now_s();
    if (!progress->terminal.is_terminal) {
        fprintf(stderr, "%s", line->name);
        const char *const parts[] = {line->count, line->loss, line->rate, line->left};
        for (size_t i = 0; i < N_PARTS; i++)
            if (*parts[i]) fprintf(stderr, "  %s", parts[i]);
        fputc('\n', stderr);
    } else if (is_in_foreground()) {
        draw(progress, line);
    }
}

static bool is_due(const cli_progress *progress) {
    double wait_s = progress->terminal.is_terminal ? redraw_s : plain_line_s;
    return !progress->quiet && now_s() - progress->last_time_s >= wait_s;
}

void cli_progress_show(cli_progress *progress, const dnnb_event *event) {
    progress_line line;
    switch (event->kind) {
    case DNNB_EVENT_WARNING:
        progress->n_warnings++;
        if (event->is_of_machine && progress->has_told_machine) return;
        progress->has_told_machine = progress->has_told_machine || event->is_of_machine;
        print_warning(progress, event->message);
        return;
    case DNNB_EVENT_START:
    case DNNB_EVENT_UNFREEZE:
        if (event->message && *event->message) cli_progress_note(progress, "%s", event->message);
        return;
    case DNNB_EVENT_EPOCH:
        cli_progress_clear(progress);
        /* What reads standard output may write it to the same terminal a moment later. */
        if (progress->terminal.is_terminal) progress->last_time_s = now_s();
        return;
    case DNNB_EVENT_SCORING: /* measured whether it is shown or not */
        line = describe_pass(progress, event);
        break;
    case DNNB_EVENT_STEP:
        if (!is_due(progress)) return;
        line = describe_step(event);
        break;
    case DNNB_EVENT_SAVE:
    case DNNB_EVENT_SAVED:
        return;
    }
    if (is_due(progress)) show(progress, &line);
}

void cli_progress_count(cli_progress *progress, const char *what, size_t done, size_t total,
                        const char *things) {
    enum { COUNTING = 100 }; /* an id that no pass has */
    progress_line line = {.share = total ? (double)done / (double)total : -1};
    double elapsed_s = measure(progress, COUNTING, done, total);
    if (!is_due(progress)) return;
    double n = (double)(done - progress->pass.done_then);
    snprintf(line.name, sizeof line.name, "%s", what);
    if (total)
        print_part(line.count, "%zu/%zu", done, total);
    else
        print_part(line.count, "%zu %s", done, things);
    if (n > 0 && elapsed_s > 0) print_rate(&line, n / elapsed_s, things);
    if (n > 0 && total >= done) print_left(&line, elapsed_s / n * (double)(total - done));
    show(progress, &line);
}

void cli_progress_say(cli_progress *progress, const char *format, ...) {
    progress_line line = {.share = -1};
    if (progress->quiet || !progress->terminal.is_terminal || !is_in_foreground()) return;
    va_list args;
    va_start(args, format);
    vsnprintf(line.name, sizeof line.name, format, args);
    va_end(args);
    cli_text_make_safe(line.name);
    draw(progress, &line);
    progress->last_time_s = now_s() - redraw_s; /* it may be followed at once */
}

bool cli_progress_on_event(void *context, const dnnb_event *event) {
    cli_progress_show(context, event);
    return true;
}
