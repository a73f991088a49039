/*
 * Fetching a network's official file: a part file that grows, then a check, then the name.
 *
 * Method: FILE.part is locked while it is written, so that its lock goes with it when it becomes
 * FILE. FILE.part.version keeps what the server called the version of which the part is a part,
 * for the next call. Without it the part is added to all the same, and the SHA-256 at the end
 * tells: a part of another version costs a second download, and never a wrong file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "core/io.h"
#include "fetch/download.h"
#include "fetch/fetch.h"
#include "fetch/places.h"

enum { MAX_VERSION_BYTES = 8192 };

typedef struct fetch {
    const dnnb_pretrained *what;
    char *folder, *path, *part, *version; /* paths */
    char *url;
    int fd; /* of the part; -1 */
    dnnb__download download;
} fetch;

static dnnb_status join_text(char **out, const char *a, const char *between, const char *b) {
    dnnb__buf text;
    dnnb__buf_init(&text, 1 << 16);
    dnnb__buf_printf(&text, "%s%s%s", a, between, b);
    dnnb_status status = dnnb__buf_get_status(&text);
    *out = status == DNNB_OK ? dnnb__strdup(text.data) : NULL;
    dnnb__buf_destroy(&text);
    return status != DNNB_OK || *out ? status : dnnb__fail_memory();
}

static dnnb_status make_paths(fetch *f, const dnnb_fetch_options *o) {
    const char *mirror = o->mirror ? o->mirror : DNNB_FETCH_MIRROR;
    bool has_slash = *mirror && mirror[strlen(mirror) - 1] == '/';
    DNNB_TRY(dnnb__place_get_store(&f->folder));
    DNNB_TRY(dnnb__path_join(&f->path, f->folder, f->what->file));
    DNNB_TRY(join_text(&f->part, f->path, ".part", ""));
    DNNB_TRY(join_text(&f->version, f->part, ".version", ""));
    if (o->url) return join_text(&f->url, o->url, "", "");
    return join_text(&f->url, mirror, has_slash ? "" : "/", f->what->file);
}

/* Each folder on the way that is not there yet. */
static dnnb_status create_folders(const char *path) {
    if (dnnb__folder_exists(path)) return DNNB_OK;
    char *above;
    DNNB_TRY(dnnb__path_get_folder(&above, path));
    dnnb_status status = strcmp(above, path) == 0 ? DNNB_OK : create_folders(above);
    dnnb__free(above);
    return status == DNNB_OK ? dnnb__folder_create(path) : status;
}

static dnnb_status fail_part(const fetch *f, const char *what) {
    return dnnb__fail(DNNB_ERR_IO, "%s: %s: %s", f->part, what, strerror(errno));
}

