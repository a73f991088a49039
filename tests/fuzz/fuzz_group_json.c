/* cv.json and repeat.json: all runs visited, and what they come to. */
#include "fuzz/fuzz.h"
#include "group/group.h"

static void visit(const dnnb_group *group) {
    const dnnb_group_info *info = dnnb_group_get_info(group);
    size_t n_finished = 0, n_runs = dnnb_group_get_count(group), n_bytes = 0;
    for (size_t i = 0; i < n_runs; i++) {
        const dnnb_group_run *run = dnnb_group_get_run(group, i);
        n_bytes += strlen(run->folder); /* made from the plan, never the file's */
        fuzz_require(!strstr(run->folder, ".."), "a folder that leads elsewhere");
        fuzz_require(run->repeat < info->n_repeats, "a run of no repeat");
        n_finished += run->is_finished;
    }
    fuzz_require(n_bytes > 0 && strlen(info->status) > 0, "a group without a run, or its state");
    for (int column = DNNB_GROUP_LOSS; column <= DNNB_GROUP_SCORE_BEST; column++)
        fuzz_require(dnnb_group_summarise(group, (dnnb_group_column)column).n <= n_finished,
                     "a summary of more runs than have finished");
    for (size_t i = 0; i < info->n_repeats; i++) (void)dnnb_group_get_pooled(group, i);
    fuzz_require(dnnb_group_summarise_pooled(group).n <= info->n_repeats, "too many scores");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    dnnb_group *group;
    dnnb_status status = dnnb__group_read_json(&group, "folder", (const char *)bytes, n, FUZZ_NAME);
    fuzz_check(status);
    fuzz_require((status == DNNB_OK) == (group != NULL), "a group after a failure, or none");
    if (group) visit(group);
    dnnb_group_destroy(group);
    return 0;
}
