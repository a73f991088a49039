/* Small JPEGs for a report. */
#ifndef DNNB_IMAGE_ENCODE_H
#define DNNB_IMAGE_ENCODE_H

#include "core/mem.h"
#include "dnnbrain/image.h"

/** Append an image as a JPEG. @param quality 1 to 100. @error DNNB_ERR_MEMORY. */
DNNB_MUST_CHECK dnnb_status dnnb__image_encode_jpeg(dnnb__buf *out, const dnnb_image *image,
                                                    int quality);

/** Shrink an image to fit a square of side_px; one that fits is copied. */
DNNB_MUST_CHECK dnnb_status dnnb__image_shrink(dnnb_image *out, const dnnb_image *image,
                                               int64_t side_px);

#endif
