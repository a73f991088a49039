/* Every call of oneDNN, in the form of its version 3 (see dnnl_version.h). */
#include "engine/onednn/dnnl_api.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "engine/onednn/dnnl_version.h"
#include "kernels/kernels.h"

enum { MAX_LAYOUTS = 1 << 16 };

struct dnnb__layout_entry {
    dnnb__desc desc;
};

struct dnnb__dnnl {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_attr_t attr; /* of every primitive */
    dnnb__precision precision;
    bool channels_last, exchanges, widens;
    struct dnnb__layout_entry **layouts;
    size_t n_layouts, layout_capacity;
};

/* The status for what oneDNN returned, with a message that says what it was asked for. */
static dnnb_status check(dnnl_status_t status, const char *what) {
    if (status == dnnl_success) return DNNB_OK;
    if (status == dnnl_out_of_memory)
        return dnnb__fail(DNNB_ERR_MEMORY, "oneDNN: %s: out of memory", what);
    if (status == dnnl_unimplemented)
        return dnnb__fail(DNNB_ERR_UNSUPPORTED, "oneDNN: %s: these settings are not supported",
                          what);
    return dnnb__fail(DNNB_ERR_INTERNAL, "oneDNN: %s: status %d", what, (int)status);
}

#define TRY_DNNL(call, what) DNNB_TRY(check(call, what))

