/*
 * Patterns: what people write to name parameters, as globs over paths and layers' names, "all" and
 * "backbone".
 */
#include <string.h>

#include "core/text.h"
#include "dnn/dnn.h"

dnnb_status dnnb__dnn_fail_name(const dnnb_dnn *dnn, const char *glob) {
    const dnnb__graph *graph = dnn->graph;
    size_t found = dnnb__graph_find_node(graph, glob);
    if (found != SIZE_MAX && found > 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT,
                          "layer '%s': expected a layer with parameters, found %s", glob,
                          dnnb__layer_get_type(graph->nodes[found].kind)->type_name);
    const char **names = dnnb__calloc(2 * graph->n_nodes, sizeof *names);
    if (!names) return dnnb__fail_memory();
    size_t n = 0;
    for (size_t i = 1; i < graph->n_nodes; i++) {
        names[n++] = graph->nodes[i].name;
        names[n++] = graph->nodes[i].path;
    }
    const char *nearest = dnnb__text_nearest(glob, names, n);
    dnnb_status status = dnnb__fail(DNNB_ERR_ARGUMENT, "layer '%s': %s has none that matches%s%s%s",
                                    glob, dnn->model->name, nearest ? "; the nearest is '" : "",
                                    nearest ? nearest : "", nearest ? "'" : "");
    dnnb__free(names);
    return status;
}

/* A glob that names nothing is somebody's mistake. */
static dnnb_status match_glob(const dnnb_dnn *dnn, const char *glob, bool *matches) {
    size_t n_matched = 0;
    for (size_t i = 0; i < dnn->graph->n_params; i++) {
        if (dnn->graph->params[i].is_buffer || !dnnb__graph_names_param(dnn->graph, i, glob))
            continue;
        matches[i] = true;
        n_matched++;
    }
    return n_matched > 0 ? DNNB_OK : dnnb__dnn_fail_name(dnn, glob);
}

static dnnb_status match_globs(const dnnb_dnn *dnn, const char *pattern, bool *matches) {
    char glob[256];
    size_t n_globs = 0;
    while (*pattern) {
        size_t n = strcspn(pattern, ",");
        if (n >= sizeof glob)
            return dnnb__fail(DNNB_ERR_ARGUMENT, "layer '%.40s...': expected a shorter pattern",
                              pattern);
        memcpy(glob, pattern, n);
        glob[n] = '\0';
        pattern += n + (pattern[n] == ',');
        if (n == 0) continue;
        n_globs++;
        DNNB_TRY(match_glob(dnn, glob, matches));
    }
    if (n_globs == 0)
        return dnnb__fail(DNNB_ERR_ARGUMENT, "layer pattern: expected a name, found nothing");
    return DNNB_OK;
}

dnnb_status dnnb__dnn_match(const dnnb_dnn *dnn, const char *pattern, bool *matches) {
    const dnnb__graph *graph = dnn->graph;
    bool is_backbone = strcmp(pattern, "backbone") == 0;
    size_t head = SIZE_MAX;
    memset(matches, 0, graph->n_params * sizeof *matches);
    if (!is_backbone && strcmp(pattern, "all") != 0) return match_globs(dnn, pattern, matches);
    if (is_backbone) {
        head = dnnb__graph_find_head(graph);
        if (head == SIZE_MAX)
            return dnnb__fail(DNNB_ERR_UNSUPPORTED, "%s: expected a head, found none",
                              dnn->model->name);
    }
    for (size_t i = 0; i < graph->n_params; i++)
        matches[i] = !graph->params[i].is_buffer && graph->params[i].node != head;
    return DNNB_OK;
}

dnnb_status dnnb_dnn_set_trainable(dnnb_dnn *dnn, const char *pattern, bool trainable) {
    bool *matches = dnnb__alloc(dnn->graph->n_params, sizeof *matches);
    if (!matches) return dnnb__fail_memory();
    dnnb_status status = dnnb__dnn_match(dnn, pattern, matches);
    for (size_t i = 0; status == DNNB_OK && i < dnn->graph->n_params; i++)
        if (matches[i]) dnn->graph->params[i].trainable = trainable;
    dnnb__free(matches);
    dnnb__dnn_drop_plans(dnn); /* what they differentiate was decided when they were made */
    return status;
}
