/*
 * The loader's path: decode and transform with buffers that are used again.
 *
 * Both structures are empty when filled with zeros, grow while they warm up, and then allocate
 * nothing of their own. Each belongs to one thread at a time. The bits are those of the public
 * calls of dnnbrain/image.h.
 */
#ifndef DNNB_IMAGE_TRANSFORM_H
#define DNNB_IMAGE_TRANSFORM_H

#include "core/status.h"
#include "dnnbrain/image.h"
#include "image/decode.h"
#include "image/normalize.h"
#include "image/resample.h"

/** A decoded image whose pixels, and the file's bytes, stay allocated for the next one. */
typedef struct dnnb__image_buffer {
    dnnb_image image; /* valid until the next load; do not clear it */
    size_t capacity_bytes;
    char *file;
    size_t file_capacity_bytes;
    uint64_t sum; /* of the file's bytes, set before `choose` is asked */
} dnnb__image_buffer;

/** dnnb_image_load() into the buffer; after a failure its image is empty. */
DNNB_MUST_CHECK dnnb_status dnnb__image_buffer_load(dnnb__image_buffer *buffer, const char *path,
                                                    const dnnb_decode_options *options);
/** The same where only a part of the pixels is wanted, which `choose` names once the size is known;
 *  the others are set to anything. The image's size is that of the whole. It fails where loading
 *  the whole image does, unless the file is said to be sound and its damage lies behind the part.
 */
DNNB_MUST_CHECK dnnb_status dnnb__image_buffer_load_part(dnnb__image_buffer *buffer,
                                                         const char *path,
                                                         const dnnb_decode_options *options,
                                                         dnnb__choose_part *choose, void *context);
void dnnb__image_buffer_destroy(dnnb__image_buffer *buffer);

typedef struct dnnb__transform {
    dnnb__resample resample;
    dnnb__normalize normalize; /* of the last image */
    bool has_table;
    char *places; /* of one row of squares */
    size_t places_bytes;
} dnnb__transform;

/**
 * Crop, resize, flip and normalise in one pass.
 * @param box NULL for the whole image.
 * @param out An image of `layout`; places that hold no pixel may stay unwritten.
 */
DNNB_MUST_CHECK dnnb_status dnnb__transform_apply(dnnb__transform *t, const dnnb_image *image,
                                                  const dnnb_box *box, bool flip, int64_t width_px,
                                                  int64_t height_px, const float mean[3],
                                                  const float std[3],
                                                  const dnnb__image_layout *layout, void *out);
/** The same for an image that has its size: normalise alone. */
DNNB_MUST_CHECK dnnb_status dnnb__transform_normalize(dnnb__transform *t, const dnnb_image *image,
                                                      const float mean[3], const float std[3],
                                                      const dnnb__image_layout *layout, void *out);
void dnnb__transform_destroy(dnnb__transform *t);

#endif
