/*
 * The table of epochs.
 *
 * Method: a column is there when the first epoch has its number; of those, as many are shown as the
 * terminal has room for at the moment, the least telling left out first. When the window has
 * changed so that others fit, the header comes again. A star stands before each epoch that was the
 * best so far; so the last star is the best epoch's.
 */
#include "cli/epochs.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/common.h"

enum { CELL_BYTES = 48, LINE_BYTES = 512 };

typedef struct column {
    const char *group; /* written over it and its neighbours; "": the task's score */
    const char *name;
    size_t width;
    size_t rank; /* 0 is left out last */
    void (*print)(char *out, const dnnb_event *event);
    double (*get)(const dnnb_epoch *epoch); /* NaN: the column is not there; NULL: it always is */
} column;

static void print_decimals(char *out, double value) {
    bool is_small = value != 0 && fabs(value) < 1e-3;
    if (isnan(value))
        out[0] = '\0';
    else
        snprintf(out, CELL_BYTES, is_small || fabs(value) >= 1e4 ? "%.2e" : "%.4f", value);
}

static double get_loss(const dnnb_epoch *e) {
    return e->epoch_loss;
}

static double get_loss_validation(const dnnb_epoch *e) {
    return e->loss_validation;
}

static double get_score_train(const dnnb_epoch *e) {
    return e->score_train;
}

static double get_score_validation(const dnnb_epoch *e) {
    return e->score_validation;
}

static double get_images_per_second(const dnnb_epoch *e) {
    return isfinite(e->images_per_second) ? e->images_per_second : (double)NAN;
}

static void print_epoch(char *out, const dnnb_event *event) {
    snprintf(out, CELL_BYTES, "%zu/%zu", event->epoch + 1, event->n_epochs);
}

static void print_rate(char *out, const dnnb_event *event) {
    snprintf(out, CELL_BYTES, "%.3g", event->result->learning_rate);
}

static void print_seconds(char *out, const dnnb_event *event) {
    double s = event->result->seconds;
    if (s < 59.95)
        snprintf(out, CELL_BYTES, "%.1f s", s);
    else
        snprintf(out, CELL_BYTES, "%s", cli_duration(s).s);
}

static void print_images_per_second(char *out, const dnnb_event *event) {
    double rate = event->result->images_per_second;
    if (isfinite(rate) && rate < 10)
        snprintf(out, CELL_BYTES, "%.1f", rate);
    else if (isfinite(rate) && rate < 1e15)
        snprintf(out, CELL_BYTES, "%s", cli_thousands(llround(rate)).s);
    else
        out[0] = '\0';
}

/* In the order of the table. A group's columns are neighbours. */
static const column columns[] = {
    {NULL, "epoch", 5, 0, print_epoch, NULL},
    {"loss", "train", 8, 1, NULL, get_loss},
    {"loss", "validation", 10, 5, NULL, get_loss_validation},
    {"", "train", 8, 4, NULL, get_score_train},
    {"", "validation", 10, 2, NULL, get_score_validation},
    {NULL, "rate", 8, 7, print_rate, NULL},
    {NULL, "time", 10, 3, print_seconds, NULL},
    {NULL, "images/s", 8, 6, print_images_per_second, get_images_per_second},
};

void cli_epochs_init(cli_epochs *epochs, dnnb_task task, bool quiet) {
    struct stat status;
    *epochs = (cli_epochs){.table = cli_terminal_open(stdout), .task = task};
    if (epochs->table.is_terminal) return;
    epochs->has_lines = true;
    epochs->table.stream = NULL;
    bool is_pipe =
        fstat(STDOUT_FILENO, &status) != 0 || S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
    cli_terminal messages = cli_terminal_open(stderr);
    if (!quiet && messages.is_terminal && !is_pipe) epochs->table = messages;
}

static size_t get_width(const column *c, const dnnb_event *event) {
    char text[CELL_BYTES];
    if (c->print != print_epoch) return c->width;
    snprintf(text, sizeof text, "%zu/%zu", event->n_epochs, event->n_epochs);
    return strlen(text) > c->width ? strlen(text) : c->width;
}

/* Indices of the columns that are there and fit; their number. */
static size_t choose(const cli_epochs *epochs, const dnnb_event *event,
                     size_t out[CLI_MOST_EPOCH_COLUMNS]) {
    bool is_chosen[CLI_COUNT_OF(columns)] = {false};
    size_t left = cli_terminal_get_width(&epochs->table) - 1, n = 0;
    for (size_t rank = 0; rank < CLI_COUNT_OF(columns); rank++)
        for (size_t i = 0; i < CLI_COUNT_OF(columns); i++) {
            const column *c = &columns[i];
            if (c->rank != rank || (c->get && isnan(c->get(event->result)))) continue;
            size_t width = get_width(c, event) + 2; /* the star's, or the gap */
            if (width > left && rank > 0) {
                left = 0; /* nothing of less weight in its place: the table would be a riddle */
                continue;
            }
            is_chosen[i] = true;
            left -= width < left ? width : left;
        }
    for (size_t i = 0; i < CLI_COUNT_OF(columns); i++)
        if (is_chosen[i]) out[n++] = i;
    return n;
}

