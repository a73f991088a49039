/* A confusion matrix as a picture. */
#ifndef DNNB_REPORT_MATRIX_H
#define DNNB_REPORT_MATRIX_H

#include "report/canvas.h"

typedef struct dnnb__matrix {
    const char *title;
    const char *note;       /* small print below the title */
    const size_t *counts;   /* [n_classes, n_classes]: of the true class in a row, predicted */
    const size_t *n_of_row; /* [n_classes] sums of the rows */
    size_t n_classes;
    const char *const *names; /* [n_classes] */
} dnnb__matrix;

void dnnb__matrix_draw(dnnb__canvas *canvas, const dnnb__matrix *matrix, dnnb__box box);

/** Append in sentences what it shows: how many of each class were right,. */
void dnnb__matrix_describe(dnnb__buf *out, const dnnb__matrix *matrix);

#endif
