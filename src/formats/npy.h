/* One .npy array, alone or as an entry of an .npz. */
#ifndef DNNB_FORMATS_NPY_H
#define DNNB_FORMATS_NPY_H

#include "formats/formats.h"

/** Parse the header in `part` and make a view of the elements, or of an aligned copy of them. */
DNNB_MUST_CHECK dnnb_status dnnb__npy_parse(dnnb_tensor **out, const dnnb__part *part,
                                            const char *name);

/** The bytes in front of a tensor's elements, a multiple of 64. */
DNNB_MUST_CHECK dnnb_status dnnb__npy_make_header(dnnb__buf *out, const dnnb_tensor *t,
                                                  const char *name);

#endif
