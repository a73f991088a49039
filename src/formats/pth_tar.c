/*
 * .pth in the layout of a tar archive (PyTorch before 0.1.10).
 *
 * Member `storages`: a count, and for each storage a pickle (key, location, type), the number of
 * elements and the elements; then a pickle that lists views of them. Member `tensors`: a count, and
 * for each tensor a pickle (key, storage key, type), the dimensions, sizes, strides and offset.
 * Member `pickle`: the object, whose references are keys of both. Keys are integers.
 * Source: torch/serialization.py of PyTorch, legacy_load.
 */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "formats/pth_object.h"
#include "formats/tar.h"

typedef struct tar_storage {
    int64_t key;
    dnnb_dtype dtype;
    dnnb__part part;
    dnnb__storage *copy; /* of elements that were not aligned */
} tar_storage;

typedef struct tar_tensor {
    int64_t key;
    dnnb_tensor *tensor; /* NULL when it has no storage */
} tar_tensor;

typedef struct tar_context {
    const char *name;
    dnnb__pickle pickle;
    tar_storage *storages; /* the first n_sorted in order of key */
    size_t n_storages, n_sorted, storages_capacity;
    tar_tensor *tensors; /* in order of key */
    size_t n_tensors, tensors_capacity;
} tar_context;

enum { MAX_ROWS = 1 << 20, TAR_MAGIC_AT = 257 };

bool dnnb__pth_tar_is(const uint8_t *bytes, size_t n) {
    return n >= 512 && memcmp(bytes + TAR_MAGIC_AT, "ustar", 5) == 0;
}

/* Both kinds of rows begin with their key. */
static int compare_rows(const void *a, const void *b) {
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static tar_storage *find_storage(const tar_context *c, int64_t key) {
    return c->n_sorted ? bsearch(&key, c->storages, c->n_sorted, sizeof *c->storages, compare_rows)
                       : NULL;
}

static dnnb_status fail_member(const tar_context *c, const char *member, const char *what) {
    return dnnb__fail(DNNB_ERR_FORMAT, "%s: member '%s': %s", c->name, member, what);
}

/* Order rows by key and see that each key is there once. */
static dnnb_status sort_rows(const tar_context *c, void *rows, size_t n, size_t size,
                             const char *member) {
    if (n) qsort(rows, n, size, compare_rows);
    for (size_t i = 1; i < n; i++)
        if (compare_rows((uint8_t *)rows + (i - 1) * size, (uint8_t *)rows + i * size) == 0)
            return fail_member(c, member, "a key is there twice");
    return DNNB_OK;
}

/* Room for one more row; the rows' pointer is passed and given back. */
static dnnb_status reserve(const tar_context *c, void *rows, size_t n, size_t *capacity,
                           size_t size, void **out) {
    *out = rows;
    if (n < *capacity) return DNNB_OK;
    if (n == MAX_ROWS)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: more than %d storages or tensors", c->name,
                          MAX_ROWS);
    size_t wanted = *capacity ? 2 * *capacity : 64;
    void *grown = dnnb__realloc(rows, wanted, size);
    if (!grown) return dnnb__fail_memory();
    *capacity = wanted;
    *out = grown;
    return DNNB_OK;
}

/* A key, as a number or as the text of one. */
static bool read_key(const dnnb__value *v, int64_t *out) {
    char text[24];
    if (v && v->kind == DNNB__VALUE_INT) {
        *out = v->as.integer;
        return true;
    }
    if (!v || v->kind != DNNB__VALUE_TEXT || v->as.bytes.n >= sizeof text) return false;
    memcpy(text, v->as.bytes.data, v->as.bytes.n);
    text[v->as.bytes.n] = '\0';
    return dnnb__text_read_i64(text, out);
}

static dnnb_status read_count(tar_context *c, dnnb__cursor *in, const char *member, int64_t *n) {
    dnnb__value *v;
    DNNB_TRY(dnnb__pickle_read(&c->pickle, in, &v));
    if (v->kind != DNNB__VALUE_INT || v->as.integer < 0)
        return fail_member(c, member, "expected a count");
    *n = v->as.integer;
    return DNNB_OK;
}

/* ---- member `storages` ---- */

static dnnb_status add_storage(tar_context *c, const tar_storage *row) {
    void *rows;
    DNNB_TRY(reserve(c, c->storages, c->n_storages, &c->storages_capacity, sizeof *row, &rows));
    c->storages = rows;
    c->storages[c->n_storages++] = *row;
    return DNNB_OK;
}

