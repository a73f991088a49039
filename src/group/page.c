/*
 * report.html of a group: one self-contained page without scripts, in the style of a run's report.
 *
 * The table, the plot as it is in the folder, the pooled score, a sentence for a methods section,
 * and a link to the report of each run.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/file.h"
#include "dnnbrain/plot.h"
#include "group/group.h"
#include "page/page.h"

enum { MAX_PAGE_BYTES = 64 << 20 };

static void put_text(dnnb__buf *out, const char *text) {
    for (; *text; text++) {
        const char *name = *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
        if (*text == '&') name = "&amp;";
        if (*text == '"') name = "&quot;";
        if (name)
            dnnb__buf_printf(out, "%s", name);
        else
            dnnb__buf_append(out, text, 1);
    }
}

static void put_number(dnnb__buf *out, double value, const char *element) {
    if (isnan(value))
        dnnb__buf_printf(out, "<%s></%s>", element, element);
    else
        dnnb__buf_printf(out, "<%s>%.4g</%s>", element, value, element);
}

static const char *get_kind(const dnnb_group_info *info) {
    return info->n_folds == 0     ? "Repetition over seeds"
           : info->n_repeats == 1 ? "Cross-validation"
                                  : "Repeated cross-validation";
}

static const char *get_score_name(const dnnb_group_info *info) {
    return info->task == DNNB_REGRESSION ? "r squared" : "accuracy";
}

static void put_head(dnnb__buf *out, const dnnb_group *group) {
    const char *slash = strrchr(group->folder, '/');
    const char *name = slash && slash[1] ? slash + 1 : group->folder;
    dnnb__buf_printf(out,
                     "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                     "'none'; style-src 'unsafe-inline'; img-src data:\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, "
                     "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
                     "<meta name=\"referrer\" content=\"no-referrer\">\n"
                     "<link rel=\"icon\" href=\"data:,\">\n<title>");
    put_text(out, name);
    dnnb__buf_printf(out, "</title>\n<style>");
    dnnb__buf_append(out, dnnb__page_css.bytes, dnnb__page_css.n_bytes);
    /* The plot is drawn for white paper. */
    dnnb__buf_printf(out, "figure svg { width: 100%%; height: auto; max-width: 50rem; "
                          "background: #fff; }\n.scroll th:first-child, .scroll td:first-child "
                          "{ white-space: nowrap; max-width: none; }\n.scroll { margin-bottom: "
                          ".75rem; }</style>\n</head>\n<body>\n"
                          "<header class=\"top\"><div class=\"wrap\">\n"
                          "<p class=\"kind\">dnnbrain report</p>\n<h1>");
    put_text(out, name);
    dnnb__buf_printf(out, "</h1>\n<p class=\"summary\">%s: ", get_kind(&group->info));
    if (group->info.n_folds) dnnb__buf_printf(out, "%zu folds of ", group->info.n_folds);
    dnnb__buf_printf(out, "%zu images, ", group->info.n_images);
    if (group->info.n_repeats > 1) dnnb__buf_printf(out, "%zu seeds from ", group->info.n_repeats);
    dnnb__buf_printf(out, "%s%" PRIu64 ".</p>\n</div></header>\n",
                     group->info.n_repeats > 1 ? "" : "seed ", group->info.seed);
}

static void put_card(dnnb__buf *out, const char *name, double value, double low, double high,
                     const char *more) {
    dnnb__buf_printf(out,
                     "<div class=\"card\"><dt>%s</dt><dd class=\"value\">%.4g</dd>"
                     "<dd class=\"more\">",
                     name, value);
    if (isnan(high) && !isnan(low))
        dnnb__buf_printf(out, "± %.4g ", low);
    else if (!isnan(low))
        dnnb__buf_printf(out, "%.4g to %.4g ", low, high);
    dnnb__buf_printf(out, "%s</dd></div>\n", more);
}

/* Key figures. */
static void put_cards(dnnb__buf *out, const dnnb_group *group) {
    const dnnb_group_info *info = &group->info;
    dnnb_group_summary last = dnnb_group_summarise(group, DNNB_GROUP_SCORE_LAST);
    char more[80];
    dnnb__buf_printf(out, "<section><h2>Scores</h2>\n<dl class=\"cards\">\n");
    (void)snprintf(more, sizeof more, "(standard deviation, %zu runs)", last.n);
    if (last.n) put_card(out, get_score_name(info), last.mean, last.sd, (double)NAN, more);
    for (size_t r = 0; info->n_folds && r < info->n_repeats; r++) {
        const dnnb_group_pooled *p = &group->pooled[r];
        if (p->n_images == 0) continue;
        (void)snprintf(more, sizeof more, "(95%% interval, %zu images, each scored once)",
                       p->n_images);
        put_card(out, "all folds together", p->score, p->interval.low, p->interval.high, more);
    }
    if (!isnan(info->chance))
        put_card(out, "chance", info->chance, (double)NAN, (double)NAN, "most frequent class");
    dnnb__buf_printf(out, "</dl></section>\n");
}

