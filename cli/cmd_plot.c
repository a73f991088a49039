/* dnnbrain plot: the plots of a run folder drawn again, or several runs laid over each other. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd_list.h"
#include "cli/options.h"
#include "cli/plot_command.h"

static const char set_name[] = "validation set";

static const char about[] =
    "Of one run its report, and the plots of its folder: losses, scores, learning rate, and of the "
    "predictions for\n"
    "the validation stimuli the confusion matrix, or predicted against true. Of several runs "
    "their\n"
    "scores and losses over each other, with a star on each best epoch; a folder with seed-* or\n"
    "fold-* in it is a group of runs: its mean, with a band of one standard deviation.\n";

static const char examples[] = "  dnnbrain plot features\n"
                               "  # for a column of a paper: 90 mm wide\n"
                               "  dnnbrain plot features --out figures --format pdf \\\n"
                               "      --width 340 --height 260\n"
                               "  dnnbrain plot finetuned features --out figures \\\n"
                               "      --labels 'fine-tuned,fixed features'\n";

int cli_plot_save(const cli_plot_command *c, const char *folder, const char *name, dnnb_plot *plot,
                  dnnb_status created) {
    size_t width_px, height_px;
    if (created != DNNB_OK) return cli_fail();
    dnnb_plot_get_size(plot, &width_px, &height_px);
    dnnb_status status = dnnb_plot_set_size(plot, c->width_px ? c->width_px : width_px,
                                            c->height_px ? c->height_px : height_px);
    for (size_t i = 0; status == DNNB_OK && i < c->n_endings; i++) {
        char file[64], path[CLI_PLOT_PATH_BYTES];
        snprintf(file, sizeof file, "%s.%s", name, c->endings[i]);
        if (!cli_join(path, sizeof path, folder, file)) {
            cli_error("%s: expected a shorter path", folder);
            dnnb_plot_destroy(plot);
            return CLI_FAILED;
        }
        status = dnnb_plot_save(plot, path);
        if (status == DNNB_OK) printf("%s\n", path);
    }
    dnnb_plot_destroy(plot);
    return status == DNNB_OK ? CLI_DONE : cli_fail();
}

/* ---- one run ---- */

/* What an epoch has in some histories only. */
static bool has_scores(const dnnb_epoch *epoch) {
    return !isnan(epoch->score_train) || !isnan(epoch->score_validation);
}

static bool has_learning_rate(const dnnb_epoch *epoch) {
    return !isnan(epoch->learning_rate);
}

static bool some_epoch(const dnnb_history *history, bool (*has)(const dnnb_epoch *)) {
    for (size_t i = 0; i < dnnb_history_get_count(history); i++)
        if (has(dnnb_history_get_epoch(history, i))) return true;
    return false;
}

static int draw_history(const cli_plot_command *c, const char *out, const dnnb_record *record) {
    const dnnb_history *history = dnnb_record_get_history(record);
    const char *score_name = cli_score_name(dnnb_record_get_task(record));
    size_t best = dnnb_record_get_best_epoch(record);
    dnnb_plot *plot = NULL;
    dnnb_status status = dnnb_plot_create_epoch_loss(&plot, history, best);
    int result = cli_plot_save(c, out, "epoch_loss", plot, status);
    if (result != CLI_DONE) return result;
    status = dnnb_plot_create_step_loss(&plot, history);
    result = cli_plot_save(c, out, "step_loss", plot, status);
    if (result == CLI_DONE && some_epoch(history, has_learning_rate)) {
        status = dnnb_plot_create_learning_rate(&plot, history);
        result = cli_plot_save(c, out, "learning_rate", plot, status);
    }
    if (result == CLI_DONE && some_epoch(history, has_scores)) {
        status = dnnb_plot_create_score(&plot, history, score_name, dnnb_record_get_chance(record),
                                        best);
        result = cli_plot_save(c, out, "score", plot, status);
    }
    return result;
}

static dnnb_status create_confusion(dnnb_plot **out, const dnnb_record *record) {
    size_t n = dnnb_record_get_n_predictions(record);
    size_t n_classes = dnnb_record_get_n_classes(record);
    int64_t *classes = calloc(2 * n, sizeof *classes); /* true, then predicted */
    size_t *counts = calloc(n_classes * n_classes, sizeof *counts);
    const char **names = calloc(n_classes, sizeof *names);
    dnnb_status status = DNNB_ERR_MEMORY;
    if (classes && counts && names) {
        for (size_t i = 0; i < n; i++) {
            dnnb_prediction prediction = dnnb_record_get_prediction(record, i);
            classes[i] = prediction.label;
            classes[n + i] = prediction.predicted;
        }
        for (size_t k = 0; k < n_classes; k++) names[k] = dnnb_record_get_class_name(record, k);
        status = dnnb_metrics_count_confusion(classes, classes + n, n, n_classes, counts);
    }
    if (status == DNNB_OK)
        status = dnnb_plot_create_confusion(out, counts, n_classes, names, set_name);
    free(classes);
    free(counts);
    free(names);
    return status;
}

