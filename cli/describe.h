/* What `inspect` prints about each kind of thing. Each returns the exit status. */
#ifndef DNNB_CLI_DESCRIBE_H
#define DNNB_CLI_DESCRIBE_H

#include "dnnbrain/dnnbrain.h"

/** A file of weights: a row a tensor, and totals. */
int cli_describe_weights(const char *path);
/** A .stim.csv: headers, columns, classes, sizes, files that cannot be used, what is odd. */
int cli_describe_stimuli(const char *path, dnnb_check check);
/** A train_dict.pkl or .json: a line an epoch. */
int cli_describe_history(const char *path);
/** A run folder: what was trained on what, how well, its epochs and files. */
int cli_describe_run(const char *folder);
/** A folder of runs, of `train --cv` or `--repeat`: a line a run, and what they come to. */
int cli_describe_group(const char *folder);
/** A network's layers. */
int cli_describe_network(const char *name);

/** What `inspect NET --plan` asks for. */
typedef struct cli_plan_options {
    size_t mode; /* a dnnb_plan_mode */
    size_t batch;
    const char *freeze; /* NULL: everything is trained */
    dnnb_dnn_options dnn;
} cli_plan_options;
/** The operations of a step and the kernel of each. */
int cli_describe_plan(const char *name, const cli_plan_options *options);

#endif
