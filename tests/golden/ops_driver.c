/*
 * Runs small networks that a script describes, on any engine.
 *
 *   ops_driver engines                      names of the engines, one a line
 *   ops_driver run ENGINE THREADS DIR...    one forward and, when training, one backward pass
 *   ops_driver differences STEP DIR...      central differences of some elements, on ref
 *
 * DIR/net.txt has the lines
 *   input DIMENSION...
 *   batch N
 *   training 0|1
 *   random KEY0 KEY1 STEP
 *   input_gradient 0|1
 *   freeze GLOBS
 *   part FROM TO                            paths; without it the whole graph
 *   layer KIND PATH INPUTS SETTING...       INPUTS: paths divided by commas, or -
 * and values are raw float32: input.f32, output_gradient.f32 and param.PATH.f32 are read;
 * ENGINE.output.f32, ENGINE.input_gradient.f32 and ENGINE.gradient.PATH.f32 are written.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "tensor/tensor.h"

enum { PATH_BYTES = 600, LINE_BYTES = 512, MAX_SETTINGS = 16, MAX_PROBED = 50 };

static void check(dnnb_status status) {
    if (status == DNNB_OK) return;
    fprintf(stderr, "ops_driver: %s\n", dnnb_get_error());
    exit(1);
}

static void stop(const char *what, const char *found) {
    fprintf(stderr, "ops_driver: %s: %s\n", what, found);
    exit(1);
}

typedef struct spec {
    dnnb__graph *graph;
    dnnb__plan_options options;
    dnnb__step_random random;
} spec;

static const struct {
    const char *name;
    dnnb__layer_kind kind;
} kinds[] = {
#define KIND_ROW(kind, file, name) {#file, DNNB__LAYER_##kind},
    DNNB__LAYER_LIST(KIND_ROW)
#undef KIND_ROW
};

static dnnb__layer_kind find_kind(const char *name) {
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0) return kinds[i].kind;
    stop("unknown kind of layer", name);
    return DNNB__LAYER_INPUT;
}

static size_t read_numbers(const char *text, double *out, size_t n_max) {
    size_t n = 0;
    int used;
    while (n < n_max && sscanf(text, "%lf%n", &out[n], &used) == 1) {
        text += used;
        n++;
    }
    return n;
}

static void fill_attr(dnnb__layer_row *row, const double *v) {
    int64_t s[MAX_SETTINGS];
    for (size_t i = 0; i < MAX_SETTINGS; i++) s[i] = (int64_t)v[i];
    switch (row->kind) {
    case DNNB__LAYER_CONV2D:
        row->attr.conv2d = (dnnb__conv2d_attr){.out_channels = s[0],
                                               .kernel = {s[1], s[2]},
                                               .stride = {s[3], s[4]},
                                               .padding = {s[5], s[6]},
                                               .dilation = {s[7], s[8]},
                                               .groups = s[9],
                                               .no_bias = s[10] != 0};
        break;
    case DNNB__LAYER_LINEAR:
        row->attr.linear = (dnnb__linear_attr){.out_features = s[0], .no_bias = s[1] != 0};
        break;
    case DNNB__LAYER_MAXPOOL2D:
        row->attr.pool2d = (dnnb__pool2d_attr){.kernel = {s[0], s[1]},
                                               .stride = {s[2], s[3]},
                                               .padding = {s[4], s[5]},
                                               .ceil_mode = s[6] != 0};
        break;
    case DNNB__LAYER_ADAPTIVE_AVGPOOL2D:
        row->attr.adaptive_pool2d = (dnnb__adaptive_pool2d_attr){.out = {s[0], s[1]}};
        break;
    case DNNB__LAYER_DROPOUT:
        row->attr.dropout = (dnnb__dropout_attr){.p = (float)v[0]};
        break;
    default:
        break;
    }
}

static void add_layer(spec *s, const char *text) {
    char kind[64], path[128], inputs[256];
    int used;
    if (sscanf(text, "%63s %127s %255s%n", kind, path, inputs, &used) != 3)
        stop("expected KIND PATH INPUTS", text);
    double numbers[MAX_SETTINGS] = {0};
    read_numbers(text + used, numbers, MAX_SETTINGS);
    dnnb__layer_row row = {.path = path, .kind = find_kind(kind)};
    fill_attr(&row, numbers);
    size_t n = 0;
    char *next = inputs;
    while (strcmp(inputs, "-") != 0 && next && n < DNNB__MAX_INPUTS) {
        char *comma = strchr(next, ',');
        if (comma) *comma = '\0';
        row.from[n++] = strcmp(next, "input") == 0 ? "" : next;
        next = comma ? comma + 1 : NULL;
    }
    check(dnnb__graph_add(s->graph, &row, 1));
}

static void set_input(spec *s, const char *text) {
    double numbers[DNNB_MAX_NDIM];
    dnnb_shape shape = {.ndim = read_numbers(text, numbers, DNNB_MAX_NDIM)};
    for (size_t i = 0; i < shape.ndim; i++) shape.dim[i] = (int64_t)numbers[i];
    check(dnnb__graph_create(&s->graph, &shape));
}

static void set_part(spec *s, const char *text) {
    char from[128], to[128];
    if (sscanf(text, "%127s %127s", from, to) != 2) stop("expected FROM TO", text);
    s->options.from = dnnb__graph_find_node(s->graph, from);
    s->options.to = dnnb__graph_find_node(s->graph, to);
}

/* One line of net.txt; `part` and `freeze` come after the layers. */
static void read_line(spec *s, char *line) {
    char word[32], globs[256];
    int used = 0;
    unsigned a, b, c;
    if (sscanf(line, "%31s%n", word, &used) != 1) return;
    const char *rest = line + used;
    if (strcmp(word, "input") == 0)
        set_input(s, rest);
    else if (strcmp(word, "layer") == 0)
        add_layer(s, rest);
    else if (strcmp(word, "part") == 0)
        set_part(s, rest);
    else if (strcmp(word, "batch") == 0 && sscanf(rest, "%u", &a) == 1)
        s->options.batch = a;
    else if (strcmp(word, "training") == 0 && sscanf(rest, "%u", &a) == 1)
        s->options.mode = a ? DNNB__MODE_TRAIN : DNNB__MODE_TEST;
    else if (strcmp(word, "input_gradient") == 0 && sscanf(rest, "%u", &a) == 1)
        s->options.input_gradient = a != 0;
    else if (strcmp(word, "random") == 0 && sscanf(rest, "%u %u %u", &a, &b, &c) == 3)
        s->random = (dnnb__step_random){.key = {{a, b}}, .step = c};
    else if (strcmp(word, "freeze") == 0 && sscanf(rest, "%255s", globs) == 1)
        dnnb__graph_set_trainable(s->graph, globs, false);
    else
        stop("unknown line", line);
}