static const char *get_group(const cli_epochs *epochs, const column *c) {
    if (!c->group || *c->group) return c->group;
    if (epochs->task == DNNB_CLASSIFICATION) return "accuracy";
    return epochs->table.has_utf8 ? "r\u00b2" : "r^2";
}

/* The group's name in the middle of a rule over its columns. */
static void print_group(const cli_epochs *epochs, const char *name, size_t width) {
    size_t used = cli_text_width(name) + 2;
    size_t before = width > used ? (width - used) / 2 : 0;
    const char *rule = epochs->table.has_utf8 ? "\u2500" : "-";
    for (size_t i = 0; i < before; i++) fputs(rule, epochs->table.stream);
    fprintf(epochs->table.stream, " %s ", name);
    for (size_t i = before + used; i < width; i++) fputs(rule, epochs->table.stream);
}

static void print_groups(const cli_epochs *epochs, const dnnb_event *event) {
    size_t i = 0, gap = 0;
    while (i < epochs->n_shown) {
        const column *c = &columns[epochs->shown[i]];
        const char *group = get_group(epochs, c);
        size_t width = get_width(c, event);
        for (i++; group && i < epochs->n_shown; i++) {
            const column *next = &columns[epochs->shown[i]];
            if (!next->group || strcmp(get_group(epochs, next), group) != 0) break;
            width += 2 + get_width(next, event);
        }
        if (!group) {
            gap += 2 + width;
            continue;
        }
        fprintf(epochs->table.stream, "%*s", (int)gap + 2, "");
        print_group(epochs, group, width);
        gap = 0;
    }
    fputc('\n', epochs->table.stream);
}

static void print_header(cli_epochs *epochs, const dnnb_event *event) {
    FILE *out = epochs->table.stream;
    fprintf(out, "%s%s", CLI_NO_WRAP, cli_terminal_style(&epochs->table, CLI_DIM));
    print_groups(epochs, event);
    fprintf(out, "%s%s", cli_terminal_style(&epochs->table, CLI_PLAIN),
            cli_terminal_style(&epochs->table, CLI_BOLD));
    for (size_t i = 0; i < epochs->n_shown; i++) {
        const column *c = &columns[epochs->shown[i]];
        fprintf(out, "  %*s", (int)get_width(c, event), c->name);
    }
    fprintf(out, "%s%s\n", cli_terminal_style(&epochs->table, CLI_PLAIN), CLI_WRAP);
}

static void print_row(const cli_epochs *epochs, const dnnb_event *event) {
    FILE *out = epochs->table.stream;
    const char *star = !event->is_best ? "  " : epochs->table.has_utf8 ? "\u2605 " : "* ";
    fprintf(out, "%s%s%s", CLI_NO_WRAP,
            event->is_best ? cli_terminal_style(&epochs->table, CLI_GOOD) : "", star);
    for (size_t i = 0; i < epochs->n_shown; i++) {
        const column *c = &columns[epochs->shown[i]];
        char text[CELL_BYTES];
        if (c->print)
            c->print(text, event);
        else
            print_decimals(text, c->get(event->result));
        fprintf(out, "%s%*s", i ? "  " : "", (int)get_width(c, event), text);
    }
    fprintf(out, "%s%s\n", event->is_best ? cli_terminal_style(&epochs->table, CLI_PLAIN) : "",
            CLI_WRAP);
    fflush(out);
}

/* The form that scripts rely on. */
static void print_line(const dnnb_event *event) {
    const dnnb_epoch *epoch = event->result;
    printf("epoch %zu/%zu  loss %.4g", event->epoch + 1, event->n_epochs, epoch->epoch_loss);
    if (!isnan(epoch->score_train)) printf("  train %.4g", epoch->score_train);
    if (!isnan(epoch->score_validation)) printf("  validation %.4g", epoch->score_validation);
    printf("  %.1f s", epoch->seconds);
    if (isfinite(epoch->images_per_second))
        printf("  (%.*f images/s)", epoch->images_per_second < 10 ? 1 : 0,
               epoch->images_per_second);
    putchar('\n');
    fflush(stdout);
}

void cli_epochs_print(cli_epochs *epochs, const dnnb_event *event) {
    size_t chosen[CLI_MOST_EPOCH_COLUMNS];
    if (epochs->has_lines) print_line(event);
    if (!epochs->table.stream) return;
    size_t n = choose(epochs, event, chosen);
    if (n != epochs->n_shown || memcmp(chosen, epochs->shown, n * sizeof *chosen) != 0) {
        epochs->n_shown = n;
        memcpy(epochs->shown, chosen, n * sizeof *chosen);
        print_header(epochs, event);
    }
    print_row(epochs, event);
}
