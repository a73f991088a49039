/*
 * A stimulus set from a folder with a subfolder a class.
 *
 * Method: names are read, sorted by bytes and then judged, so that the result does not depend on
 * the order in which the file system lists them. Symbolic links are followed; names that begin
 * with a dot are passed over, and so are folders of runs, whose plots are no stimuli.
 */
#include <errno.h>
#include <string.h>

#include "dnnbrain/image.h"

#include "core/file.h"
#include "core/io.h"
#include "stim/table.h"

static const size_t largest_listing_bytes = (size_t)1 << 30;

/* The names in a folder, sorted; `names` points into `text`. */
typedef struct listing {
    dnnb__buf text;
    const char **names;
    size_t n;
} listing;

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void listing_clear(listing *l) {
    dnnb__buf_destroy(&l->text);
    dnnb__free(l->names);
    *l = (listing){0};
}

static dnnb_status read_names(listing *l, const char *folder) {
    DIR *dir = dnnb__io_opendir(folder);
    if (!dir)
        return dnnb__fail(DNNB_ERR_IO, "%s: cannot open the folder: %s", folder, strerror(errno));
    struct dirent *entry;
    while ((entry = dnnb__io_readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        dnnb__buf_append(&l->text, entry->d_name, strlen(entry->d_name) + 1);
        l->n++;
    }
    int error = errno;
    closedir(dir);
    dnnb_status status = dnnb__buf_get_status(&l->text);
    if (error != 0)
        status = dnnb__fail(DNNB_ERR_IO, "%s: cannot read the folder: %s", folder, strerror(error));
    return status;
}

static dnnb_status listing_create(listing *l, const char *folder) {
    *l = (listing){0};
    dnnb__buf_init(&l->text, largest_listing_bytes);
    dnnb_status status = read_names(l, folder);
    if (status == DNNB_OK && !(l->names = dnnb__alloc(l->n, sizeof *l->names)))
        status = dnnb__fail_memory();
    if (status != DNNB_OK) {
        listing_clear(l);
        return status;
    }
    const char *at = l->text.data;
    for (size_t i = 0; i < l->n; i++, at += strlen(at) + 1) l->names[i] = at;
    qsort(l->names, l->n, sizeof *l->names, compare_names);
    return DNNB_OK;
}

/* Files that only dnnbrain writes, each with what stands near its beginning. */
static const struct {
    const char *name, *text;
} marks[] = {{"config.json", "\"dnnbrain\""},
             {"cv.json", "\"n_folds\""},
             {"repeat.json", "\"n_repeats\""},
             {"lr_find.csv", "learning_rate"}};
enum { N_MARKS = sizeof marks / sizeof marks[0], HEAD_BYTES = 256, MOST_NAMED = 5 };

static dnnb_status judge_mark(bool *is_there, const char *path, const char *text) {
    struct stat st;
    char head[HEAD_BYTES + 1];
    size_t n;
    *is_there = false;
    if (dnnb__io_stat(path, &st) != 0 || !S_ISREG(st.st_mode)) return DNNB_OK;
    DNNB_TRY(dnnb__file_read_head(path, head, HEAD_BYTES, &n));
    head[n] = '\0';
    *is_there = strstr(head, text) != NULL;
    return DNNB_OK;
}

/* Whether a folder is a run, or holds several, or a search for a learning rate. */
static dnnb_status judge_run(bool *is_run, const char *folder) {
    *is_run = false;
    for (size_t i = 0; i < N_MARKS && !*is_run; i++) {
        char *path;
        DNNB_TRY(dnnb__path_join(&path, folder, marks[i].name));
        dnnb_status status = judge_mark(is_run, path, marks[i].text);
        dnnb__free(path);
        if (status != DNNB_OK) return status;
    }
    return DNNB_OK;
}

/* A name that a .stim.csv can hold. */
static bool is_writable_name(const char *name) {
    return !strpbrk(name, "\r\n") && dnnb__utf8_is_valid(name, strlen(name));
}

/* Whether the file is an image; one that is there and cannot be read is an error. */
static dnnb_status judge_file(bool *is_image, const char *path) {
    struct stat st;
    unsigned char head[32];
    size_t n;
    *is_image = false;
    if (dnnb__io_stat(path, &st) != 0) {
        if (errno == ENOENT || errno == ELOOP) return DNNB_OK; /* a link that leads nowhere */
        return dnnb__fail(DNNB_ERR_IO, "%s: cannot be looked at: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) return DNNB_OK;
    DNNB_TRY(dnnb__file_read_head(path, head, sizeof head, &n));
    *is_image = dnnb_image_get_format(head, n) != NULL;
    return DNNB_OK;
}

static dnnb_status add_image(dnnb_stimulus *stim, const char *class_name, const char *file_name,
                             size_t label) {
    char *id, number[24];
    DNNB_TRY(dnnb__path_join(&id, class_name, file_name));
    int n_number = snprintf(number, sizeof number, "%zu", label);
    dnnb__stimulus_add_field(stim, id, strlen(id));
    dnnb__stimulus_add_field(stim, number, (size_t)n_number);
    dnnb__stimulus_add_field(stim, class_name, strlen(class_name));
    dnnb__stimulus_end_row(stim, 0);
    dnnb__free(id);
    return dnnb__stimulus_get_status(stim);
}

/* A scan that goes on. */
typedef struct scan {
    dnnb_stimulus *stim;
    size_t n_classes, n_left_out, n_runs;
    dnnb__buf runs;       /* names of the first of them */
    size_t n_done, n_all; /* files; n_all 0 when nobody wants to know */
    dnnb_progress_fn on_progress;
    void *context;
} scan;

static dnnb_status tell(scan *s) {
    s->n_done++;
    if (!s->on_progress || s->on_progress(s->context, s->n_done, s->n_all)) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_STOPPED, "stopped");
}

static dnnb_status scan_class(scan *s, const char *folder, const char *class_name) {
    listing files;
    size_t n_before = s->stim->n_rows;
    DNNB_TRY(listing_create(&files, folder));
    dnnb_status status = DNNB_OK;
    for (size_t i = 0; i < files.n && status == DNNB_OK; i++) {
        char *path;
        bool is_image = false;
        status = dnnb__path_join(&path, folder, files.names[i]);
        if (status == DNNB_OK && is_writable_name(files.names[i]))
            status = judge_file(&is_image, path);
        dnnb__free(path);
        if (status == DNNB_OK) status = tell(s);
        if (status != DNNB_OK) break;
        if (is_image)
            status = add_image(s->stim, class_name, files.names[i], s->n_classes);
        else
            s->n_left_out++;
    }
    if (status == DNNB_OK && s->stim->n_rows == n_before)
        status = dnnb__fail(DNNB_ERR_FORMAT, "%s: expected %s in each class's folder, found none",
                            folder, DNNB__STIMULUS_AN_IMAGE);
    listing_clear(&files);
    s->n_classes++;
    return status;
}

/* What a name beside the classes' folders is. */
static dnnb_status judge_folder(bool *is_folder, bool *is_run, const char *path) {
    *is_run = false;
    DNNB_TRY(dnnb__folder_find(is_folder, path));
    return *is_folder ? judge_run(is_run, path) : DNNB_OK;
}

static void pass_over(scan *s, const char *name) {
    if (s->n_runs == MOST_NAMED) dnnb__buf_printf(&s->runs, ", ...");
    if (s->n_runs < MOST_NAMED)
        dnnb__buf_printf(&s->runs, "%s%s", s->n_runs ? ", " : "",
                         dnnb__clip_create(name, strlen(name)).text);
    s->n_runs++;
}

/* How many files a scan will look at. Files may come and go: this is only for showing. */
static dnnb_status count_files(scan *s, const char *folder, const listing *names) {
    for (size_t i = 0; s->on_progress && i < names->n; i++) {
        char *path;
        bool is_folder = false, is_run = false;
        listing files;
        DNNB_TRY(dnnb__path_join(&path, folder, names->names[i]));
        dnnb_status status = judge_folder(&is_folder, &is_run, path);
        if (status == DNNB_OK && is_folder && !is_run) {
            status = listing_create(&files, path);
            if (status == DNNB_OK) s->n_all += files.n;
            if (status == DNNB_OK) listing_clear(&files);
        }
        dnnb__free(path);
        if (status != DNNB_OK) return status;
    }
    return DNNB_OK;
}

/* Every subfolder is a class but those of runs; files beside them belong to none. */
static dnnb_status scan_classes(scan *s, const char *folder) {
    listing classes;
    DNNB_TRY(listing_create(&classes, folder));
    dnnb_status status = count_files(s, folder, &classes);
    for (size_t i = 0; i < classes.n && status == DNNB_OK; i++) {
        const char *name = classes.names[i];
        char *path;
        bool is_folder = false, is_run = false;
        status = dnnb__path_join(&path, folder, name);
        if (status == DNNB_OK) status = judge_folder(&is_folder, &is_run, path);
        if (status == DNNB_OK && !is_folder)
            s->n_left_out++;
        else if (status == DNNB_OK && is_run)
            pass_over(s, name);
        else if (status == DNNB_OK && !is_writable_name(name))
            status = dnnb__fail(DNNB_ERR_FORMAT,
                                "%s: expected a folder's name in UTF-8 without line ends, found "
                                "'%s'",
                                folder, dnnb__clip_create(name, strlen(name)).text);
        else if (status == DNNB_OK)
            status = scan_class(s, path, name);
        dnnb__free(path);
    }
    if (status == DNNB_OK && s->n_classes == 0)
        status =
            dnnb__fail(DNNB_ERR_FORMAT,
                       "%s: expected a subfolder of images for each class, found none", folder);
    listing_clear(&classes);
    return status;
}

dnnb_status dnnb_stimulus_scan_observed(dnnb_stimulus **out, const char *folder, size_t *n_left_out,
                                        char **runs, dnnb_progress_fn on_progress, void *context) {
    *out = NULL;
    if (runs) *runs = NULL;
    dnnb_stimulus *stim;
    DNNB_TRY(dnnb__stimulus_new(&stim, "", folder, SIZE_MAX));
    dnnb__stimulus_add_header(stim, "type", 4, "image", 5);
    dnnb__stimulus_add_header(stim, "path", 4, folder, strlen(folder));
    dnnb__stimulus_add_column(stim, "stimID", 6);
    dnnb__stimulus_add_column(stim, "label", 5);
    dnnb__stimulus_add_column(stim, "condition", 9);
    scan s = {.stim = stim, .on_progress = on_progress, .context = context};
    dnnb__buf_init(&s.runs, largest_listing_bytes);
    dnnb_status status = scan_classes(&s, folder);
    if (status == DNNB_OK) status = dnnb__buf_get_status(&s.runs);
    if (n_left_out) *n_left_out = s.n_left_out;
    if (status == DNNB_OK)
        *out = stim;
    else
        dnnb_stimulus_destroy(stim);
    if (status == DNNB_OK && runs && s.n_runs > 0)
        *runs = s.runs.data;
    else
        dnnb__buf_destroy(&s.runs);
    return status;
}

dnnb_status dnnb_stimulus_scan(dnnb_stimulus **out, const char *folder, size_t *n_left_out) {
    return dnnb_stimulus_scan_observed(out, folder, n_left_out, NULL, NULL, NULL);
}
