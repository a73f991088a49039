/*
 * Call a fuzz target for each file of the folders named, within limits of memory and time.
 *
 * A target that finds a fault aborts; the last file named is the one that has it.
 */
#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

#include "fuzz/fuzz.h"
#include "fuzz/limits.h"

/* The arena of a pickle may take 16 MB, an entry of a zip 64 MB, whatever the file's size. */
static const size_t max_memory_bytes = (size_t)256 << 20;
static const size_t max_file_bytes = (size_t)16 << 20;
enum { MAX_SECONDS = 20, PATH_BYTES = 4096 };

static bool replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat st;
    if (!file || fstat(fileno(file), &st) != 0 || (size_t)st.st_size > max_file_bytes) {
        (void)fprintf(stderr, "%s: cannot be read, or is too large\n", path);
        if (file) (void)fclose(file);
        return false;
    }
    size_t n = (size_t)st.st_size;
    uint8_t *bytes = malloc(n ? n : 1); /* no byte more, so that a sanitizer sees the end */
    bool is_read = bytes && fread(bytes, 1, n, file) == n;
    (void)fclose(file);
    if (is_read) {
        puts(path); /* so that the last one printed is the one that ends the test */
        (void)fflush(stdout);
        limit_time(path, MAX_SECONDS);
        (void)LLVMFuzzerTestOneInput(bytes, n);
        limit_time("", 0);
    }
    free(bytes);
    return is_read;
}

static bool replay_folder(const char *folder, size_t *n_files) {
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool is_good = dir != NULL;
    while (is_good && (entry = readdir(dir)) != NULL) {
        char path[PATH_BYTES];
        if (entry->d_name[0] == '.') continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        is_good = replay_file(path);
        ++*n_files;
    }
    if (dir) (void)closedir(dir);
    return is_good;
}

int main(int argc, char **argv) {
    size_t n_files = 0;
    bool is_good = limit_memory(max_memory_bytes);
    clock_t start = clock();
    for (int i = 1; i < argc && is_good; i++) is_good = replay_folder(argv[i], &n_files);
    printf("%zu files in %.2f s\n", n_files, (double)(clock() - start) / CLOCKS_PER_SEC);
    return is_good && n_files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