const char *dnnb__onednn_get_version(void) {
    static _Thread_local char text[48];
    const dnnl_version_t *v = dnnl_version();
    (void)snprintf(text, sizeof text, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    return text;
}

/* DNNBRAIN_MAX_ISA limits oneDNN too, unless it has a limit of its own. oneDNN refuses what comes
 * after its first use, by which time the same limit holds. */
static dnnb_status limit_instructions(void) {
    static const dnnl_cpu_isa_t limits[DNNB__ISA_COUNT] = {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2,
                                                           dnnl_cpu_isa_avx512_core_bf16};
    dnnb__isa isa;
    DNNB_TRY(dnnb__isa_get(&isa));
    bool has_own = getenv("ONEDNN_MAX_CPU_ISA") || getenv("DNNL_MAX_CPU_ISA");
    if (!has_own && dnnb__isa_is_limited()) (void)dnnl_set_max_cpu_isa(limits[isa]);
    return DNNB_OK;
}

dnnb__isa dnnb__onednn_get_isa(void) {
    const char *name = dnnb__onednn_get_instructions(DNNB__F32);
    dnnb__isa theirs = DNNB__ISA_SSE, ours;
    if (strcmp(name, "AVX2") == 0) theirs = DNNB__ISA_AVX2;
    if (strcmp(name, "AVX-512") == 0) theirs = DNNB__ISA_AVX512;
    if (dnnb__isa_get(&ours) != DNNB_OK) return DNNB__ISA_SSE;
    return ours < theirs ? ours : theirs;
}

/* Of two sets of instructions, each a bit. */
static bool includes(dnnl_cpu_isa_t isa, dnnl_cpu_isa_t part) {
    return ((unsigned)isa & (unsigned)part) == (unsigned)part;
}

dnnb__bf16_support dnnb__onednn_get_bf16_support(void) {
    (void)limit_instructions(); /* a wrong limit fails when a net is made */
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    if (includes(isa, dnnl_cpu_isa_avx512_core_amx)) return DNNB__BF16_TILES;
    if (!includes(isa, dnnl_cpu_isa_avx512_core)) return DNNB__BF16_NONE;
    bool has_vectors = includes(isa, dnnl_cpu_isa_avx512_core_bf16);
    return has_vectors && !dnnb__kernels_bf16_is_slow() ? DNNB__BF16_VECTORS : DNNB__BF16_WIDENED;
}

const char *dnnb__onednn_get_instructions(dnnb__precision precision) {
    static const char *const bf16_names[] = {[DNNB__BF16_WIDENED] = "AVX-512, bf16 widened",
                                             [DNNB__BF16_VECTORS] = "AVX-512 bf16",
                                             [DNNB__BF16_TILES] = "AMX bf16"};
    dnnb__bf16_support support = dnnb__onednn_get_bf16_support();
    if (precision == DNNB__BF16 && support != DNNB__BF16_NONE) return bf16_names[support];
    return dnnb__dnnl_isa_name(dnnl_get_effective_cpu_isa());
}

/* Attributes: scratch memory from the caller. ReLU is no part of them: oneDNN's turns NaN into 0,
 * and a network whose weights have become NaN would go on as if nothing had happened. */
static dnnb_status dnnl_prepare(dnnb__dnnl *dnnl) {
    DNNB_TRY(dnnb__dnnl_check_version());
    DNNB_TRY(limit_instructions());
    TRY_DNNL(dnnl_engine_create(&dnnl->engine, dnnl_cpu, 0), "engine");
    TRY_DNNL(dnnl_stream_create(&dnnl->stream, dnnl->engine, dnnl_stream_default_flags), "stream");
    TRY_DNNL(dnnl_primitive_attr_create(&dnnl->attr), "attributes");
    return check(dnnl_primitive_attr_set_scratchpad_mode(dnnl->attr, dnnl_scratchpad_mode_user),
                 "attributes");
}

dnnb_status dnnb__dnnl_create(dnnb__dnnl **out, dnnb__precision precision) {
    *out = NULL;
    dnnb__dnnl *dnnl = dnnb__calloc(1, sizeof *dnnl);
    if (!dnnl) return dnnb__fail_memory();
    dnnl->precision = precision;
    dnnb__bf16_support support = dnnb__onednn_get_bf16_support();
    dnnl->channels_last = precision == DNNB__BF16 && support == DNNB__BF16_TILES;
    dnnl->exchanges = dnnl->channels_last;
    dnnl->widens = precision == DNNB__BF16 && support == DNNB__BF16_WIDENED;
    dnnb_status status = dnnl_prepare(dnnl);
    if (status != DNNB_OK) {
        dnnb__dnnl_destroy(dnnl);
        return status;
    }
    *out = dnnl;
    return DNNB_OK;
}

void dnnb__dnnl_destroy(dnnb__dnnl *dnnl) {
    if (!dnnl) return;
    for (size_t i = 0; i < dnnl->n_layouts; i++) {
        dnnb__desc_destroy(dnnl->layouts[i]->desc);
        dnnb__free(dnnl->layouts[i]);
    }
    dnnb__free(dnnl->layouts);
    if (dnnl->attr) (void)dnnl_primitive_attr_destroy(dnnl->attr);
    if (dnnl->stream) (void)dnnl_stream_destroy(dnnl->stream);
    if (dnnl->engine) (void)dnnl_engine_destroy(dnnl->engine);
    dnnb__free(dnnl);
}

dnnb__precision dnnb__dnnl_get_precision(const dnnb__dnnl *dnnl) {
    return dnnl->precision;
}

void dnnb__dnnl_set_channels_last(dnnb__dnnl *dnnl, bool on) {
    dnnl->channels_last = on;
}

bool dnnb__dnnl_is_channels_last(const dnnb__dnnl *dnnl) {
    return dnnl->channels_last;
}

void dnnb__dnnl_set_exchanges(dnnb__dnnl *dnnl, bool on) {
    dnnl->exchanges = on;
}

bool dnnb__dnnl_exchanges(const dnnb__dnnl *dnnl) {
    return dnnl->exchanges;
}

void dnnb__dnnl_set_widens(dnnb__dnnl *dnnl, bool on) {
    dnnl->widens = on;
}

bool dnnb__dnnl_widens(const dnnb__dnnl *dnnl) {
    return dnnl->widens;
}

/* --- layouts --- */

static const dnnl_data_type_t data_types[] = {[DNNB__F32] = dnnl_f32, [DNNB__BF16] = dnnl_bf16};

static dnnb_status layout_add(dnnb__dnnl *dnnl, dnnb__layout *out, dnnb__const_desc desc) {
    if (dnnl->n_layouts == dnnl->layout_capacity) {
        size_t capacity = dnnl->layout_capacity ? 2 * dnnl->layout_capacity : 32;
        if (capacity > MAX_LAYOUTS)
            return dnnb__fail(DNNB_ERR_LIMIT, "more than %d layouts", MAX_LAYOUTS);
        struct dnnb__layout_entry **layouts =
            dnnb__realloc(dnnl->layouts, capacity, sizeof *layouts);
        if (!layouts) return dnnb__fail_memory();
        dnnl->layouts = layouts;
        dnnl->layout_capacity = capacity;
    }
    struct dnnb__layout_entry *entry = dnnb__alloc(1, sizeof *entry);
    if (!entry) return dnnb__fail_memory();
    dnnb_status status = check(dnnb__desc_clone(&entry->desc, desc), "layout");
    if (status != DNNB_OK) {
        dnnb__free(entry);
        return status;
    }
    dnnl->layouts[dnnl->n_layouts++] = entry;
    *out = entry;
    return DNNB_OK;
}

/* The table's entry that equals `desc`. */
static dnnb_status layout_keep(dnnb__dnnl *dnnl, dnnb__layout *out, dnnb__const_desc desc) {
    for (size_t i = 0; i < dnnl->n_layouts; i++) {
        if (!dnnl_memory_desc_equal(dnnl->layouts[i]->desc, desc)) continue;
        *out = dnnl->layouts[i];
        return DNNB_OK;
    }
    return layout_add(dnnl, out, desc);
}

static dnnb_status layout_tagged(dnnb__dnnl *dnnl, dnnb__layout *out, dnnb__precision precision,
                                 const int64_t *dims, size_t ndim, dnnl_format_tag_t tag) {
    dnnl_dims_t all = {0};
    memcpy(all, dims, ndim * sizeof *dims);
    dnnb__desc desc;
    TRY_DNNL(dnnb__desc_create(&desc, (int)ndim, all, data_types[precision], tag), "layout");
    dnnb_status status = layout_keep(dnnl, out, desc);
    dnnb__desc_destroy(desc);
    return status;
}

dnnb_status dnnb__layout_plain(dnnb__dnnl *dnnl, dnnb__layout *out, const int64_t *dims,
                               size_t ndim) {
    return dnnb__layout_plain_in(dnnl, out, DNNB__F32, dims, ndim);
}

dnnb_status dnnb__layout_plain_in(dnnb__dnnl *dnnl, dnnb__layout *out, dnnb__precision precision,
                                  const int64_t *dims, size_t ndim) {
    static const dnnl_format_tag_t tags[DNNB__LAYOUT_MAX_NDIM + 1] = {
        dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde};
    DNNB_ASSERT(ndim >= 1 && ndim <= DNNB__LAYOUT_MAX_NDIM);
    return layout_tagged(dnnl, out, precision, dims, ndim, tags[ndim]);
}

static const struct {
    int64_t block;
    dnnl_format_tag_t tag;
} block_tags[] = {{1, dnnl_nchw}, {4, dnnl_nChw4c}, {8, dnnl_nChw8c}, {16, dnnl_nChw16c}};
enum { N_BLOCK_TAGS = sizeof block_tags / sizeof block_tags[0] };

bool dnnb__layout_is_block(int64_t block) {
    for (size_t i = 0; i < N_BLOCK_TAGS; i++)
        if (block_tags[i].block == block) return true;
    return false;
}

dnnb_status dnnb__layout_blocked(dnnb__dnnl *dnnl, dnnb__layout *out, dnnb__precision precision,
                                 const int64_t dims[4], int64_t block) {
    for (size_t i = 0; i < N_BLOCK_TAGS; i++)
        if (block_tags[i].block == block)
            return layout_tagged(dnnl, out, precision, dims, 4, block_tags[i].tag);
    if (block == dims[1]) return layout_tagged(dnnl, out, precision, dims, 4, dnnl_nhwc);
    return dnnb__fail(DNNB_ERR_INTERNAL, "no layout with channel blocks of %lld", (long long)block);
}

dnnb_status dnnb__layout_find_block(dnnb__dnnl *dnnl, dnnb__layout layout, int64_t *block) {
    *block = 0;
    const int64_t *dims;
    if (dnnb__desc_get_dims(layout->desc, &dims) != 4) return DNNB_OK;
    for (size_t i = 0; i < N_BLOCK_TAGS && !*block; i++) {
        dnnb__layout candidate;
        DNNB_TRY(layout_tagged(dnnl, &candidate, dnnl->precision, dims, 4, block_tags[i].tag));
        if (candidate == layout) *block = block_tags[i].block;
    }
    if (*block || dnnl->precision == DNNB__F32) return DNNB_OK;
    dnnb__layout last;
    DNNB_TRY(layout_tagged(dnnl, &last, dnnl->precision, dims, 4, dnnl_nhwc));
    if (last == layout) *block = dims[1];
    return DNNB_OK;
}

dnnb_status dnnb__layout_find_width(dnnb__dnnl *dnnl, dnnb__layout layout, int64_t *width) {
    static const struct {
        int64_t width;
        dnnl_format_tag_t tag;
    } tags[] = {{16, dnnl_AB16b16a}, {32, dnnl_AB16b32a}, {64, dnnl_AB16b64a}};
    const int64_t *dims;
    *width = 0;
    if (dnnb__desc_get_dims(layout->desc, &dims) != 2) return DNNB_OK;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0] && !*width; i++) {
        dnnb__layout candidate;
        DNNB_TRY(layout_tagged(dnnl, &candidate, DNNB__F32, dims, 2, tags[i].tag));
        if (candidate == layout) *width = tags[i].width;
    }
    return DNNB_OK;
}

