/*
 * The loader: jobs are single images, handed out in order under one lock.
 *
 * Method: two slots of a batch each. While the computation reads one, workers fill the other; a
 * worker waits when the next image belongs to a batch that has no slot yet. Slots, decoders'
 * buffers and resizing tables are allocated once and used again.
 *
 * Invariant: a slot's images and results belong to the workers from its release until all its jobs
 * are done, and to the caller from then until the next call of dnnb__loader_next.
 */
#include "train/loader.h"

#include <pthread.h>
#include <string.h>

#include "core/mem.h"
#include "core/thread.h"
#include "image/transform.h"
#include "stim/check.h"

enum { N_SLOTS = 2, MAX_WORKERS = 256 };

typedef struct slot {
    char *images;
    bool *is_clear; /* an image was zero once: what stands for no pixel is never written */
    uint64_t *rows;
    dnnb_status *statuses;
    char **messages;
    size_t n_done;
} slot;

typedef struct worker {
    dnnb__loader *loader;
    pthread_t thread;
    dnnb__image_buffer buffer;
    dnnb__transform transform;
} worker;

struct dnnb__loader {
    dnnb__loader_options options;
    size_t image_bytes;
    slot slots[N_SLOTS];
    worker *workers;
    size_t n_workers; /* threads that run */
    pthread_mutex_t lock;
    pthread_cond_t has_work, has_result;
    /* Under the lock from here on. */
    dnnb__pass pass;
    size_t next_job;   /* position in the order */
    size_t n_busy;     /* workers with a job */
    size_t n_taken;    /* batches that the caller got */
    size_t n_released; /* of these, the ones it has finished with */
    bool quit;
};

static size_t get_batch_size(const dnnb__pass *pass, size_t batch) {
    size_t at = batch * pass->batch;
    return pass->n - at < pass->batch ? pass->n - at : pass->batch;
}

/* Where a row's image is cut in this pass, and whether all of its pixels are to be kept. */
typedef struct cut {
    const worker *worker;
    const dnnb__pass *pass;
    size_t row;
    bool is_drawn;
    dnnb_box box;
    bool flip;
    size_t kept_bytes; /* taken from the budget for them; 0: not kept */
} cut;

static void draw_cut(cut *c, int64_t width_px, int64_t height_px) {
    dnnb_augment_draw(c->pass->seed, c->pass->epoch, c->row, width_px, height_px,
                      c->pass->crop_scale, &c->box, &c->flip);
    c->is_drawn = true;
}

/* An image that the budget has no room for is decoded where it is cut. */
static void choose_part(void *context, int64_t width_px, int64_t height_px, dnnb__part *part) {
    cut *c = context;
    size_t bytes = (size_t)width_px * (size_t)height_px * 3;
    draw_cut(c, width_px, height_px);
    if (c->pass->keep && dnnb__budget_take(c->worker->loader->options.budget, bytes))
        c->kept_bytes = bytes;
    part->box = c->kept_bytes ? (dnnb_box){0, 0, width_px, height_px} : c->box;
    part->is_sound = c->pass->set->sound[c->row] == c->worker->buffer.sum;
}

/* Keep the pixels of the worker's buffer. Not finding memory is no error. */
static void keep_decoded(const cut *c, const dnnb_image *image) {
    dnnb_image *kept = &c->pass->set->decoded[c->row];
    if (c->kept_bytes == 0) return;
    kept->pixels = dnnb__alloc(c->kept_bytes, 1);
    if (!kept->pixels) {
        dnnb__budget_give_back(c->worker->loader->options.budget, c->kept_bytes);
        return;
    }
    memcpy(kept->pixels, image->pixels, c->kept_bytes);
    kept->width_px = image->width_px;
    kept->height_px = image->height_px;
}

