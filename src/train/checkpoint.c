/*
 * Checkpoints as named arrays, and the folder that holds their files.
 *
 * Method: to be written, a checkpoint borrows what it names, so making one copies nothing. Read, it
 * is a dict of views of the mapped file, whose sum was compared with the one in its name first.
 */
#include "train/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/checksum.h"
#include "core/file.h"
#include "core/io.h"

static const char suffix[] = ".safetensors";

dnnb_status dnnb__checkpoint_create(dnnb_checkpoint **out, const dnnb__checkpoint_place *place) {
    *out = dnnb__calloc(1, sizeof **out);
    if (!*out) return dnnb__fail_memory();
    (*out)->place = *place;
    return DNNB_OK;
}

void dnnb__checkpoint_destroy(dnnb_checkpoint *checkpoint) {
    if (!checkpoint) return;
    for (size_t i = 0; i < checkpoint->n; i++)
        dnnb__free((void *)(uintptr_t)checkpoint->arrays[i].name);
    dnnb__free(checkpoint->arrays);
    dnnb_dict_destroy(checkpoint->loaded);
    dnnb__free(checkpoint);
}

/* Wider types stand first, otherwise in the order in which they were added. */
static void insert(dnnb_checkpoint *c, const dnnb__array *array) {
    size_t at = c->n, size = dnnb_dtype_get_size(array->dtype);
    while (at > 0 && dnnb_dtype_get_size(c->arrays[at - 1].dtype) < size) at--;
    memmove(c->arrays + at + 1, c->arrays + at, (c->n - at) * sizeof *c->arrays);
    c->arrays[at] = *array;
    c->n++;
}

dnnb_status dnnb__checkpoint_add(dnnb_checkpoint *c, const char *name, dnnb_dtype dtype,
                                 const void *data, size_t n) {
    DNNB_ASSERT(!c->loaded);
    if (n == 0) return DNNB_OK;
    if (c->n == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 32;
        dnnb__array *arrays = dnnb__realloc(c->arrays, capacity, sizeof *arrays);
        if (!arrays) return dnnb__fail_memory();
        c->arrays = arrays;
        c->capacity = capacity;
    }
    dnnb__array array = {.name = dnnb__strdup(name), .dtype = dtype, .data = data, .n = n};
    if (!array.name) return dnnb__fail_memory();
    insert(c, &array);
    return DNNB_OK;
}

const void *dnnb__checkpoint_find(const dnnb_checkpoint *c, const char *name, dnnb_dtype dtype,
                                  size_t *n) {
    const dnnb_tensor *tensor = c->loaded ? dnnb_dict_find(c->loaded, name) : NULL;
    *n = 0;
    if (!tensor || dnnb_tensor_get_dtype(tensor) != dtype || !dnnb_tensor_is_contiguous(tensor))
        return NULL;
    *n = dnnb_tensor_get_count(tensor);
    return dnnb_tensor_get_data(tensor);
}

dnnb_status dnnb__checkpoint_read(const dnnb_checkpoint *c, const char *name, dnnb_dtype dtype,
                                  size_t n, const void **out, size_t *found) {
    size_t n_found;
    *out = dnnb__checkpoint_find(c, name, dtype, &n_found);
    if (found) *found = n_found;
    if (n == SIZE_MAX || n_found == n) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_FORMAT, "checkpoint: '%s': expected %zu elements of %s, found %zu",
                      name, n, dnnb_dtype_get_name(dtype), n_found);
}

/* ---- names ---- */

bool dnnb__checkpoint_parse_name(const char *name, dnnb__checkpoint_place *place,
                                 char sum[DNNB__CHECKPOINT_SUM + 1]) {
    char digits[DNNB__CHECKPOINT_SUM + 1] = "";
    int end = 0;
    if (sscanf(name, "epoch-%19" SCNu64 "-step-%19" SCNu64 "-%32[0-9a-f]%n", &place->epoch,
               &place->step, digits, &end) != 3 ||
        end == 0 || strcmp(name + end, suffix) != 0 || strlen(digits) != DNNB__CHECKPOINT_SUM ||
        place->epoch == 0)
        return false;
    place->epoch--; /* people count epochs from 1 */
    if (sum) memcpy(sum, digits, sizeof digits);
    return true;
}

