/* The calls of oneDNN whose form differs between its versions, in the form of version 2. */
#include "engine/onednn/dnnl_api.h"

#include <string.h>

#include "core/status.h"

enum { MAX_LAYOUTS = 1 << 16 };

dnnb_status dnnb__dnnl_check(dnnl_status_t status, const char *what) {
    if (status == dnnl_success) return DNNB_OK;
    if (status == dnnl_out_of_memory)
        return dnnb__fail(DNNB_ERR_MEMORY, "oneDNN: %s: out of memory", what);
    if (status == dnnl_unimplemented)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "oneDNN: %s: these settings are not supported",
                          what);
    return dnnb__fail(DNNB_ERR_INTERNAL, "oneDNN: %s: status %d", what, (int)status);
}

#define TRY_DNNL(call, what) DNNB_TRY(dnnb__dnnl_check(call, what))

const char *dnnb__onednn_get_version(void) {
    static _Thread_local char text[48];
    const dnnl_version_t *v = dnnl_version();
    (void)snprintf(text, sizeof text, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

/* By what changes a float32 result: later extensions of AVX-512 do not. */
const char *dnnb__onednn_get_instructions(void) {
    switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
        return "SSE4.1";
    case dnnl_cpu_isa_avx:
        return "AVX";
    case dnnl_cpu_isa_avx2:
    case dnnl_cpu_isa_avx2_vnni:
        return "AVX2";
    default:
        return "AVX-512";
    }
}

dnnb_status dnnb__dnnl_create(dnnb__dnnl **out) {
    *out = NULL;
    dnnb__dnnl *dnnl = dnnb__calloc(1, sizeof *dnnl);
    if (!dnnl) return dnnb__fail_memory();
    dnnb_status status = dnnb__dnnl_check(dnnl_engine_create(&dnnl->engine, dnnl_cpu, 0), "engine");
    if (status == DNNB_OK)
        status = dnnb__dnnl_check(
            dnnl_stream_create(&dnnl->stream, dnnl->engine, dnnl_stream_default_flags), "stream");
    if (status != DNNB_OK) {
        dnnb__dnnl_destroy(dnnl);
        return status;
    }
    *out = dnnl;
    return DNNB_OK;
}

void dnnb__dnnl_destroy(dnnb__dnnl *dnnl) {
    if (!dnnl) return;
    for (size_t i = 0; i < dnnl->n_layouts; i++) dnnb__free(dnnl->layouts[i]);
    dnnb__free(dnnl->layouts);
    if (dnnl->stream) (void)dnnl_stream_destroy(dnnl->stream);
    if (dnnl->engine) (void)dnnl_engine_destroy(dnnl->engine);
    dnnb__free(dnnl);
}

/* The table's entry that equals `desc`. */
static dnnb_status layout_keep(dnnb__dnnl *dnnl, dnnb__layout *out,
                               const dnnl_memory_desc_t *desc) {
    for (size_t i = 0; i < dnnl->n_layouts; i++) {
        if (!dnnl_memory_desc_equal(dnnl->layouts[i], desc)) continue;
        *out = dnnl->layouts[i];
        return DNNB_OK;
    }
    if (dnnl->n_layouts == dnnl->layout_capacity) {
        size_t capacity = dnnl->layout_capacity ? 2 * dnnl->layout_capacity : 32;
        if (capacity > MAX_LAYOUTS)
            return dnnb__fail(DNNB_ERR_LIMIT, "more than %d layouts", MAX_LAYOUTS);
        dnnl_memory_desc_t **layouts = dnnb__realloc(dnnl->layouts, capacity, sizeof *layouts);
        if (!layouts) return dnnb__fail_memory();
        dnnl->layouts = layouts;
        dnnl->layout_capacity = capacity;
    }
    dnnl_memory_desc_t *kept = dnnb__alloc(1, sizeof *kept);
    if (!kept) return dnnb__fail_memory();
    *kept = *desc;
    dnnl->layouts[dnnl->n_layouts++] = kept;
    *out = kept;
    return DNNB_OK;
}

static dnnb_status layout_tagged(dnnb__dnnl *dnnl, dnnb__layout *out, const int64_t *dims,
                                 size_t ndim, dnnl_format_tag_t tag) {
    dnnl_memory_desc_t desc;
    TRY_DNNL(dnnl_memory_desc_init_by_tag(&desc, (int)ndim, dims, dnnl_f32, tag), "layout");
    return layout_keep(dnnl, out, &desc);
}

dnnb_status dnnb__layout_plain(dnnb__dnnl *dnnl, dnnb__layout *out, const int64_t *dims,
                               size_t ndim) {
    static const dnnl_format_tag_t tags[DNNB__LAYOUT_MAX_NDIM + 1] = {
        dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde};
    DNNB_ASSERT(ndim >= 1 && ndim <= DNNB__LAYOUT_MAX_NDIM);
    return layout_tagged(dnnl, out, dims, ndim, tags[ndim]);
}

static const struct {
    int64_t block;
    dnnl_format_tag_t tag;
} block_tags[] = {{1, dnnl_nchw}, {4, dnnl_nChw4c}, {8, dnnl_nChw8c}, {16, dnnl_nChw16c}};
enum { N_BLOCK_TAGS = sizeof block_tags / sizeof block_tags[0] };

dnnb_status dnnb__layout_blocked(dnnb__dnnl *dnnl, dnnb__layout *out, const int64_t dims[4],
                                 int64_t block) {
    for (size_t i = 0; i < N_BLOCK_TAGS; i++)
        if (block_tags[i].block == block)
            return layout_tagged(dnnl, out, dims, 4, block_tags[i].tag);
    return dnnb__fail(DNNB_ERR_INTERNAL, "no layout with channel blocks of %lld", (long long)block);
}

dnnb_status dnnb__layout_find_block(dnnb__dnnl *dnnl, dnnb__layout layout, int64_t *block) {
    *block = 0;
    if (layout->ndims != 4) return DNNB_OK;
    for (size_t i = 0; i < N_BLOCK_TAGS && !*block; i++) {
        dnnb__layout candidate;
        DNNB_TRY(layout_tagged(dnnl, &candidate, layout->dims, 4, block_tags[i].tag));
        if (candidate == layout) *block = block_tags[i].block;
    }
    return DNNB_OK;
}

size_t dnnb__layout_get_bytes(dnnb__layout layout) {
    return dnnl_memory_desc_get_size(layout);
}

/* --- primitives --- */

void dnnb__primitive_destroy(dnnb__primitive *primitive) {
    if (primitive->handle) (void)dnnl_primitive_destroy(primitive->handle);
    *primitive = (dnnb__primitive){0};
}

dnnb__layout dnnb__primitive_get_layout(const dnnb__primitive *primitive, int arg) {
    for (size_t i = 0; i < primitive->n_args; i++)
        if (primitive->arg[i] == arg) return primitive->layout[i];
    return NULL;
}

bool dnnb__primitive_is_slow(const dnnb__primitive *primitive) {
    return strncmp(primitive->implementation, "ref", 3) == 0 ||
           strncmp(primitive->implementation, "simple:any", 10) == 0;
}

bool dnnb__primitive_is_gemm(const dnnb__primitive *primitive) {
    return strstr(primitive->implementation, "gemm") &&
           !strstr(primitive->implementation, "brgemm");
}

/* One argument: its number, and where a primitive descriptor tells its layout. */
typedef struct arg_query {
    int arg;
    dnnl_query_t query;
    int index;
} arg_query;

static dnnb_status primitive_fill(dnnb__dnnl *dnnl, dnnb__primitive *p,
                                  const_dnnl_primitive_desc_t desc, const arg_query *queries,
                                  size_t n_queries, const char *what) {
    TRY_DNNL(
        dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, (void *)&p->implementation),
        what);
    for (size_t i = 0; i < n_queries; i++) {
        const dnnl_memory_desc_t *md =
            dnnl_primitive_desc_query_md(desc, queries[i].query, queries[i].index);
        if (!md || md->ndims == 0) continue;
        p->arg[p->n_args] = queries[i].arg;
        DNNB_TRY(layout_keep(dnnl, &p->layout[p->n_args], md));
        p->n_args++;
    }
    const dnnl_memory_desc_t *scratch =
        dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    if (scratch && dnnl_memory_desc_get_size(scratch) > 0)
        DNNB_TRY(layout_keep(dnnl, &p->scratch, scratch));
    return dnnb__dnnl_check(dnnl_primitive_create(&p->handle, desc), what);
}