/* Weights whose rows of `row` outputs follow each other in float32, and lie in pairs in bfloat16.
 * Blocks of 16 inputs there are blocks of 8 or 16 pairs here: the same order. */
static const struct {
    size_t ndim, row;
    dnnl_format_tag_t kept, rounded;
} pair_tags[] = {
    {2, 0, dnnl_ab, dnnl_ab},
    {2, 0, dnnl_ba, dnnl_ba},
    {2, 16, dnnl_AB16b16a, dnnl_AB8b16a2b},
    {2, 32, dnnl_AB16b32a, dnnl_AB8b32a2b},
    {2, 64, dnnl_AB16b64a, dnnl_AB8b64a2b},
    {2, 16, dnnl_AB16b16a, dnnl_AB16b16a2b},
    {2, 32, dnnl_AB16b32a, dnnl_AB16b32a2b},
    {2, 64, dnnl_AB16b64a, dnnl_AB16b64a2b},
    {4, 0, dnnl_abcd, dnnl_abcd},
    {4, 16, dnnl_ABcd16b16a, dnnl_ABcd8b16a2b},
};
enum { N_PAIR_TAGS = sizeof pair_tags / sizeof pair_tags[0] };

/* Row i of the table for the dimensions of `kept`: whether it is in float32, and what it is in
 * bfloat16. */
