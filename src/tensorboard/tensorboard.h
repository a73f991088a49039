/*
 * TensorBoard's event files: records, and the file that they are added to.
 *
 * A file is a row of records, each with sums over its length and its bytes. TensorBoard reads it
 * while it grows; a record that is not all there yet is waited for.
 */
#ifndef DNNB_TENSORBOARD_TENSORBOARD_H
#define DNNB_TENSORBOARD_TENSORBOARD_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/mem.h"

/** What the name of an event file begins with; the seconds since 1970 and the machine follow. */
#define DNNB__TENSORBOARD_PREFIX "events.out.tfevents."

/** A PNG file in memory. */
typedef struct dnnb__tensorboard_image {
    const void *png;
    size_t n_bytes, width_px, height_px;
} dnnb__tensorboard_image;

/* Each appends one record to `out`, whose status tells when there was no room. `wall_s` is when it
 * happened, in seconds since 1970. */

/** The first record of every file. */
void dnnb__tensorboard_add_version(dnnb__buf *out, double wall_s);
/** What the records before told of this step and later ones holds no longer. */
void dnnb__tensorboard_add_restart(dnnb__buf *out, double wall_s, int64_t step);
/** A number, in float32; none for a NaN. */
void dnnb__tensorboard_add_scalar(dnnb__buf *out, double wall_s, int64_t step, const char *tag,
                                  double value);
void dnnb__tensorboard_add_image(dnnb__buf *out, double wall_s, int64_t step, const char *tag,
                                 const dnnb__tensorboard_image *image);
/** A text, which TensorBoard shows as Markdown. */
void dnnb__tensorboard_add_text(dnnb__buf *out, double wall_s, int64_t step, const char *tag,
                                const char *text, size_t n_bytes);

/** The time now, in seconds since 1970. */
double dnnb__tensorboard_now_s(void);

/** A file that grows. Records wait in memory until they are flushed, and while the file cannot be
 *  written. */
typedef struct dnnb__tensorboard {
    int fd; /* -1 while there is no file */
    char *path;
    dnnb__buf waiting; /* whole records; add to it */
    off_t n_bytes;     /* of the records in the file */
} dnnb__tensorboard;

void dnnb__tensorboard_init(dnnb__tensorboard *board);
/** Begin a file in an existing folder, one that sorts behind those which are there. */
DNNB_MUST_CHECK dnnb_status dnnb__tensorboard_open(dnnb__tensorboard *board, const char *folder);
/** Write what waits. @error DNNB_ERR_IO it goes on waiting. */
DNNB_MUST_CHECK dnnb_status dnnb__tensorboard_flush(dnnb__tensorboard *board);
/** Write what waits, and flush the file to the disk. @error DNNB_ERR_IO it may not be there whole.
 */
DNNB_MUST_CHECK dnnb_status dnnb__tensorboard_sync(dnnb__tensorboard *board);
/** Flush, and close; what cannot be written is lost, and the file ends with a whole record. It may
 *  be opened again. */
void dnnb__tensorboard_close(dnnb__tensorboard *board);
/** Close, and take the file away. */
void dnnb__tensorboard_discard(dnnb__tensorboard *board);

#endif
