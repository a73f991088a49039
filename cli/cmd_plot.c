/* dnnbrain plot: the plots and the report of a run folder, made again from its files. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/options.h"
#include "cli/run_folder.h"

enum { PATH_BYTES = 4096 };

static const char examples[] = "  dnnbrain plot features\n";

/* What config.json tells about the scores. */
typedef struct score_facts {
    dnnb_task task;
    double n_images[2], largest[2]; /* of the training and the validation stimuli */
} score_facts;

static void read_fact(void *context, const char *path, const char *value) {
    static const char *const sets[] = {"train.", "validation."};
    static const char counts[] = "n_images_of_class.";
    score_facts *facts = context;
    if (strcmp(path, "training.task") == 0 && strcmp(value, cli_task_names[DNNB_REGRESSION]) == 0)
        facts->task = DNNB_REGRESSION;
    for (size_t i = 0; i < CLI_COUNT_OF(sets); i++) {
        size_t n = strlen(sets[i]);
        if (strncmp(path, sets[i], n) != 0) continue;
        double number = strtod(value, NULL);
        if (strcmp(path + n, "n_images") == 0) facts->n_images[i] = number;
        if (strncmp(path + n, counts, strlen(counts)) == 0)
            facts->largest[i] = fmax(facts->largest[i], number);
    }
}

/* Accuracy of naming the most frequent class always, as the run marked it; NaN when unknown. */
static double get_chance(const score_facts *facts) {
    size_t i = facts->n_images[1] > 0 ? 1 : 0;
    if (facts->task == DNNB_REGRESSION || facts->n_images[i] <= 0) return NAN;
    return facts->largest[i] / facts->n_images[i];
}

static bool has_scores(const dnnb_history *history) {
    for (size_t i = 0; i < dnnb_history_get_count(history); i++) {
        const dnnb_epoch *epoch = dnnb_history_get_epoch(history, i);
        if (!isnan(epoch->score_train) || !isnan(epoch->score_validation)) return true;
    }
    return false;
}

static dnnb_status draw(size_t i, const dnnb_history *history, const score_facts *facts,
                        const char *path) {
    if (i == 0) return dnnb_plot_epoch_loss(history, path);
    if (i == 1) return dnnb_plot_step_loss(history, path);
    return dnnb_plot_score(history, cli_score_name(facts->task), get_chance(facts), path);
}

static int draw_all(const char *folder, const dnnb_history *history, const score_facts *facts) {
    static const char *const names[] = {"epoch_loss", "step_loss", "score"};
    static const char *const endings[] = {".svg", ".png"};
    size_t n = has_scores(history) ? 3 : 2;
    for (size_t k = 0; k < n * CLI_COUNT_OF(endings); k++) {
        char name[32], path[PATH_BYTES];
        size_t i = k / CLI_COUNT_OF(endings);
        snprintf(name, sizeof name, "%s%s", names[i], endings[k % CLI_COUNT_OF(endings)]);
        if (!cli_join(path, sizeof path, folder, name)) {
            cli_error("%s: expected a shorter path", folder);
            return CLI_FAILED;
        }
        if (draw(i, history, facts, path) != DNNB_OK) return cli_fail();
        printf("%s\n", path);
    }
    return CLI_DONE;
}

static int save_report(const char *folder) {
    char path[PATH_BYTES];
    dnnb_record *record;
    if (!cli_join(path, sizeof path, folder, "report.html")) {
        cli_error("%s: expected a shorter path", folder);
        return CLI_FAILED;
    }
    if (dnnb_record_load(&record, folder) != DNNB_OK) return cli_fail();
    dnnb_status status = dnnb_report_save(record, path);
    dnnb_record_destroy(record);
    if (status != DNNB_OK) return cli_fail();
    printf("%s\n", path);
    return CLI_DONE;
}

int cli_cmd_plot(int argc, char **argv) {
    size_t n_operands;
    const cli_command command = {.name = "plot",
                                 .summary = "Draw the plots and the report of a run again.",
                                 .arguments = "RUN",
                                 .about = "",
                                 .examples = examples,
                                 .min_operands = 1,
                                 .max_operands = 1,
                                 .operand = "RUN"};
    cli_parsed parsed = cli_parse(&command, argc, argv, &n_operands);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    dnnb_history *history = NULL;
    char *config = NULL;
    score_facts facts = {.task = DNNB_CLASSIFICATION};
    int status = CLI_FAILED;
    if (!cli_run_load(argv[1], &config, &history)) return CLI_FAILED;
    if (!history)
        cli_error("%s: expected train_dict.json or train_dict.pkl, found neither", argv[1]);
    else if (config && !cli_json_walk(config, read_fact, &facts))
        cli_error("%s/config.json: expected JSON, found text that is none", argv[1]);
    else
        status = draw_all(argv[1], history, &facts);
    if (status == CLI_DONE) status = save_report(argv[1]);
    dnnb_history_destroy(history);
    free(config);
    return status;
}
