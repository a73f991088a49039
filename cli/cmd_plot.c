/* dnnbrain plot: the plots of a run folder, drawn again from its history. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd_list.h"
#include "cli/common.h"
#include "cli/options.h"
#include "cli/run_folder.h"

enum { PATH_BYTES = 4096 };

static const char examples[] = "  dnnbrain plot features\n";

/* Names of dnnb_plot_...() and of their files, in one order. */
static dnnb_status draw(size_t i, const dnnb_history *history, dnnb_task task, double chance,
                        const char *path) {
    if (i == 0) return dnnb_plot_epoch_loss(history, path);
    if (i == 1) return dnnb_plot_step_loss(history, path);
    return dnnb_plot_score(history, cli_score_name(task), chance, path);
}

static bool has_scores(const dnnb_history *history) {
    for (size_t i = 0; i < dnnb_history_get_count(history); i++) {
        const dnnb_epoch *epoch = dnnb_history_get_epoch(history, i);
        if (!isnan(epoch->score_train) || !isnan(epoch->score_validation)) return true;
    }
    return false;
}

static int draw_all(const char *folder, const dnnb_history *history, dnnb_task task,
                    double chance) {
    static const char *const names[] = {"epoch_loss.svg", "step_loss.svg", "score.svg"};
    for (size_t i = 0; i < CLI_COUNT_OF(names); i++) {
        char path[PATH_BYTES];
        if (i == 2 && !has_scores(history)) continue;
        if (!cli_join(path, sizeof path, folder, names[i])) {
            cli_error("%s: expected a shorter path", folder);
            return CLI_FAILED;
        }
        if (draw(i, history, task, chance, path) != DNNB_OK) return cli_fail();
        printf("%s\n", path);
    }
    return CLI_DONE;
}

int cli_cmd_plot(int argc, char **argv) {
    size_t n_operands;
    const cli_command command = {.name = "plot",
                                 .summary = "Draw the plots of a run again.",
                                 .arguments = "RUN",
                                 .about = "",
                                 .examples = examples,
                                 .min_operands = 1,
                                 .max_operands = 1,
                                 .operand = "RUN"};
    cli_parsed parsed = cli_parse(&command, argc, argv, &n_operands);
    if (parsed != CLI_GO_ON) return parsed == CLI_HELP_SHOWN ? CLI_DONE : CLI_USAGE;
    dnnb_history *history = NULL;
    char *config = NULL, value[CLI_JSON_VALUE_BYTES];
    if (!cli_run_load(argv[1], &config, &history)) return CLI_FAILED;
    int status = CLI_FAILED;
    if (!history) {
        cli_error("%s: expected train_dict.json or train_dict.pkl, found neither", argv[1]);
    } else {
        bool is_regression = config && cli_json_find(config, "task", value) &&
                             strcmp(value, cli_task_names[DNNB_REGRESSION]) == 0;
        dnnb_task task = is_regression ? DNNB_REGRESSION : DNNB_CLASSIFICATION;
        double n_outputs =
            config && cli_json_find(config, "n_outputs", value) ? strtod(value, NULL) : 0;
        double chance = task == DNNB_CLASSIFICATION && n_outputs >= 1 ? 1 / n_outputs : NAN;
        status = draw_all(argv[1], history, task, chance);
    }
    dnnb_history_destroy(history);
    free(config);
    return status;
}