static void put_run(dnnb__buf *out, const dnnb_group_run *run) {
    dnnb__buf_printf(out,
                     "<tr><td><a href=\"%s/report.html\">%s</a></td><td>%" PRIu64
                     "</td><td>%zu</td><td>%zu</td><td>%zu</td>",
                     run->folder, run->folder, run->seed, run->n_train, run->n_validation,
                     run->n_epochs);
    put_number(out, run->loss, "td");
    put_number(out, run->score_train, "td");
    put_number(out, run->score_last, "td");
    put_number(out, run->score_best, "td");
    put_number(out, run->best_epoch ? (double)run->best_epoch : (double)NAN, "td");
    dnnb__buf_printf(out, "</tr>\n");
}

static void put_table(dnnb__buf *out, const dnnb_group *group) {
    dnnb__buf_printf(out, "<section><h2>Runs</h2>\n<div class=\"scroll\" tabindex=\"0\"><table>\n"
                          "<thead><tr><th>run</th><th>seed</th><th>images</th><th>scored</th>"
                          "<th>epochs</th><th>loss</th><th>training score</th>"
                          "<th>validation score</th><th>best score</th><th>best epoch</th></tr>"
                          "</thead>\n<tbody>\n");
    for (size_t i = 0; i < group->n_runs; i++)
        if (group->runs[i].is_finished) put_run(out, &group->runs[i]);
    dnnb__buf_printf(out, "</tbody>\n<tfoot>\n");
    for (int of_sd = 0; of_sd < 2; of_sd++) {
        dnnb__buf_printf(out, "<tr><th>%s</th><td></td><td></td><td></td><td></td>",
                         of_sd ? "sd" : "mean");
        for (int column = DNNB_GROUP_LOSS; column <= DNNB_GROUP_SCORE_BEST; column++) {
            dnnb_group_summary s = dnnb_group_summarise(group, (dnnb_group_column)column);
            put_number(out, of_sd ? s.sd : s.mean, "td");
        }
        dnnb__buf_printf(out, "<td></td></tr>\n");
    }
    dnnb__buf_printf(out,
                     "</tfoot></table></div>\n<p class=\"note\">Standard deviations (sd) are with "
                     "n - 1. The best score is the largest of all epochs on the images that "
                     "it scores, and so a little too high.</p></section>\n");
}

static void put_methods(dnnb__buf *out, const dnnb_group *group) {
    const dnnb_group_info *info = &group->info;
    dnnb_group_summary last = dnnb_group_summarise(group, DNNB_GROUP_SCORE_LAST);
    if (last.n < 2) return;
    dnnb__buf_printf(out, "<section><h2>For a methods section</h2>\n<p class=\"prose\">");
    if (info->n_folds)
        dnnb__buf_printf(out,
                         "Generalisation was estimated by %s%zu-fold cross-validation over %zu "
                         "images%s. ",
                         info->task == DNNB_CLASSIFICATION ? "stratified " : "", info->n_folds,
                         info->n_images, info->n_repeats > 1 ? ", repeated over seeds" : "");
    else
        dnnb__buf_printf(out, "Training was repeated with %zu random seeds. ", info->n_repeats);
    dnnb__buf_printf(out,
                     "After the last epoch the mean validation %s was %.4g (standard deviation "
                     "%.4g over %zu runs)",
                     get_score_name(info), last.mean, last.sd, last.n);
    const dnnb_group_pooled *p = &group->pooled[0];
    if (info->n_folds && info->n_repeats == 1 && p->n_images)
        dnnb__buf_printf(out,
                         "; of all held-out predictions taken together it was %.4g (95%% "
                         "confidence interval %.4g to %.4g, %s)",
                         p->score, p->interval.low, p->interval.high,
                         info->task == DNNB_CLASSIFICATION ? "Wilson" : "Fisher");
    dnnb__buf_printf(out, ".</p></section>\n");
}

static dnnb_status put_plot(dnnb__buf *out, const dnnb_group *group) {
    dnnb_plot *plot;
    char *bytes = NULL;
    size_t n;
    DNNB_TRY(dnnb_plot_create_group(&plot, group));
    dnnb_status status = dnnb_plot_draw(plot, DNNB_PLOT_SVG_INLINE, &bytes, &n);
    dnnb_plot_destroy(plot);
    if (status != DNNB_OK) return status;
    dnnb__buf_printf(out, "<section><h2>Runs by epoch</h2>\n<figure>");
    dnnb__buf_append(out, bytes, n);
    dnnb__buf_printf(out, "</figure></section>\n");
    dnnb_free(bytes);
    return DNNB_OK;
}

dnnb_status dnnb__group_save_page(const dnnb_group *group) {
    dnnb__buf out;
    char *path = NULL;
    dnnb__buf_init(&out, MAX_PAGE_BYTES);
    put_head(&out, group);
    dnnb__buf_printf(&out, "<main class=\"wrap\">\n");
    put_cards(&out, group);
    dnnb_status status = put_plot(&out, group);
    put_table(&out, group);
    put_methods(&out, group);
    dnnb__buf_printf(&out,
                     "</main>\n<footer class=\"wrap\">dnnbrain %s</footer>\n</body>\n</html>\n",
                     dnnb_get_version());
    if (status == DNNB_OK) status = dnnb__buf_get_status(&out);
    if (status == DNNB_OK) status = dnnb__path_join(&path, group->folder, "report.html");
    if (status == DNNB_OK) status = dnnb__file_write(path, out.data, out.n_bytes);
    dnnb__free(path);
    dnnb__buf_destroy(&out);
    return status;
}
