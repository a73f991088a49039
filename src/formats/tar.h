/* Members of a tar archive in memory, over libarchive. */
#ifndef DNNB_FORMATS_TAR_H
#define DNNB_FORMATS_TAR_H

#include "formats/formats.h"

typedef struct dnnb__tar_member {
    const char *name; /* set by the caller */
    bool is_there;
    dnnb__part part;
    dnnb__storage *copy; /* of a member that was not in one piece; released by the caller */
} dnnb__tar_member;

/** Find members by name; one that is there twice, or has holes, is refused. */
DNNB_MUST_CHECK dnnb_status dnnb__tar_read(dnnb__tar_member *members, size_t n, dnnb__storage *s,
                                           const char *name);

#endif
