/* From a checkpoint's value tree to a dict of tensors; the three layouts of .pth share it. */
#ifndef DNNB_FORMATS_PTH_OBJECT_H
#define DNNB_FORMATS_PTH_OBJECT_H

#include "formats/formats.h"
#include "formats/pickle.h"

/** What a layout says about the references of its pickles. */
typedef struct dnnb__pth_source {
    const char *name; /* for messages */
    void *context;
    /** The elements of a storage, aligned for its dtype. */
    dnnb_status (*get_storage)(void *context, const dnnb__value *id, dnnb__part *out,
                               dnnb_dtype *dtype);
    /** A tensor that is itself a reference (tar layout), borrowed; NULL where there are none. */
    dnnb_status (*get_tensor)(void *context, const dnnb__value *id, const dnnb_tensor **out);
} dnnb__pth_source;

/**
 * Add the state dict in `root` to `dict`, whether it is the root itself or lies in a dict around
 * it. Values that are no tensors are left out; the dict's note says what was.
 */
DNNB_MUST_CHECK dnnb_status dnnb__pth_object_read(dnnb_dict *dict, const dnnb__pth_source *source,
                                                  const dnnb__value *root);

/** What a persistent id of a storage says. */
typedef struct dnnb__pth_id {
    dnnb_dtype dtype;
    const dnnb__value *key; /* a text */
    int64_t n_elements;
    const dnnb__value *view; /* None or absent: NULL */
} dnnb__pth_id;

/** Take ('storage', type, key, location, count[, view]) apart. */
DNNB_MUST_CHECK dnnb_status dnnb__pth_id_read(dnnb__pth_id *out, const dnnb__value *id,
                                              const char *name);

/** Four parts of a tensor: a view of `part` from an offset, a size and a stride in elements. */
DNNB_MUST_CHECK dnnb_status dnnb__pth_view(dnnb_tensor **out, const dnnb__part *part,
                                           dnnb_dtype dtype, int64_t offset,
                                           const dnnb_shape *shape, const int64_t *strides);

#endif