static dnnb_status find_tags(dnnb__dnnl *dnnl, dnnb__layout kept, size_t i, dnnb__layout *bf16,
                             bool *is_kept) {
    const int64_t *dims;
    size_t ndim = dnnb__desc_get_dims(kept->desc, &dims);
    *is_kept = false;
    if (pair_tags[i].ndim != ndim) return DNNB_OK;
    dnnb__layout f32;
    DNNB_TRY(layout_tagged(dnnl, &f32, DNNB__F32, dims, ndim, pair_tags[i].kept));
    DNNB_TRY(layout_tagged(dnnl, bf16, DNNB__BF16, dims, ndim, pair_tags[i].rounded));
    *is_kept = f32 == kept;
    return DNNB_OK;
}

dnnb_status dnnb__layout_round(dnnb__dnnl *dnnl, dnnb__layout kept, size_t row, dnnb__layout *out,
                               bool *found) {
    *found = false;
    for (size_t i = 0; i < N_PAIR_TAGS && !*found; i++) {
        if (pair_tags[i].row != row) continue;
        DNNB_TRY(find_tags(dnnl, kept, i, out, found));
        *found = *found && dnnb__layout_get_bytes(kept) == 2 * dnnb__layout_get_bytes(*out);
    }
    return DNNB_OK;
}

