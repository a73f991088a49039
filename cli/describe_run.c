/* A history as a table of epochs, and a run folder: what was trained on what, and what came of it.
 */
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/common.h"
#include "cli/describe.h"
#include "cli/run_files.h"
#include "cli/table.h"
#include "cli/terminal.h"

enum { PATH_BYTES = 4096, MOST_WARNINGS = 5 };

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

static double get_number(const dnnb_epoch *epoch, size_t i) {
    const double numbers[] = {epoch->epoch_loss, epoch->loss_validation, epoch->score_train,
                              epoch->score_validation};
    return numbers[i];
}

static bool has_numbers(const dnnb_history *history, size_t i) {
    for (size_t e = 0; e < dnnb_history_get_count(history); e++)
        if (!isnan(get_number(dnnb_history_get_epoch(history, e), i))) return true;
    return false;
}

/* A row an epoch, of the numbers that the history has. */
static int print_history(const dnnb_history *history, size_t best) {
    static const char *const names[] = {"loss", "validation loss", "training score",
                                        "validation score"};
    enum { N_NAMES = CLI_COUNT_OF(names) };
    cli_column columns[N_NAMES + 3] = {{"epoch", true, false}, {"steps", true, false}};
    size_t n = dnnb_history_get_count(history), n_columns = 2, shown[N_NAMES], n_shown = 0;
    for (size_t i = 0; i < N_NAMES; i++) {
        if (!has_numbers(history, i)) continue;
        columns[n_columns++] = (cli_column){names[i], true, false};
        shown[n_shown++] = i;
    }
    columns[n_columns++] = (cli_column){"", false, false};
    cli_table *table = cli_table_create(columns, n_columns);
    for (size_t e = 0; e < n; e++) {
        const dnnb_epoch *epoch = dnnb_history_get_epoch(history, e);
        cli_table_add(table, "%zu", e + 1);
        cli_table_add(table, "%zu", epoch->n_steps);
        for (size_t i = 0; i < n_shown; i++) {
            double number = get_number(epoch, shown[i]);
            if (isnan(number))
                cli_table_add(table, "%s", "");
            else
                cli_table_add(table, "%.5g", number);
        }
        cli_table_add(table, "%s", e == best ? "best" : "");
    }
    int status = cli_table_print(table);
    cli_table_destroy(table);
    if (status == CLI_DONE) printf("%zu epochs\n", n);
    return status;
}

int cli_describe_history(const char *path) {
    dnnb_history *history = NULL;
    if (dnnb_history_load(&history, path) != DNNB_OK) return cli_fail();
    int status = print_history(history, find_best(history));
    dnnb_history_destroy(history);
    return status;
}

/* A fact with its name; text that is not there is passed over. */
static void print_fact(const char *name, const char *text) {
    char safe[PATH_BYTES];
    if (!text || !*text) return;
    snprintf(safe, sizeof safe, "%s", text);
    cli_text_make_safe(safe);
    printf("%-12s %s\n", name, safe);
}

static void print_set(const dnnb_record *record, const char *name, const char *key) {
    char place[64], text[PATH_BYTES];
    snprintf(place, sizeof place, "%s.file", key);
    const char *file = dnnb_record_get_text(record, place);
    snprintf(place, sizeof place, "%s.n_images", key);
    double n = dnnb_record_get_number(record, place);
    if (isnan(n)) return;
    snprintf(text, sizeof text, "%s images%s%s", cli_thousands(llround(n)).s, file ? ", " : "",
             file ? file : "");
    print_fact(name, text);
}

/* What was trained, on what, how. */
static void print_setting(const dnnb_record *record) {
    char text[PATH_BYTES];
    const char *weights = dnnb_record_get_text(record, "network.weights.file");
    const char *name = dnnb_record_get_text(record, "network.name");
    if (name) {
        snprintf(text, sizeof text, "%s, %s%s", name, weights ? "weights of " : "random weights",
                 weights ? weights : "");
        print_fact("network", text);
    }
    double n_trained = dnnb_record_get_number(record, "network.n_trained_parameters");
    double n_all = dnnb_record_get_number(record, "network.n_parameters");
    if (!isnan(n_trained) && !isnan(n_all)) {
        snprintf(text, sizeof text, "%s of %s parameters", cli_thousands(llround(n_trained)).s,
                 cli_thousands(llround(n_all)).s);
        print_fact("trained", text);
    }
    print_fact("frozen", dnnb_record_get_text(record, "network.freeze"));
    print_set(record, "training", "train");
    print_set(record, "validation", "validation");
    print_fact("task", cli_task_names[dnnb_record_get_task(record)]);
    const char *optimizer = dnnb_record_get_text(record, "training.optimizer.name");
    double lr = dnnb_record_get_number(record, "training.optimizer.lr");
    if (optimizer) {
        snprintf(text, sizeof text, "%s, learning rate %g", optimizer, lr);
        print_fact("optimiser", text);
    }
}

/* "accuracy 0.9346 [0.8843, 0.9640] after epoch 7" of the epoch that predictions.csv is not of too,
 * since a proportion and a number of images give the interval. */
