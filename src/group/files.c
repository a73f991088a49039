/*
 * A group as files: STEM.json, which read.c reads back, and STEM.csv for spreadsheets.
 *
 * Both hold nothing that differs from one making to the next, such as times: a group that was
 * stopped and went on ends with the same bytes.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "core/text.h"
#include "formats/json.h"
#include "group/group.h"
#include "run/run.h"

static const struct {
    const char *name;
    dnnb_group_column column;
} columns[] = {{"loss", DNNB_GROUP_LOSS},
               {"score_train", DNNB_GROUP_SCORE_TRAIN},
               {"score_last", DNNB_GROUP_SCORE_LAST},
               {"score_best", DNNB_GROUP_SCORE_BEST}};
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

/* Seeds above what JSON's integers of most readers hold are text. */
static json_t *describe_seed(uint64_t seed) {
    char text[24];
    if (seed <= INT64_MAX) return json_integer((json_int_t)seed);
    (void)snprintf(text, sizeof text, "%" PRIu64, seed);
    return json_string(text);
}

static json_t *describe_run(const dnnb_group_run *run) {
    return json_pack(
        "{s:o, s:I, s:I, s:o, s:b, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:I}", "folder",
        dnnb__run_json_text(run->folder), "repeat", (json_int_t)run->repeat + 1, "fold",
        (json_int_t)run->fold + 1, "seed", describe_seed(run->seed), "finished", run->is_finished,
        "n_images_train", (json_int_t)run->n_train, "n_images_validation",
        (json_int_t)run->n_validation, "n_images_left_out", (json_int_t)run->n_left_out, "epochs",
        (json_int_t)run->n_epochs, "loss", dnnb__run_json_real(run->loss), "score_train",
        dnnb__run_json_real(run->score_train), "score_last", dnnb__run_json_real(run->score_last),
        "score_best", dnnb__run_json_real(run->score_best), "best_epoch",
        (json_int_t)run->best_epoch);
}

static json_t *describe_pooled(const dnnb_group *group, size_t repeat) {
    const dnnb_group_pooled *p = &group->pooled[repeat];
    return json_pack("{s:o, s:I, s:o, s:o, s:o}", "seed", describe_seed(group->info.seed + repeat),
                     "n_images", (json_int_t)p->n_images, "score", dnnb__run_json_real(p->score),
                     "low", dnnb__run_json_real(p->interval.low), "high",
                     dnnb__run_json_real(p->interval.high));
}

static json_t *describe_summary(const dnnb_group_summary *s) {
    return json_pack("{s:I, s:o, s:o}", "n", (json_int_t)s->n, "mean", dnnb__run_json_real(s->mean),
                     "sd", dnnb__run_json_real(s->sd));
}

static json_t *describe_summaries(const dnnb_group *group) {
    json_t *all = json_object();
    for (size_t i = 0; all && i <= N_COLUMNS; i++) {
        dnnb_group_summary s = i < N_COLUMNS ? dnnb_group_summarise(group, columns[i].column)
                                             : dnnb_group_summarise_pooled(group);
        const char *name = i < N_COLUMNS ? columns[i].name : "score_pooled";
        if (json_object_set_new(all, name, describe_summary(&s)) == 0) continue;
        json_decref(all);
        all = NULL;
    }
    return all;
}

/* The pooled scores, or the runs. */
static json_t *list_parts(const dnnb_group *group, bool of_runs) {
    json_t *list = json_array();
    size_t n = of_runs ? group->n_runs : group->info.n_folds ? group->info.n_repeats : 0;
    for (size_t i = 0; list && i < n; i++) {
        json_t *part = of_runs ? describe_run(&group->runs[i]) : describe_pooled(group, i);
        if (json_array_append_new(list, part) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *describe(const dnnb_group *group) {
    const dnnb_group_info *i = &group->info;
    const char *kind = i->n_folds == 0     ? "repetition"
                       : i->n_repeats == 1 ? "cross-validation"
                                           : "repeated cross-validation";
    bool is_regression = i->task == DNNB_REGRESSION;
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "kind", kind,
                     "status", i->status, "n_folds", (json_int_t)i->n_folds, "n_repeats",
                     (json_int_t)i->n_repeats, "seed", describe_seed(i->seed), "task",
                     dnnb__group_task_names[i->task], "score",
                     is_regression ? "r squared" : "accuracy", "n_images", (json_int_t)i->n_images,
                     "chance", dnnb__run_json_real(i->chance), "summary", describe_summaries(group),
                     "pooled", list_parts(group, false), "runs", list_parts(group, true));
}

static void put_number(dnnb__buf *out, double value) {
    char text[32];
    dnnb__text_print_f64(text, value);
    dnnb__buf_printf(out, ",%s", isnan(value) ? "" : text);
}

/* Mean or standard deviation, under the columns that have one. */
static void put_summary_row(dnnb__buf *out, const dnnb_group *group, bool of_sd) {
    dnnb__buf_printf(out, "%s,,,,,", of_sd ? "sd" : "mean");
    for (size_t i = 0; i < N_COLUMNS; i++) {
        dnnb_group_summary s = dnnb_group_summarise(group, columns[i].column);
        put_number(out, of_sd ? s.sd : s.mean);
    }
    dnnb__buf_printf(out, ",\n");
}

static void put_table(dnnb__buf *out, const dnnb_group *group) {
    dnnb__buf_printf(out, "run,seed,images_train,images_validation,images_left_out,epochs,loss,"
                          "score_train,score_last,score_best,best_epoch\n");
    for (size_t i = 0; i < group->n_runs; i++) {
        const dnnb_group_run *run = &group->runs[i];
        if (!run->is_finished) continue;
        dnnb__buf_printf(out, "%s,%" PRIu64 ",%zu,%zu,%zu,%zu", run->folder, run->seed,
                         run->n_train, run->n_validation, run->n_left_out, run->n_epochs);
        put_number(out, run->loss);
        put_number(out, run->score_train);
        put_number(out, run->score_last);
        put_number(out, run->score_best);
        if (run->best_epoch)
            dnnb__buf_printf(out, ",%zu\n", run->best_epoch);
        else
            dnnb__buf_printf(out, ",\n");
    }
    put_summary_row(out, group, false);
    put_summary_row(out, group, true);
}

static dnnb_status save_text(const dnnb_group *group, dnnb__buf *text, const char *ending) {
    char name[32], *path;
    (void)snprintf(name, sizeof name, "%s%s", dnnb__group_get_stem(group), ending);
    DNNB_TRY(dnnb__buf_get_status(text));
    DNNB_TRY(dnnb__path_join(&path, group->folder, name));
    dnnb_status status = dnnb__file_write(path, text->data, text->n_bytes);
    dnnb__free(path);
    return status;
}

dnnb_status dnnb__group_save(const dnnb_group *group) {
    dnnb__buf text;
    json_t *json = describe(group);
    dnnb__buf_init(&text, DNNB__GROUP_MAX_FILE_BYTES);
    dnnb_status status = dnnb__run_json_print(&text, json, JSON_INDENT(2));
    json_decref(json);
    if (status == DNNB_OK) status = save_text(group, &text, ".json");
    dnnb__buf_destroy(&text);
    if (status != DNNB_OK) return status;
    dnnb__buf_init(&text, DNNB__GROUP_MAX_FILE_BYTES);
    put_table(&text, group);
    status = save_text(group, &text, ".csv");
    dnnb__buf_destroy(&text);
    return status;
}
