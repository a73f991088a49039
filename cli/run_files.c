/* The files of a run folder. */
#include "cli/run_files.h"

#include <dirent.h>
#include <string.h>

#include "cli/common.h"

static const cli_run_file files[] = {
    {"report.html", "all of it on one page, for a browser"},
    {"model.pth", "parameters after the last epoch"},
    {"best.pth", "parameters after the best epoch"},
    {"train_dict.pkl", "losses and scores, for Python's pickle.load"},
    {"train_dict.json", "the same as JSON"},
    {"history.csv", "the same as a table"},
    {"epoch_loss.svg", "plot of the loss of each epoch; .png too"},
    {"step_loss.svg", "plot of the loss of each step; .png too"},
    {"score.svg", "plot of the scores; .png too"},
    {"learning_rate.svg", "plot of the learning rate; .png too"},
    {"confusion.svg", "confusion matrix of the validation stimuli; .png too"},
    {"regression.svg", "predicted against true of the validation stimuli; .png too"},
    {"predictions.csv", "outputs for the validation stimuli, last epoch"},
    {"config.json", "every option as used"},
    {"log.jsonl", "what happened when"},
    {"tensorboard", "event files, for TensorBoard"},
    {"checkpoint", "what --resume needs, to train for more epochs"},
};

const cli_run_file *cli_run_files_get(size_t i) {
    return i < CLI_COUNT_OF(files) ? &files[i] : NULL;
}

bool cli_run_files_has_checkpoint(const char *folder) {
    char path[4096];
    DIR *dir = cli_join(path, sizeof path, folder, "checkpoint") ? opendir(path) : NULL;
    const struct dirent *entry;
    bool is_there = false;
    while (dir && !is_there && (entry = readdir(dir)))
        is_there = strncmp(entry->d_name, "epoch-", strlen("epoch-")) == 0;
    if (dir) closedir(dir);
    return is_there;
}
