/* The check of one row's file. */
#ifndef DNNB_STIM_CHECK_H
#define DNNB_STIM_CHECK_H

#include "core/status.h"
#include "dnnbrain/image.h"
#include "dnnbrain/stimulus.h"

/** dnnb_image_check() of a row's file.
 *  @error DNNB_ERR_IO, DNNB_ERR_FORMAT, DNNB_ERR_UNSUPPORTED or DNNB_ERR_LIMIT: where the row
 *         stands and what was found. */
DNNB_MUST_CHECK dnnb_status dnnb__stimulus_check_row(const dnnb_stimulus *stim, size_t row,
                                                     const dnnb_decode_options *options);

#endif
