/*
 * Finding the state dict in a checkpoint and making its tensors.
 *
 * Method: only the dicts that may hold the state dict are looked into, and of a tensor only the few
 * forms that PyTorch has written; so a tree with cycles is never followed round.
 * Source: torch/_utils.py and torch/serialization.py of PyTorch.
 */
#include "formats/pth_object.h"

#include <string.h>

enum {
    MAX_WRAPPERS = 4,       /* dicts around the state dict */
    MAX_NESTED = 4,         /* a parameter of a tensor ... */
    MAX_REPEATED = 1 << 24, /* elements of a tensor that names some of them more than once */
    NAME_SHOWN = 200        /* bytes of a parameter's name in a message */
};

/* Keys under which training programs put the state dict. */
static const char *const wrappers[] = {"state_dict", "model", "model_state_dict"};
enum { N_WRAPPERS = sizeof wrappers / sizeof wrappers[0] };

/* ---- one tensor ---- */

static dnnb_status read_integer(const dnnb__value *v, const char *what, int64_t *out) {
    if (!v || v->kind != DNNB__VALUE_INT) {
        char found[DNNB__VALUE_TEXT_BYTES];
        dnnb__value_describe(v, found, sizeof found);
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected an integer, found %s", what, found);
    }
    *out = v->as.integer;
    return DNNB_OK;
}

/* A tuple of integers, or a torch.Size of one. */
static dnnb_status read_integers(const dnnb__value *v, const char *what, int64_t *out, size_t *n) {
    if (dnnb__value_is_object(v, DNNB__PICKLE_SIZE)) v = dnnb__value_get_item(v, 0);
    if (!v || (v->kind != DNNB__VALUE_TUPLE && v->kind != DNNB__VALUE_LIST)) {
        char found[DNNB__VALUE_TEXT_BYTES];
        dnnb__value_describe(v, found, sizeof found);
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a tuple, found %s", what, found);
    }
    *n = dnnb__value_get_count(v);
    if (*n > DNNB_MAX_NDIM)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: expected at most %d dimensions, found %zu", what,
                          DNNB_MAX_NDIM, *n);
    for (size_t i = 0; i < *n; i++)
        DNNB_TRY(read_integer(dnnb__value_get_item(v, i), what, &out[i]));
    return DNNB_OK;
}

dnnb_status dnnb__pth_view(dnnb_tensor **out, const dnnb__part *part, dnnb_dtype dtype,
                           int64_t offset, const dnnb_shape *shape, const int64_t *strides) {
    size_t offset_bytes, count;
    *out = NULL;
    if (offset < 0 || !dnnb__mul_size((size_t)offset, dnnb_dtype_get_size(dtype), &offset_bytes))
        return dnnb__fail(DNNB_ERR_FORMAT, "offset %lld is negative or too large",
                          (long long)offset);
    DNNB_TRY(dnnb__tensor_view_part(out, part->storage, part->at_bytes, part->n_bytes, offset_bytes,
                                    dtype, shape, strides));
    count = dnnb_tensor_get_count(*out);
    if (count > part->n_bytes / dnnb_dtype_get_size(dtype) && count > MAX_REPEATED) {
        dnnb_tensor_destroy(*out);
        *out = NULL;
        return dnnb__fail(DNNB_ERR_LIMIT,
                          "a view repeats its elements to %zu; at most %d are allowed", count,
                          MAX_REPEATED);
    }
    return DNNB_OK;
}