static dnnb_status read_storage(tar_context *c, dnnb__cursor *in, const dnnb__part *member) {
    dnnb__value *head;
    tar_storage row = {.part = {.storage = member->storage}};
    DNNB_TRY(dnnb__pickle_read(&c->pickle, in, &head));
    const dnnb__value *type = dnnb__value_get_item(head, 2);
    if (!read_key(dnnb__value_get_item(head, 0), &row.key) || !type ||
        type->kind != DNNB__VALUE_GLOBAL || type->as.global->role != DNNB__PICKLE_STORAGE_TYPE)
        return fail_member(c, "storages", "expected a key, a place and a type");
    row.dtype = type->as.global->dtype;
    uint64_t n_elements = dnnb__cursor_u64(in);
    row.part.at_bytes = member->at_bytes + in->at;
    if (in->failed ||
        !dnnb__mul_size((size_t)n_elements, dnnb_dtype_get_size(row.dtype), &row.part.n_bytes) ||
        !dnnb__cursor_take(in, row.part.n_bytes))
        return fail_member(c, "storages", "elements reach past the end: is the file cut off?");
    return add_storage(c, &row);
}

/* (key, key of the storage viewed, offset, number of elements) */
static dnnb_status read_view(tar_context *c, const dnnb__value *view) {
    int64_t key, root_key;
    const dnnb__value *offset = dnnb__value_get_item(view, 2);
    const dnnb__value *count = dnnb__value_get_item(view, 3);
    if (!read_key(dnnb__value_get_item(view, 0), &key) ||
        !read_key(dnnb__value_get_item(view, 1), &root_key) || !offset ||
        offset->kind != DNNB__VALUE_INT || !count || count->kind != DNNB__VALUE_INT)
        return fail_member(c, "storages", "a view is damaged");
    tar_storage *root = find_storage(c, root_key);
    if (!root) return fail_member(c, "storages", "a view of a storage that is not there");
    size_t size = dnnb_dtype_get_size(root->dtype);
    int64_t n = (int64_t)(root->part.n_bytes / size);
    if (offset->as.integer < 0 || offset->as.integer > n || count->as.integer < 0 ||
        count->as.integer > n - offset->as.integer)
        return fail_member(c, "storages", "a view reaches outside its storage");
    tar_storage row = *root;
    row.key = key;
    row.copy = NULL;
    row.part.at_bytes += (size_t)offset->as.integer * size;
    row.part.n_bytes = (size_t)count->as.integer * size;
    return add_storage(c, &row);
}

/* Elements that are not aligned are copied before views of them are made. */
static dnnb_status read_storages(tar_context *c, const dnnb__part *member) {
    dnnb__cursor in = dnnb__cursor_create(
        dnnb__storage_get_data(member->storage) + member->at_bytes, member->n_bytes);
    int64_t n = 0;
    dnnb__value *views;
    DNNB_TRY(read_count(c, &in, "storages", &n));
    for (int64_t i = 0; i < n; i++) DNNB_TRY(read_storage(c, &in, member));
    DNNB_TRY(sort_rows(c, c->storages, c->n_storages, sizeof *c->storages, "storages"));
    c->n_sorted = c->n_storages;
    for (size_t i = 0; i < c->n_storages; i++) {
        tar_storage *s = &c->storages[i];
        DNNB_TRY(dnnb__part_align(&s->part, dnnb_dtype_get_size(s->dtype), &s->copy));
    }
    DNNB_TRY(dnnb__pickle_read(&c->pickle, &in, &views));
    for (size_t i = 0; i < dnnb__value_get_count(views); i++)
        DNNB_TRY(read_view(c, dnnb__value_get_item(views, i)));
    DNNB_TRY(sort_rows(c, c->storages, c->n_storages, sizeof *c->storages, "storages"));
    c->n_sorted = c->n_storages;
    return DNNB_OK;
}

/* ---- member `tensors` ---- */