/* Later places first; of one place, in any fixed order: each of these files is as good. */
static int compare_names(const void *a, const void *b) {
    const char *const *names[2] = {a, b};
    dnnb__checkpoint_place place[2];
    for (size_t i = 0; i < 2; i++) (void)dnnb__checkpoint_parse_name(*names[i], &place[i], NULL);
    if (place[0].epoch != place[1].epoch) return place[0].epoch > place[1].epoch ? -1 : 1;
    if (place[0].step != place[1].step) return place[0].step > place[1].step ? -1 : 1;
    return strcmp(*names[0], *names[1]);
}

void dnnb__checkpoint_list_destroy(char **names, size_t n) {
    for (size_t i = 0; i < n; i++) dnnb__free(names[i]);
    dnnb__free(names);
}

static dnnb_status add_name(char ***names, size_t *n, const char *name) {
    dnnb__checkpoint_place place;
    if (!dnnb__checkpoint_parse_name(name, &place, NULL)) return DNNB_OK;
    char **grown = dnnb__realloc(*names, *n + 1, sizeof *grown);
    if (!grown) return dnnb__fail_memory();
    *names = grown;
    grown[*n] = dnnb__strdup(name);
    if (!grown[*n]) return dnnb__fail_memory();
    (*n)++;
    return DNNB_OK;
}

dnnb_status dnnb__checkpoint_list(char ***names, size_t *n, const char *folder) {
    dnnb_status status = DNNB_OK;
    *names = NULL;
    *n = 0;
    DIR *dir = dnnb__io_opendir(folder);
    if (!dir && errno == ENOENT) return DNNB_OK;
    if (!dir) return dnnb__fail(DNNB_ERR_IO, "%s: cannot open: %s", folder, strerror(errno));
    const struct dirent *entry;
    while (status == DNNB_OK && (entry = dnnb__io_readdir(dir)))
        status = add_name(names, n, entry->d_name);
    int error = status == DNNB_OK ? errno : 0;
    closedir(dir);
    if (error != 0)
        status = dnnb__fail(DNNB_ERR_IO, "%s: cannot read: %s", folder, strerror(error));
    if (status == DNNB_OK) {
        if (*n > 1) qsort(*names, *n, sizeof **names, compare_names);
        return DNNB_OK;
    }
    dnnb__checkpoint_list_destroy(*names, *n);
    *names = NULL;
    *n = 0;
    return status;
}

/* ---- loading ---- */

/* OK when the file's sum is the one in its name. */
static dnnb_status check_sum(const char *path, const char *expected) {
    dnnb__map map;
    char found[DNNB__CHECKSUM_TEXT];
    DNNB_TRY(dnnb__map_create(&map, path));
    dnnb__checksum_bytes(found, map.data, map.n_bytes);
    dnnb__map_destroy(&map);
    if (strcmp(found, expected) == 0) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: damaged: expected the checksum %s, found %s", path,
                      expected, found);
}

static dnnb_status load_file(dnnb_checkpoint **out, const char *folder, const char *name) {
    dnnb__checkpoint_place place;
    char sum[DNNB__CHECKPOINT_SUM + 1], *path;
    dnnb_checkpoint *c = NULL;
    (void)dnnb__checkpoint_parse_name(name, &place, sum);
    DNNB_TRY(dnnb__path_join(&path, folder, name));
    dnnb_status status = check_sum(path, sum);
    if (status == DNNB_OK) status = dnnb__checkpoint_create(&c, &place);
    if (status == DNNB_OK) status = dnnb_dict_load(&c->loaded, path);
    dnnb__free(path);
    if (status != DNNB_OK) {
        dnnb__checkpoint_destroy(c);
        c = NULL;
    }
    *out = c;
    return status;
}

dnnb_status dnnb__checkpoint_load(dnnb_checkpoint **out, const char *folder, dnnb__buf *damaged) {
    char **names;
    size_t n;
    *out = NULL;
    DNNB_TRY(dnnb__checkpoint_list(&names, &n, folder));
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; !*out && i < n; i++) {
        status = load_file(out, folder, names[i]);
        if (status == DNNB_ERR_MEMORY) break;
        if (status != DNNB_OK)
            dnnb__buf_printf(damaged, "%s%s", damaged->n_bytes ? "; " : "", dnnb_get_error());
    }
    dnnb__checkpoint_list_destroy(names, n);
    if (status == DNNB_OK) status = dnnb__buf_get_status(damaged);
    if (status == DNNB_OK || status == DNNB_ERR_MEMORY) return status;
    return dnnb__fail(status, "%s: expected a whole checkpoint, found %zu that %s not: %s", folder,
                      n, n == 1 ? "is" : "are", damaged->data);
}