/* (storage, offset, size, stride): the start of every form. */
static dnnb_status read_parts(dnnb_tensor **out, const dnnb__pth_source *source,
                              const dnnb__value *parts) {
    dnnb__part part;
    dnnb_dtype dtype;
    dnnb_shape shape = {.ndim = 0};
    int64_t offset = 0, strides[DNNB_MAX_NDIM] = {0};
    size_t n_strides = 0;
    const dnnb__value *reference = dnnb__value_get_item(parts, 0);
    if (!reference || reference->kind != DNNB__VALUE_PERSISTENT) {
        char found[DNNB__VALUE_TEXT_BYTES];
        dnnb__value_describe(reference, found, sizeof found);
        return dnnb__fail(DNNB_ERR_FORMAT, "expected a storage, found %s", found);
    }
    DNNB_TRY(read_integer(dnnb__value_get_item(parts, 1), "offset", &offset));
    DNNB_TRY(read_integers(dnnb__value_get_item(parts, 2), "size", shape.dim, &shape.ndim));
    DNNB_TRY(read_integers(dnnb__value_get_item(parts, 3), "stride", strides, &n_strides));
    if (n_strides != shape.ndim)
        return dnnb__fail(DNNB_ERR_FORMAT, "expected %zu strides, found %zu", shape.ndim,
                          n_strides);
    DNNB_TRY(source->get_storage(source->context, reference->as.id, &part, &dtype));
    return dnnb__pth_view(out, &part, dtype, offset, &shape, strides);
}

static dnnb_status read_tensor(dnnb_tensor **out, const dnnb__pth_source *source,
                               const dnnb__value *v) {
    *out = NULL;
    for (int depth = 0; depth < MAX_NESTED; depth++) {
        if (dnnb__value_is_object(v, DNNB__PICKLE_REBUILD_TENSOR))
            return read_parts(out, source, v->as.object.args);
        if (dnnb__value_is_object(v, DNNB__PICKLE_TENSOR_TYPE))
            return read_parts(out, source, v->as.object.state);
        if (v && v->kind == DNNB__VALUE_PERSISTENT && source->get_tensor) {
            const dnnb_tensor *t = NULL;
            DNNB_TRY(source->get_tensor(source->context, v->as.id, &t));
            if (t) return dnnb_tensor_clone(out, t);
        }
        if (!dnnb__value_is_object(v, DNNB__PICKLE_REBUILD_PARAMETER)) break;
        v = dnnb__value_get_item(v, 0);
    }
    char found[DNNB__VALUE_TEXT_BYTES];
    dnnb__value_describe(v, found, sizeof found);
    return dnnb__fail(DNNB_ERR_FORMAT, "expected a tensor, found %s", found);
}

static bool is_tensor(const dnnb__pth_source *source, const dnnb__value *v) {
    return dnnb__value_is_object(v, DNNB__PICKLE_REBUILD_TENSOR) ||
           dnnb__value_is_object(v, DNNB__PICKLE_REBUILD_PARAMETER) ||
           dnnb__value_is_object(v, DNNB__PICKLE_TENSOR_TYPE) ||
           (source->get_tensor && v->kind == DNNB__VALUE_PERSISTENT);
}

/* ---- the dict ---- */

static bool has_tensor(const dnnb__pth_source *source, const dnnb__value *dict) {
    for (size_t i = 0; i + 1 < dict->as.list.n; i += 2)
        if (dict->as.list.items[i]->kind == DNNB__VALUE_TEXT &&
            is_tensor(source, dict->as.list.items[i + 1]))
            return true;
    return false;
}

/* The state dict in `v`; `path` lists the keys that led to it. What is wrapped goes before what
 * stands beside it, since a checkpoint may hold a score as a tensor. */
static const dnnb__value *find_state_dict(const dnnb__pth_source *source, const dnnb__value *v,
                                          const char **path, size_t *n_path) {
    size_t depth = *n_path;
    if (!v || v->kind != DNNB__VALUE_DICT) return NULL;
    for (size_t i = 0; i < N_WRAPPERS && depth < MAX_WRAPPERS; i++) {
        path[depth] = wrappers[i];
        *n_path = depth + 1;
        const dnnb__value *found =
            find_state_dict(source, dnnb__value_find(v, wrappers[i]), path, n_path);
        if (found) return found;
    }
    *n_path = depth;
    return has_tensor(source, v) ? v : NULL;
}