static dnnb_status read_tensor(tar_context *c, dnnb__cursor *in) {
    dnnb__value *head;
    tar_tensor row = {.tensor = NULL};
    int64_t storage_key, strides[DNNB_MAX_NDIM] = {0};
    void *rows;
    DNNB_TRY(dnnb__pickle_read(&c->pickle, in, &head));
    if (!read_key(dnnb__value_get_item(head, 0), &row.key))
        return fail_member(c, "tensors", "expected a key, a storage and a type");
    tar_storage *s =
        read_key(dnnb__value_get_item(head, 1), &storage_key) ? find_storage(c, storage_key) : NULL;
    dnnb_shape shape = {.ndim = dnnb__cursor_u32(in)};
    (void)dnnb__cursor_u32(in); /* an early version gave the dimensions eight bytes */
    if (shape.ndim > DNNB_MAX_NDIM)
        return dnnb__fail(DNNB_ERR_LIMIT,
                          "%s: member 'tensors': expected at most %d dimensions, "
                          "found %zu",
                          c->name, DNNB_MAX_NDIM, shape.ndim);
    for (size_t i = 0; i < shape.ndim; i++) shape.dim[i] = (int64_t)dnnb__cursor_u64(in);
    for (size_t i = 0; i < shape.ndim; i++) strides[i] = (int64_t)dnnb__cursor_u64(in);
    int64_t offset = (int64_t)dnnb__cursor_u64(in);
    if (in->failed) return fail_member(c, "tensors", "it ends in the middle of a tensor");
    DNNB_TRY(reserve(c, c->tensors, c->n_tensors, &c->tensors_capacity, sizeof row, &rows));
    c->tensors = rows;
    if (s) {
        dnnb_status status =
            dnnb__pth_view(&row.tensor, &s->part, s->dtype, offset, &shape, strides);
        if (status != DNNB_OK)
            return dnnb__fail_prefix(status, "%s: member 'tensors': tensor %zu", c->name,
                                     c->n_tensors);
    }
    c->tensors[c->n_tensors++] = row;
    return DNNB_OK;
}

static dnnb_status read_tensors(tar_context *c, const dnnb__part *member) {
    dnnb__cursor in = dnnb__cursor_create(
        dnnb__storage_get_data(member->storage) + member->at_bytes, member->n_bytes);
    int64_t n = 0;
    DNNB_TRY(read_count(c, &in, "tensors", &n));
    for (int64_t i = 0; i < n; i++) DNNB_TRY(read_tensor(c, &in));
    return sort_rows(c, c->tensors, c->n_tensors, sizeof *c->tensors, "tensors");
}

/* ---- member `pickle` ---- */

static dnnb_status get_storage(void *context, const dnnb__value *id, dnnb__part *out,
                               dnnb_dtype *dtype) {
    tar_context *c = context;
    int64_t key;
    tar_storage *s = read_key(id, &key) ? find_storage(c, key) : NULL;
    if (!s) return fail_member(c, "pickle", "a reference to a storage that is not there");
    *out = s->part;
    *dtype = s->dtype;
    return DNNB_OK;
}

static dnnb_status get_tensor(void *context, const dnnb__value *id, const dnnb_tensor **out) {
    tar_context *c = context;
    int64_t key;
    tar_tensor *t = read_key(id, &key) && c->n_tensors
                        ? bsearch(&key, c->tensors, c->n_tensors, sizeof *c->tensors, compare_rows)
                        : NULL;
    *out = t ? t->tensor : NULL;
    return DNNB_OK;
}

static dnnb_status read_members(dnnb_dict *dict, tar_context *c, dnnb__tar_member *members) {
    dnnb__value *root;
    for (size_t i = 0; i < 3; i++)
        if (!members[i].is_there)
            return dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a tar member '%s'", c->name,
                              members[i].name);
    char places[3][1024];
    for (size_t i = 0; i < 3; i++)
        (void)snprintf(places[i], sizeof places[i], "%s: member '%s'", c->name, members[i].name);
    c->pickle.name = places[0];
    DNNB_TRY(read_storages(c, &members[0].part));
    c->pickle.name = places[1];
    DNNB_TRY(read_tensors(c, &members[1].part));
    c->pickle.name = places[2];
    const dnnb__part *object = &members[2].part;
    dnnb__cursor in = dnnb__cursor_create(
        dnnb__storage_get_data(object->storage) + object->at_bytes, object->n_bytes);
    DNNB_TRY(dnnb__pickle_read(&c->pickle, &in, &root));
    dnnb__pth_source source = {
        .name = c->name, .context = c, .get_storage = get_storage, .get_tensor = get_tensor};
    return dnnb__pth_object_read(dict, &source, root);
}

dnnb_status dnnb__pth_tar_read(dnnb_dict *dict, dnnb__storage *s, const char *name) {
    tar_context c = {.name = name};
    dnnb__tar_member members[3] = {{.name = "storages"}, {.name = "tensors"}, {.name = "pickle"}};
    dnnb__pickle_init(&c.pickle, name, dnnb__storage_get_size(s));
    dnnb_status status = dnnb__tar_read(members, 3, s, name);
    if (status == DNNB_OK) status = read_members(dict, &c, members);
    for (size_t i = 0; i < c.n_tensors; i++) dnnb_tensor_destroy(c.tensors[i].tensor);
    for (size_t i = 0; i < c.n_storages; i++) dnnb__storage_release(c.storages[i].copy);
    dnnb__free(c.tensors);
    dnnb__free(c.storages);
    dnnb__pickle_destroy(&c.pickle);
    for (size_t i = 0; i < 3; i++) dnnb__storage_release(members[i].copy);
    return status;
}