/* Decode what is needed of a row's image into the worker's buffer. */
static dnnb_status decode_cut(worker *w, cut *c) {
    dnnb__part part;
    dnnb_status status =
        dnnb__image_buffer_load_part(&w->buffer, dnnb_stimulus_get_path(c->pass->set->stim, c->row),
                                     &w->loader->options.decode, choose_part, c);
    if (status != DNNB_OK) {
        dnnb__budget_give_back(w->loader->options.budget, c->kept_bytes);
        return status;
    }
    c->pass->set->sound[c->row] = w->buffer.sum;
    /* A decoder that knows no parts has not asked. */
    if (!c->is_drawn) choose_part(c, w->buffer.image.width_px, w->buffer.image.height_px, &part);
    keep_decoded(c, &w->buffer.image);
    return DNNB_OK;
}

static dnnb_status load_augmented(worker *w, const dnnb__pass *pass, size_t row, void *out) {
    const dnnb__loader_options *options = &w->loader->options;
    const dnnb_image *image = &pass->set->decoded[row];
    cut c = {.worker = w, .pass = pass, .row = row};
    if (image->pixels) {
        draw_cut(&c, image->width_px, image->height_px);
    } else {
        DNNB_TRY(decode_cut(w, &c));
        image = &w->buffer.image;
    }
    return dnnb__transform_apply(&w->transform, image, &c.box, c.flip, options->width_px,
                                 options->height_px, dnnb_imagenet_mean, dnnb_imagenet_std,
                                 &options->layout, out);
}

/* The row's pixels: kept ones, or decoded into the worker's buffer. */
static dnnb_status get_decoded(worker *w, const dnnb__pass *pass, size_t row,
                               const dnnb_image **out) {
    *out = &pass->set->decoded[row];
    if ((*out)->pixels) return DNNB_OK;
    *out = &w->buffer.image;
    DNNB_TRY(dnnb__image_buffer_load(&w->buffer, dnnb_stimulus_get_path(pass->set->stim, row),
                                     &w->loader->options.decode));
    pass->set->sound[row] = w->buffer.sum;
    return DNNB_OK;
}

static dnnb_status load_resized(worker *w, const dnnb__pass *pass, size_t row, void *out) {
    const dnnb__loader_options *options = &w->loader->options;
    dnnb_image *kept = &pass->set->resized[row];
    if (!kept->pixels) {
        const dnnb_image *image;
        DNNB_TRY(get_decoded(w, pass, row, &image));
        size_t bytes = (size_t)options->width_px * (size_t)options->height_px * 3;
        if (!pass->keep || !dnnb__budget_take(options->budget, bytes))
            return dnnb__transform_apply(&w->transform, image, NULL, false, options->width_px,
                                         options->height_px, dnnb_imagenet_mean, dnnb_imagenet_std,
                                         &options->layout, out);
        DNNB_TRY(dnnb_image_resize(kept, image, NULL, options->width_px, options->height_px));
    }
    return dnnb__transform_normalize(&w->transform, kept, dnnb_imagenet_mean, dnnb_imagenet_std,
                                     &options->layout, out);
}

static dnnb_status load(worker *w, const dnnb__pass *pass, size_t row, void *out) {
    if (pass->header_only) /* its message says where the row stands */
        return dnnb__stimulus_check_row(pass->set->stim, row, &w->loader->options.decode);
    dnnb_status status =
        pass->augment ? load_augmented(w, pass, row, out) : load_resized(w, pass, row, out);
    return status == DNNB_OK ? status : dnnb__set_fail_at(pass->set, row, status);
}

/* Job `at` of the pass into its slot; the message travels with it. */
static void run_job(worker *w, const dnnb__pass *pass, size_t at) {
    slot *s = &w->loader->slots[at / pass->batch % N_SLOTS];
    size_t i = at % pass->batch, row = (size_t)pass->order[at];
    char *image = s->images + i * w->loader->image_bytes;
    if (!s->is_clear[i] && !pass->header_only) {
        memset(image, 0, w->loader->image_bytes);
        s->is_clear[i] = true;
    }
    dnnb_status status = load(w, pass, row, image);
    if (status != DNNB_OK) s->messages[i] = dnnb__strdup(dnnb_get_error());
    s->statuses[i] = status;
    s->rows[i] = row;
}