static spec read_spec(const char *folder) {
    char path[PATH_BYTES], line[LINE_BYTES];
    spec s = {.options.to = SIZE_MAX};
    snprintf(path, sizeof path, "%s/net.txt", folder);
    FILE *file = fopen(path, "r");
    if (!file) stop("cannot open", path);
    while (fgets(line, sizeof line, file)) read_line(&s, line);
    fclose(file);
    if (s.options.to == SIZE_MAX) s.options.to = s.graph->n_nodes - 1;
    return s;
}

static size_t get_count(const spec *s, size_t node) {
    size_t count;
    if (!dnnb__shape_count(&s->graph->nodes[node].shape, &count)) stop("shape", "too large");
    return count * s->options.batch;
}

static float *read_values(const char *folder, const char *name, size_t n) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s.f32", folder, name);
    FILE *file = fopen(path, "rb");
    float *values = malloc((n + 1) * sizeof *values);
    if (!file || !values || fread(values, sizeof *values, n + 1, file) != n)
        stop("cannot read, or another size than expected", path);
    fclose(file);
    return values;
}

static void write_values(const char *folder, const char *name, const void *values, size_t n_bytes) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(values, 1, n_bytes, file) != n_bytes || fclose(file) != 0)
        stop("cannot write", path);
}

static dnnb__net *make_net(const spec *s, const char *folder, const char *engine,
                           size_t n_threads) {
    dnnb__net *net;
    char name[256];
    check(dnnb__net_create(&net, engine, s->graph, n_threads));
    for (size_t i = 0; i < s->graph->n_params; i++) {
        snprintf(name, sizeof name, "param.%s", s->graph->params[i].path);
        float *values = read_values(folder, name, s->graph->params[i].count);
        check(dnnb__net_import(net, i, values));
        free(values);
    }
    return net;
}

static void write_gradients(const spec *s, const char *folder, const char *engine, dnnb__net *net) {
    char name[256];
    for (size_t i = 0; i < s->graph->n_params; i++) {
        if (!dnnb__net_get_flat(net, i).gradient) continue;
        const dnnb__param *param = &s->graph->params[i];
        float *values = malloc(param->count * sizeof *values);
        check(dnnb__net_export_gradient(net, i, values));
        snprintf(name, sizeof name, "%s.gradient.%s.f32", engine, param->path);
        write_values(folder, name, values, param->count * sizeof *values);
        free(values);
    }
}

