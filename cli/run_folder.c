/* Reading a run folder back. */
#include "cli/run_folder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"

enum { PATH_BYTES = 4096, MOST_CONFIG_BYTES = 1 << 20 };

/* A text file of modest size; NULL with the message printed. */
static char *read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    char *text = malloc(MOST_CONFIG_BYTES + 1);
    size_t n = file && text ? fread(text, 1, MOST_CONFIG_BYTES + 1, file) : 0;
    const char *problem = !file                   ? strerror(errno)
                          : !text                 ? "out of memory"
                          : ferror(file)          ? "it cannot be read"
                          : n > MOST_CONFIG_BYTES ? "expected at most 1 MiB, found more"
                                                  : NULL;
    if (file) fclose(file);
    if (problem) {
        cli_error("%s: %s", path, problem);
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

bool cli_run_load(const char *folder, char **config, dnnb_history **history) {
    char path[PATH_BYTES];
    *config = NULL;
    *history = NULL;
    if (cli_join(path, sizeof path, folder, "config.json") && cli_exists(path)) {
        *config = read_text(path);
        if (!*config) return false;
    }
    static const char *const names[] = {"train_dict.json", "train_dict.pkl"};
    for (size_t i = 0; i < CLI_COUNT_OF(names) && !*history; i++) {
        if (!cli_join(path, sizeof path, folder, names[i]) || !cli_exists(path)) continue;
        if (dnnb_history_load(history, path) == DNNB_OK) break;
        cli_fail();
        free(*config);
        *config = NULL;
        return false;
    }
    if (*config || *history) return true;
    cli_error("%s: expected a run folder with config.json or train_dict.json, found neither",
              folder);
    return false;
}