static void print_score(const dnnb_record *record, const char *name, size_t epoch) {
    const dnnb_history *history = dnnb_record_get_history(record);
    dnnb_task task = dnnb_record_get_task(record);
    char text[256], interval[64] = "";
    if (epoch >= dnnb_history_get_count(history)) return;
    double score = dnnb_history_get_epoch(history, epoch)->score_validation;
    double n = (double)dnnb_record_get_n_predictions(record);
    if (n <= 0) n = dnnb_record_get_number(record, "validation.n_images");
    if (isnan(score)) return;
    if (task == DNNB_CLASSIFICATION && n >= 1) {
        dnnb_interval wilson = dnnb_metrics_get_wilson((size_t)llround(score * n), (size_t)n);
        snprintf(interval, sizeof interval, ", 95%% interval %.4f to %.4f", wilson.low,
                 wilson.high);
    }
    snprintf(text, sizeof text, "epoch %zu, %s %.4f%s", epoch + 1, cli_score_name(task), score,
             interval);
    print_fact(name, text);
}

static void print_outcome(const dnnb_record *record) {
    const dnnb_history *history = dnnb_record_get_history(record);
    size_t n = dnnb_history_get_count(history);
    char text[256];
    print_fact("state", dnnb_run_state_get_name(dnnb_record_get_state(record)));
    print_fact("message", dnnb_record_get_message(record));
    double n_wanted = dnnb_record_get_number(record, "training.epochs");
    double worked_s = dnnb_record_get_worked_s(record);
    snprintf(text, sizeof text, "%zu", n);
    size_t used = strlen(text);
    if (!isnan(n_wanted)) snprintf(text + used, sizeof text - used, " of %.0f", n_wanted);
    used = strlen(text);
    if (isfinite(worked_s))
        snprintf(text + used, sizeof text - used, " in %s", cli_duration(worked_s).s);
    print_fact("epochs", text);
    if (n > 0) print_score(record, "last", n - 1);
    print_score(record, "best", dnnb_record_get_best_epoch(record));
    double chance = dnnb_record_get_chance(record);
    if (!isnan(chance)) {
        snprintf(text, sizeof text, "accuracy %.4f, by naming the most frequent class always",
                 chance);
        print_fact("chance", text);
    }
    size_t n_left_out = dnnb_record_get_n_left_out(record);
    if (n_left_out > 0) {
        snprintf(text, sizeof text, "%zu images, since they are bad", n_left_out);
        print_fact("left out", text);
    }
    size_t n_warnings = dnnb_record_get_n_warnings(record);
    for (size_t i = 0; i < n_warnings && i < MOST_WARNINGS; i++)
        print_fact("warning", dnnb_record_get_warning(record, i).message);
    if (n_warnings > MOST_WARNINGS)
        printf("%-12s %zu more in log.jsonl\n", "", n_warnings - MOST_WARNINGS);
}

static const char *describe_file(const char *name) {
    const cli_run_file *file;
    for (size_t i = 0; (file = cli_run_files_get(i)) != NULL; i++)
        if (strcmp(file->name, name) == 0) return file->what;
    return cli_ends_with(name, ".png") ? "the same as a PNG" : "";
}

static int is_listed(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static int print_files(const char *folder) {
    static const cli_column columns[] = {
        {"file", false, true}, {"bytes", true, false}, {"", false, true}};
    struct dirent **entries;
    int n = scandir(folder, &entries, is_listed, alphasort);
    if (n < 0) return CLI_DONE; /* it was read a moment ago; somebody takes it away */
    cli_table *table = cli_table_create(columns, CLI_COUNT_OF(columns));
    for (int i = 0; i < n; i++) {
        char path[PATH_BYTES];
        struct stat status;
        const char *name = entries[i]->d_name;
        if (cli_join(path, sizeof path, folder, name) && stat(path, &status) == 0) {
            cli_table_add(table, "%s%s", name, S_ISDIR(status.st_mode) ? "/" : "");
            cli_table_add(table, "%s",
                          S_ISDIR(status.st_mode) ? "" : cli_thousands((int64_t)status.st_size).s);
            cli_table_add(table, "%s", describe_file(name));
        }
        free(entries[i]);
    }
    free(entries);
    int status = cli_table_print(table);
    cli_table_destroy(table);
    return status;
}

int cli_describe_run(const char *folder) {
    dnnb_record *record = NULL;
    if (dnnb_record_load(&record, folder) != DNNB_OK) return cli_fail();
    print_setting(record);
    print_outcome(record);
    putchar('\n');
    const dnnb_history *history = dnnb_record_get_history(record);
    int status = CLI_DONE;
    if (dnnb_history_get_count(history) > 0) {
        status = print_history(history, dnnb_record_get_best_epoch(record));
        putchar('\n');
    }
    if (cli_run_files_has_checkpoint(folder))
        printf("a checkpoint is there: `dnnbrain train` with the same options and --resume goes "
               "on\n");
    if (status == CLI_DONE) status = print_files(folder);
    dnnb_record_destroy(record);
    return status;
}
