/*
 * The curves: numbers of each epoch, and the losses of the steps.
 *
 * A run can have a million steps. More than DNNB__PAGE_STEPS are drawn in groups of neighbours, all
 * of one size but the last: each with its mean and its extremes, so that no peak is lost. The
 * smooth curve is an exponential mean over all steps, taken at the end of each group.
 */
#include <math.h>

#include "page/page.h"

static void put_list(dnnb__page *page, json_t *object, const char *key, size_t offset) {
    const dnnb_history *history = dnnb_record_get_history(page->record);
    json_t *list = json_array();
    bool is_there = false;
    for (size_t i = 0; i < dnnb_history_get_count(history); i++) {
        const dnnb_epoch *epoch = dnnb_history_get_epoch(history, i);
        double value = *(const double *)(const void *)((const char *)epoch + offset);
        is_there |= !isnan(value);
        dnnb__page_add(page, list, dnnb__json_real(value));
    }
    if (!is_there) json_array_clear(list);
    dnnb__page_put(page, object, key, list);
}

json_t *dnnb__page_epochs(dnnb__page *page) {
    const dnnb_history *history = dnnb_record_get_history(page->record);
    json_t *object = json_object(), *left_out = json_array(), *n_steps = json_array();
    json_t *n_trained = json_array();
    put_list(page, object, "loss", offsetof(dnnb_epoch, epoch_loss));
    put_list(page, object, "loss_validation", offsetof(dnnb_epoch, loss_validation));
    put_list(page, object, "score_train", offsetof(dnnb_epoch, score_train));
    put_list(page, object, "score_validation", offsetof(dnnb_epoch, score_validation));
    put_list(page, object, "learning_rate", offsetof(dnnb_epoch, learning_rate));
    put_list(page, object, "seconds", offsetof(dnnb_epoch, seconds));
    put_list(page, object, "images_per_second", offsetof(dnnb_epoch, images_per_second));
    put_list(page, object, "gradient_norm", offsetof(dnnb_epoch, gradient_norm));
    for (size_t i = 0; i < dnnb_history_get_count(history); i++) {
        const dnnb_epoch *epoch = dnnb_history_get_epoch(history, i);
        dnnb__page_add(page, n_trained, json_integer((json_int_t)epoch->n_trained));
        dnnb__page_add(page, left_out, json_integer((json_int_t)epoch->n_left_out));
        dnnb__page_add(page, n_steps, json_integer((json_int_t)epoch->n_steps));
    }
    dnnb__page_put(page, object, "left_out", left_out);
    dnnb__page_put(page, object, "n_steps", n_steps);
    dnnb__page_put(page, object, "n_trained", n_trained);
    return object;
}

/* ---- steps ---- */

typedef struct steps {
    dnnb__page *page;
    json_t *at, *mean, *low, *high, *smooth;
    size_t n_group; /* steps in each group */
    size_t n, n_in_group, n_finite;
    double sum, lowest, highest;
    double average, weight; /* of the exponential mean so far */
    double keep;            /* part of it that stays from step to step */
} steps;

static void end_group(steps *s) {
    double average = s->weight > 0 ? s->average / s->weight : (double)NAN;
    if (s->n_in_group == 0) return;
    dnnb__page_add(s->page, s->at, json_integer((json_int_t)s->n));
    dnnb__page_add(s->page, s->mean,
                   dnnb__page_rounded(s->n_finite ? s->sum / (double)s->n_finite : (double)NAN));
    dnnb__page_add(s->page, s->low, dnnb__page_rounded(s->lowest));
    dnnb__page_add(s->page, s->high, dnnb__page_rounded(s->highest));
    dnnb__page_add(s->page, s->smooth, dnnb__page_rounded(average));
    s->n_in_group = s->n_finite = 0;
    s->sum = 0;
    s->lowest = s->highest = NAN;
}

static void take_step(steps *s, double loss) {
    s->n++;
    s->n_in_group++;
    if (isfinite(loss)) {
        s->n_finite++;
        s->sum += loss;
        s->lowest = fmin(s->lowest, loss); /* a NaN gives way */
        s->highest = fmax(s->highest, loss);
        s->average = s->keep * s->average + (1 - s->keep) * loss;
        s->weight = s->keep * s->weight + (1 - s->keep);
    }
    if (s->n_in_group == s->n_group) end_group(s);
}

static size_t count_steps(const dnnb_record *record) {
    const dnnb_history *history = dnnb_record_get_history(record);
    size_t n = dnnb_record_get_n_open_steps(record);
    for (size_t i = 0; i < dnnb_history_get_count(history); i++)
        n += dnnb_history_get_epoch(history, i)->n_steps;
    return n;
}

json_t *dnnb__page_steps(dnnb__page *page) {
    const dnnb_record *record = page->record;
    const dnnb_history *history = dnnb_record_get_history(record);
    size_t n_all = count_steps(record), n_open = dnnb_record_get_n_open_steps(record);
    const double *open = dnnb_record_get_open_steps(record);
    steps s = {.page = page,
               .at = json_array(),
               .mean = json_array(),
               .low = json_array(),
               .high = json_array(),
               .smooth = json_array(),
               .n_group = (n_all + DNNB__PAGE_STEPS - 1) / DNNB__PAGE_STEPS,
               .lowest = NAN,
               .highest = NAN,
               .keep = 1 - 1 / fmax(2, (double)n_all / 50)};
    for (size_t i = 0; i < dnnb_history_get_count(history); i++) {
        const dnnb_epoch *epoch = dnnb_history_get_epoch(history, i);
        for (size_t k = 0; k < epoch->n_steps; k++) take_step(&s, epoch->step_loss[k]);
    }
    for (size_t k = 0; k < n_open; k++) take_step(&s, open[k]);
    end_group(&s);
    json_t *object = json_object();
    dnnb__page_put(page, object, "n", json_integer((json_int_t)n_all));
    dnnb__page_put(page, object, "group", json_integer((json_int_t)s.n_group));
    dnnb__page_put(page, object, "open", json_integer((json_int_t)n_open));
    dnnb__page_put(page, object, "at", s.at);
    dnnb__page_put(page, object, "mean", s.mean);
    dnnb__page_put(page, object, "low", s.low);
    dnnb__page_put(page, object, "high", s.high);
    dnnb__page_put(page, object, "smooth", s.smooth);
    return object;
}
