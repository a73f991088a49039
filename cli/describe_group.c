/* A group of runs as a table: a line a run, and what they come to. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/common.h"
#include "cli/describe.h"
#include "cli/table.h"
#include "cli/train_group.h"

static const struct {
    const char *name;
    dnnb_group_column column;
} scores[] = {{"loss", DNNB_GROUP_LOSS},
              {"train", DNNB_GROUP_SCORE_TRAIN},
              {"validation", DNNB_GROUP_SCORE_LAST},
              {"best", DNNB_GROUP_SCORE_BEST}};

static void add_number(cli_table *table, double value) {
    if (isnan(value))
        cli_table_add(table, "%s", "");
    else
        cli_table_add(table, "%.4g", value);
}

static void add_run(cli_table *table, const dnnb_group_run *run) {
    const double values[] = {run->loss, run->score_train, run->score_last, run->score_best};
    cli_table_add(table, "%s", run->folder);
    cli_table_add(table, "%" PRIu64, run->seed);
    if (!run->is_finished) {
        for (size_t i = 0; i < 3 + CLI_COUNT_OF(scores) + 1; i++) cli_table_add(table, "%s", "");
        return;
    }
    cli_table_add(table, "%zu", run->n_train);
    cli_table_add(table, "%zu", run->n_validation);
    cli_table_add(table, "%zu", run->n_epochs);
    for (size_t i = 0; i < CLI_COUNT_OF(scores); i++) add_number(table, values[i]);
    if (run->best_epoch)
        cli_table_add(table, "%zu", run->best_epoch);
    else
        cli_table_add(table, "%s", "");
}

static void add_summary(cli_table *table, const dnnb_group *group, bool of_sd) {
    cli_table_add(table, "%s", of_sd ? "sd" : "mean");
    for (size_t i = 0; i < 4; i++) cli_table_add(table, "%s", "");
    for (size_t i = 0; i < CLI_COUNT_OF(scores); i++) {
        dnnb_group_summary s = dnnb_group_summarise(group, scores[i].column);
        add_number(table, of_sd ? s.sd : s.mean);
    }
    cli_table_add(table, "%s", "");
}

static int print_table(const dnnb_group *group) {
    static const cli_column columns[] = {{"run", false, true},    {"seed", true, false},
                                         {"images", true, false}, {"scored", true, false},
                                         {"epochs", true, false}, {"loss", true, false},
                                         {"train", true, false},  {"validation", true, false},
                                         {"best", true, false},   {"epoch", true, false}};
    cli_table *table = cli_table_create(columns, CLI_COUNT_OF(columns));
    for (size_t i = 0; i < dnnb_group_get_count(group); i++)
        add_run(table, dnnb_group_get_run(group, i));
    cli_table_add_rule(table);
    add_summary(table, group, false);
    add_summary(table, group, true);
    int status = cli_table_print(table);
    cli_table_destroy(table);
    return status;
}

static void print_pooled(const dnnb_group *group) {
    const dnnb_group_info *info = dnnb_group_get_info(group);
    for (size_t r = 0; info->n_folds && r < info->n_repeats; r++) {
        dnnb_group_pooled p = dnnb_group_get_pooled(group, r);
        if (p.n_images == 0) continue;
        printf("all folds");
        if (info->n_repeats > 1) printf(" of seed %" PRIu64, info->seed + r);
        printf(": %s %.4g of %zu images, each scored once; 95%% interval %.4g to %.4g\n",
               cli_score_name(info->task), p.score, p.n_images, p.interval.low, p.interval.high);
    }
}

int cli_print_group(const dnnb_group *group) {
    int status = print_table(group);
    if (status != CLI_DONE) return status;
    dnnb_group_summary last = dnnb_group_summarise(group, DNNB_GROUP_SCORE_LAST);
    print_pooled(group);
    if (last.n > 0) printf("score %.9g sd %.9g n %zu\n", last.mean, last.sd, last.n);
    return CLI_DONE;
}

int cli_describe_group(const char *folder) {
    dnnb_group *group;
    if (dnnb_group_load(&group, folder) != DNNB_OK) return cli_fail();
    const dnnb_group_info *info = dnnb_group_get_info(group);
    if (info->n_folds)
        printf("%s: cross-validation, %zu folds of %zu images", info->status, info->n_folds,
               info->n_images);
    else
        printf("%s: runs of %zu images", info->status, info->n_images);
    printf(", %zu seed%s\n", info->n_repeats, info->n_repeats == 1 ? "" : "s");
    if (!isnan(info->chance)) printf("chance: %.4g\n", info->chance);
    int status = cli_print_group(group);
    if (status == CLI_DONE && strcmp(info->status, "finished") != 0)
        printf("`dnnbrain train` with the same options and --resume goes on\n");
    dnnb_group_destroy(group);
    return status;
}