/* Attributes: scratch memory from the caller. ReLU is no part of them: oneDNN's turns NaN into 0,
 * and a network whose weights have become NaN would go on as if nothing had happened. */
static dnnb_status attr_create(dnnl_primitive_attr_t *out) {
    TRY_DNNL(dnnl_primitive_attr_create(out), "attributes");
    dnnl_status_t status = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    if (status != dnnl_success) (void)dnnl_primitive_attr_destroy(*out);
    return dnnb__dnnl_check(status, "attributes");
}

/* From an operation descriptor to a primitive. */
static dnnb_status primitive_create(dnnb__dnnl *dnnl, dnnb__primitive *out, const void *op,
                                    const dnnb__primitive *forward, const arg_query *queries,
                                    size_t n_queries, const char *what) {
    *out = (dnnb__primitive){0};
    const_dnnl_primitive_desc_t hint = NULL;
    if (forward) TRY_DNNL(dnnl_primitive_get_primitive_desc(forward->handle, &hint), what);
    dnnl_primitive_attr_t attr;
    DNNB_TRY(attr_create(&attr));
    dnnl_primitive_desc_t desc = NULL;
    dnnb_status status =
        dnnb__dnnl_check(dnnl_primitive_desc_create(&desc, op, attr, dnnl->engine, hint), what);
    if (status == DNNB_OK) status = primitive_fill(dnnl, out, desc, queries, n_queries, what);
    if (desc) (void)dnnl_primitive_desc_destroy(desc);
    (void)dnnl_primitive_attr_destroy(attr);
    if (status != DNNB_OK) dnnb__primitive_destroy(out);
    return status;
}

