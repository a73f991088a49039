/**
 * @file
 * @ingroup training
 * Pretrained parameters: where they are on this machine, and fetching the official ones.
 */
#ifndef DNNBRAIN_FETCH_H
#define DNNBRAIN_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnnbrain/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where PyTorch publishes torchvision's files. */
#define DNNB_FETCH_MIRROR "https://download.pytorch.org/models"

/** The pretrained parameters of a network. Its file's name ends in the first digits of its
 *  SHA-256, as torchvision writes them: "alexnet-owt-7be5be79.pth". Borrowed. */
typedef struct dnnb_pretrained {
    const char *network;  /**< "AlexNet" */
    const char *file;     /**< name of the file, as it is published */
    const char *own_name; /**< the name it may also have, as DNNBrain's: "alexnet.pth" */
    bool is_shipped;      /**< comes with the program, and cannot be fetched */
} dnnb_pretrained;

/** Of each network that has some. */
DNNB_API const dnnb_pretrained *dnnb_pretrained_get_all(size_t *n);

/** By the network's name, in any case. @error DNNB_ERR_ARGUMENT an unknown name, or a network
 *  without pretrained parameters. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_pretrained_get(const dnnb_pretrained **out,
                                                         const char *network);

/**
 * The network's file on this machine, the first of these that is there, under either name:
 * in $DNNBRAIN_DATA/models; in $XDG_DATA_HOME/dnnbrain/weights (~/.local/share without the
 * variable); in PyTorch's cache, $TORCH_HOME/hub/checkpoints ($XDG_CACHE_HOME/torch or
 * ~/.cache/torch without it); in share/dnnbrain/weights of where the library is installed.
 *
 * @param[out] path  Free with dnnb_free().
 * @param[out] place What kind of place it is, for people: "PyTorch's cache"; NULL when unwanted.
 * @error DNNB_ERR_ARGUMENT as dnnb_pretrained_get(); DNNB_ERR_IO it is in none of them, and how to
 *        get it.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_pretrained_find(char **path, const char **place,
                                                          const char *network);

/** Compare a file's SHA-256 with the digits that `file`, a dnnb_pretrained's, ends in.
 *  @error DNNB_ERR_IO; DNNB_ERR_FORMAT it is another file, or damaged. */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_pretrained_verify(const char *path, const char *file);

/** How far a download is. */
typedef struct dnnb_fetch_progress {
    const char *url;         /**< that is fetched; NULL while the whole file is being checked */
    uint64_t done_bytes;     /**< of the whole file, with what an earlier call fetched */
    uint64_t total_bytes;    /**< 0 when the server does not say */
    double bytes_per_second; /**< of the last seconds; NaN at first */
    double seconds_left;     /**< NaN when unknown */
    const char *message;     /**< something to tell the user, such as a new try; mostly NULL */
} dnnb_fetch_progress;

/** False ends the download; what was fetched stays, for the next call. */
typedef bool (*dnnb_fetch_fn)(void *context, const dnnb_fetch_progress *progress);

/** What dnnb_fetch() can be told. */
typedef struct dnnb_fetch_options {
    const char *mirror; /**< folder that holds the files; NULL: DNNB_FETCH_MIRROR */
    const char *url;    /**< the file's whole address, in place of mirror and name; NULL for none */
    double stall_s;     /**< seconds without a byte after which the server is asked again */
    size_t n_tries;     /**< on end without a new byte, before it is given up */
    dnnb_fetch_fn on_progress; /**< NULL for none; called several times a second */
    void *context;             /**< handed to on_progress */
} dnnb_fetch_options;

/** The defaults. */
#define DNNB_FETCH_OPTIONS_INIT                                                                    \
    {                                                                                              \
        .mirror = NULL, .url = NULL, .stall_s = 30, .n_tries = 4, .on_progress = NULL,             \
        .context = NULL                                                                            \
    }

/**
 * Fetch a network's official file, once: $DNNBRAIN_DATA/models where that variable is set,
 * otherwise $XDG_DATA_HOME/dnnbrain/weights (~/.local/share/dnnbrain/weights). The folder is made.
 *
 * What has arrived stays beside the final name, ending in ".part", and the next call goes on from
 * there. The file gets its name when its SHA-256 is right; one that is there already is checked
 * and fetched again only when it is wrong. Proxies are those of the environment (https_proxy,
 * all_proxy, no_proxy). A second process that fetches the same file is refused.
 *
 * @param      options NULL for DNNB_FETCH_OPTIONS_INIT.
 * @param[out] path    Where the file is; free with dnnb_free(); NULL when unwanted.
 * @error DNNB_ERR_ARGUMENT an unknown network, one that comes with the program, another process;
 *        DNNB_ERR_IO no connection, an answer other than the file, a disk that is full;
 *        DNNB_ERR_FORMAT another SHA-256; DNNB_ERR_STOPPED.
 */
DNNB_API DNNB_MUST_CHECK dnnb_status dnnb_fetch(const char *network,
                                                const dnnb_fetch_options *options, char **path);

#ifdef __cplusplus
}
#endif

#endif
