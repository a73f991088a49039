/*
 * A group as files: STEM.json, which is read back, and STEM.csv for spreadsheets.
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

enum { MAX_FILE_BYTES = 64 << 20, MAX_NODES = 1 << 20 };

static const char *const stems[] = {"cv", "repeat"};
static const char *const task_names[] = {"classification", "regression"};

static const struct {
    const char *name;
    dnnb_group_column column;
} columns[] = {{"loss", DNNB_GROUP_LOSS},
               {"score_train", DNNB_GROUP_SCORE_TRAIN},
               {"score_last", DNNB_GROUP_SCORE_LAST},
               {"score_best", DNNB_GROUP_SCORE_BEST}};
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

/* ---- writing ---- */

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
                     task_names[i->task], "score", is_regression ? "r squared" : "accuracy",
                     "n_images", (json_int_t)i->n_images, "chance", dnnb__run_json_real(i->chance),
                     "summary", describe_summaries(group), "pooled", list_parts(group, false),
                     "runs", list_parts(group, true));
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
    dnnb__buf_init(&text, MAX_FILE_BYTES);
    dnnb_status status = dnnb__run_json_print(&text, json, JSON_INDENT(2));
    json_decref(json);
    if (status == DNNB_OK) status = save_text(group, &text, ".json");
    dnnb__buf_destroy(&text);
    if (status != DNNB_OK) return status;
    dnnb__buf_init(&text, MAX_FILE_BYTES);
    put_table(&text, group);
    status = save_text(group, &text, ".csv");
    dnnb__buf_destroy(&text);
    return status;
}

/* ---- reading ---- */

/* What is being read: the first thing that is not as it must be ends it. */
typedef struct reader {
    const char *path;
    dnnb_status status;
} reader;

static void expect(reader *r, bool is_right, const char *place, const char *what) {
    if (is_right || r->status != DNNB_OK) return;
    r->status = dnnb__fail(DNNB_ERR_FORMAT, "%s: %s: expected %s, found something else", r->path,
                           place, what);
}

static size_t read_count(reader *r, const json_t *object, const char *key) {
    const json_t *json = json_object_get(object, key);
    bool is_right = json_is_integer(json) && json_integer_value(json) >= 0;
    expect(r, is_right, key, "a whole number from 0");
    return is_right ? (size_t)json_integer_value(json) : 0;
}

static double read_number(reader *r, const json_t *object, const char *key) {
    const json_t *json = json_object_get(object, key);
    expect(r, json_is_number(json) || json_is_null(json), key, "a number or null");
    return json_is_number(json) ? json_number_value(json) : (double)NAN;
}

static uint64_t read_seed(reader *r, const json_t *object, const char *key) {
    const json_t *json = json_object_get(object, key);
    const char *text = json_string_value(json);
    if (!text) return read_count(r, object, key);
    bool is_right = *text && !text[strspn(text, "0123456789")] && strlen(text) <= 20;
    expect(r, is_right, key, "a seed");
    return is_right ? strtoull(text, NULL, 10) : 0;
}

/* Index of a word among n, 0 where it is none of them. */
static size_t read_word(reader *r, const json_t *object, const char *key, const char *const *words,
                        size_t n) {
    const char *text = json_string_value(json_object_get(object, key));
    size_t i = 0;
    while (text && i < n && strcmp(text, words[i]) != 0) i++;
    expect(r, text && i < n, key, "one of its words");
    return text && i < n ? i : 0;
}

static void read_run(reader *r, const json_t *json, dnnb_group_run *run) {
    const json_t *finished = json_object_get(json, "finished");
    expect(r, json_is_boolean(finished), "runs: finished", "true or false");
    run->is_finished = json_is_true(finished);
    run->n_train = read_count(r, json, "n_images_train");
    run->n_validation = read_count(r, json, "n_images_validation");
    run->n_left_out = read_count(r, json, "n_images_left_out");
    run->n_epochs = read_count(r, json, "epochs");
    run->loss = read_number(r, json, "loss");
    run->score_train = read_number(r, json, "score_train");
    run->score_last = read_number(r, json, "score_last");
    run->score_best = read_number(r, json, "score_best");
    run->best_epoch = read_count(r, json, "best_epoch");
}