static bool has_job(const dnnb__loader *loader) {
    return loader->next_job < loader->pass.n &&
           loader->next_job / loader->pass.batch < loader->n_released + N_SLOTS;
}

static void *work(void *context) {
    worker *w = context;
    dnnb__loader *loader = w->loader;
    pthread_mutex_lock(&loader->lock);
    for (;;) {
        while (!loader->quit && !has_job(loader))
            pthread_cond_wait(&loader->has_work, &loader->lock);
        if (loader->quit) break;
        size_t at = loader->next_job++;
        dnnb__pass pass = loader->pass;
        loader->n_busy++;
        pthread_mutex_unlock(&loader->lock);
        run_job(w, &pass, at);
        pthread_mutex_lock(&loader->lock);
        loader->n_busy--;
        size_t batch = at / pass.batch;
        size_t n_done = ++loader->slots[batch % N_SLOTS].n_done;
        if (loader->n_busy == 0 || n_done == get_batch_size(&pass, batch))
            pthread_cond_broadcast(&loader->has_result);
    }
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

static void clear_slot(dnnb__loader *loader, slot *s) {
    for (size_t i = 0; i < loader->options.max_batch; i++) {
        dnnb__free(s->messages[i]);
        s->messages[i] = NULL;
    }
    s->n_done = 0;
}

static dnnb_status create_slots(dnnb__loader *loader) {
    size_t n = loader->options.max_batch;
    for (size_t i = 0; i < N_SLOTS; i++) {
        slot *s = &loader->slots[i];
        s->messages = dnnb__calloc(n, sizeof *s->messages);
        s->statuses = dnnb__calloc(n, sizeof *s->statuses);
        s->rows = dnnb__calloc(n, sizeof *s->rows);
        s->images = dnnb__alloc_large(n, loader->image_bytes);
        s->is_clear = dnnb__calloc(n, sizeof *s->is_clear);
        if (!s->messages || !s->statuses || !s->rows || !s->images || !s->is_clear)
            return dnnb__fail_memory();
    }
    return DNNB_OK;
}

static dnnb_status create_workers(dnnb__loader *loader) {
    size_t n = loader->options.n_workers;
    if (n == 0) n = dnnb__threads_get_available();
    if (n > MAX_WORKERS) n = MAX_WORKERS;
    loader->workers = dnnb__calloc(n, sizeof *loader->workers);
    if (!loader->workers) return dnnb__fail_memory();
    for (size_t i = 0; i < n; i++) {
        loader->workers[i].loader = loader;
        int error = pthread_create(&loader->workers[i].thread, NULL, work, &loader->workers[i]);
        if (error)
            return dnnb__fail(DNNB_ERR_MEMORY, "cannot start a thread to load images: %s",
                              strerror(error));
        loader->n_workers++;
    }
    return DNNB_OK;
}

dnnb_status dnnb__loader_create(dnnb__loader **out, const dnnb__loader_options *options) {
    *out = NULL;
    dnnb__loader *loader = dnnb__calloc(1, sizeof *loader);
    if (!loader) return dnnb__fail_memory();
    loader->options = *options;
    loader->image_bytes = dnnb__image_layout_get_bytes(&options->layout);
    loader->pass.batch = 1;
    pthread_mutex_init(&loader->lock, NULL);
    pthread_cond_init(&loader->has_work, NULL);
    pthread_cond_init(&loader->has_result, NULL);
    dnnb_status status = create_slots(loader);
    if (status == DNNB_OK) status = create_workers(loader);
    if (status != DNNB_OK) {
        dnnb__loader_destroy(loader);
        return status;
    }
    *out = loader;
    return DNNB_OK;
}

void dnnb__loader_destroy(dnnb__loader *loader) {
    if (!loader) return;
    pthread_mutex_lock(&loader->lock);
    loader->quit = true;
    pthread_cond_broadcast(&loader->has_work);
    pthread_mutex_unlock(&loader->lock);
    for (size_t i = 0; i < loader->n_workers; i++) {
        pthread_join(loader->workers[i].thread, NULL);
        dnnb__image_buffer_destroy(&loader->workers[i].buffer);
        dnnb__transform_destroy(&loader->workers[i].transform);
    }
    for (size_t i = 0; i < N_SLOTS; i++) {
        if (loader->slots[i].messages) clear_slot(loader, &loader->slots[i]);
        dnnb__free(loader->slots[i].messages);
        dnnb__free(loader->slots[i].statuses);
        dnnb__free(loader->slots[i].rows);
        dnnb__free(loader->slots[i].images);
        dnnb__free(loader->slots[i].is_clear);
    }
    pthread_cond_destroy(&loader->has_result);
    pthread_cond_destroy(&loader->has_work);
    pthread_mutex_destroy(&loader->lock);
    dnnb__free(loader->workers);
    dnnb__free(loader);
}

void dnnb__loader_start(dnnb__loader *loader, const dnnb__pass *pass) {
    DNNB_ASSERT(pass->batch > 0 && pass->batch <= loader->options.max_batch);
    pthread_mutex_lock(&loader->lock);
    loader->pass.n = 0; /* no further job of a pass that was left early */
    while (loader->n_busy > 0) pthread_cond_wait(&loader->has_result, &loader->lock);
    for (size_t i = 0; i < N_SLOTS; i++) clear_slot(loader, &loader->slots[i]);
    loader->pass = *pass;
    loader->next_job = loader->n_taken = loader->n_released = 0;
    pthread_cond_broadcast(&loader->has_work);
    pthread_mutex_unlock(&loader->lock);
}

/* The failure of the first row in the slot that has one. */
static dnnb_status get_failure(const slot *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (s->statuses[i] == DNNB_OK) continue;
        dnnb__set_error(s->messages[i] ? s->messages[i] : "out of memory");
        return s->statuses[i];
    }
    return DNNB_OK;
}

