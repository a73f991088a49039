/*
 * Read every file of tests/hostile/ as the program would, within limits of memory and time.
 *
 * expected.txt there has a line a file: its name, the status, and a text that the message must
 * hold. A file without a line, and a line without a file, is a failure too.
 */
#include <dirent.h>
#include <stdlib.h>

#include "dnnbrain/dnnbrain.h"
#include "fuzz/limits.h"

/* What a reader may need for a small file, and no more: none here is larger than 16 kB. */
static const size_t max_memory_bytes = (size_t)128 << 20;
enum { MAX_SECONDS = 20, LINE_BYTES = 512 };

static const char *const status_names[] = {[DNNB_OK] = "ok",
                                           [DNNB_ERR_FORMAT] = "format",
                                           [DNNB_ERR_LIMIT] = "limit",
                                           [DNNB_ERR_UNSUPPORTED] = "unsupported"};

static const char *get_status_name(dnnb_status status) {
    size_t i = (size_t)status;
    bool is_named = i < sizeof status_names / sizeof status_names[0] && status_names[i];
    return is_named ? status_names[i] : "another status";
}

static bool ends_with(const char *text, const char *ending) {
    size_t n = strlen(text), n_ending = strlen(ending);
    return n >= n_ending && strcmp(text + n - n_ending, ending) == 0;
}

static dnnb_status read_image(const char *path) {
    dnnb_image image;
    dnnb_status status = dnnb_image_load(&image, path, NULL);
    dnnb_image_clear(&image);
    return status;
}

/* Read a file by the kind that its name says. */
static dnnb_status read_file(const char *path) {
    if (ends_with(path, ".stim.csv")) {
        dnnb_stimulus *stim;
        dnnb_status status = dnnb_stimulus_load(&stim, path);
        dnnb_stimulus_destroy(stim);
        return status;
    }
    if (ends_with(path, ".pkl") || ends_with(path, ".json")) {
        dnnb_history *history;
        dnnb_status status = dnnb_history_load(&history, path);
        dnnb_history_destroy(history);
        return status;
    }
    if (ends_with(path, ".pth") || ends_with(path, ".safetensors") || ends_with(path, ".npz") ||
        ends_with(path, ".npy")) {
        dnnb_dict *dict;
        dnnb_status status = dnnb_dict_load(&dict, path);
        dnnb_dict_destroy(dict);
        return status;
    }
    return read_image(path);
}

static bool check_file(const char *path, const char *expected, const char *text) {
    limit_time(path, MAX_SECONDS);
    dnnb_status status = read_file(path);
    limit_time("", 0);
    const char *found = get_status_name(status), *message = status ? dnnb_get_error() : "";
    size_t n_path = strlen(path); /* the file's name may hold the text that is looked for */
    bool names_file = strncmp(message, path, n_path) == 0 && !strchr(message, '\n');
    bool is_good = strcmp(found, expected) == 0 &&
                   (status == DNNB_OK || (names_file && strstr(message + n_path, text)));
    if (!is_good)
        printf("%s: expected %s with '%s', found %s with '%s'\n", path, expected, text, found,
               message);
    return is_good;
}

/* Files of the folder without those that are no attacks. */
static size_t count_files(const char *folder) {
    static const char *const others[] = {"expected.txt", "hostile.c"};
    size_t n = 0;
    const struct dirent *entry;
    DIR *dir = opendir(folder);
    while (dir && (entry = readdir(dir)) != NULL)
        n += entry->d_name[0] != '.' && strcmp(entry->d_name, others[0]) != 0 &&
             strcmp(entry->d_name, others[1]) != 0;
    if (dir) (void)closedir(dir);
    return n;
}

int main(int argc, char **argv) {
    const char *folder = argc > 1 ? argv[1] : ".";
    char path[4096], line[LINE_BYTES];
    size_t n_files = 0, n_bad = 0;
    (void)snprintf(path, sizeof path, "%s/expected.txt", folder);
    FILE *list = fopen(path, "r");
    if (!list || !limit_memory(max_memory_bytes)) {
        printf("%s: cannot be read, or memory cannot be limited\n", path);
        return EXIT_FAILURE;
    }
    while (fgets(line, sizeof line, list)) {
        char name[128], status[32];
        int at = 0;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || !line[0]) continue;
        if (sscanf(line, "%127s %31s %n", name, status, &at) < 2) {
            printf("%s: a line that says nothing: %s\n", path, line);
            n_bad++;
            continue;
        }
        char file[sizeof path + sizeof name];
        (void)snprintf(file, sizeof file, "%s/%s", folder, name);
        n_bad += !check_file(file, status, line + at);
        n_files++;
    }
    (void)fclose(list);
    size_t n_there = count_files(folder);
    if (n_there != n_files) printf("%zu lines for %zu files\n", n_files, n_there);
    printf("%zu files, %zu wrong answers\n", n_files, n_bad);
    return n_bad == 0 && n_files > 0 && n_there == n_files ? EXIT_SUCCESS : EXIT_FAILURE;
}
