/*
 * Folds of a .stim.csv: prints the fold of each row.
 *
 *   folds_driver STIM FOLDS SEED stratified|plain
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "dnnbrain/stimulus.h"

static dnnb_status print_folds(const dnnb_stimulus *stim, char **argv) {
    size_t n = dnnb_stimulus_get_count(stim);
    size_t *folds = dnnb__alloc(n, sizeof *folds);
    if (!folds) return dnnb__fail_memory();
    dnnb_status status = dnnb_stimulus_assign_folds(stim, (size_t)strtoull(argv[2], NULL, 10),
                                                    strcmp(argv[4], "stratified") == 0,
                                                    strtoull(argv[3], NULL, 10), folds);
    for (size_t i = 0; status == DNNB_OK && i < n; i++) printf("%zu\n", folds[i]);
    dnnb__free(folds);
    return status;
}

int main(int argc, char **argv) {
    dnnb_stimulus *stim;
    if (argc != 5) return 2;
    dnnb_status status = dnnb_stimulus_load(&stim, argv[1]);
    if (status == DNNB_OK) status = print_folds(stim, argv);
    dnnb_stimulus_destroy(stim);
    if (status == DNNB_OK) return 0;
    fprintf(stderr, "%s\n", dnnb_get_error());
    return 1;
}
