/*
 * The values of a pickle: their arena, and looking into them.
 *
 * Method: blocks of memory handed out from front to back and freed together, so that a tree of any
 * depth, with any sharing or cycles, is freed without walking it.
 * Invariant: n_bytes never goes above max_bytes, a multiple of the input's size.
 */
#include <string.h>

#include "formats/pickle.h"

enum {
    BLOCK_BYTES = 64 << 10,
    MAX_VALUES = 1 << 24,
    BASE_BYTES = 16 << 20, /* allowed whatever the input's size */
    BYTES_PER_BYTE = 64    /* one opcode of one byte makes a value and its place in a list */
};

struct dnnb__pickle_block {
    dnnb__pickle_block *next;
    size_t used, size;
    max_align_t data[];
};

void dnnb__pickle_init(dnnb__pickle *p, const char *name, size_t n_input_bytes) {
    *p = (dnnb__pickle){.name = name};
    if (!dnnb__mul_size(n_input_bytes, BYTES_PER_BYTE, &p->max_bytes) ||
        !dnnb__add_size(p->max_bytes, BASE_BYTES, &p->max_bytes))
        p->max_bytes = SIZE_MAX / 2;
}

void dnnb__pickle_destroy(dnnb__pickle *p) {
    while (p->blocks) {
        dnnb__pickle_block *block = p->blocks;
        p->blocks = block->next;
        dnnb__free(block);
    }
    dnnb__free(p->persistent);
    *p = (dnnb__pickle){0};
}

dnnb_status dnnb__pickle_fail_memory(const dnnb__pickle *p) {
    if (p->over_limit)
        return dnnb__fail(DNNB_ERR_LIMIT, "%s: more than %d values or %zu bytes of them", p->name,
                          MAX_VALUES, p->max_bytes);
    return dnnb__fail_memory();
}

void *dnnb__pickle_alloc(dnnb__pickle *p, size_t n_bytes) {
    if (n_bytes > p->max_bytes - p->n_bytes) {
        p->over_limit = true;
        return NULL;
    }
    n_bytes = (n_bytes + 7) & ~(size_t)7;
    dnnb__pickle_block *block = p->blocks;
    if (!block || n_bytes > block->size - block->used) {
        size_t size = n_bytes > BLOCK_BYTES / 4 ? n_bytes : BLOCK_BYTES;
        block = dnnb__alloc(1, sizeof *block + size);
        if (!block) return NULL;
        block->used = 0;
        block->size = size;
        if (size == BLOCK_BYTES || !p->blocks) {
            block->next = p->blocks;
            p->blocks = block;
        } else { /* one of its own; the block that still has room stays in front */
            block->next = p->blocks->next;
            p->blocks->next = block;
        }
    }
    void *memory = (uint8_t *)block->data + block->used;
    block->used += n_bytes;
    p->n_bytes += n_bytes;
    if (p->n_bytes > p->max_bytes) p->n_bytes = p->max_bytes;
    return memory;
}

dnnb__value *dnnb__pickle_new(dnnb__pickle *p, dnnb__value_kind kind) {
    if (p->n_values == MAX_VALUES) {
        p->over_limit = true;
        return NULL;
    }
    dnnb__value *v = dnnb__pickle_alloc(p, sizeof *v);
    if (!v) return NULL;
    p->n_values++;
    *v = (dnnb__value){.kind = kind};
    return v;
}

dnnb_status dnnb__pickle_append(dnnb__pickle *p, dnnb__value *list, dnnb__value *const *items,
                                size_t n) {
    size_t need = list->as.list.n + n;
    if (need > UINT32_MAX / 2) {
        p->over_limit = true;
        return dnnb__pickle_fail_memory(p);
    }
    if (need > list->as.list.capacity) {
        size_t capacity = 2 * (size_t)list->as.list.capacity;
        if (capacity < need) capacity = need;
        dnnb__value **grown = dnnb__pickle_alloc(p, capacity * sizeof(dnnb__value *));
        if (!grown) return dnnb__pickle_fail_memory(p);
        if (list->as.list.n)
            memcpy(grown, list->as.list.items, list->as.list.n * sizeof(dnnb__value *));
        list->as.list.items = grown;
        list->as.list.capacity = (uint32_t)capacity;
    }
    if (n) memcpy(list->as.list.items + list->as.list.n, items, n * sizeof(dnnb__value *));
    list->as.list.n = (uint32_t)need;
    return DNNB_OK;
}

bool dnnb__value_is_text(const dnnb__value *v, const char *text) {
    size_t n = strlen(text);
    return v && v->kind == DNNB__VALUE_TEXT && v->as.bytes.n == n &&
           (n == 0 || memcmp(v->as.bytes.data, text, n) == 0);
}

bool dnnb__value_is_object(const dnnb__value *v, dnnb__pickle_role role) {
    return v && v->kind == DNNB__VALUE_OBJECT && v->as.object.global->role == role;
}

static const dnnb__value *get_sequence(const dnnb__value *v) {
    if (v && v->kind == DNNB__VALUE_OBJECT) v = v->as.object.args;
    bool is_sequence = v && (v->kind == DNNB__VALUE_LIST || v->kind == DNNB__VALUE_TUPLE ||
                             v->kind == DNNB__VALUE_SET);
    return is_sequence ? v : NULL;
}

const dnnb__value *dnnb__value_get_item(const dnnb__value *v, size_t i) {
    v = get_sequence(v);
    return v && i < v->as.list.n ? v->as.list.items[i] : NULL;
}

size_t dnnb__value_get_count(const dnnb__value *v) {
    v = get_sequence(v);
    return v ? v->as.list.n : 0;
}

const dnnb__value *dnnb__value_find(const dnnb__value *dict, const char *key) {
    if (!dict || dict->kind != DNNB__VALUE_DICT) return NULL;
    for (size_t i = dict->as.list.n; i >= 2; i -= 2)
        if (dnnb__value_is_text(dict->as.list.items[i - 2], key)) return dict->as.list.items[i - 1];
    return NULL;
}

void dnnb__value_describe(const dnnb__value *v, char *text, size_t n) {
    static const char *const kinds[] = {
        [DNNB__VALUE_NONE] = "None",      [DNNB__VALUE_BOOL] = "a bool",
        [DNNB__VALUE_INT] = "an integer", [DNNB__VALUE_LONG] = "a large integer",
        [DNNB__VALUE_FLOAT] = "a float",  [DNNB__VALUE_BYTES] = "bytes",
        [DNNB__VALUE_TEXT] = "a text",    [DNNB__VALUE_LIST] = "a list",
        [DNNB__VALUE_TUPLE] = "a tuple",  [DNNB__VALUE_SET] = "a set",
        [DNNB__VALUE_DICT] = "a dict",    [DNNB__VALUE_PERSISTENT] = "a reference"};
    if (!v)
        (void)snprintf(text, n, "nothing");
    else if (v->kind == DNNB__VALUE_GLOBAL)
        (void)snprintf(text, n, "the global %s.%s", v->as.global->module, v->as.global->name);
    else if (v->kind == DNNB__VALUE_OBJECT)
        (void)snprintf(text, n, "a %s.%s", v->as.object.global->module, v->as.object.global->name);
    else
        (void)snprintf(text, n, "%s", kinds[v->kind]);
}
