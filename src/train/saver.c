/*
 * The child or the thread that writes a checkpoint, and what the training does about it.
 *
 * Method: the parent prints the file's header, then forks. The child writes header and arrays to a
 * temporary file while it sums them, flushes it, and renames it to the name that holds the sum. Its
 * exit status is 0 or the system's error number. A child goes when its parent is killed, so the
 * folder has one writer. The checkpoint before the new one is kept, in case the disk damages a
 * file. A thread does the same with a copy of the arrays.
 *
 * Invariant: between _Fork and _exit the child calls nothing that allocates or takes a lock. That
 * is also why no library is told of the child (_Fork, not fork): clang's OpenMP would set itself up
 * in it, and leave a file in /dev/shm at which a later process of the same number ends.
 */
#include "train/saver.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/checksum.h"
#include "core/file.h"
#include "core/io.h"
#include "train/session.h"

enum { N_KEPT = 2, MAX_NAME_BYTES = 128, MAX_HEADER_BYTES = 1 << 26, PIECE_BYTES = 1 << 22 };

static atomic_size_t most_copied = 1 << 20;

void dnnb__saver_set_most_copied(size_t n_bytes) {
    atomic_store(&most_copied, n_bytes);
}

dnnb_status dnnb__saver_open(dnnb__saver *saver, const char *folder) {
    *saver = (dnnb__saver){.begun_s = dnnb__session_now_s()};
    saver->folder = dnnb__strdup(folder);
    if (!saver->folder) return dnnb__fail_memory();
    return dnnb__path_join(&saver->temporary_path, folder, DNNB__CHECKPOINT_TEMPORARY);
}

void dnnb__saver_set_saved(dnnb__saver *saver, const dnnb__checkpoint_place *place) {
    saver->saved = *place;
    saver->has_saved = true;
}

/* ---- writing: the part of the child or the thread ---- */

/* What it needs, made before it is. */
typedef struct job {
    const char *folder, *temporary_path;
    char *path; /* room for the final path, which ends with the sum */
    size_t path_bytes;
    const dnnb__array *arrays;
    size_t n_arrays;
    dnnb__buf header;
    dnnb__checksum *sum;
    bool is_child; /* the memory is the writer's own */
} job;

/* In pieces, so that a sum is made of bytes that are still in the processor's cache. */
static int write_all(int fd, dnnb__checksum *sum, const void *data, size_t n) {
    const char *bytes = data;
    size_t n_summed = 0;
    while (n > 0) {
        if (n_summed == 0) {
            n_summed = n < PIECE_BYTES ? n : PIECE_BYTES;
            dnnb__checksum_update(sum, bytes, n_summed);
        }
        ssize_t wrote = dnnb__io_write(fd, bytes, n_summed);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return errno;
        bytes += wrote;
        n -= (size_t)wrote;
        n_summed -= (size_t)wrote;
    }
    return 0;
}

static size_t get_bytes(const dnnb__array *array) {
    return array->n * dnnb_dtype_get_size(array->dtype);
}

static int write_arrays(int fd, const job *j) {
    int error = write_all(fd, j->sum, j->header.data, j->header.n_bytes);
    for (size_t i = 0; error == 0 && i < j->n_arrays; i++) {
        const dnnb__array *array = &j->arrays[i];
        size_t n_bytes = get_bytes(array);
        error = write_all(fd, j->sum, array->data, n_bytes);
        /* The parent need not copy the pages then when it changes them. */
        if (j->is_child) dnnb__mem_release_pages(array->data, n_bytes);
    }
    if (error == 0 && dnnb__io_fsync(fd) != 0) error = errno;
    return error;
}

/* The rename is on the disk only when its folder is. */
static int sync_folder(const char *folder) {
    int fd = dnnb__io_open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), error = 0;
    if (fd < 0) return errno;
    if (dnnb__io_fsync(fd) != 0 && errno != EINVAL && errno != EROFS) error = errno;
    close(fd);
    return error;
}

/* 0, or the system's error number. */
static int run_job(job *j) {
    static const char ending[] = ".safetensors";
    char digits[DNNB__CHECKSUM_TEXT];
    int fd = dnnb__io_open(j->temporary_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) return errno;
    int error = write_arrays(fd, j);
    if (dnnb__io_close(fd) != 0 && error == 0) error = errno;
    dnnb__checksum_finish(j->sum, digits);
    memcpy(j->path + j->path_bytes, digits, DNNB__CHECKPOINT_SUM);
    memcpy(j->path + j->path_bytes + DNNB__CHECKPOINT_SUM, ending, sizeof ending);
    if (error == 0 && dnnb__io_rename(j->temporary_path, j->path) != 0) error = errno;
    if (error == 0) error = sync_folder(j->folder);
    if (error != 0) (void)dnnb__io_unlink(j->temporary_path);
    return error;
}

/* ---- the parent's part ---- */

static void job_close(job *j) {
    dnnb__free(j->path);
    dnnb__buf_destroy(&j->header);
    dnnb__checksum_destroy(j->sum);
}

