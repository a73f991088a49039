/* The onednn engine: float32 and bfloat16 on oneDNN, its table of functions and of operations. */
#include "engine/onednn/conv2d_form.h"
#include "engine/onednn/op_list.h"
#include "engine/onednn/plan.h"

const dnnb__engine dnnb__engine_onednn = {
    .name = "onednn",
    .get_version = dnnb__onednn_get_version,
    .get_instructions = dnnb__onednn_get_instructions,
    .get_bf16_support = dnnb__onednn_get_bf16_support,
    .get_image_layout = dnnb__onednn_get_image_layout,
    .net_create = dnnb__onednn_net_create,
    .net_destroy = dnnb__onednn_net_destroy,
    .net_import = dnnb__onednn_net_import,
    .net_lend = dnnb__onednn_net_lend,
    .net_export = dnnb__onednn_net_export,
    .net_export_rows = dnnb__onednn_net_export_rows,
    .net_export_gradient = dnnb__onednn_net_export_gradient,
    .net_get_flat = dnnb__onednn_net_get_flat,
    .net_mark_changed = dnnb__onednn_net_mark_changed,
    .net_mark_trained = dnnb__onednn_net_mark_trained,
    .net_set_update = dnnb__onednn_net_set_update,
    .net_get_scratch = dnnb__onednn_net_get_scratch,
    .plan_create = dnnb__onednn_plan_create,
    .plan_destroy = dnnb__onednn_plan_destroy,
    .plan_forward = dnnb__onednn_plan_forward,
    .plan_get_output = dnnb__onednn_plan_get_output,
    .plan_backward = dnnb__onednn_plan_backward,
    .plan_get_input_gradient = dnnb__onednn_plan_get_input_gradient,
    .plan_get_n_ops = dnnb__onednn_plan_get_n_ops,
    .plan_get_op = dnnb__onednn_plan_get_op,
    .plan_set_timing = dnnb__onednn_plan_set_timing,
};

#define DECLARE_OP(kind, file) extern const dnnb__op_type dnnb__onednn_##file;
DNNB__ONEDNN_OP_LIST(DECLARE_OP)
#undef DECLARE_OP

const dnnb__op_type *dnnb__onednn_find_op(dnnb__layer_kind kind) {
    static const dnnb__op_type *const ops[DNNB__LAYER_KIND_COUNT] = {
#define OP_ENTRY(kind, file) [DNNB__LAYER_##kind] = &dnnb__onednn_##file,
        DNNB__ONEDNN_OP_LIST(OP_ENTRY)
#undef OP_ENTRY
    };
    return ops[kind];
}
