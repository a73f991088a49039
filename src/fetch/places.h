/* The folders in which pretrained parameters may lie. */
#ifndef DNNB_FETCH_PLACES_H
#define DNNB_FETCH_PLACES_H

#include <stdbool.h>

#include "core/status.h"

typedef enum dnnb__place_kind {
    DNNB__PLACE_DNNBRAIN, /* $DNNBRAIN_DATA/models */
    DNNB__PLACE_DATA,     /* $XDG_DATA_HOME/dnnbrain/weights */
    DNNB__PLACE_PYTORCH,  /* PyTorch's cache */
    DNNB__PLACE_PROGRAM,  /* share/dnnbrain/weights above the library */
    DNNB__PLACE_COUNT
} dnnb__place_kind;

/** What the kind of place is called. */
const char *dnnb__place_get_name(dnnb__place_kind kind);

/** The folder, whether or not it is there; NULL with DNNB_OK when the environment names none, and
 *  for DNNB__PLACE_PROGRAM when there is none. Free with dnnb__free. */
DNNB_MUST_CHECK dnnb_status dnnb__place_get_folder(char **out, dnnb__place_kind kind);

/** Where dnnb_fetch() stores: the first two kinds. @error DNNB_ERR_ARGUMENT the environment names
 *  no folder, not even HOME. */
DNNB_MUST_CHECK dnnb_status dnnb__place_get_store(char **out);

#endif