#define QUERY_COUNT(queries) (sizeof(queries) / sizeof(queries)[0])

static const arg_query forward_queries[] = {
    {DNNL_ARG_SRC, dnnl_query_src_md, 0},
    {DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0},
    {DNNL_ARG_BIAS, dnnl_query_weights_md, 1},
    {DNNL_ARG_DST, dnnl_query_dst_md, 0},
};
static const arg_query backward_data_queries[] = {
    {DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md, 0},
    {DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0},
    {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0},
};
static const arg_query backward_weights_queries[] = {
    {DNNL_ARG_SRC, dnnl_query_src_md, 0},
    {DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md, 0},
    {DNNL_ARG_DIFF_BIAS, dnnl_query_diff_weights_md, 1},
    {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md, 0},
};

/* A given layout, or "any" with these dimensions. */
static dnnb_status desc_or_any(dnnl_memory_desc_t *out, dnnb__layout layout, const int64_t *dims,
                               int ndim) {
    if (layout) {
        *out = *layout;
        return DNNB_OK;
    }
    TRY_DNNL(dnnl_memory_desc_init_by_tag(out, ndim, dims, dnnl_f32, dnnl_format_tag_any),
             "layout");
    return DNNB_OK;
}

/* --- convolution --- */

size_t dnnb__conv_get_weight_dims(const dnnb__conv *conv, int64_t dims[DNNB__LAYOUT_MAX_NDIM]) {
    size_t n = 0;
    if (conv->groups > 1) dims[n++] = conv->groups;
    dims[n++] = conv->out_channels / conv->groups;
    dims[n++] = conv->in_channels / conv->groups;
    dims[n++] = conv->kernel[0];
    dims[n++] = conv->kernel[1];
    return n;
}

dnnb_status dnnb__layout_weights_8i8o(dnnb__dnnl *dnnl, dnnb__layout *out, const dnnb__conv *conv) {
    int64_t dims[DNNB__LAYOUT_MAX_NDIM];
    size_t ndim = dnnb__conv_get_weight_dims(conv, dims);
    return layout_tagged(dnnl, out, dims, ndim, dnnl_OIhw8i8o);
}

/* The four memory descriptors of a convolution, and oneDNN's dilation, which counts the gaps. */
typedef struct conv_descs {
    dnnl_memory_desc_t src, weights, bias, dst;
    dnnl_dims_t stride, dilation, begin, end;
} conv_descs;

