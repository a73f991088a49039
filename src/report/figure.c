/*
 * A figure drawn in a box, and described in sentences.
 */
#include "report/figure.h"

#include "report/frame.h"

void dnnb__figure_draw(dnnb__canvas *canvas, const dnnb__figure *figure, dnnb__box box,
                       double title_size_px) {
    dnnb__frame f = {
        .canvas = canvas, .figure = figure, .box = box, .title_size_px = title_size_px};
    dnnb__frame_lay_out(&f);
    dnnb__frame_draw(&f);
    (void)dnnb__legend_draw(&f, f.legend_top, true);
    dnnb__marks_draw(&f);
    if (!f.is_empty || !figure->empty_note) return;
    dnnb__set_colour(canvas, dnnb__pale_ink);
    dnnb__set_font(canvas, DNNB__LABEL_SIZE_PX, false);
    dnnb__text_draw(canvas, (f.plot.left + f.plot.right) / 2, (f.plot.top + f.plot.bottom) / 2, 0.5,
                    figure->empty_note);
}

/* Such as "validation set: 50 values, from 0.52 to 0.935, least 0.5 at 2, largest 0.941 at 43." */
static void describe_series(dnnb__buf *out, const dnnb__series *s) {
    size_t n = 0, first = 0, last = 0, least = 0, most = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!dnnb__series_has(s, i)) continue;
        if (n++ == 0) first = least = most = i;
        last = i;
        if (s->y[i] < s->y[least]) least = i;
        if (s->y[i] > s->y[most]) most = i;
    }
    dnnb__buf_printf(out, " %s: %zu value%s", s->name, n, n == 1 ? "" : "s");
    if (n && s->form == DNNB__POINTS)
        dnnb__buf_printf(out, ", from %.4g to %.4g", s->y[least], s->y[most]);
    else if (n)
        dnnb__buf_printf(out, ", from %.4g to %.4g, least %.4g at %.6g, largest %.4g at %.6g",
                         s->y[first], s->y[last], s->y[least], dnnb__series_get_x(s, least),
                         s->y[most], dnnb__series_get_x(s, most));
    dnnb__buf_printf(out, ".");
}

void dnnb__figure_describe(dnnb__buf *out, const dnnb__figure *figure) {
    if (figure->title) dnnb__buf_printf(out, " %s.", figure->title);
    dnnb__buf_printf(out, " Across: %s. Upwards: %s.", figure->x_label, figure->y_label);
    for (size_t i = 0; i < figure->n_series; i++)
        if (figure->series[i].name) describe_series(out, &figure->series[i]);
    for (size_t i = 0; i < figure->n_series; i++)
        if (figure->series[i].best && figure->series[i].best_name)
            dnnb__buf_printf(out, " %s.", figure->series[i].best_name);
    if (figure->level_name) dnnb__buf_printf(out, " %s.", figure->level_name);
    if (figure->note) dnnb__buf_printf(out, " %s.", figure->note);
}
