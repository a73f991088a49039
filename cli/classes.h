/* The classes of stimulus sets: labels, conditions and numbers of images, as a table. */
#ifndef DNNB_CLI_CLASSES_H
#define DNNB_CLI_CLASSES_H

#include "dnnbrain/dnnbrain.h"

enum { CLI_MOST_SETS = 2 };

/**
 * Print a line a label that occurs in the sets: label, condition, images of each set.
 *
 * @param names Headings of the sets' columns.
 * @error What dnnb_stimulus_read_labels() gives; nothing is printed then.
 */
DNNB_MUST_CHECK dnnb_status cli_print_classes(const dnnb_stimulus *const *sets,
                                              const char *const *names, size_t n_sets);

/** The condition of a row, "" when the set has none. */
const char *cli_get_condition(const dnnb_stimulus *stim, size_t row);

#endif
