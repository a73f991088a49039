/*
 * Prints a network as the graph has it, or writes its initial parameters.
 *
 *   models_driver names
 *   models_driver show NAME          lines "layer PATH NAME TYPE DIMENSION...",
 *                                    "parameter PATH DIMENSION..."
 *   models_driver initialize NAME SEED FILE     all parameters, raw float32, one after another
 *   models_driver run NAME ENGINE BATCH FOLDER  FOLDER/{parameters,input,output_gradient}.f32 to
 *                                    ENGINE.output.f32 and ENGINE.gradients.f32; no dropout.
 *                                    The engine bf16 is onednn in bfloat16
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "models/models.h"
#include "tensor/tensor.h"

static void check(dnnb_status status) {
    if (status == DNNB_OK) return;
    fprintf(stderr, "models_driver: %s\n", dnnb_get_error());
    exit(1);
}

static dnnb__graph *make_graph(const char *name) {
    const dnnb__model *model;
    dnnb__graph *graph;
    check(dnnb__model_find(&model, name));
    check(dnnb__graph_create(&graph, &model->input));
    check(model->build(graph));
    return graph;
}

static void show_shape(const dnnb_shape *shape) {
    for (size_t i = 0; i < shape->ndim; i++) printf(" %lld", (long long)shape->dim[i]);
    printf("\n");
}

static void show(const char *name) {
    dnnb__graph *graph = make_graph(name);
    for (size_t i = 1; i < graph->n_nodes; i++) {
        const dnnb__node *node = &graph->nodes[i];
        printf("layer %s %s %s", node->path, node->name,
               dnnb__layer_get_type(node->kind)->type_name);
        show_shape(&node->shape);
    }
    for (size_t i = 0; i < graph->n_params; i++) {
        printf("parameter %s", graph->params[i].path);
        show_shape(&graph->params[i].shape);
    }
    dnnb__graph_destroy(graph);
}

static void initialize(const char *name, uint64_t seed, const char *path) {
    dnnb__graph *graph = make_graph(name);
    dnnb__random_key key = dnnb__random_key_create(seed, DNNB__PURPOSE_INIT);
    FILE *file = fopen(path, "wb");
    if (!file) exit(1);
    for (size_t i = 0; i < graph->n_params; i++) {
        size_t n = graph->params[i].count;
        float *values = malloc(n * sizeof *values);
        if (!values) exit(1);
        dnnb__param_initialize(&graph->params[i], key, values);
        if (fwrite(values, sizeof *values, n, file) != n) exit(1);
        free(values);
    }
    if (fclose(file) != 0) exit(1);
    dnnb__graph_destroy(graph);
}

static FILE *open_file(const char *folder, const char *prefix, const char *name, const char *mode) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s%s.f32", folder, prefix, name);
    FILE *file = fopen(path, mode);
    if (!file) {
        fprintf(stderr, "models_driver: cannot open %s\n", path);
        exit(1);
    }
    return file;
}

static float *read_floats(FILE *file, size_t n) {
    float *values = malloc(n * sizeof *values);
    if (!values || fread(values, sizeof *values, n, file) != n) exit(1);
    return values;
}

static void run_plan(dnnb__net *net, const char *engine, size_t batch, const char *folder) {
    const dnnb__graph *graph = dnnb__net_get_graph(net);
    dnnb__plan_options options = {
        .mode = DNNB__MODE_TRAIN, .batch = batch, .to = graph->n_nodes - 1};
    dnnb__step_random random = {.key = {{1, 2}}, .step = 3};
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s.", engine);
    size_t n_in, n_out;
    if (!dnnb__shape_count(&graph->nodes[0].shape, &n_in) ||
        !dnnb__shape_count(&graph->nodes[options.to].shape, &n_out))
        exit(1);
    dnnb__plan *plan;
    check(dnnb__plan_create(&plan, net, &options));
    FILE *file = open_file(folder, "", "input", "rb");
    float *input = read_floats(file, n_in * batch);
    fclose(file);
    check(dnnb__plan_forward(plan, input, &random));
    file = open_file(folder, prefix, "output", "wb");
    if (fwrite(dnnb__plan_get_output(plan), sizeof(float), n_out * batch, file) != n_out * batch)
        exit(1);
    fclose(file);
    file = open_file(folder, "", "output_gradient", "rb");
    float *output_gradient = read_floats(file, n_out * batch);
    fclose(file);
    check(dnnb__plan_backward(plan, output_gradient));
    file = open_file(folder, prefix, "gradients", "wb");
    for (size_t i = 0; i < graph->n_params; i++) {
        size_t n = graph->params[i].count;
        float *values = malloc(n * sizeof *values);
        check(dnnb__net_export_gradient(net, i, values));
        if (fwrite(values, sizeof *values, n, file) != n) exit(1);
        free(values);
    }
    if (fclose(file) != 0) exit(1);
    dnnb__plan_destroy(plan);
    free(input);
    free(output_gradient);
}

static void run(const char *name, const char *engine, size_t batch, const char *folder) {
    dnnb__graph *graph = make_graph(name);
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].kind == DNNB__LAYER_DROPOUT) graph->nodes[i].attr.dropout.p = 0;
    dnnb__net *net;
    bool is_bf16 = strcmp(engine, "bf16") == 0;
    check(dnnb__net_create_in(&net, is_bf16 ? "onednn" : engine, graph, 2,
                              is_bf16 ? DNNB__BF16 : DNNB__F32));
    FILE *file = open_file(folder, "", "parameters", "rb");
    for (size_t i = 0; i < graph->n_params; i++) {
        float *values = read_floats(file, graph->params[i].count);
        check(dnnb__net_import(net, i, values));
        free(values);
    }
    fclose(file);
    run_plan(net, engine, batch, folder);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(graph);
}

int main(int argc, char **argv) {
    size_t n;
    if (argc == 2 && strcmp(argv[1], "names") == 0) {
        const dnnb__model *const *models = dnnb__model_get_all(&n);
        for (size_t i = 0; i < n; i++) printf("%s\n", models[i]->name);
    } else if (argc == 3 && strcmp(argv[1], "show") == 0) {
        show(argv[2]);
    } else if (argc == 5 && strcmp(argv[1], "initialize") == 0) {
        initialize(argv[2], strtoull(argv[3], NULL, 10), argv[4]);
    } else if (argc == 6 && strcmp(argv[1], "run") == 0) {
        run(argv[2], argv[3], (size_t)strtoul(argv[4], NULL, 10), argv[5]);
    } else {
        fprintf(stderr, "models_driver: wrong arguments\n");
        return 1;
    }
    return 0;
}
