/* Which networks have pretrained parameters, where they are on this machine, and whether they are
 * the right ones. */
#include <string.h>

#include "core/file.h"
#include "core/text.h"
#include "dnnbrain/fetch.h"
#include "fetch/places.h"
#include "models/models.h"

enum { MAX_NETWORKS = 256, SHA256_DIGITS = 64, MIN_DIGITS = 8 };

const dnnb_pretrained *dnnb_pretrained_get_all(size_t *n) {
    static _Thread_local dnnb_pretrained all[MAX_NETWORKS];
    size_t n_models;
    const dnnb__model *const *models = dnnb__model_get_all(&n_models);
    *n = 0;
    for (size_t i = 0; i < n_models && *n < MAX_NETWORKS; i++)
        if (models[i]->weights)
            all[(*n)++] = (dnnb_pretrained){.network = models[i]->name,
                                            .file = models[i]->weights,
                                            .own_name = models[i]->own_weights,
                                            .is_shipped = models[i]->is_shipped};
    return all;
}

dnnb_status dnnb_pretrained_get(const dnnb_pretrained **out, const char *network) {
    const dnnb__model *model;
    size_t n;
    const dnnb_pretrained *all = dnnb_pretrained_get_all(&n);
    *out = NULL;
    DNNB_TRY(dnnb__model_find(&model, network));
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].network, model->name) == 0) *out = &all[i];
    if (*out) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT,
                      "%s: expected a network with pretrained parameters, found one without",
                      model->name);
}

/* The folder's file under the one name or the other; NULL when it has neither. */
static dnnb_status look_in(char **path, const char *folder, const dnnb_pretrained *p) {
    const char *const file_names[] = {p->file, p->own_name};
    *path = NULL;
    for (size_t i = 0; i < 2 && !*path; i++) {
        char *joined;
        if (!file_names[i]) continue;
        DNNB_TRY(dnnb__path_join(&joined, folder, file_names[i]));
        if (dnnb__file_exists(joined))
            *path = joined;
        else
            dnnb__free(joined);
    }
    return DNNB_OK;
}

static dnnb_status fail_absent(const dnnb_pretrained *p) {
    char *store = NULL;
    if (p->is_shipped)
        return dnnb__fail(DNNB_ERR_IO,
                          "%s: its pretrained parameters come with the program, and %s is not in "
                          "share/dnnbrain/weights above the library: install it again",
                          p->network, p->file);
    if (dnnb__place_get_store(&store) != DNNB_OK) store = NULL;
    dnnb_status status = dnnb__fail(
        DNNB_ERR_IO,
        "%s: no pretrained parameters on this machine: 'dnnbrain fetch %s' gets them, or put "
        "%s/%s into %s",
        p->network, p->network, DNNB_FETCH_MIRROR, p->file, store ? store : "a folder of your own");
    dnnb__free(store);
    return status;
}

dnnb_status dnnb_pretrained_find(char **path, const char **place, const char *network) {
    const dnnb_pretrained *p;
    *path = NULL;
    if (place) *place = NULL;
    DNNB_TRY(dnnb_pretrained_get(&p, network));
    for (int kind = 0; kind < DNNB__PLACE_COUNT; kind++) {
        char *folder;
        DNNB_TRY(dnnb__place_get_folder(&folder, (dnnb__place_kind)kind));
        if (!folder) continue;
        dnnb_status status = look_in(path, folder, p);
        dnnb__free(folder);
        if (status != DNNB_OK) return status;
        if (!*path) continue;
        if (place) *place = dnnb__place_get_name((dnnb__place_kind)kind);
        return DNNB_OK;
    }
    return fail_absent(p);
}

/* The digits between the last '-' and the ending; 0 when they are no such digits. */
static size_t get_digits(const char *file, const char **digits) {
    const char *dash = strrchr(file, '-');
    *digits = dash ? dash + 1 : "";
    size_t n = strspn(*digits, "0123456789abcdef");
    return n >= MIN_DIGITS && n <= SHA256_DIGITS && (*digits)[n] == '.' ? n : 0;
}

dnnb_status dnnb_pretrained_verify(const char *path, const char *file) {
    char sum[SHA256_DIGITS + 1];
    const char *digits;
    size_t n = get_digits(file, &digits);
    if (n == 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: expected a name that ends in the first digits of a SHA-256", file);
    DNNB_TRY(dnnb__sha256_file(sum, path));
    if (memcmp(sum, digits, n) == 0) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a SHA-256 of %.*s..., found %.16s...", path,
                      (int)n, digits, sum);
}