dnnb_status dnnb__loader_next(dnnb__loader *loader, dnnb__batch *out) {
    *out = (dnnb__batch){0};
    pthread_mutex_lock(&loader->lock);
    const dnnb__pass *pass = &loader->pass;
    if (loader->n_released < loader->n_taken) {
        clear_slot(loader, &loader->slots[loader->n_released++ % N_SLOTS]);
        pthread_cond_broadcast(&loader->has_work);
    }
    size_t at = loader->n_taken * pass->batch;
    if (at >= pass->n) {
        pthread_mutex_unlock(&loader->lock);
        return DNNB_OK;
    }
    size_t n = get_batch_size(pass, loader->n_taken);
    slot *s = &loader->slots[loader->n_taken++ % N_SLOTS];
    while (s->n_done < n) pthread_cond_wait(&loader->has_result, &loader->lock);
    *out = (dnnb__batch){.images = s->images,
                         .rows = s->rows,
                         .n = n,
                         .n_planned = n,
                         .statuses = s->statuses,
                         .messages = (const char *const *)s->messages};
    pthread_mutex_unlock(&loader->lock);
    return get_failure(s, n);
}

void dnnb__loader_drop_failed(const dnnb__loader *loader, dnnb__batch *batch) {
    size_t n = 0, n_bytes = loader->image_bytes;
    char *images = batch->images;
    for (size_t i = 0; i < batch->n_planned; i++) {
        if (batch->statuses[i] != DNNB_OK) continue;
        if (n < i) memcpy(images + n * n_bytes, images + i * n_bytes, n_bytes);
        batch->rows[n++] = batch->rows[i];
    }
    batch->n = n;
}