dnnb_status dnnb__layout_find_pairs(dnnb__dnnl *dnnl, dnnb__layout kept, dnnb__layout rounded,
                                    bool *found, size_t *row) {
    *found = false;
    *row = 0;
    /* An odd number of blocks of 16 inputs is padded to one more in blocks of 32. */
    if (dnnb__layout_get_bytes(kept) != 2 * dnnb__layout_get_bytes(rounded)) return DNNB_OK;
    for (size_t i = 0; i < N_PAIR_TAGS && !*found; i++) {
        dnnb__layout bf16 = NULL;
        bool is_kept;
        DNNB_TRY(find_tags(dnnl, kept, i, &bf16, &is_kept));
        *found = is_kept && bf16 == rounded;
        *row = pair_tags[i].row;
    }
    return DNNB_OK;
}

dnnb_status dnnb__layout_exchange(dnnb__dnnl *dnnl, dnnb__layout *out, dnnb__layout weights) {
    static const int order[] = {1, 0, 2, 3};
    dnnb__desc desc;
    TRY_DNNL(dnnb__desc_permute(&desc, weights->desc, order), "layout");
    dnnb_status status = layout_keep(dnnl, out, desc);
    dnnb__desc_destroy(desc);
    return status;
}

bool dnnb__layout_find_positions(dnnb__layout weights, size_t *n_positions, size_t *n_together) {
    const int64_t *dims, *strides, *blocked;
    int n_blocked;
    if (dnnb__desc_get_dims(weights->desc, &dims) != 4 ||
        dnnb__desc_get_strides(weights->desc, &strides, &blocked, &n_blocked) != dnnl_success)
        return false;
    for (int i = 0; i < n_blocked; i++)
        if (blocked[i] >= 2) return false;
    /* The stride of a dimension of one element says nothing. */
    int last = dims[3] > 1 ? 3 : 2;
    if (dims[2] > 1 && strides[2] != strides[last] * (last == 3 ? dims[3] : 1)) return false;
    *n_positions = (size_t)(dims[2] * dims[3]);
    *n_together = dims[last] > 1 ? (size_t)strides[last] : 1;
    return true;
}

size_t dnnb__layout_get_bytes(dnnb__layout layout) {
    return dnnl_memory_desc_get_size(layout->desc);
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

dnnb_status dnnb__memory_create(dnnb__dnnl *dnnl, dnnl_memory_t *out, dnnb__layout layout) {
    *out = NULL;
    return check(dnnl_memory_create(out, layout->desc, dnnl->engine, DNNL_MEMORY_NONE),
                 "memory object");
}

void dnnb__memory_destroy(dnnl_memory_t memory) {
    if (memory) (void)dnnl_memory_destroy(memory);
}

dnnb_status dnnb__memory_set(dnnl_memory_t memory, void *data) {
    return check(dnnl_memory_set_data_handle(memory, data), "memory object");
}

dnnb_status dnnb__primitive_run(dnnb__dnnl *dnnl, const dnnb__primitive *primitive,
                                const dnnl_exec_arg_t *args, size_t n_args, const char *what) {
    TRY_DNNL(dnnl_primitive_execute(primitive->handle, dnnl->stream, (int)n_args, args), what);
    return check(dnnl_stream_wait(dnnl->stream), what);
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
        dnnb__const_desc md =
            dnnl_primitive_desc_query_md(desc, queries[i].query, queries[i].index);
        const int64_t *dims;
        if (!md || dnnb__desc_get_dims(md, &dims) == 0) continue;
        p->arg[p->n_args] = queries[i].arg;
        DNNB_TRY(layout_keep(dnnl, &p->layout[p->n_args], md));
        p->n_args++;
    }
    dnnb__const_desc scratch = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    if (scratch && dnnl_memory_desc_get_size(scratch) > 0)
        DNNB_TRY(layout_keep(dnnl, &p->scratch, scratch));
    return check(dnnl_primitive_create(&p->handle, desc), what);
}