static dnnb_status job_open(job *j, const dnnb__saver *saver, const dnnb_checkpoint *checkpoint) {
    char name[MAX_NAME_BYTES];
    *j = (job){.folder = saver->folder,
               .temporary_path = saver->temporary_path,
               .arrays = checkpoint->arrays,
               .n_arrays = checkpoint->n};
    dnnb__buf_init(&j->header, MAX_HEADER_BYTES);
    DNNB_TRY(dnnb__checksum_create(&j->sum));
    (void)snprintf(name, sizeof name, "epoch-%" PRIu64 "-step-%" PRIu64 "-",
                   checkpoint->place.epoch + 1, checkpoint->place.step);
    size_t n = strlen(saver->folder) + 1 + strlen(name);
    j->path = dnnb__alloc(n + MAX_NAME_BYTES, 1);
    if (!j->path) return dnnb__fail_memory();
    j->path_bytes = n;
    (void)snprintf(j->path, n + 1, "%s/%s", saver->folder, name);
    return dnnb__safetensors_print_header(&j->header, checkpoint->arrays, checkpoint->n);
}

static dnnb_status fail_job(const dnnb__saver *saver, int error) {
    return dnnb__fail(DNNB_ERR_IO, "%s: cannot write: %s", saver->folder, strerror(error));
}

/* The newest ones stay; what cannot be removed now will be removed after the next. */
static void remove_old(const dnnb__saver *saver) {
    char **names, *path;
    size_t n;
    if (dnnb__checkpoint_list(&names, &n, saver->folder) != DNNB_OK) return;
    for (size_t i = N_KEPT; i < n; i++) {
        if (dnnb__path_join(&path, saver->folder, names[i]) != DNNB_OK) continue;
        (void)dnnb__io_unlink(path);
        dnnb__free(path);
    }
    dnnb__checkpoint_list_destroy(names, n);
}

static void set_saved(dnnb__saver *saver) {
    saver->saved = saver->writing;
    saver->has_saved = true;
    remove_old(saver);
}

/* ---- a thread ---- */

typedef struct dnnb__saver_thread {
    pthread_t thread;
    job job;
    dnnb__array *arrays; /* those of the checkpoint, without names: `data` is in `values` */
    uint8_t *values;
    int error;
    atomic_bool is_done;
} dnnb__saver_thread;

static void thread_destroy(dnnb__saver_thread *t) {
    if (!t) return;
    job_close(&t->job);
    dnnb__free(t->arrays);
    dnnb__free(t->values);
    dnnb__free(t);
}

static size_t count_bytes(const job *j) {
    size_t n_bytes = 0;
    for (size_t i = 0; i < j->n_arrays; i++) n_bytes += get_bytes(&j->arrays[i]);
    return n_bytes;
}

/* @param j The thread's own from then on where that succeeds. */
static dnnb_status thread_create(dnnb__saver_thread **out, const job *j) {
    dnnb__saver_thread *t = dnnb__calloc(1, sizeof *t);
    *out = NULL;
    if (!t) return dnnb__fail_memory();
    t->arrays = dnnb__alloc(j->n_arrays, sizeof *t->arrays);
    t->values = dnnb__alloc(count_bytes(j), 1);
    if (!t->arrays || !t->values) {
        thread_destroy(t);
        return dnnb__fail_memory();
    }
    uint8_t *to = t->values;
    for (size_t i = 0; i < j->n_arrays; i++) {
        t->arrays[i] = (dnnb__array){.dtype = j->arrays[i].dtype, .data = to, .n = j->arrays[i].n};
        memcpy(to, j->arrays[i].data, get_bytes(&j->arrays[i]));
        to += get_bytes(&j->arrays[i]);
    }
    t->job = *j;
    t->job.arrays = t->arrays;
    *out = t;
    return DNNB_OK;
}

static void *run_thread(void *context) {
    dnnb__saver_thread *t = context;
    t->error = run_job(&t->job);
    atomic_store(&t->is_done, true);
    return NULL;
}

/* 0, or the system's error number. */
static int end_thread(dnnb__saver *saver) {
    dnnb__saver_thread *t = saver->thread;
    (void)pthread_join(t->thread, NULL);
    int error = t->error;
    thread_destroy(t);
    saver->thread = NULL;
    return error;
}

/* Signals are for the other threads. @param[out] has_begun False: no thread was to be had. */
static dnnb_status begin_thread(dnnb__saver *saver, const job *j, bool *has_begun) {
    sigset_t all, mask;
    DNNB_TRY(thread_create(&saver->thread, j));
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    int error = pthread_create(&saver->thread->thread, NULL, run_thread, saver->thread);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    *has_begun = error == 0;
    if (error == 0) return DNNB_OK;
    saver->thread->job = (job){0}; /* it stays the caller's */
    thread_destroy(saver->thread);
    saver->thread = NULL;
    return DNNB_OK;
}