static dnnb_status conv_describe(conv_descs *d, const dnnb__conv *c, dnnb__layout src,
                                 dnnb__layout dst) {
    dnnl_dims_t in = {c->batch, c->in_channels, c->in[0], c->in[1]};
    dnnl_dims_t out = {c->batch, c->out_channels, c->out[0], c->out[1]};
    dnnl_dims_t bias = {c->out_channels};
    dnnl_dims_t weights;
    int weights_ndim = (int)dnnb__conv_get_weight_dims(c, weights);
    for (int i = 0; i < 2; i++) {
        d->stride[i] = c->stride[i];
        d->dilation[i] = c->dilation[i] - 1;
        d->begin[i] = c->padding_begin[i];
        d->end[i] = c->padding_end[i];
    }
    DNNB_TRY(desc_or_any(&d->src, src, in, 4));
    DNNB_TRY(desc_or_any(&d->dst, dst, out, 4));
    DNNB_TRY(desc_or_any(&d->weights, NULL, weights, weights_ndim));
    memset(&d->bias, 0, sizeof d->bias);
    if (c->bias)
        TRY_DNNL(dnnl_memory_desc_init_by_tag(&d->bias, 1, bias, dnnl_f32, dnnl_a), "layout");
    return DNNB_OK;
}

dnnb_status dnnb__conv_forward(dnnb__dnnl *dnnl, dnnb__primitive *out, const dnnb__conv *conv,
                               dnnb__layout src, dnnb__layout dst) {
    static const char what[] = "convolution forward";
    conv_descs d;
    DNNB_TRY(conv_describe(&d, conv, src, dst));
    dnnl_convolution_desc_t op;
    TRY_DNNL(dnnl_dilated_convolution_forward_desc_init(
                 &op, conv->training ? dnnl_forward_training : dnnl_forward_inference,
                 dnnl_convolution_direct, &d.src, &d.weights, conv->bias ? &d.bias : NULL, &d.dst,
                 d.stride, d.dilation, d.begin, d.end),
             what);
    return primitive_create(dnnl, out, &op, NULL, forward_queries, QUERY_COUNT(forward_queries),
                            what);
}

dnnb_status dnnb__conv_backward_data(dnnb__dnnl *dnnl, dnnb__primitive *out, const dnnb__conv *conv,
                                     dnnb__layout src, dnnb__layout dst,
                                     const dnnb__primitive *forward) {
    static const char what[] = "convolution backward data";
    conv_descs d;
    DNNB_TRY(conv_describe(&d, conv, src, dst));
    dnnl_convolution_desc_t op;
    TRY_DNNL(dnnl_dilated_convolution_backward_data_desc_init(&op, dnnl_convolution_direct, &d.src,
                                                              &d.weights, &d.dst, d.stride,
                                                              d.dilation, d.begin, d.end),
             what);
    return primitive_create(dnnl, out, &op, forward, backward_data_queries,
                            QUERY_COUNT(backward_data_queries), what);
}

dnnb_status dnnb__conv_backward_weights(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                        const dnnb__conv *conv, dnnb__layout src, dnnb__layout dst,
                                        const dnnb__primitive *forward) {
    static const char what[] = "convolution backward weights";
    conv_descs d;
    DNNB_TRY(conv_describe(&d, conv, src, dst));
    dnnl_convolution_desc_t op;
    TRY_DNNL(dnnl_dilated_convolution_backward_weights_desc_init(
                 &op, dnnl_convolution_direct, &d.src, &d.weights, conv->bias ? &d.bias : NULL,
                 &d.dst, d.stride, d.dilation, d.begin, d.end),
             what);
    return primitive_create(dnnl, out, &op, forward, backward_weights_queries,
                            QUERY_COUNT(backward_weights_queries), what);
}

/* --- matrix product --- */

typedef struct product_descs {
    dnnl_memory_desc_t src, weights, bias, dst;
} product_descs;

static dnnb_status product_describe(product_descs *d, const dnnb__product *p,
                                    dnnb__layout weights) {
    dnnl_dims_t src = {p->rows, p->in}, dst = {p->rows, p->out}, bias = {p->out};
    dnnl_dims_t weight_dims = {p->out, p->in};
    TRY_DNNL(dnnl_memory_desc_init_by_tag(&d->src, 2, src, dnnl_f32, dnnl_ab), "layout");
    TRY_DNNL(dnnl_memory_desc_init_by_tag(&d->dst, 2, dst, dnnl_f32, dnnl_ab), "layout");
    TRY_DNNL(dnnl_memory_desc_init_by_tag(&d->bias, 1, bias, dnnl_f32, dnnl_a), "layout");
    return desc_or_any(&d->weights, weights, weight_dims, 2);
}