static dnnb_status add_tensor(dnnb_dict *dict, const dnnb__pth_source *source,
                              const dnnb__value *key, const dnnb__value *v) {
    const char *bytes = (const char *)key->as.bytes.data;
    int n_shown = (int)(key->as.bytes.n < NAME_SHOWN ? key->as.bytes.n : NAME_SHOWN);
    if (!dnnb__name_is_valid(bytes, key->as.bytes.n))
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: a tensor's name is empty, too long or not UTF-8",
                          source->name);
    dnnb_tensor *t = NULL;
    dnnb_status status = read_tensor(&t, source, v);
    if (status != DNNB_OK)
        return dnnb__fail_prefix(status, "%s: tensor '%.*s'", source->name, n_shown, bytes);
    char *name = dnnb__strndup(bytes, key->as.bytes.n);
    status = name ? dnnb_dict_add(dict, name, t) : dnnb__fail_memory();
    dnnb__free(name);
    if (status != DNNB_OK) {
        dnnb_tensor_destroy(t);
        return dnnb__fail_prefix(status, "%s", source->name);
    }
    return DNNB_OK;
}

static dnnb_status note_wrapper(dnnb_dict *dict, const char *const *path, size_t n_path) {
    char note[128];
    size_t at = 0;
    if (n_path == 0) return DNNB_OK;
    for (size_t i = 0; i < n_path; i++)
        at += (size_t)snprintf(note + at, sizeof note - at, "%s%s",
                               i ? "." : "taken from the key '", path[i]);
    (void)snprintf(note + at, sizeof note - at, "'");
    return dnnb__dict_add_note(dict, note);
}

dnnb_status dnnb__pth_object_read(dnnb_dict *dict, const dnnb__pth_source *source,
                                  const dnnb__value *root) {
    const char *path[MAX_WRAPPERS + 1];
    size_t n_path = 0, n_left_out = 0;
    const dnnb__value *state = find_state_dict(source, root, path, &n_path);
    if (!state) {
        char found[DNNB__VALUE_TEXT_BYTES];
        dnnb__value_describe(root, found, sizeof found);
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a dict of tensors, found %s%s",
                          source->name, found,
                          root && root->kind == DNNB__VALUE_DICT ? " without any" : "");
    }
    DNNB_TRY(note_wrapper(dict, path, n_path));
    for (size_t i = 0; i + 1 < state->as.list.n; i += 2) {
        const dnnb__value *key = state->as.list.items[i], *v = state->as.list.items[i + 1];
        if (key->kind == DNNB__VALUE_TEXT && is_tensor(source, v))
            DNNB_TRY(add_tensor(dict, source, key, v));
        else
            n_left_out++;
    }
    if (n_left_out == 0) return DNNB_OK;
    char note[80];
    if (n_left_out == 1)
        (void)snprintf(note, sizeof note, "left out 1 value that is no tensor");
    else
        (void)snprintf(note, sizeof note, "left out %zu values that are no tensors", n_left_out);
    return dnnb__dict_add_note(dict, note);
}

dnnb_status dnnb__pth_id_read(dnnb__pth_id *out, const dnnb__value *id, const char *name) {
    const dnnb__value *type = dnnb__value_get_item(id, 1), *key = dnnb__value_get_item(id, 2);
    const dnnb__value *count = dnnb__value_get_item(id, 4), *view = dnnb__value_get_item(id, 5);
    bool is_storage = id && id->kind == DNNB__VALUE_TUPLE &&
                      dnnb__value_is_text(dnnb__value_get_item(id, 0), "storage");
    bool has_type = type && type->kind == DNNB__VALUE_GLOBAL &&
                    type->as.global->role == DNNB__PICKLE_STORAGE_TYPE;
    if (!is_storage || !has_type || !key || key->kind != DNNB__VALUE_TEXT || !count ||
        count->kind != DNNB__VALUE_INT || count->as.integer < 0)
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: a reference: expected a storage's type, key, place and size", name);
    *out = (dnnb__pth_id){.dtype = type->as.global->dtype,
                          .key = key,
                          .n_elements = count->as.integer,
                          .view = view && view->kind != DNNB__VALUE_NONE ? view : NULL};
    return DNNB_OK;
}