static dnnb_status create_regression(dnnb_plot **out, const dnnb_record *record) {
    size_t n = dnnb_record_get_n_predictions(record), k = dnnb_record_get_n_targets(record);
    float *targets = calloc(n * k, sizeof *targets), *outputs = calloc(n * k, sizeof *outputs);
    const char **names = calloc(k, sizeof *names);
    dnnb_status status = DNNB_ERR_MEMORY;
    if (targets && outputs && names) {
        for (size_t i = 0; i < n; i++) {
            dnnb_prediction prediction = dnnb_record_get_prediction(record, i);
            memcpy(targets + i * k, prediction.targets, k * sizeof *targets);
            memcpy(outputs + i * k, prediction.outputs, k * sizeof *outputs);
        }
        for (size_t j = 0; j < k; j++) names[j] = dnnb_record_get_target_name(record, j);
        status = dnnb_plot_create_regression(out, targets, outputs, n, k, names, set_name);
    }
    free(targets);
    free(outputs);
    free(names);
    return status;
}

static int draw_predictions(const cli_plot_command *c, const char *out, const dnnb_record *record) {
    bool is_regression = dnnb_record_get_task(record) == DNNB_REGRESSION;
    dnnb_plot *plot = NULL;
    if (dnnb_record_get_n_predictions(record) == 0) return CLI_DONE;
    if (is_regression && dnnb_record_get_n_targets(record) != dnnb_record_get_n_outputs(record))
        return CLI_DONE; /* predictions of another program */
    dnnb_status status =
        is_regression ? create_regression(&plot, record) : create_confusion(&plot, record);
    return cli_plot_save(c, out, is_regression ? "regression" : "confusion", plot, status);
}

static int save_report(const dnnb_record *record) {
    char path[CLI_PLOT_PATH_BYTES];
    const char *folder = dnnb_record_get_folder(record);
    if (!cli_join(path, sizeof path, folder, "report.html")) {
        cli_error("%s: expected a shorter path", folder);
        return CLI_FAILED;
    }
    if (dnnb_report_save(record, path) != DNNB_OK) return cli_fail();
    printf("%s\n", path);
    return CLI_DONE;
}

static int draw_run(const cli_plot_command *c, const char *folder) {
    dnnb_record *record = NULL;
    if (dnnb_record_load(&record, folder) != DNNB_OK) return cli_fail();
    const char *out = c->out ? c->out : folder;
    int status = draw_history(c, out, record);
    if (status == CLI_DONE) status = draw_predictions(c, out, record);
    if (status == CLI_DONE && !c->out) status = save_report(record);
    dnnb_record_destroy(record);
    return status;
}

/* ---- the command ---- */

/* Formats divided by commas, each once. */
static bool read_formats(cli_plot_command *c) {
    static const char *const known[] = {"svg", "png", "pdf"};
    bool wanted[3] = {false};
    for (const char *at = c->formats; at;) {
        size_t n = strcspn(at, ","), i = 0;
        while (i < CLI_COUNT_OF(known) && (strlen(known[i]) != n || strncmp(at, known[i], n) != 0))
            i++;
        if (i == CLI_COUNT_OF(known)) return false;
        wanted[i] = true;
        at = at[n] ? at + n + 1 : NULL;
    }
    for (size_t i = 0; i < CLI_COUNT_OF(known); i++)
        if (wanted[i]) c->endings[c->n_endings++] = known[i];
    return true;
}

static cli_parsed parse(cli_plot_command *c, int argc, char **argv, size_t *n_operands) {
    const cli_option options[] = {
        {.type = CLI_GROUP, .name = "Output"},
        {CLI_ROW(CLI_TEXT, "out", "FOLDER", "where plots are written; made when it is not there",
                 &c->out),
         .unset = "RUN, and of several runs the folder we are in"},
        {CLI_ROW(CLI_TEXT, "format", "FORMATS", "svg, png and pdf, divided by commas",
                 &c->formats)},
        {CLI_ROW(CLI_COUNT, "width", "PX",
                 "width, 96 of which are an inch; letters keep their size", &c->width_px),
         .min = 200, .max = 4000, .unset = "each plot's own"},
        {CLI_ROW(CLI_COUNT, "height", "PX", "height", &c->height_px), .min = 200, .max = 4000,
         .unset = "each plot's own"},
        {.type = CLI_GROUP, .name = "Several runs"},
        {CLI_ROW(CLI_TEXT, "labels", "NAMES", "their names in the legend, divided by commas",
                 &c->labels),
         .unset = "the folders' names"},
    };
    const cli_command command = {.name = "plot",
                                 .summary = "Draw the plots of a run again, or compare runs.",
                                 .arguments = "RUN... [options]",
                                 .about = about,
                                 .examples = examples,
                                 .options = options,
                                 .n_options = CLI_COUNT_OF(options),
                                 .min_operands = 1,
                                 .max_operands = CLI_MOST_RUNS,
                                 .operand = "RUN"};
    return cli_parse(&command, argc, argv, n_operands);
}

int cli_cmd_plot(int argc, char **argv) {
    cli_plot_command c = {.formats = "svg,png"};
    size_t n;
    cli_parsed parsed = parse(&c, argc, argv, &n);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    if (!read_formats(&c))
        return cli_usage_error("--format: expected svg, png, pdf or several of them, found '%s'",
                               c.formats);
    if (n == 1 && !cli_plot_is_group(argv[1])) {
        if (c.labels) return cli_usage_error("--labels: expected several runs with it");
        if (c.out && !cli_make_folder(c.out)) return CLI_FAILED;
        return cli_finish_output(draw_run(&c, argv[1]));
    }
    return cli_finish_output(cli_plot_runs(&c, argv + 1, n));
}