dnnb_status dnnb__product_forward(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                  const dnnb__product *product, dnnb__layout weights) {
    static const char what[] = "matrix product forward";
    product_descs d;
    DNNB_TRY(product_describe(&d, product, weights));
    dnnl_inner_product_desc_t op;
    TRY_DNNL(dnnl_inner_product_forward_desc_init(
                 &op, product->training ? dnnl_forward_training : dnnl_forward_inference, &d.src,
                 &d.weights, product->bias ? &d.bias : NULL, &d.dst),
             what);
    return primitive_create(dnnl, out, &op, NULL, forward_queries, QUERY_COUNT(forward_queries),
                            what);
}

dnnb_status dnnb__product_backward_data(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                        const dnnb__product *product, dnnb__layout weights,
                                        const dnnb__primitive *forward) {
    static const char what[] = "matrix product backward data";
    product_descs d;
    DNNB_TRY(product_describe(&d, product, weights));
    dnnl_inner_product_desc_t op;
    TRY_DNNL(dnnl_inner_product_backward_data_desc_init(&op, &d.src, &d.weights, &d.dst), what);
    return primitive_create(dnnl, out, &op, forward, backward_data_queries,
                            QUERY_COUNT(backward_data_queries), what);
}

dnnb_status dnnb__product_backward_weights(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                           const dnnb__product *product, dnnb__layout weights,
                                           const dnnb__primitive *forward) {
    static const char what[] = "matrix product backward weights";
    product_descs d;
    DNNB_TRY(product_describe(&d, product, weights));
    dnnl_inner_product_desc_t op;
    TRY_DNNL(dnnl_inner_product_backward_weights_desc_init(&op, &d.src, &d.weights,
                                                           product->bias ? &d.bias : NULL, &d.dst),
             what);
    return primitive_create(dnnl, out, &op, forward, backward_weights_queries,
                            QUERY_COUNT(backward_weights_queries), what);
}

/* --- reorder --- */

dnnb_status dnnb__reorder(dnnb__dnnl *dnnl, dnnb__primitive *out, dnnb__layout from,
                          dnnb__layout to) {
    static const char what[] = "reorder";
    static const arg_query queries[] = {{DNNL_ARG_FROM, dnnl_query_src_md, 0},
                                        {DNNL_ARG_TO, dnnl_query_dst_md, 0}};
    *out = (dnnb__primitive){0};
    dnnl_primitive_attr_t attr;
    DNNB_TRY(attr_create(&attr));
    dnnl_primitive_desc_t desc = NULL;
    dnnb_status status = dnnb__dnnl_check(
        dnnl_reorder_primitive_desc_create(&desc, from, dnnl->engine, to, dnnl->engine, attr),
        what);
    if (status == DNNB_OK)
        status = primitive_fill(dnnl, out, desc, queries, QUERY_COUNT(queries), what);
    if (desc) (void)dnnl_primitive_desc_destroy(desc);
    (void)dnnl_primitive_attr_destroy(attr);
    if (status != DNNB_OK) dnnb__primitive_destroy(out);
    return status;
}

dnnb_status dnnb__reorder_once(dnnb__dnnl *dnnl, dnnb__layout from, const float *src,
                               dnnb__layout to, float *dst) {
    static const char what[] = "reorder";
    dnnb__primitive p;
    DNNB_TRY(dnnb__reorder(dnnl, &p, from, to));
    dnnl_exec_arg_t args[3] = {{DNNL_ARG_FROM, NULL}, {DNNL_ARG_TO, NULL}};
    void *handles[3] = {(void *)(uintptr_t)src, dst, NULL};
    dnnb__layout layouts[3] = {from, to, p.scratch};
    int n = 2;
    dnnb_status status = DNNB_OK;
    if (p.scratch) {
        args[n].arg = DNNL_ARG_SCRATCHPAD;
        handles[n] = dnnb__alloc(dnnb__layout_get_bytes(p.scratch), 1);
        if (!handles[n]) status = dnnb__fail_memory();
        n++;
    }
    for (int i = 0; i < n && status == DNNB_OK; i++)
        status = dnnb__dnnl_check(
            dnnl_memory_create(&args[i].memory, layouts[i], dnnl->engine, handles[i]), what);
    if (status == DNNB_OK)
        status = dnnb__dnnl_check(dnnl_primitive_execute(p.handle, dnnl->stream, n, args), what);
    if (status == DNNB_OK) status = dnnb__dnnl_check(dnnl_stream_wait(dnnl->stream), what);
    for (int i = 0; i < n; i++)
        if (args[i].memory) (void)dnnl_memory_destroy(args[i].memory);
    dnnb__free(handles[2]);
    dnnb__primitive_destroy(&p);
    return status;
}
