/* A history as a table of epochs, and a run folder. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/common.h"
#include "cli/describe.h"
#include "cli/run_folder.h"

enum { WIDEST_LIST = 60 };

/* A number in a column, or spaces where there is none. */
static void print_number(double value, int width, const char *format) {
    char text[40] = "";
    if (!isnan(value)) snprintf(text, sizeof text, format, value);
    printf("  %*s", width, text);
}

static size_t find_best(const dnnb_history *history) {
    size_t best = SIZE_MAX;
    double best_score = -INFINITY;
    for (size_t i = 0; i < dnnb_history_get_count(history); i++) {
        double score = dnnb_history_get_epoch(history, i)->score_validation;
        if (score > best_score) {
            best_score = score;
            best = i;
        }
    }
    return best;
}

static void print_history(const dnnb_history *history) {
    size_t n = dnnb_history_get_count(history), best = find_best(history);
    printf("%5s  %5s  %12s  %10s  %10s\n", "epoch", "steps", "loss", "train", "validation");
    for (size_t i = 0; i < n; i++) {
        const dnnb_epoch *epoch = dnnb_history_get_epoch(history, i);
        printf("%5zu  %5zu", i + 1, epoch->n_steps);
        print_number(epoch->epoch_loss, 12, "%.6g");
        print_number(epoch->score_train, 10, "%.6g");
        print_number(epoch->score_validation, 10, "%.6g");
        printf("%s\n", i == best ? "  best" : "");
    }
    printf("%zu epochs\n", n);
}

int cli_describe_history(const char *path) {
    dnnb_history *history = NULL;
    if (dnnb_history_load(&history, path) != DNNB_OK) return cli_fail();
    print_history(history);
    dnnb_history_destroy(history);
    return CLI_DONE;
}

/* A list's elements come one by one: they are kept until the next option and told in one line. */
typedef struct option_line {
    char name[CLI_JSON_PATH_BYTES];
    char text[256];
    bool is_cut;
} option_line;

static void print_line(const option_line *line) {
    if (*line->name) printf("  %-36s %s%s\n", line->name, line->text, line->is_cut ? ", ..." : "");
}

static void add_option(void *context, const char *path, const char *value) {
    option_line *line = context;
    const char *last = strrchr(path, '.');
    bool is_element = last && last[1] && !last[1 + strspn(last + 1, "0123456789")];
    size_t n_name = is_element ? (size_t)(last - path) : strlen(path);
    if (!is_element || strlen(line->name) != n_name || memcmp(line->name, path, n_name) != 0) {
        print_line(line);
        *line = (option_line){0};
        snprintf(line->name, sizeof line->name, "%.*s", (int)n_name, path);
        snprintf(line->text, sizeof line->text, "%s", value);
        return;
    }
    size_t used = strlen(line->text);
    if (line->is_cut || used + strlen(value) > WIDEST_LIST)
        line->is_cut = true;
    else
        snprintf(line->text + used, sizeof line->text - used, ", %s", value);
}

static void print_files(const char *folder) {
    static const char *const names[] = {"model.pth",         "best.pth",       "train_dict.pkl",
                                        "history.csv",       "epoch_loss.svg", "step_loss.svg",
                                        "score.svg",         "confusion.svg",  "regression.svg",
                                        "learning_rate.svg", "epoch_loss.png", "step_loss.png",
                                        "score.png",         "confusion.png",  "regression.png",
                                        "learning_rate.png", "report.html",    "predictions.csv",
                                        "log.jsonl",         "config.json",    "train_dict.json"};
    printf("files\n");
    for (size_t i = 0; i < CLI_COUNT_OF(names); i++) {
        char path[4096];
        struct stat status;
        if (cli_join(path, sizeof path, folder, names[i]) && stat(path, &status) == 0)
            printf("  %-17s %14s bytes\n", names[i], cli_thousands((int64_t)status.st_size).s);
    }
}

int cli_describe_run(const char *folder) {
    dnnb_history *history = NULL;
    char *config = NULL;
    if (!cli_run_load(folder, &config, &history)) return CLI_FAILED;
    if (config) {
        option_line line = {0};
        printf("options\n");
        bool is_whole = cli_json_walk(config, add_option, &line);
        print_line(&line);
        if (!is_whole) printf("  (config.json is damaged)\n");
    }
    if (history) print_history(history);
    char path[4096];
    if (cli_join(path, sizeof path, folder, "checkpoint") && cli_exists(path))
        printf(
            "a checkpoint is there: `dnnbrain train` with the same options and --resume goes on\n");
    print_files(folder);
    dnnb_history_destroy(history);
    free(config);
    return CLI_DONE;
}
