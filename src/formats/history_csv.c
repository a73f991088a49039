/* history.csv: a line an epoch, for spreadsheets; a field without a value is empty. */
#include <math.h>

#include "core/text.h"
#include "formats/history.h"

static void put_field(dnnb__buf *out, double value) {
    char text[32];
    dnnb__text_print_f64(text, value);
    dnnb__buf_printf(out, ",%s", isnan(value) ? "" : text);
}

dnnb_status dnnb_history_save_csv(const dnnb_history *history, const char *path) {
    dnnb__buf out;
    dnnb__buf_init(&out, DNNB__HISTORY_MAX_BYTES);
    dnnb__buf_printf(&out, "epoch,loss,score_train,score_validation,learning_rate,seconds,"
                           "images_per_second,images_left_out,loss_validation,gradient_norm,"
                           "parameters_trained\n");
    for (size_t i = 0; i < dnnb_history_get_count(history); i++) {
        const dnnb_epoch *e = dnnb_history_get_epoch(history, i);
        const double fields[] = {e->epoch_loss,    e->score_train, e->score_validation,
                                 e->learning_rate, e->seconds,     e->images_per_second};
        dnnb__buf_printf(&out, "%zu", i + 1);
        for (size_t j = 0; j < sizeof fields / sizeof fields[0]; j++) put_field(&out, fields[j]);
        dnnb__buf_printf(&out, ",%zu", e->n_left_out);
        put_field(&out, e->loss_validation);
        put_field(&out, e->gradient_norm);
        if (e->n_trained > 0)
            dnnb__buf_printf(&out, ",%zu\n", e->n_trained);
        else
            dnnb__buf_printf(&out, ",\n");
    }
    dnnb_status status = dnnb__buf_get_status(&out);
    if (status == DNNB_OK) status = dnnb__file_write(path, out.data, out.n_bytes);
    dnnb__buf_destroy(&out);
    return status;
}
