/*
 * RUN/tensorboard: what a run tells TensorBoard.
 *
 * Method: what the file holds follows from the history and from the steps of the epoch that goes
 * on. So a run that goes on, or one whose file could not be written or was taken away, writes a new
 * file from these, from the first step to where it is. It begins by telling readers to forget what
 * they have read: no step is there twice, and none that the run has taken back. The older files
 * stay, since a reader that has one open goes on to the next only from there. Times of the epochs
 * before are laid out by their durations.
 */
#include <math.h>

#include "core/file.h"
#include "run/run.h"
#include "train/checkpoint.h"
#include "train/session.h"

enum { FLUSH_BYTES = 1 << 16, WAITING_BYTES = 1 << 26 /* more is made again from the history */ };
static const double flush_every_s = 5;

/* Steps and epochs count from 1, as in log.jsonl and history.csv. */
static void add_step(dnnb__run *r, double wall_s, double loss) {
    r->n_board_steps++;
    dnnb__tensorboard_add_scalar(&r->board.waiting, wall_s, (int64_t)r->n_board_steps, "loss/step",
                                 loss);
}

static void add_epoch(dnnb__run *r, double wall_s, size_t i) {
    const dnnb_epoch *e = dnnb_history_get_epoch(r->history, i);
    const struct {
        const char *tag;
        double value;
    } scalars[] = {{"loss/epoch", e->epoch_loss},       {"loss/validation", e->loss_validation},
                   {"score/train", e->score_train},     {"score/validation", e->score_validation},
                   {"learning_rate", e->learning_rate}, {"images_per_second", e->images_per_second},
                   {"gradient_norm", e->gradient_norm}};
    for (size_t k = 0; k < sizeof scalars / sizeof scalars[0]; k++)
        dnnb__tensorboard_add_scalar(&r->board.waiting, wall_s, (int64_t)i + 1, scalars[k].tag,
                                     scalars[k].value);
}

static dnnb_status flush_if_large(dnnb__run *r) {
    DNNB_TRY(dnnb__buf_get_status(&r->board.waiting));
    return r->board.waiting.n_bytes < FLUSH_BYTES ? DNNB_OK : dnnb__tensorboard_flush(&r->board);
}

static double get_seconds(const dnnb_epoch *epoch) {
    return isfinite(epoch->seconds) ? epoch->seconds : 0;
}

/* The epochs that have ended, the last of them at `end_s`. */
static dnnb_status add_history(dnnb__run *r, double end_s) {
    size_t n = dnnb_history_get_count(r->history);
    double wall_s = end_s;
    for (size_t i = 0; i < n; i++) wall_s -= get_seconds(dnnb_history_get_epoch(r->history, i));
    for (size_t i = 0; i < n; i++) {
        const dnnb_epoch *e = dnnb_history_get_epoch(r->history, i);
        double step_s = e->n_steps ? get_seconds(e) / (double)e->n_steps : 0;
        for (size_t k = 0; k < e->n_steps; k++) {
            /* Rounded sums must not pass the end. */
            add_step(r, fmin(wall_s + (double)(k + 1) * step_s, end_s), e->step_loss[k]);
            DNNB_TRY(flush_if_large(r));
        }
        wall_s = fmin(wall_s + get_seconds(e), end_s);
        add_epoch(r, wall_s, i);
    }
    return DNNB_OK;
}

/* config.json as a block of code in Markdown. */
static dnnb_status add_config(dnnb__run *r) {
    char *path, *config = NULL;
    size_t n;
    dnnb__buf text;
    DNNB_TRY(dnnb__path_join(&path, r->in.run->folder, "config.json"));
    dnnb_status status = dnnb__file_read(&config, &n, path, WAITING_BYTES);
    dnnb__free(path);
    if (status != DNNB_OK) return status;
    dnnb__buf_init(&text, 2 * (size_t)WAITING_BYTES);
    dnnb__buf_printf(&text, "```json\n%s```\n", config);
    dnnb__free(config);
    status = dnnb__buf_get_status(&text);
    if (status == DNNB_OK)
        dnnb__tensorboard_add_text(&r->board.waiting, dnnb__tensorboard_now_s(), 0, "config",
                                   text.data, text.n_bytes);
    dnnb__buf_destroy(&text);
    return status;
}