static void run(const char *folder, const char *engine, size_t n_threads) {
    spec s = read_spec(folder);
    char name[256];
    bool training = s.options.mode == DNNB__MODE_TRAIN;
    size_t n_in = get_count(&s, s.options.from), n_out = get_count(&s, s.options.to);
    float *input = read_values(folder, "input", n_in);
    dnnb__net *net = make_net(&s, folder, engine, n_threads);
    dnnb__plan *plan;
    check(dnnb__plan_create(&plan, net, &s.options));
    check(dnnb__plan_forward(plan, input, training ? &s.random : NULL));
    snprintf(name, sizeof name, "%s.output.f32", engine);
    write_values(folder, name, dnnb__plan_get_output(plan), n_out * sizeof(float));
    if (training) {
        float *gradient = read_values(folder, "output_gradient", n_out);
        check(dnnb__plan_backward(plan, gradient));
        free(gradient);
        write_gradients(&s, folder, engine, net);
        const float *input_gradient = dnnb__plan_get_input_gradient(plan);
        snprintf(name, sizeof name, "%s.input_gradient.f32", engine);
        if (input_gradient) write_values(folder, name, input_gradient, n_in * sizeof(float));
    }
    dnnb__plan_destroy(plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(s.graph);
    free(input);
}

/* What central differences need: the loss is the sum of output times output gradient. */
typedef struct probe {
    const spec *s;
    dnnb__plan *plan;
    const float *input;
    const float *output_gradient;
    size_t n_out;
} probe;

static double get_loss(const probe *p) {
    check(dnnb__plan_forward(p->plan, p->input, &p->s->random));
    const float *output = dnnb__plan_get_output(p->plan);
    double loss = 0;
    for (size_t i = 0; i < p->n_out; i++) loss += (double)output[i] * (double)p->output_gradient[i];
    return loss;
}

/* d loss / d values[i] for about MAX_PROBED of the n, spread evenly, and NaN for the others; the
 * values are put back. */
static double *differentiate(const probe *p, float *values, size_t n, float step) {
    double *slopes = malloc(n * sizeof *slopes);
    size_t stride = n / MAX_PROBED + 1;
    for (size_t i = 0; i < n; i++) {
        float kept = values[i];
        slopes[i] = NAN;
        if (i % stride != 0) continue;
        float above = kept + step, below = kept - step;
        values[i] = above;
        double loss = get_loss(p);
        values[i] = below;
        loss -= get_loss(p);
        values[i] = kept;
        slopes[i] = loss / ((double)above - (double)below);
    }
    return slopes;
}

static void write_differences(const char *folder, float step) {
    spec s = read_spec(folder);
    char name[256];
    size_t n_in = get_count(&s, s.options.from), n_out = get_count(&s, s.options.to);
    float *input = read_values(folder, "input", n_in);
    float *output_gradient = read_values(folder, "output_gradient", n_out);
    dnnb__net *net = make_net(&s, folder, "ref", 1);
    probe p = {.s = &s, .input = input, .output_gradient = output_gradient, .n_out = n_out};
    check(dnnb__plan_create(&p.plan, net, &s.options));
    double *slopes = differentiate(&p, input, n_in, step);
    write_values(folder, "differences.input_gradient.f64", slopes, n_in * sizeof *slopes);
    free(slopes);
    for (size_t i = 0; i < s.graph->n_params; i++) {
        dnnb__flat flat = dnnb__net_get_flat(net, i);
        slopes = differentiate(&p, flat.weight, flat.n, step);
        snprintf(name, sizeof name, "differences.gradient.%s.f64", s.graph->params[i].path);
        write_values(folder, name, slopes, flat.n * sizeof *slopes);
        free(slopes);
    }
    dnnb__plan_destroy(p.plan);
    dnnb__net_destroy(net);
    dnnb__graph_destroy(s.graph);
    free(output_gradient);
    free(input);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "engines") == 0) {
        size_t n;
        const char *const *names = dnnb__engine_get_names(&n);
        for (size_t i = 0; i < n; i++) printf("%s\n", names[i]);
    } else if (argc > 4 && strcmp(argv[1], "run") == 0) {
        for (int i = 4; i < argc; i++) run(argv[i], argv[2], (size_t)strtoul(argv[3], NULL, 10));
    } else if (argc > 3 && strcmp(argv[1], "differences") == 0) {
        for (int i = 3; i < argc; i++) write_differences(argv[i], strtof(argv[2], NULL));
    } else {
        stop("usage", "engines | run ENGINE THREADS DIR... | differences STEP DIR...");
    }
    return 0;
}
