/*
 * cv.json and repeat.json read back.
 *
 * Method: the plan is made anew from the numbers of folds and repeats and the seed; the file gives
 * each planned run its numbers, and may hold neither more nor fewer runs.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "formats/json.h"
#include "group/group.h"

enum { MAX_NODES = 1 << 20 };

static const char *const stems[] = {"cv", "repeat"};

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
    group->info.task = (dnnb_task)read_word(&r, json, "task", dnnb__group_task_names, 2);
    group->info.n_images = read_count(&r, json, "n_images");
    group->info.chance = read_number(&r, json, "chance");
    read_parts(&r, json, group);
    return r.status;
}

dnnb_status dnnb__group_read_json(dnnb_group **out, const char *folder, const char *bytes, size_t n,
                                  const char *name) {
    json_t *json;
    *out = NULL;
    DNNB_TRY(dnnb__json_parse(&json, bytes, n, MAX_NODES, name));
    dnnb_status status = read_json(out, folder, json, name);
    json_decref(json);
    if (status == DNNB_OK) return DNNB_OK;
    dnnb_group_destroy(*out);
    *out = NULL;
    return status;
}

static dnnb_status load_file(dnnb_group **out, const char *folder, const char *path) {
    char *text;
    size_t n;
    DNNB_TRY(dnnb__file_read(&text, &n, path, DNNB__GROUP_MAX_FILE_BYTES));
    dnnb_status status = dnnb__group_read_json(out, folder, text, n, path);
    dnnb__free(text);
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
