/*
 * The globals that a pickle may name, and what calling one gives.
 *
 * Nothing is executed: containers become dicts and sets, and anything else an object that holds the
 * arguments of the call.
 */
#include <string.h>

#include "formats/pickle.h"

static const dnnb__pickle_global globals[] = {
#define GLOBAL_ROW(role, module, name) {DNNB__PICKLE_##role, module, name, DNNB_F32},
    DNNB__PICKLE_GLOBAL_LIST(GLOBAL_ROW)
#undef GLOBAL_ROW
#define STORAGE_ROWS(dtype, prefix)                                                                \
    {DNNB__PICKLE_STORAGE_TYPE, "torch", prefix "Storage", DNNB_##dtype},                          \
        {DNNB__PICKLE_STORAGE_TYPE, "torch.cuda", prefix "Storage", DNNB_##dtype},                 \
        {DNNB__PICKLE_TENSOR_TYPE, "torch", prefix "Tensor", DNNB_##dtype},                        \
        {DNNB__PICKLE_TENSOR_TYPE, "torch.cuda", prefix "Tensor", DNNB_##dtype},
        DNNB__PICKLE_STORAGE_LIST(STORAGE_ROWS)
#undef STORAGE_ROWS
};

const dnnb__pickle_global *dnnb__pickle_find_global(const dnnb__value *module,
                                                    const dnnb__value *name) {
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++)
        if (dnnb__value_is_text(name, globals[i].name) &&
            dnnb__value_is_text(module, globals[i].module))
            return &globals[i];
    return NULL;
}

/* A dict from its constructor's argument: nothing, a dict, or a list of pairs (Python 2). */
static dnnb_status call_dict(dnnb__pickle *p, const dnnb__value *source, dnnb__value **out) {
    dnnb__value *dict = dnnb__pickle_new(p, DNNB__VALUE_DICT);
    if (!dict) return dnnb__pickle_fail_memory(p);
    *out = dict;
    if (source && source->kind == DNNB__VALUE_DICT)
        return dnnb__pickle_append(p, dict, source->as.list.items, source->as.list.n);
    for (size_t i = 0; i < dnnb__value_get_count(source); i++) {
        const dnnb__value *pair = dnnb__value_get_item(source, i);
        if (dnnb__value_get_count(pair) != 2 || pair->kind == DNNB__VALUE_OBJECT)
            return dnnb__fail(DNNB_ERR_FORMAT, "%s: a dict is made of something else than pairs",
                              p->name);
        DNNB_TRY(dnnb__pickle_append(p, dict, pair->as.list.items, 2));
    }
    return DNNB_OK;
}

/* _codecs.encode(text, 'latin1'): how protocol 2 holds bytes. */
static dnnb_status call_encode(dnnb__pickle *p, const dnnb__value *args, dnnb__value **out) {
    const dnnb__value *text = dnnb__value_get_item(args, 0);
    const dnnb__value *codec = dnnb__value_get_item(args, 1);
    if (!text || text->kind != DNNB__VALUE_TEXT ||
        !(dnnb__value_is_text(codec, "latin1") || dnnb__value_is_text(codec, "latin-1")))
        return dnnb__fail(DNNB_ERR_FORMAT, "%s: _codecs.encode: expected a text and 'latin1'",
                          p->name);
    dnnb__value *bytes = dnnb__pickle_new(p, DNNB__VALUE_BYTES);
    uint8_t *data = dnnb__pickle_alloc(p, text->as.bytes.n);
    if (!bytes || !data) return dnnb__pickle_fail_memory(p);
    size_t n = 0;
    for (size_t i = 0; i < text->as.bytes.n; i++) {
        unsigned c = text->as.bytes.data[i];
        if (c >= 0x80) {
            unsigned next = i + 1 < text->as.bytes.n ? text->as.bytes.data[i + 1] : 0;
            if ((c != 0xc2 && c != 0xc3) || (next & 0xc0) != 0x80)
                return dnnb__fail(DNNB_ERR_FORMAT, "%s: a text of bytes is not Latin-1", p->name);
            c = (c & 3) << 6 | (next & 63);
            i++;
        }
        data[n++] = (uint8_t)c;
    }
    bytes->as.bytes.data = data;
    bytes->as.bytes.n = n;
    *out = bytes;
    return DNNB_OK;
}

dnnb_status dnnb__pickle_call(dnnb__pickle *p, const dnnb__value *callable, dnnb__value *args,
                              dnnb__value **out) {
    *out = NULL;
    if (!callable || callable->kind != DNNB__VALUE_GLOBAL || !args ||
        args->kind != DNNB__VALUE_TUPLE) {
        char found[2][DNNB__VALUE_TEXT_BYTES];
        dnnb__value_describe(callable, found[0], sizeof found[0]);
        dnnb__value_describe(args, found[1], sizeof found[1]);
        return dnnb__fail(DNNB_ERR_FORMAT,
                          "%s: a call: expected a global and a tuple, found %s and %s", p->name,
                          found[0], found[1]);
    }
    const dnnb__pickle_global *global = callable->as.global;
    switch (global->role) {
    case DNNB__PICKLE_DICT:
        return call_dict(p, dnnb__value_get_item(args, 0), out);
    case DNNB__PICKLE_DEFAULT_DICT: /* its first argument makes the missing values */
        return call_dict(p, dnnb__value_get_item(args, 1), out);
    case DNNB__PICKLE_BYTES:
        return call_encode(p, args, out);
    case DNNB__PICKLE_SET:
        *out = dnnb__pickle_new(p, DNNB__VALUE_SET);
        return *out ? DNNB_OK : dnnb__pickle_fail_memory(p);
    default:
        *out = dnnb__pickle_new(p, DNNB__VALUE_OBJECT);
        if (!*out) return dnnb__pickle_fail_memory(p);
        (*out)->as.object.global = global;
        (*out)->as.object.args = args;
        return DNNB_OK;
    }
}