/* ---- a child ---- */

static void end_child(dnnb__saver *saver) {
    kill(saver->child, SIGKILL);
    while (waitpid(saver->child, NULL, 0) < 0 && errno == EINTR) continue;
    saver->child = 0;
}

static void end_writing(dnnb__saver *saver) {
    if (!dnnb__saver_is_writing(saver)) return;
    if (saver->thread)
        (void)end_thread(saver);
    else
        end_child(saver);
    (void)dnnb__io_unlink(saver->temporary_path);
    remove_old(saver); /* it may have come to its last step */
}

dnnb_status dnnb__saver_save(dnnb__saver *saver, const dnnb_checkpoint *checkpoint) {
    job j;
    end_writing(saver);
    saver->begun_s = dnnb__session_now_s();
    saver->writing = checkpoint->place;
    DNNB_TRY(dnnb__folder_create(saver->folder));
    dnnb_status status = job_open(&j, saver, checkpoint);
    int error = status == DNNB_OK ? run_job(&j) : 0;
    job_close(&j);
    if (error != 0) status = fail_job(saver, error);
    if (status == DNNB_OK) set_saved(saver);
    return status;
}

/* In the child. Signals that the terminal sends to all are the parent's to answer. */
static void run_child(job *j, pid_t parent, const sigset_t *mask) {
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(ECANCELED);
    j->is_child = true;
    int error = run_job(j);
    _exit(error > 0 && error < 256 ? error : error ? EIO : 0);
}

/* False: no second process was to be had. */
static bool begin_child(dnnb__saver *saver, job *j) {
    sigset_t all, mask;
    pid_t parent = getpid();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &mask);
    saver->child = _Fork();
    if (saver->child == 0) run_child(j, parent, &mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    if (saver->child > 0) return true;
    saver->child = 0;
    return false;
}

/* ---- both ---- */

bool dnnb__saver_is_writing(const dnnb__saver *saver) {
    return saver->child != 0 || saver->thread;
}

dnnb_status dnnb__saver_start(dnnb__saver *saver, const dnnb_checkpoint *checkpoint) {
    job j;
    bool has_begun = false;
    DNNB_ASSERT(!dnnb__saver_is_writing(saver));
    saver->begun_s = dnnb__session_now_s();
    saver->writing = checkpoint->place;
    DNNB_TRY(dnnb__folder_create(saver->folder));
    dnnb_status status = job_open(&j, saver, checkpoint);
    if (status == DNNB_OK && count_bytes(&j) <= atomic_load(&most_copied))
        status = begin_thread(saver, &j, &has_begun);
    else if (status == DNNB_OK)
        has_begun = begin_child(saver, &j);
    if (!saver->thread) job_close(&j);
    /* No room for a second process or thread: hold the training up rather than lose it. */
    return status == DNNB_OK && !has_begun ? dnnb__saver_save(saver, checkpoint) : status;
}

static dnnb_status poll_thread(dnnb__saver *saver, bool wait, dnnb__saver_result *result) {
    *result = DNNB__SAVER_WRITING;
    if (!wait && !atomic_load(&saver->thread->is_done)) return DNNB_OK;
    *result = DNNB__SAVER_IDLE;
    int error = end_thread(saver);
    if (error != 0) return fail_job(saver, error);
    *result = DNNB__SAVER_SAVED;
    set_saved(saver);
    return DNNB_OK;
}

static dnnb_status poll_child(dnnb__saver *saver, bool wait, dnnb__saver_result *result) {
    int code;
    pid_t ended;
    do ended = waitpid(saver->child, &code, wait ? 0 : WNOHANG);
    while (ended < 0 && errno == EINTR);
    *result = DNNB__SAVER_WRITING;
    if (ended == 0) return DNNB_OK;
    *result = DNNB__SAVER_IDLE;
    saver->child = 0;
    if (ended < 0)
        return dnnb__fail(DNNB_ERR_IO, "%s: cannot know how the process that wrote it ended: %s",
                          saver->folder, strerror(errno));
    if (WIFSIGNALED(code))
        return dnnb__fail(DNNB_ERR_IO, "%s: the process that wrote it was ended by signal %d",
                          saver->folder, WTERMSIG(code));
    if (WEXITSTATUS(code) != 0) return fail_job(saver, WEXITSTATUS(code));
    *result = DNNB__SAVER_SAVED;
    set_saved(saver);
    return DNNB_OK;
}

dnnb_status dnnb__saver_poll(dnnb__saver *saver, bool wait, dnnb__saver_result *result) {
    *result = DNNB__SAVER_IDLE;
    if (!dnnb__saver_is_writing(saver)) return DNNB_OK;
    return (saver->thread ? poll_thread : poll_child)(saver, wait, result);
}

void dnnb__saver_close(dnnb__saver *saver) {
    end_writing(saver);
    dnnb__free(saver->folder);
    dnnb__free(saver->temporary_path);
    *saver = (dnnb__saver){0};
}
