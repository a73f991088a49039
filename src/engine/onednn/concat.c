/*
 * concat: inputs joined along their channels.
 *
 * Method: in a layout with channels in blocks an image's channels are one run of memory, as long as
 * every input fills its blocks. So each image is a few copies. Inputs that differ in layout, or
 * would end inside a block, are taken row-major.
 */
#include <string.h>

#include "engine/onednn/plan.h"
#include "tensor/tensor.h"

typedef struct concat_settings {
    int64_t batch;
    size_t n_in;
    size_t count[DNNB__MAX_INPUTS]; /* elements an image of each input */
    size_t start[DNNB__MAX_INPUTS]; /* where they lie in an image of the output */
    size_t total;
    size_t part;          /* the input of a backward step */
    size_t element_bytes; /* 4, or 2 in bfloat16 */
} concat_settings;

static void join_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const concat_settings *s = step->settings;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < s->batch; n++) {
        char *out = (char *)step->data[0] + (size_t)n * s->total * s->element_bytes;
        for (size_t i = 0; i < s->n_in; i++) {
            size_t n_bytes = s->count[i] * s->element_bytes;
            memcpy(out + s->start[i] * s->element_bytes,
                   (const char *)step->data[i + 1] + (size_t)n * n_bytes, n_bytes);
        }
    }
}

static void split_run(const dnnb__step *step, const dnnb__step_random *random) {
    (void)random;
    const concat_settings *s = step->settings;
    size_t n_bytes = s->count[s->part] * s->element_bytes;
    const char *gradient = (const char *)step->data[1] + s->start[s->part] * s->element_bytes;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < s->batch; n++)
        memcpy((char *)step->data[0] + (size_t)n * n_bytes,
               gradient + (size_t)n * s->total * s->element_bytes, n_bytes);
}

static int64_t common_block(const dnnb__onednn_plan *plan, const dnnb__node *node) {
    int64_t block = plan->values[plan->node_value[node->inputs[0]]].block;
    if (!dnnb__layout_is_block(block)) return 1; /* channels last are not joined by copies */
    for (size_t i = 0; i < node->n_inputs; i++) {
        const dnnb__node *in = &plan->graph->nodes[node->inputs[i]];
        if (plan->values[plan->node_value[node->inputs[i]]].block != block) return 1;
        if (in->shape.dim[0] % block) return 1;
    }
    return block;
}

static dnnb_status settings_create(dnnb__onednn_plan *plan, const dnnb__op *op, size_t part,
                                   concat_settings **out) {
    void *memory;
    DNNB_TRY(dnnb__onednn_alloc(plan, &memory, 1, sizeof **out));
    concat_settings *s = memory;
    s->batch = (int64_t)plan->base.options.batch;
    s->n_in = op->n_in;
    s->part = part;
    s->element_bytes = dnnb__onednn_element_bytes(plan->values[op->in[0]].precision);
    for (size_t i = 0; i < op->n_in; i++) {
        if (!dnnb__shape_count(&plan->graph->nodes[op->node->inputs[i]].shape, &s->count[i]))
            return dnnb__fail(DNNB_ERR_SHAPE, "an input is too large");
        s->start[i] = s->total;
        s->total += s->count[i];
    }
    *out = s;
    return DNNB_OK;
}

static dnnb_status concat_forward(dnnb__onednn_plan *plan, dnnb__op *op) {
    int64_t block = common_block(plan, op->node);
    for (; op->n_in < op->node->n_inputs; op->n_in++)
        DNNB_TRY(
            dnnb__onednn_value_get(plan, &op->in[op->n_in], op->node->inputs[op->n_in], block));
    DNNB_TRY(dnnb__onednn_value_add(plan, op, &op->node->shape, block));
    concat_settings *settings = NULL;
    DNNB_TRY(settings_create(plan, op, 0, &settings));
    size_t buffers[DNNB__STEP_MAX_ARGS] = {plan->values[op->out].data};
    for (size_t i = 0; i < op->n_in; i++) buffers[i + 1] = plan->values[op->in[i]].data;
    return dnnb__onednn_add_kernel(plan, op->node->path, "forward", "own", join_run, settings,
                                   buffers, op->n_in + 1);
}

static dnnb_status concat_backward(dnnb__onednn_plan *plan, dnnb__op *op) {
    for (size_t i = 0; i < op->n_in; i++) {
        if (!plan->values[op->in[i]].wants_gradient) continue;
        concat_settings *settings = NULL;
        DNNB_TRY(settings_create(plan, op, i, &settings));
        size_t gradient;
        DNNB_TRY(dnnb__onednn_gradient_begin(plan, op->in[i], &gradient));
        size_t buffers[] = {gradient, plan->values[op->out].gradient};
        DNNB_TRY(dnnb__onednn_add_kernel(plan, op->node->path, "backward data", "own", split_run,
                                         settings, buffers, 2));
        DNNB_TRY(dnnb__onednn_gradient_end(plan, op->in[i], gradient, op->node->path));
    }
    return DNNB_OK;
}

extern const dnnb__op_type dnnb__onednn_concat;
const dnnb__op_type dnnb__onednn_concat = {.forward = concat_forward, .backward = concat_backward};
