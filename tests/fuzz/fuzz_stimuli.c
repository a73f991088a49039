/* .stim.csv, then all that is done with a set of stimuli short of opening its pictures. */
#include "fuzz/fuzz.h"
#include "stim/table.h"

static const char csv_path[] = FUZZ_NAME ".stim.csv";

static void read_fields(const dnnb_stimulus *stim) {
    size_t n_bytes = 0;
    for (size_t i = 0; i < dnnb_stimulus_get_count(stim); i++) {
        n_bytes += strlen(dnnb_stimulus_get_path(stim, i)) + strlen(dnnb_stimulus_get_id(stim, i));
        for (size_t c = 0; c < dnnb_stimulus_get_n_columns(stim); c++)
            n_bytes += strlen(dnnb_stimulus_get_field(stim, i, c));
    }
    fuzz_require(n_bytes > 0, "a set without a path");
}

static void read_numbers(const dnnb_stimulus *stim) {
    size_t n = dnnb_stimulus_get_count(stim), n_targets;
    float *targets;
    int64_t *labels = malloc(n * sizeof *labels);
    if (!labels) return;
    fuzz_check(dnnb_stimulus_read_labels(stim, labels, 0));
    free(labels);
    for (size_t c = 0; c < dnnb_stimulus_get_n_columns(stim); c++) {
        dnnb_status status = dnnb_stimulus_read_targets(
            stim, dnnb_stimulus_get_column_name(stim, c), &targets, &n_targets);
        /* A name with a comma stands for two, which may be a caller's mistake. */
        if (status != DNNB_ERR_ARGUMENT) fuzz_check(status);
        if (status == DNNB_OK) dnnb_free(targets);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    dnnb_stimulus *stim, *first = NULL, *second = NULL;
    char *text = malloc(n + 1); /* as a file is read: a NUL follows */
    if (!text) return 0;
    if (n) memcpy(text, bytes, n);
    text[n] = '\0';
    dnnb_status status = dnnb__stimulus_parse(&stim, text, n, csv_path);
    fuzz_check(status);
    free(text); /* nothing of the set lies in it */
    if (status != DNNB_OK) return 0;
    read_fields(stim);
    read_numbers(stim);
    if (dnnb_stimulus_split(stim, 0.3, n, &first, &second) == DNNB_OK) {
        read_fields(first);
        fuzz_require(dnnb_stimulus_get_count(first) + dnnb_stimulus_get_count(second) ==
                         dnnb_stimulus_get_count(stim),
                     "a split loses rows");
    }
    dnnb_stimulus_destroy(first);
    dnnb_stimulus_destroy(second);
    dnnb_stimulus_destroy(stim);
    return 0;
}