static void read_pooled(reader *r, const json_t *json, dnnb_group_pooled *pooled) {
    pooled->n_images = read_count(r, json, "n_images");
    pooled->score = read_number(r, json, "score");
    pooled->interval.low = read_number(r, json, "low");
    pooled->interval.high = read_number(r, json, "high");
}

static void read_parts(reader *r, const json_t *json, dnnb_group *group) {
    const json_t *runs = json_object_get(json, "runs"), *pooled = json_object_get(json, "pooled");
    size_t n_pooled = group->info.n_folds ? group->info.n_repeats : 0;
    expect(r, json_array_size(runs) == group->n_runs, "runs", "one for each fold and repeat");
    expect(r, json_array_size(pooled) == n_pooled, "pooled", "one for each repeat");
    for (size_t i = 0; r->status == DNNB_OK && i < group->n_runs; i++)
        read_run(r, json_array_get(runs, i), &group->runs[i]);
    for (size_t i = 0; r->status == DNNB_OK && i < n_pooled; i++)
        read_pooled(r, json_array_get(pooled, i), &group->pooled[i]);
}

static dnnb_status read_json(dnnb_group **out, const char *folder, const json_t *json,
                             const char *path) {
    static const char *const words[] = {"going on", "finished", "stopped", "failed"};
    reader r = {.path = path, .status = DNNB_OK};
    size_t n_folds = read_count(&r, json, "n_folds"), n_repeats = read_count(&r, json, "n_repeats");
    uint64_t seed = read_seed(&r, json, "seed");
    if (r.status != DNNB_OK) return r.status;
    dnnb_status status = dnnb__group_create(out, folder, n_folds, n_repeats, seed);
    if (status == DNNB_ERR_ARGUMENT || status == DNNB_ERR_LIMIT)
        return dnnb__fail_prefix(DNNB_ERR_FORMAT, "%s", path);
    if (status != DNNB_OK) return status;
    dnnb_group *group = *out;
    size_t word = read_word(&r, json, "status", words, sizeof words / sizeof words[0]);
    dnnb__group_set_status(group, (dnnb__group_status)word);
    group->info.task = (dnnb_task)read_word(&r, json, "task", task_names, 2);
    group->info.n_images = read_count(&r, json, "n_images");
    group->info.chance = read_number(&r, json, "chance");
    read_parts(&r, json, group);
    return r.status;
}

static dnnb_status load_file(dnnb_group **out, const char *folder, const char *path) {
    char *text;
    size_t n;
    json_t *json;
    DNNB_TRY(dnnb__file_read(&text, &n, path, MAX_FILE_BYTES));
    dnnb_status status = dnnb__json_parse(&json, text, n, MAX_NODES, path);
    dnnb__free(text);
    if (status != DNNB_OK) return status;
    status = read_json(out, folder, json, path);
    json_decref(json);
    if (status == DNNB_OK) return DNNB_OK;
    dnnb_group_destroy(*out);
    *out = NULL;
    return status;
}

/* The path of the group's JSON, NULL when the folder holds none. */
static dnnb_status find_file(char **out, const char *folder) {
    *out = NULL;
    for (size_t i = 0; i < sizeof stems / sizeof stems[0]; i++) {
        char name[32], *path;
        bool is_there;
        (void)snprintf(name, sizeof name, "%s.json", stems[i]);
        DNNB_TRY(dnnb__path_join(&path, folder, name));
        dnnb_status status = dnnb__file_find(&is_there, path);
        if (status == DNNB_OK && is_there) {
            *out = path;
            return DNNB_OK;
        }
        dnnb__free(path);
        if (status != DNNB_OK) return status;
    }
    return DNNB_OK;
}

bool dnnb_group_is_there(const char *folder) {
    char *path;
    if (find_file(&path, folder) != DNNB_OK || !path) return false;
    dnnb__free(path);
    return true;
}

dnnb_status dnnb_group_load(dnnb_group **out, const char *folder) {
    char *path;
    *out = NULL;
    DNNB_TRY(find_file(&path, folder));
    if (!path)
        return dnnb__fail(DNNB_ERR_IO, "%s: expected cv.json or repeat.json, found neither",
                          folder);
    dnnb_status status = load_file(out, folder, path);
    dnnb__free(path);
    return status;
}
