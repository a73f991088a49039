/* The networks of model_list.h, by name. */
#include "models/models.h"

#include "core/text.h"
#include "models/model_list.h"

#define DECLARE_MODEL(file) extern const dnnb__model dnnb__model_##file;
DNNB__MODEL_LIST(DECLARE_MODEL)
#undef DECLARE_MODEL

static const dnnb__model *const models[] = {
#define MODEL_ROW(file) &dnnb__model_##file,
    DNNB__MODEL_LIST(MODEL_ROW)
#undef MODEL_ROW
};
enum { N_MODELS = sizeof models / sizeof models[0] };

const dnnb__model *const *dnnb__model_get_all(size_t *n) {
    *n = N_MODELS;
    return models;
}

dnnb_status dnnb__model_find(const dnnb__model **out, const char *name) {
    *out = NULL;
    const char *names[N_MODELS];
    dnnb__buf all;
    dnnb__buf_init(&all, 4096);
    for (size_t i = 0; i < N_MODELS; i++) {
        if (dnnb__text_equal_nocase(models[i]->name, name)) *out = models[i];
        names[i] = models[i]->name;
        dnnb__buf_printf(&all, "%s%s", i ? ", " : "", models[i]->name);
    }
    dnnb_status status = *out ? DNNB_OK : dnnb__buf_get_status(&all);
    if (!*out && status == DNNB_OK) {
        const char *nearest = dnnb__text_nearest(name, names, N_MODELS);
        status = dnnb__fail(DNNB_ERR_ARGUMENT, "network: expected one of %s, found '%s'%s%s%s",
                            all.data, name, nearest ? "; did you mean " : "",
                            nearest ? nearest : "", nearest ? "?" : "");
    }
    dnnb__buf_destroy(&all);
    return status;
}