/* From a primitive descriptor, or the status of its creation, to a primitive. */
static dnnb_status primitive_create(dnnb__dnnl *dnnl, dnnb__primitive *out, dnnl_status_t made,
                                    dnnl_primitive_desc_t desc, const arg_query *queries,
                                    size_t n_queries, const char *what) {
    *out = (dnnb__primitive){0};
    TRY_DNNL(made, what);
    dnnb_status status = primitive_fill(dnnl, out, desc, queries, n_queries, what);
    (void)dnnl_primitive_desc_destroy(desc);
    if (status != DNNB_OK) dnnb__primitive_destroy(out);
    return status;
}

/* What a backward primitive descriptor is told of the forward one. */
static const_dnnl_primitive_desc_t hint_of(const dnnb__primitive *forward) {
    const_dnnl_primitive_desc_t hint = NULL;
    (void)dnnl_primitive_get_primitive_desc(forward->handle, &hint);
    return hint;
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

/* A given layout, or "any" with these numbers and dimensions. */
static dnnb_status layout_or_any(dnnb__dnnl *dnnl, dnnb__layout *out, dnnb__layout layout,
                                 dnnb__precision precision, const int64_t *dims, size_t ndim) {
    *out = layout;
    return layout ? DNNB_OK : layout_tagged(dnnl, out, precision, dims, ndim, dnnl_format_tag_any);
}

static dnnb__const_desc desc_of(dnnb__layout layout) {
    return layout ? layout->desc : NULL;
}

static dnnl_prop_kind_t forward_kind(bool training) {
    return training ? dnnl_forward_training : dnnl_forward_inference;
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

dnnb_status dnnb__layout_weights_blocked(dnnb__dnnl *dnnl, dnnb__layout *out,
                                         const dnnb__conv *conv, int64_t block) {
    int64_t dims[DNNB__LAYOUT_MAX_NDIM];
    size_t ndim = dnnb__conv_get_weight_dims(conv, dims);
    return layout_tagged(dnnl, out, DNNB__F32, dims, ndim,
                         block == 8 ? dnnl_OIhw8i8o : dnnl_OIhw16i16o);
}

dnnb_status dnnb__layout_weights_tiled(dnnb__dnnl *dnnl, dnnb__layout *out,
                                       const dnnb__conv *conv) {
    int64_t dims[DNNB__LAYOUT_MAX_NDIM];
    size_t ndim = dnnb__conv_get_weight_dims(conv, dims);
    return layout_tagged(dnnl, out, DNNB__F32, dims, ndim, dnnl_OIhw16o16i);
}

/* The four layouts of a convolution, and oneDNN's dilation, which counts the gaps. */
typedef struct conv_layouts {
    dnnb__layout src, weights, bias, dst;
    dnnl_dims_t stride, dilation, begin, end;
} conv_layouts;

static dnnb_status conv_describe(dnnb__dnnl *dnnl, conv_layouts *l, const dnnb__conv *c,
                                 dnnb__layout src, dnnb__layout dst, dnnb__precision of_weights) {
    dnnl_dims_t in = {c->batch, c->in_channels, c->in[0], c->in[1]};
    dnnl_dims_t out = {c->batch, c->out_channels, c->out[0], c->out[1]};
    dnnl_dims_t bias = {c->out_channels};
    dnnl_dims_t weights;
    size_t weights_ndim = dnnb__conv_get_weight_dims(c, weights);
    for (int i = 0; i < 2; i++) {
        l->stride[i] = c->stride[i];
        l->dilation[i] = c->dilation[i] - 1;
        l->begin[i] = c->padding_begin[i];
        l->end[i] = c->padding_end[i];
    }
    DNNB_TRY(layout_or_any(dnnl, &l->src, src, dnnl->precision, in, 4));
    DNNB_TRY(layout_or_any(dnnl, &l->dst, dst, dnnl->precision, out, 4));
    DNNB_TRY(layout_or_any(dnnl, &l->weights, NULL, of_weights, weights, weights_ndim));
    l->bias = NULL;
    return c->bias ? dnnb__layout_plain(dnnl, &l->bias, bias, 1) : DNNB_OK;
}

dnnb_status dnnb__conv_forward(dnnb__dnnl *dnnl, dnnb__primitive *out, const dnnb__conv *conv,
                               dnnb__layout src, dnnb__layout dst) {
    *out = (dnnb__primitive){0};
    conv_layouts l;
    DNNB_TRY(conv_describe(dnnl, &l, conv, src, dst, dnnl->precision));
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t made = dnnb__conv_forward_desc(
        &desc, dnnl->engine, forward_kind(conv->training), dnnl_convolution_direct, desc_of(l.src),
        desc_of(l.weights), desc_of(l.bias), desc_of(l.dst), l.stride, l.dilation, l.begin, l.end,
        dnnl->attr);
    return primitive_create(dnnl, out, made, desc, forward_queries, QUERY_COUNT(forward_queries),
                            "convolution forward");
}

dnnb_status dnnb__conv_backward_data(dnnb__dnnl *dnnl, dnnb__primitive *out, const dnnb__conv *conv,
                                     dnnb__layout src, dnnb__layout dst,
                                     const dnnb__primitive *forward) {
    *out = (dnnb__primitive){0};
    conv_layouts l;
    DNNB_TRY(conv_describe(dnnl, &l, conv, src, dst, dnnl->precision));
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t made = dnnb__conv_backward_data_desc(
        &desc, dnnl->engine, dnnl_convolution_direct, desc_of(l.src), desc_of(l.weights),
        desc_of(l.dst), l.stride, l.dilation, l.begin, l.end, hint_of(forward), dnnl->attr);
    return primitive_create(dnnl, out, made, desc, backward_data_queries,
                            QUERY_COUNT(backward_data_queries), "convolution backward data");
}

dnnb_status dnnb__conv_backward_weights(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                        const dnnb__conv *conv, dnnb__layout src, dnnb__layout dst,
                                        const dnnb__primitive *forward) {
    *out = (dnnb__primitive){0};
    conv_layouts l;
    DNNB_TRY(conv_describe(dnnl, &l, conv, src, dst, DNNB__F32));
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t made = dnnb__conv_backward_weights_desc(
        &desc, dnnl->engine, dnnl_convolution_direct, desc_of(l.src), desc_of(l.weights),
        desc_of(l.bias), desc_of(l.dst), l.stride, l.dilation, l.begin, l.end, hint_of(forward),
        dnnl->attr);
    return primitive_create(dnnl, out, made, desc, backward_weights_queries,
                            QUERY_COUNT(backward_weights_queries), "convolution backward weights");
}

/* --- matrix product --- */

typedef struct product_layouts {
    dnnb__layout src, weights, bias, dst;
} product_layouts;

static dnnb_status product_describe(dnnb__dnnl *dnnl, product_layouts *l, const dnnb__product *p,
                                    dnnb__layout weights, dnnb__precision of_weights,
                                    dnnb__precision of_dst) {
    dnnl_dims_t src = {p->rows, p->in}, dst = {p->rows, p->out}, bias = {p->out};
    dnnl_dims_t weight_dims = {p->out, p->in};
    DNNB_TRY(dnnb__layout_plain_in(dnnl, &l->src, dnnl->precision, src, 2));
    DNNB_TRY(dnnb__layout_plain_in(dnnl, &l->dst, of_dst, dst, 2));
    l->bias = NULL;
    if (p->bias) DNNB_TRY(dnnb__layout_plain(dnnl, &l->bias, bias, 1));
    return layout_or_any(dnnl, &l->weights, weights, of_weights, weight_dims, 2);
}

dnnb_status dnnb__product_forward(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                  const dnnb__product *product, dnnb__layout weights) {
    *out = (dnnb__primitive){0};
    product_layouts l;
    dnnb__precision of_dst = product->f32_out ? DNNB__F32 : dnnl->precision;
    DNNB_TRY(product_describe(dnnl, &l, product, weights, dnnl->precision, of_dst));
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t made = dnnb__product_forward_desc(
        &desc, dnnl->engine, forward_kind(product->training), desc_of(l.src), desc_of(l.weights),
        desc_of(l.bias), desc_of(l.dst), dnnl->attr);
    return primitive_create(dnnl, out, made, desc, forward_queries, QUERY_COUNT(forward_queries),
                            "matrix product forward");
}

dnnb_status dnnb__product_backward_data(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                        const dnnb__product *product, dnnb__layout weights,
                                        const dnnb__primitive *forward) {
    *out = (dnnb__primitive){0};
    product_layouts l;
    DNNB_TRY(product_describe(dnnl, &l, product, weights, dnnl->precision, dnnl->precision));
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t made =
        dnnb__product_backward_data_desc(&desc, dnnl->engine, desc_of(l.src), desc_of(l.weights),
                                         desc_of(l.dst), hint_of(forward), dnnl->attr);
    return primitive_create(dnnl, out, made, desc, backward_data_queries,
                            QUERY_COUNT(backward_data_queries), "matrix product backward data");
}

dnnb_status dnnb__product_backward_weights(dnnb__dnnl *dnnl, dnnb__primitive *out,
                                           const dnnb__product *product, dnnb__layout weights,
                                           const dnnb__primitive *forward) {
    *out = (dnnb__primitive){0};
    product_layouts l;
    DNNB_TRY(product_describe(dnnl, &l, product, weights, DNNB__F32, dnnl->precision));
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t made = dnnb__product_backward_weights_desc(
        &desc, dnnl->engine, desc_of(l.src), desc_of(l.weights), desc_of(l.bias), desc_of(l.dst),
        hint_of(forward), dnnl->attr);
    return primitive_create(dnnl, out, made, desc, backward_weights_queries,
                            QUERY_COUNT(backward_weights_queries),
                            "matrix product backward weights");
}

/* --- reorder --- */

dnnb_status dnnb__reorder(dnnb__dnnl *dnnl, dnnb__primitive *out, dnnb__layout from,
                          dnnb__layout to) {
    static const arg_query queries[] = {{DNNL_ARG_FROM, dnnl_query_src_md, 0},
                                        {DNNL_ARG_TO, dnnl_query_dst_md, 0}};
    dnnl_primitive_desc_t desc = NULL;
    dnnl_status_t made = dnnl_reorder_primitive_desc_create(&desc, from->desc, dnnl->engine,
                                                            to->desc, dnnl->engine, dnnl->attr);
    return primitive_create(dnnl, out, made, desc, queries, QUERY_COUNT(queries), "reorder");
}

dnnb_status dnnb__reorder_once(dnnb__dnnl *dnnl, dnnb__layout from, const float *src,
                               dnnb__layout to, float *dst) {
    dnnb__primitive p;
    DNNB_TRY(dnnb__reorder(dnnl, &p, from, to));
    dnnl_exec_arg_t args[3] = {{DNNL_ARG_FROM, NULL}, {DNNL_ARG_TO, NULL}};
    void *data[3] = {(void *)(uintptr_t)src, dst, NULL};
    dnnb__layout layouts[3] = {from, to, p.scratch};
    size_t n = 2;
    dnnb_status status = DNNB_OK;
    if (p.scratch) {
        args[n].arg = DNNL_ARG_SCRATCHPAD;
        data[n] = dnnb__alloc(dnnb__layout_get_bytes(p.scratch), 1);
        if (!data[n]) status = dnnb__fail_memory();
        n++;
    }
    for (size_t i = 0; i < n && status == DNNB_OK; i++) {
        status = dnnb__memory_create(dnnl, &args[i].memory, layouts[i]);
        if (status == DNNB_OK) status = dnnb__memory_set(args[i].memory, data[i]);
    }
    if (status == DNNB_OK) status = dnnb__primitive_run(dnnl, &p, args, n, "reorder");
    for (size_t i = 0; i < n; i++) dnnb__memory_destroy(args[i].memory);
    dnnb__free(data[2]);
    dnnb__primitive_destroy(&p);
    return status;
}
