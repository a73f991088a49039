/* What is unusual about stimuli: allowed, and worth a look before a network is trained on them. */
#ifndef DNNB_CLI_ODDITIES_H
#define DNNB_CLI_ODDITIES_H

#include "cli/progress.h"
#include "dnnbrain/dnnbrain.h"

/** Lines begin with what is odd; those of a kind that are more than a few are counted. */
typedef struct cli_oddities {
    const dnnb_stimulus *stim;
    cli_progress *progress;
    size_t n_found;
} cli_oddities;

/** Pictures that are listed twice, or are the same under two names; labels without pictures, labels
 *  and conditions that do not go together, classes of very different size, paths that lead out of
 *  the folder. The exit status. */
int cli_oddities_print(cli_oddities *oddities);

#endif