static dnnb_status write_all(dnnb__run *r, const double *losses, size_t n) {
    double now_s = dnnb__tensorboard_now_s();
    r->n_board_steps = 0;
    r->has_board_picture = false;
    dnnb__tensorboard_add_restart(&r->board.waiting, now_s, 0);
    DNNB_TRY(add_config(r));
    DNNB_TRY(add_history(r, now_s));
    for (size_t i = 0; i < n; i++) {
        add_step(r, now_s, losses[i]);
        DNNB_TRY(flush_if_large(r));
    }
    return dnnb__tensorboard_flush(&r->board);
}

/* A new file with all that the run has to tell. */
static dnnb_status renew(dnnb__run *r, const double *losses, size_t n) {
    char *folder;
    DNNB_TRY(dnnb__path_join(&folder, r->in.run->folder, DNNB__RUN_BOARD));
    dnnb_status status = dnnb__folder_create(folder);
    if (status == DNNB_OK) status = dnnb__tensorboard_open(&r->board, folder);
    if (status == DNNB_OK) status = write_all(r, losses, n);
    if (status != DNNB_OK) dnnb__tensorboard_discard(&r->board);
    dnnb__free(folder);
    r->flushed_board_s = dnnb__session_now_s();
    return status;
}

dnnb_status dnnb__run_board_begin(dnnb__run *r, const dnnb_event *start) {
    size_t n = 0;
    const double *losses = NULL;
    if (!r->in.run->tensorboard) return DNNB_OK;
    if (start->checkpoint)
        losses = dnnb__checkpoint_find(start->checkpoint, "step_loss", DNNB_F64, &n);
    return renew(r, losses, losses ? n : 0);
}

dnnb_status dnnb__run_board_add_step(dnnb__run *r, double loss) {
    if (r->board.fd < 0) return DNNB_OK;
    add_step(r, dnnb__tensorboard_now_s(), loss);
    DNNB_TRY(dnnb__buf_get_status(&r->board.waiting));
    if (r->board.waiting.n_bytes > WAITING_BYTES) dnnb__tensorboard_close(&r->board);
    if (dnnb__session_now_s() - r->flushed_board_s < flush_every_s) return DNNB_OK;
    r->flushed_board_s = dnnb__session_now_s();
    dnnb_status status = dnnb__tensorboard_flush(&r->board);
    return status == DNNB_ERR_IO ? DNNB_OK : status; /* it waits for the epoch's end */
}

dnnb_status dnnb__run_board_add_epoch(dnnb__run *r) {
    if (!r->in.run->tensorboard) return DNNB_OK;
    if (r->board.fd < 0) return renew(r, NULL, 0);
    add_epoch(r, dnnb__tensorboard_now_s(), dnnb_history_get_count(r->history) - 1);
    r->flushed_board_s = dnnb__session_now_s();
    return dnnb__tensorboard_flush(&r->board);
}

static uint32_t read_big_endian(const char *bytes) {
    const unsigned char *b = (const unsigned char *)bytes;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* A picture that the run has just written. */
static dnnb_status add_picture(dnnb__run *r, const char *name, const char *tag) {
    enum {
        WIDTH_AT = 16,
        HEIGHT_AT = 20,
        HEADER_BYTES = 24 /* signature, and where IHDR begins */
    };
    char *path, *png = NULL;
    size_t n;
    DNNB_TRY(dnnb__path_join(&path, r->in.run->folder, name));
    dnnb_status status = dnnb__file_read(&png, &n, path, WAITING_BYTES);
    if (status == DNNB_OK && n < HEADER_BYTES)
        status = dnnb__fail(DNNB_ERR_FORMAT, "%s: expected a PNG, found %zu bytes", path, n);
    dnnb__free(path);
    if (status == DNNB_OK) {
        dnnb__tensorboard_image image = {.png = png,
                                         .n_bytes = n,
                                         .width_px = read_big_endian(png + WIDTH_AT),
                                         .height_px = read_big_endian(png + HEIGHT_AT)};
        dnnb__tensorboard_add_image(&r->board.waiting, dnnb__tensorboard_now_s(),
                                    (int64_t)dnnb_history_get_count(r->history), tag, &image);
    }
    dnnb__free(png);
    return status;
}

dnnb_status dnnb__run_board_finish(dnnb__run *r) {
    bool is_regression = r->in.options->task == DNNB_REGRESSION;
    if (!r->in.run->tensorboard) return DNNB_OK;
    if (r->board.fd < 0) DNNB_TRY(renew(r, NULL, 0));
    if (r->last && !r->has_board_picture) {
        DNNB_TRY(is_regression ? add_picture(r, "regression.png", "regression")
                               : add_picture(r, "confusion.png", "confusion_matrix"));
        r->has_board_picture = true;
    }
    return dnnb__tensorboard_sync(&r->board);
}
