/*
 * Runs laid over each other by `dnnbrain plot`.
 *
 * An operand is a run folder, or a group: a folder without a history of its own in whose folders
 * seed-* and fold-* runs are, such as train --repeat and --cv leave.
 */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plot_command.h"

enum { MOST_IN_GROUP = 1000, GROUP_DEPTH = 2 /* seed-7/fold-3 */ };

/* A run or a group, as it is drawn. */
typedef struct source {
    const char *folder;
    char label[256];
    dnnb_record *records[MOST_IN_GROUP];
    const dnnb_history *histories[MOST_IN_GROUP];
    size_t n;
} source;

/* ---- groups ---- */

static bool has_file(const char *folder, const char *name) {
    char path[CLI_PLOT_PATH_BYTES];
    return cli_join(path, sizeof path, folder, name) && cli_exists(path);
}

static bool has_history(const char *folder) {
    return has_file(folder, "train_dict.json") || has_file(folder, "train_dict.pkl");
}

static int is_member(const struct dirent *entry) {
    return strncmp(entry->d_name, "seed-", 5) == 0 || strncmp(entry->d_name, "fold-", 5) == 0;
}

/* Load the runs below a folder that have a history, in the order of their names; with a source of
 * NULL only count them. */
static int load_group(source *s, size_t *n_found, const char *folder, int depth) {
    struct dirent **entries = NULL;
    int status = CLI_DONE, n = depth > 0 ? scandir(folder, &entries, is_member, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        char path[CLI_PLOT_PATH_BYTES];
        bool fits = cli_join(path, sizeof path, folder, entries[i]->d_name);
        free(entries[i]);
        if (!fits || status != CLI_DONE) continue;
        if (!has_history(path)) {
            status = load_group(s, n_found, path, depth - 1);
            continue;
        }
        ++*n_found;
        if (!s || s->n == MOST_IN_GROUP) continue;
        if (dnnb_record_load(&s->records[s->n], path) != DNNB_OK) {
            status = cli_fail();
            continue;
        }
        s->histories[s->n] = dnnb_record_get_history(s->records[s->n]);
        s->n++;
    }
    free(entries);
    return status;
}

bool cli_plot_is_group(const char *folder) {
    size_t n = 0;
    if (has_history(folder)) return false;
    return load_group(NULL, &n, folder, GROUP_DEPTH) == CLI_DONE && n > 0;
}

/* ---- sources ---- */

static int load_source(source *s, const char *folder) {
    size_t n_found = 0;
    s->folder = folder;
    if (cli_plot_is_group(folder)) {
        int status = load_group(s, &n_found, folder, GROUP_DEPTH);
        if (status == CLI_DONE && n_found > MOST_IN_GROUP) {
            cli_error("%s: expected at most %d runs, found %zu", folder, MOST_IN_GROUP, n_found);
            return CLI_FAILED;
        }
        return status;
    }
    if (dnnb_record_load(&s->records[0], folder) != DNNB_OK) return cli_fail();
    s->histories[0] = dnnb_record_get_history(s->records[0]);
    s->n = 1;
    return CLI_DONE;
}

/* The last part of the path, or all of it where another run has that name too. */
static void name_sources(source *sources, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const char *folder = sources[i].folder;
        size_t end = strlen(folder);
        while (end > 1 && folder[end - 1] == '/') end--;
        size_t begin = end;
        while (begin > 0 && folder[begin - 1] != '/') begin--;
        snprintf(sources[i].label, sizeof sources[i].label, "%.*s", (int)(end - begin),
                 folder + begin);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            if (k != i && strcmp(sources[i].label, sources[k].label) == 0) {
                snprintf(sources[i].label, sizeof sources[i].label, "%s", sources[i].folder);
                snprintf(sources[k].label, sizeof sources[k].label, "%s", sources[k].folder);
            }
}

static int set_labels(source *sources, size_t n, const char *labels) {
    size_t n_labels = 1;
    for (const char *p = labels; *p; p++) n_labels += *p == ',';
    if (n_labels != n)
        return cli_usage_error("--labels: expected %zu names for %zu runs, found %zu", n, n,
                               n_labels);
    for (size_t i = 0; i < n; i++) {
        size_t length = strcspn(labels, ",");
        snprintf(sources[i].label, sizeof sources[i].label, "%.*s", (int)length, labels);
        labels += length + (labels[length] == ',');
    }
    return CLI_DONE;
}

/* ---- may they be compared? ---- */

