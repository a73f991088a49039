/* The report as JSON. What is not known is null. */
#include <math.h>
#include <string.h>

#include "bench/bench.h"
#include "core/mem.h"
#include "formats/json.h"

enum { MOST_BYTES = 1 << 24 };

static const char *const kind_names[] = {"train", "test",       "train_kept",
                                         "load",  "load_whole", "load_kept"};

static json_t *describe_peak(const char *instructions, double flops_s) {
    if (!instructions) return json_null();
    return json_pack("{s:o, s:o}", "instructions", dnnb__json_text(instructions), "flops_per_s",
                     dnnb__json_real(flops_s));
}

/* What was not measured is 0. */
static json_t *describe_speed(double per_second) {
    return per_second > 0 ? dnnb__json_real(per_second) : json_null();
}

static json_t *describe_floors(const dnnb_bench_floors *floors) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "f32",
                     describe_peak(floors->f32_instructions, floors->f32_flops_s), "bf16",
                     describe_peak(floors->bf16_instructions, floors->bf16_flops_s),
                     "read_bytes_per_s", describe_speed(floors->read_bytes_s), "update_bytes_per_s",
                     describe_speed(floors->update_bytes_s), "cache_bytes",
                     floors->cache_bytes ? json_integer((json_int_t)floors->cache_bytes)
                                         : json_null());
}

static json_t *describe_op(const dnnb_bench_op *op) {
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "layer", dnnb__json_text(op->layer), "pass",
        dnnb__json_text(op->pass), "implementation", dnnb__json_text(op->implementation), "flops",
        dnnb__json_real(op->flops), "unpadded_flops", dnnb__json_real(op->unpadded_flops), "bytes",
        dnnb__json_real(op->bytes), "seconds", dnnb__json_real(op->seconds), "floor_s",
        dnnb__json_real(op->floor_s));
}

static json_t *describe_rate(const dnnb_bench_rate *rate) {
    return json_pack("{s:o, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "name",
                     dnnb__json_text(rate->name), "kind", kind_names[rate->kind], "n_images",
                     (json_int_t)rate->n_images, "n", (json_int_t)rate->n, "median_s",
                     dnnb__json_real(rate->median_s), "least_s", dnnb__json_real(rate->least_s),
                     "largest_s", dnnb__json_real(rate->largest_s), "images_per_s",
                     dnnb__json_real(rate->images_per_s), "floor_s",
                     dnnb__json_real(rate->floor_s));
}

static json_t *list_ops(const dnnb_bench_report *report) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < report->n_ops; i++) {
        if (json_array_append_new(list, describe_op(&report->ops[i])) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *list_rates(const dnnb_bench_report *report) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < report->n_rates; i++) {
        if (json_array_append_new(list, describe_rate(&report->rates[i])) == 0) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static int append(const char *bytes, size_t n, void *context) {
    dnnb__buf_append(context, bytes, n);
    return 0;
}

dnnb_status dnnb_bench_report_print_json(char **out, const dnnb_bench_report *report) {
    dnnb__buf text;
    dnnb__buf_init(&text, MOST_BYTES);
    *out = NULL;
    json_t *json = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o}", "version",
        DNNB_VERSION, "network", dnnb__json_text(report->network), "engine",
        dnnb__json_text(report->engine), "instructions", dnnb__json_text(report->instructions),
        "processor", dnnb__json_text(report->processor), "precision",
        dnnb__json_text(report->precision), "warning", dnnb__json_text(report->warning), "threads",
        (json_int_t)report->floors.n_threads, "workers", (json_int_t)report->n_workers, "batch",
        (json_int_t)report->batch, "floors", describe_floors(&report->floors), "rates",
        list_rates(report), "ops", list_ops(report));
    size_t flags = JSON_INDENT(1) | JSON_REAL_PRECISION(15);
    bool printed = json && json_dump_callback(json, append, &text, flags) == 0;
    json_decref(json);
    dnnb__buf_append(&text, "\n", 1);
    dnnb_status status = dnnb__buf_get_status(&text);
    if (status == DNNB_OK && !printed)
        status = dnnb__fail(DNNB_ERR_MEMORY, "out of memory for JSON");
    if (status == DNNB_OK)
        *out = text.data;
    else
        dnnb__buf_destroy(&text);
    return status;
}
