/*
 * Dict of named tensors, in order of insertion, with a hash table of indices beside it.
 *
 * Method: open addressing with linear probing; the table is at most half full and is rebuilt when
 * it grows or when an entry is renamed (both rare).
 */
#include "tensor/dict.h"

#include <string.h>

typedef struct entry {
    char *name;
    dnnb_tensor *tensor;
} entry;

struct dnnb_dict {
    entry *entries;
    size_t n, capacity;
    uint32_t *slots; /* index + 1 of an entry; 0 is free */
    size_t n_slots;  /* a power of two, at least 2 * n */
    char *note;
};

/* FNV-1a, 64 bits. */
static uint64_t hash_name(const char *name) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* The slot of `name`, or the free slot where it belongs. */
static size_t find_slot(const dnnb_dict *d, const char *name) {
    size_t slot = (size_t)hash_name(name) & (d->n_slots - 1);
    while (d->slots[slot] && strcmp(d->entries[d->slots[slot] - 1].name, name) != 0)
        slot = (slot + 1) & (d->n_slots - 1);
    return slot;
}

static dnnb_status rebuild_slots(dnnb_dict *d, size_t n_slots) {
    uint32_t *slots = dnnb__calloc(n_slots, sizeof *slots);
    if (!slots) return dnnb__fail_memory();
    dnnb__free(d->slots);
    d->slots = slots;
    d->n_slots = n_slots;
    for (size_t i = 0; i < d->n; i++)
        d->slots[find_slot(d, d->entries[i].name)] = (uint32_t)(i + 1);
    return DNNB_OK;
}

dnnb_status dnnb_dict_create(dnnb_dict **out) {
    *out = NULL;
    dnnb_dict *d = dnnb__calloc(1, sizeof *d);
    if (!d) return dnnb__fail_memory();
    dnnb_status status = rebuild_slots(d, 64);
    if (status != DNNB_OK) {
        dnnb__free(d);
        return status;
    }
    *out = d;
    return DNNB_OK;
}

void dnnb_dict_destroy(dnnb_dict *d) {
    if (!d) return;
    for (size_t i = 0; i < d->n; i++) {
        dnnb__free(d->entries[i].name);
        dnnb_tensor_destroy(d->entries[i].tensor);
    }
    dnnb__free(d->entries);
    dnnb__free(d->slots);
    dnnb__free(d->note);
    dnnb__free(d);
}

static dnnb_status make_room(dnnb_dict *d) {
    if (d->n == DNNB__DICT_MAX_ENTRIES)
        return dnnb__fail(DNNB_ERR_LIMIT, "more than %d named tensors", DNNB__DICT_MAX_ENTRIES);
    if (d->n == d->capacity) {
        size_t capacity = d->capacity ? 2 * d->capacity : 32;
        entry *entries = dnnb__realloc(d->entries, capacity, sizeof *entries);
        if (!entries) return dnnb__fail_memory();
        d->entries = entries;
        d->capacity = capacity;
    }
    return 2 * (d->n + 1) > d->n_slots ? rebuild_slots(d, 2 * d->n_slots) : DNNB_OK;
}

dnnb_status dnnb_dict_add(dnnb_dict *d, const char *name, dnnb_tensor *t) {
    DNNB_TRY(make_room(d));
    size_t slot = find_slot(d, name);
    if (d->slots[slot]) return dnnb__fail(DNNB_ERR_FORMAT, "'%s' is there twice", name);
    char *copy = dnnb__strdup(name);
    if (!copy) return dnnb__fail_memory();
    d->entries[d->n] = (entry){.name = copy, .tensor = t};
    d->slots[slot] = (uint32_t)++d->n;
    return DNNB_OK;
}

size_t dnnb_dict_get_count(const dnnb_dict *d) {
    return d->n;
}

const char *dnnb_dict_get_name(const dnnb_dict *d, size_t i) {
    return d->entries[i].name;
}

const dnnb_tensor *dnnb_dict_get_tensor(const dnnb_dict *d, size_t i) {
    return d->entries[i].tensor;
}

const dnnb_tensor *dnnb_dict_find(const dnnb_dict *d, const char *name) {
    uint32_t found = d->slots[find_slot(d, name)];
    return found ? d->entries[found - 1].tensor : NULL;
}

const char *dnnb_dict_get_note(const dnnb_dict *d) {
    return d->note ? d->note : "";
}

dnnb_status dnnb__dict_add_note(dnnb_dict *d, const char *note) {
    dnnb__buf text;
    dnnb__buf_init(&text, 4096);
    dnnb__buf_printf(&text, "%s%s%s", d->note ? d->note : "", d->note ? "; " : "", note);
    dnnb_status status = dnnb__buf_get_status(&text);
    if (status != DNNB_OK) {
        dnnb__buf_destroy(&text);
        return status;
    }
    dnnb__free(d->note);
    d->note = text.data;
    return DNNB_OK;
}

dnnb_status dnnb__dict_rename(dnnb_dict *d, size_t i, const char *name) {
    if (dnnb_dict_find(d, name)) return dnnb__fail(DNNB_ERR_FORMAT, "'%s' is there twice", name);
    char *copy = dnnb__strdup(name);
    if (!copy) return dnnb__fail_memory();
    char *old = d->entries[i].name;
    d->entries[i].name = copy;
    dnnb_status status = rebuild_slots(d, d->n_slots);
    if (status != DNNB_OK) {
        d->entries[i].name = old;
        dnnb__free(copy);
        return status;
    }
    dnnb__free(old);
    return DNNB_OK;
}
