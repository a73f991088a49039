/* Dict of named tensors: what the public header does not need. */
#ifndef DNNB_TENSOR_DICT_H
#define DNNB_TENSOR_DICT_H

#include "tensor/tensor.h"

enum { DNNB__DICT_MAX_ENTRIES = 1 << 20 };

/** A remark for people (see dnnb_dict_get_note); a later one is added after "; ". */
DNNB_MUST_CHECK dnnb_status dnnb__dict_add_note(dnnb_dict *dict, const char *note);
/** Give entry i another name, that no other entry has. */
DNNB_MUST_CHECK dnnb_status dnnb__dict_rename(dnnb_dict *dict, size_t i, const char *name);

#endif