static bool have_equal_classes(const dnnb_record *a, const dnnb_record *b) {
    size_t n = dnnb_record_get_n_classes(a);
    if (n != dnnb_record_get_n_classes(b)) return false;
    for (size_t k = 0; k < n; k++)
        if (strcmp(dnnb_record_get_class_name(a, k), dnnb_record_get_class_name(b, k)) != 0)
            return false;
    return true;
}

/* Losses and scores of another task are other numbers; of other classes they may be meant. */
static int check_tasks(const source *sources, size_t n) {
    const dnnb_record *first = sources[0].records[0];
    dnnb_task task = dnnb_record_get_task(first);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sources[i].n; k++) {
            const dnnb_record *record = sources[i].records[k];
            if (dnnb_record_get_task(record) == task) continue;
            cli_error("%s: expected a %s as in %s, found a %s", dnnb_record_get_folder(record),
                      cli_task_names[task], dnnb_record_get_folder(first),
                      cli_task_names[dnnb_record_get_task(record)]);
            return CLI_FAILED;
        }
    for (size_t i = 1; i < n; i++)
        if (!have_equal_classes(first, sources[i].records[0]))
            cli_error("warning: %s and %s have other classes: their scores do not compare",
                      sources[0].folder, sources[i].folder);
    return CLI_DONE;
}

/* The chance level that all have; NaN where they differ, which is told. */
static double find_chance(const source *sources, size_t n) {
    double chance = dnnb_record_get_chance(sources[0].records[0]), other = chance;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sources[i].n; k++) {
            double found = dnnb_record_get_chance(sources[i].records[k]);
            if (!(fabs(found - chance) < 1e-9) && !isnan(found)) other = found;
        }
    if (isnan(chance) || fabs(other - chance) < 1e-9) return chance;
    cli_error("warning: chance is %.3g and %.3g, as the sets differ: none is marked", chance,
              other);
    return NAN;
}

/* ---- drawing ---- */

static bool has_quantity(const source *sources, size_t n, dnnb_plot_quantity quantity) {
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sources[i].n; k++)
            for (size_t e = 0; e < dnnb_history_get_count(sources[i].histories[k]); e++) {
                const dnnb_epoch *epoch = dnnb_history_get_epoch(sources[i].histories[k], e);
                double value = quantity == DNNB_PLOT_SCORE         ? epoch->score_validation
                               : quantity == DNNB_PLOT_SCORE_TRAIN ? epoch->score_train
                               : quantity == DNNB_PLOT_LOSS        ? epoch->epoch_loss
                                                                   : epoch->loss_validation;
                if (!isnan(value)) return true;
            }
    return false;
}

static int draw(const cli_plot_command *c, const source *sources, size_t n) {
    static const char *const names[] = {"compare_score", "compare_score_train", "compare_loss",
                                        "compare_loss_validation"};
    dnnb_plot_run runs[CLI_MOST_RUNS];
    const char *out = c->out ? c->out : ".";
    const char *score_name = cli_score_name(dnnb_record_get_task(sources[0].records[0]));
    double chance = find_chance(sources, n);
    int status = CLI_DONE;
    for (size_t i = 0; i < n; i++)
        runs[i] = (dnnb_plot_run){.label = sources[i].label,
                                  .histories = sources[i].histories,
                                  .n_histories = sources[i].n,
                                  .best = dnnb_record_get_best_epoch(sources[i].records[0])};
    for (size_t q = 0; q < CLI_COUNT_OF(names) && status == CLI_DONE; q++) {
        dnnb_plot_quantity quantity = (dnnb_plot_quantity)q;
        dnnb_plot *plot = NULL;
        if (!has_quantity(sources, n, quantity)) continue;
        dnnb_status created =
            dnnb_plot_create_comparison(&plot, runs, n, quantity, score_name, chance);
        status = cli_plot_save(c, out, names[q], plot, created);
    }
    return status;
}

int cli_plot_runs(const cli_plot_command *c, char *const *folders, size_t n) {
    source *sources = calloc(n, sizeof *sources);
    int status = CLI_DONE;
    if (!sources) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    for (size_t i = 0; i < n && status == CLI_DONE; i++)
        status = load_source(&sources[i], folders[i]);
    if (status == CLI_DONE && c->labels) status = set_labels(sources, n, c->labels);
    if (status == CLI_DONE && !c->labels) name_sources(sources, n);
    if (status == CLI_DONE) status = check_tasks(sources, n);
    if (status == CLI_DONE && c->out && !cli_make_folder(c->out)) status = CLI_FAILED;
    if (status == CLI_DONE) status = draw(c, sources, n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sources[i].n; k++) dnnb_record_destroy(sources[i].records[k]);
    free(sources);
    return status;
}