/* Open the part and lock it. A part that another process has just renamed is not the part. */
static dnnb_status open_part(fetch *f) {
    for (;;) {
        bool is_ours = false;
        f->fd = dnnb__io_open(f->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (f->fd < 0) return fail_part(f, "cannot open");
        if (dnnb__io_lock(f->fd) != 0 && errno == EAGAIN)
            return dnnb__fail(DNNB_ERR_ARGUMENT,
                              "%s: expected to fetch it alone, found another process at it",
                              f->path);
        if (!dnnb__io_leads_to(&is_ours, f->part, f->fd))
            return fail_part(f, "cannot be looked at");
        if (is_ours) return DNNB_OK;
        close(f->fd);
        f->fd = -1;
    }
}

/* Where the part ends, and of which version it is if the same address is asked again. */
static dnnb_status read_part(fetch *f) {
    struct stat st;
    char *text;
    size_t n, n_url = strlen(f->url);
    if (dnnb__io_fstat(f->fd, &st) != 0) return fail_part(f, "cannot read its size");
    f->download.n_bytes = (uint64_t)st.st_size;
    f->download.validator[0] = '\0';
    if (!dnnb__file_exists(f->version)) return DNNB_OK;
    if (dnnb__file_read(&text, &n, f->version, MAX_VERSION_BYTES) != DNNB_OK) return DNNB_OK;
    size_t n_line = strcspn(text, "\n");
    const char *validator = text + n_line + (text[n_line] == '\n');
    if (n_line == n_url && memcmp(text, f->url, n_url) == 0 &&
        strcspn(validator, "\r\n") == strlen(validator))
        (void)snprintf(f->download.validator, sizeof f->download.validator, "%s", validator);
    dnnb__free(text);
    return DNNB_OK;
}

/* For the next call. What hinders that is no failure: the part is of use without it. */
static void keep_version(const fetch *f) {
    char *text;
    if (!f->download.validator[0] || f->download.n_bytes == 0) return;
    if (join_text(&text, f->url, "\n", f->download.validator) != DNNB_OK) return;
    char message[1024];
    (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
    if (dnnb__file_write(f->version, text, strlen(text)) != DNNB_OK) dnnb__set_error(message);
    dnnb__free(text);
}

static bool tell(const fetch *f, const char *message) {
    const dnnb_fetch_options *o = f->download.options;
    if (!o->on_progress) return true;
    dnnb_fetch_progress progress = {.done_bytes = f->download.n_bytes,
                                    .total_bytes = f->download.n_bytes,
                                    .bytes_per_second = (double)NAN,
                                    .seconds_left = (double)NAN,
                                    .message = message};
    return o->on_progress(o->context, &progress);
}

/* Why there is no connection is the system's to say; what to do about it is said here. */
static dnnb_status explain(const fetch *f, dnnb_status status) {
    char message[1024];
    if (status != DNNB_ERR_IO) return status;
    (void)snprintf(message, sizeof message, "%s", dnnb_get_error());
    return dnnb__fail(status, "%s. %sOr fetch %s/%s elsewhere and put it into %s", message,
                      f->download.n_bytes > 0 ? "The same command goes on from there. " : "",
                      DNNB_FETCH_MIRROR, f->what->file, f->folder);
}

/* Empty the part. */
static dnnb_status begin_anew(fetch *f) {
    if (dnnb__io_ftruncate(f->fd, 0) != 0) return fail_part(f, "cannot be begun anew");
    f->download.n_bytes = 0;
    f->download.validator[0] = '\0';
    return DNNB_OK;
}

/* Fetch what is missing and check the whole; once more from the beginning where a part that lay
 * there made it wrong. */
static dnnb_status fetch_right(fetch *f) {
    bool had_part = f->download.n_bytes > 0;
    for (;;) {
        dnnb_status status = dnnb__download_run(&f->download);
        if (status != DNNB_OK) {
            keep_version(f);
            return explain(f, status);
        }
        if (!tell(f, NULL)) return dnnb__fail(DNNB_ERR_STOPPED, "%s: stopped", f->url);
        status = dnnb_pretrained_verify(f->part, f->what->file);
        if (status == DNNB_OK) return DNNB_OK;
        if (status != DNNB_ERR_FORMAT) return status;
        if (!had_part) {
            status =
                dnnb__fail_prefix(status, "%s is not the file, and is taken away again", f->url);
            (void)dnnb__io_unlink(f->part);
            return status;
        }
        had_part = false;
        if (!tell(f, "what lay here was a part of another file; beginning anew"))
            return dnnb__fail(DNNB_ERR_STOPPED, "%s: stopped", f->url);
        DNNB_TRY(begin_anew(f));
    }
}

static dnnb_status give_name(const fetch *f) {
    if (dnnb__io_fsync(f->fd) != 0) return fail_part(f, "cannot write");
    if (dnnb__io_rename(f->part, f->path) != 0) return fail_part(f, "cannot rename into place");
    if (dnnb__file_exists(f->version)) (void)dnnb__io_unlink(f->version);
    return DNNB_OK;
}

/* Whether the right file is there. A wrong one is told of and fetched again. */
static dnnb_status look_for_file(const fetch *f, bool *is_there) {
    *is_there = false;
    if (!dnnb__file_exists(f->path)) return DNNB_OK;
    dnnb_status status = dnnb_pretrained_verify(f->path, f->what->file);
    *is_there = status == DNNB_OK;
    if (status != DNNB_ERR_FORMAT) return status;
    if (tell(f, dnnb_get_error())) return DNNB_OK;
    return dnnb__fail(DNNB_ERR_STOPPED, "%s: stopped", f->url);
}

static dnnb_status fetch_into_place(fetch *f) {
    bool is_there;
    DNNB_TRY(create_folders(f->folder));
    DNNB_TRY(look_for_file(f, &is_there));
    if (is_there) return DNNB_OK;
    DNNB_TRY(open_part(f));
    DNNB_TRY(read_part(f));
    f->download.url = f->url;
    f->download.fd = f->fd;
    f->download.path = f->part;
    DNNB_TRY(fetch_right(f));
    return give_name(f);
}

static dnnb_status check_options(const dnnb_fetch_options *o) {
    if (!(o->stall_s > 0 && o->stall_s < 1e6))
        return dnnb__fail(DNNB_ERR_ARGUMENT, "stall_s: expected seconds above 0, found %g",
                          o->stall_s);
    const char *address = o->url ? o->url : o->mirror;
    if (address && strncmp(address, "https://", 8) != 0 && strncmp(address, "http://", 7) != 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "address: expected https://... or http://..., found '%s'", address);
    return DNNB_OK;
}

dnnb_status dnnb__fetch_file(const dnnb_pretrained *what, const dnnb_fetch_options *options,
                             char **path) {
    static const dnnb_fetch_options defaults = DNNB_FETCH_OPTIONS_INIT;
    fetch f = {.what = what, .fd = -1, .download.options = options ? options : &defaults};
    if (path) *path = NULL;
    DNNB_TRY(check_options(f.download.options));
    dnnb_status status = make_paths(&f, f.download.options);
    if (status == DNNB_OK) status = fetch_into_place(&f);
    if (f.fd >= 0) close(f.fd);
    if (status == DNNB_OK && path) {
        *path = f.path;
        f.path = NULL;
    }
    dnnb__free(f.folder);
    dnnb__free(f.path);
    dnnb__free(f.part);
    dnnb__free(f.version);
    dnnb__free(f.url);
    return status;
}

dnnb_status dnnb_fetch(const char *network, const dnnb_fetch_options *options, char **path) {
    const dnnb_pretrained *what;
    if (path) *path = NULL;
    DNNB_TRY(dnnb_pretrained_get(&what, network));
    if (what->is_shipped)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "%s: its pretrained parameters come with the program: --weights "
                          "pretrained takes them",
                          what->network);
    return dnnb__fetch_file(what, options, path);
}
