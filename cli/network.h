/* The options that name a network, and those about its images: shared by train, test, predict. */
#ifndef DNNB_CLI_NETWORK_H
#define DNNB_CLI_NETWORK_H

#include "cli/options.h"
#include "cli/progress.h"
#include "dnnbrain/dnnbrain.h"

typedef struct cli_network {
    const char *name;
    const char *weights;
    const char *place; /* what kind of place pretrained weights were found in; NULL for others */
    char found[4096];  /* their path, which `weights` is then */
    size_t precision;
    dnnb_dnn_options options;
} cli_network;

/* Rows of an option table; `n` is a cli_network, `o` a dnnb_train_options, `b`, `c` and `p` a
 * size_t. */
#define CLI_ROW_NET(n)                                                                             \
    {                                                                                              \
        .type = CLI_TEXT, .name = "net", .value = "NET",                                           \
        .help = "name of the network, in any case; 'dnnbrain --help' lists them",                  \
        .target = &(n).name                                                                        \
    }
#define CLI_ROW_WEIGHTS(n, text)                                                                   \
    {                                                                                              \
        .type = CLI_TEXT, .name = "weights", .value = "FILE", .help = text,                        \
        .target = &(n).weights, .files = CLI_WEIGHTS                                               \
    }
#define CLI_ROW_PRECISION(p)                                                                       \
    {                                                                                              \
        .type = CLI_CHOICE, .name = "precision",                                                   \
        .help = "numbers of the computation: bf16 rounds activations and weights to bfloat16; "    \
                "auto takes it where the processor has AMX, elsewhere f32",                        \
        .target = &(p), .words = cli_precision_names, .n_words = 3                                 \
    }
#define CLI_ROWS_COMPUTING(n, o)                                                                   \
    {.type = CLI_GROUP, .name = "Computing"},                                                      \
        {.type = CLI_COUNT,                                                                        \
         .name = "threads",                                                                        \
         .value = "N",                                                                             \
         .help = "threads of the computation",                                                     \
         .target = &(n).options.n_threads,                                                         \
         .min = 1,                                                                                 \
         .max = 1024,                                                                              \
         .unset = "every processor"},                                                              \
        {.type = CLI_COUNT,                                                                        \
         .name = "workers",                                                                        \
         .value = "N",                                                                             \
         .help = "threads that load images; no result depends on it",                              \
         .target = &(o).n_workers,                                                                 \
         .min = 1,                                                                                 \
         .max = 1024,                                                                              \
         .unset = "one a processor"},                                                              \
        {.type = CLI_SIZE,                                                                         \
         .name = "cache-memory",                                                                   \
         .value = "SIZE",                                                                          \
         .help = "memory for decoded images and frozen features, such as 2G; no result "           \
                 "depends on it",                                                                  \
         .target = &(o).cache_bytes,                                                               \
         .unset = "a quarter of the machine's"},                                                   \
        CLI_ROW_PRECISION((n).precision), {                                                        \
        .type = CLI_TEXT, .name = "engine", .value = "NAME",                                       \
        .help = "what computes: onednn, or ref, slow loops with float64 sums to compare with",     \
        .target = &(n).options.engine, .unset = "onednn"                                           \
    }
#define CLI_ROWS_IMAGES(o, b, c)                                                                   \
    {.type = CLI_COLOR,                                                                            \
     .name = "background",                                                                         \
     .value = "COLOR",                                                                             \
     .help = "lay transparent pictures over white, black or #rrggbb",                              \
     .target = &(o).decode,                                                                        \
     .unset = "transparency is dropped, as Pillow does"},                                          \
        {.type = CLI_CHOICE,                                                                       \
         .name = "on-bad-image",                                                                   \
         .help = "what a picture that cannot be decoded does: end the run, or be left out and "    \
                 "reported",                                                                       \
         .target = &(b),                                                                           \
         .words = cli_bad_image_names,                                                             \
         .n_words = 2},                                                                            \
    {                                                                                              \
        .type = CLI_CHOICE, .name = "check",                                                       \
        .help = "how pictures are checked before the first is used: each file's header, or all "   \
                "of it by decoding",                                                               \
        .target = &(c), .words = cli_check_names, .n_words = 2                                     \
    }

/** Refuse what is missing among --net, --weights (when `needs_weights`); CLI_DONE when all is
 *  there. */
int cli_network_check(cli_network *network, bool needs_weights);

/** The network with the file's parameters, or initialised from the seed without a file.
 *  Returns the exit status, having said what went wrong. What it does is shown meanwhile. */
int cli_network_create(dnnb_dnn **out, const cli_network *network, cli_progress *progress);

#endif
