/*
 * Folders of pretrained parameters, from the environment and from where the library lies.
 *
 * Method: the library asks the loader for its own path and looks for share/dnnbrain/weights in the
 * folders above it. So an installed tree may be moved, and a build folder works as it is.
 * Source of the variables: XDG Base Directory Specification (a relative path is to be ignored);
 * PyTorch torch/hub.py; DNNBrain's documentation.
 */
#include "fetch/places.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

enum { LEVELS_UP = 4 }; /* PREFIX/lib/x86_64-linux-gnu/libdnnbrain.so, and one to spare */

static const char *const names[DNNB__PLACE_COUNT] = {
    [DNNB__PLACE_DNNBRAIN] = "DNNBRAIN_DATA",
    [DNNB__PLACE_DATA] = "your fetched weights",
    [DNNB__PLACE_PYTORCH] = "PyTorch's cache",
    [DNNB__PLACE_PROGRAM] = "came with the program",
};

const char *dnnb__place_get_name(dnnb__place_kind kind) {
    return names[kind];
}

/* "$variable/below", or "$HOME/at_home/below"; NULL when neither is set. */
static dnnb_status join_variable(char **out, const char *variable, const char *at_home,
                                 const char *below) {
    const char *base = getenv(variable), *home = getenv("HOME");
    bool is_set = base && *base && (!at_home || base[0] == '/');
    *out = NULL;
    if (is_set) return dnnb__path_join(out, base, below);
    if (!at_home || !home || !*home) return DNNB_OK;
    char *folder;
    DNNB_TRY(dnnb__path_join(&folder, home, at_home));
    dnnb_status status = dnnb__path_join(out, folder, below);
    dnnb__free(folder);
    return status;
}

static dnnb_status find_pytorch(char **out) {
    const char *home = getenv("TORCH_HOME");
    if (home && *home) return dnnb__path_join(out, home, "hub/checkpoints");
    return join_variable(out, "XDG_CACHE_HOME", ".cache", "torch/hub/checkpoints");
}

static dnnb_status find_program(char **out) {
    Dl_info info;
    char real[PATH_MAX], *above;
    *out = NULL;
    /* An object of the library, since ISO C has no conversion of a function's address. */
    if (dladdr(names, &info) == 0 || !info.dli_fname) return DNNB_OK;
    bool is_real = realpath(info.dli_fname, real) != NULL;
    dnnb_status status = dnnb__path_get_folder(&above, is_real ? real : info.dli_fname);
    for (int i = 0; status == DNNB_OK && i < LEVELS_UP; i++) {
        char *folder, *next;
        status = dnnb__path_join(&folder, above, "share/dnnbrain/weights");
        if (status != DNNB_OK) break;
        if (dnnb__folder_exists(folder)) {
            *out = folder;
            break;
        }
        dnnb__free(folder);
        status = dnnb__path_get_folder(&next, above);
        if (status != DNNB_OK) break;
        dnnb__free(above);
        above = next;
    }
    dnnb__free(above);
    return status;
}

dnnb_status dnnb__place_get_folder(char **out, dnnb__place_kind kind) {
    switch (kind) {
    case DNNB__PLACE_DNNBRAIN:
        return join_variable(out, "DNNBRAIN_DATA", NULL, "models");
    case DNNB__PLACE_DATA:
        return join_variable(out, "XDG_DATA_HOME", ".local/share", "dnnbrain/weights");
    case DNNB__PLACE_PYTORCH:
        return find_pytorch(out);
    default:
        return find_program(out);
    }
}

dnnb_status dnnb__place_get_store(char **out) {
    DNNB_TRY(dnnb__place_get_folder(out, DNNB__PLACE_DNNBRAIN));
    if (!*out) DNNB_TRY(dnnb__place_get_folder(out, DNNB__PLACE_DATA));
    if (*out) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_ARGUMENT, "weights: expected HOME, XDG_DATA_HOME or DNNBRAIN_DATA "
                                         "to name a folder, found none of them set");
}
