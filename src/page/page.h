/*
 * report.html: the data of a run as JSON, and the page around it.
 *
 * The data are built of jansson's values, which are NULL when memory ran out; a NULL that is put
 * into an object or a list leaves a mark in the builder, so that one check at the end is enough.
 */
#ifndef DNNB_PAGE_PAGE_H
#define DNNB_PAGE_PAGE_H

#include "core/mem.h"
#include "dnnbrain/metrics.h"
#include "dnnbrain/report.h"
#include "formats/json.h"

typedef struct dnnb__page {
    const dnnb_record *record;
    bool failed; /* memory ran out */
} dnnb__page;

/** Put `value` (taken over) into an object, or at the end of a list. */
void dnnb__page_put(dnnb__page *page, json_t *object, const char *key, json_t *value);
void dnnb__page_add(dnnb__page *page, json_t *list, json_t *value);
/** A number of so many significant digits: a chart shows no more. */
json_t *dnnb__page_rounded(double value);
/** [low, high]. */
json_t *dnnb__page_interval(dnnb_interval interval);

/* The parts. Each gives a new value. */

/** Numbers of each epoch. */
json_t *dnnb__page_epochs(dnnb__page *page);
/** Losses of the steps, thinned to at most DNNB__PAGE_STEPS groups of neighbours. */
json_t *dnnb__page_steps(dnnb__page *page);
enum { DNNB__PAGE_STEPS = 1000 };

/** Scores of the predictions; null without any. */
json_t *dnnb__page_classification(dnnb__page *page);
json_t *dnnb__page_regression(dnnb__page *page);
/** The images predicted worst and best. */
json_t *dnnb__page_images(dnnb__page *page);

/** log(sum(exp(outputs))): less the output of a class, its cross-entropy. */
double dnnb__page_get_log_sum(const float *outputs, size_t n);

/** A paragraph for the methods section of a paper, and what it cites: {text, references}. */
json_t *dnnb__page_methods(dnnb__page *page);

/* The page's sources, as they are; made by cmake/embed.cmake. */
typedef struct dnnb__page_source {
    const unsigned char *bytes;
    size_t n_bytes;
} dnnb__page_source;
extern const dnnb__page_source dnnb__page_html, dnnb__page_css, dnnb__page_js, dnnb__page_chart_js;

#endif
