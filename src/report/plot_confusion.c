/* The confusion matrix of a classification. */
#include "dnnbrain/metrics.h"
#include "report/axis.h"
#include "report/matrix.h"
#include "report/plot.h"

/* Room for the name of each class, as long as the whole can be seen on a screen. */
enum {
    ONE_CLASS_PX = 13,
    OTHERS_PX = 300,
    LEAST_WIDTH_PX = 800,
    MOST_WIDTH_PX = 1600,
    BAR_PX = 80
};

static size_t choose_width(size_t n_classes) {
    if (n_classes >= MOST_WIDTH_PX / ONE_CLASS_PX) return MOST_WIDTH_PX;
    size_t width_px = ONE_CLASS_PX * n_classes + OTHERS_PX;
    return width_px < LEAST_WIDTH_PX  ? LEAST_WIDTH_PX
           : width_px > MOST_WIDTH_PX ? MOST_WIDTH_PX
                                      : width_px;
}

static dnnb_status copy_names(dnnb_plot *plot, const char *const *names, size_t n,
                              const char *const **out) {
    const char **copies = dnnb__plot_alloc(plot, n, sizeof *copies);
    if (!copies) return dnnb__fail_memory();
    for (size_t i = 0; i < n; i++) {
        copies[i] =
            names ? dnnb__plot_printf(plot, "%s", names[i]) : dnnb__plot_printf(plot, "%zu", i);
        if (!copies[i]) return dnnb__fail_memory();
    }
    *out = copies;
    return DNNB_OK;
}

static const char *write_note(dnnb_plot *plot, const size_t *counts, size_t n_classes) {
    dnnb_classification_score score;
    dnnb_metrics_score_classes(counts, n_classes, NULL, &score);
    char count[32];
    if (score.n_images == 0) return "no image";
    dnnb__axis_write_count(count, (double)score.n_images);
    return dnnb__plot_printf(plot, "%s image%s, accuracy %.3f (95%% interval %.3f to %.3f)", count,
                             score.n_images == 1 ? "" : "s", score.accuracy,
                             score.accuracy_interval.low, score.accuracy_interval.high);
}

static dnnb_status build(dnnb_plot *plot, const size_t *counts, size_t n,
                         const char *const *class_names, const char *set_name) {
    dnnb__matrix *matrix = dnnb__plot_alloc(plot, 1, sizeof *matrix);
    size_t *cells = dnnb__plot_alloc(plot, n * n, sizeof *cells);
    size_t *sums = dnnb__plot_alloc(plot, n, sizeof *sums);
    if (!matrix || !cells || !sums) return dnnb__fail_memory();
    for (size_t i = 0; i < n * n; i++) {
        cells[i] = counts[i];
        sums[i / n] += counts[i];
    }
    plot->title = set_name ? dnnb__plot_printf(plot, "Confusion matrix of the %s", set_name)
                           : "Confusion matrix";
    const char *note = write_note(plot, counts, n);
    *matrix = (dnnb__matrix){
        .title = plot->title, .note = note, .counts = cells, .n_of_row = sums, .n_classes = n};
    if (!plot->title || !note) return dnnb__fail_memory();
    DNNB_TRY(copy_names(plot, class_names, n, &matrix->names));
    plot->matrix = matrix;
    return DNNB_OK;
}

dnnb_status dnnb_plot_create_confusion(dnnb_plot **out, const size_t *counts, size_t n_classes,
                                       const char *const *class_names, const char *set_name) {
    *out = NULL;
    if (n_classes == 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "confusion matrix: expected classes, found none");
    DNNB_TRY(dnnb__plot_create(out, "confusion"));
    (*out)->width_px = choose_width(n_classes);
    (*out)->height_px = (*out)->width_px - BAR_PX;
    return dnnb__plot_finish(out, *out, build(*out, counts, n_classes, class_names, set_name));
}
