/*
 * Records of an event file: a length, the sum of its bytes, a message, the sum of its bytes.
 *
 * Method: the messages are of event.proto, packed by protobuf-c straight into the buffer. A sum is
 * CRC-32C, rotated and moved so that the sum of bytes which hold sums is no odd one.
 * Source: TensorFlow tensorflow/core/lib/io/record_writer.h, TensorBoard
 * tensorboard/compat/tensorflow_stub/pywrap_tensorflow.py.
 */
#include <isa-l/crc.h>
#include <math.h>
#include <time.h>

#include <event.pb-c.h>

#include "tensorboard/tensorboard.h"

static uint32_t get_sum(const void *bytes, size_t n) {
    /* The library's count is an int; a buffer's cap lies far below. It does not write. */
    uint32_t crc = ~crc32_iscsi((unsigned char *)(uintptr_t)bytes, (int)n, UINT32_MAX);
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

static void append_number(dnnb__buf *out, uint64_t value, size_t n_bytes) {
    unsigned char bytes[8];
    for (size_t i = 0; i < n_bytes; i++) bytes[i] = (unsigned char)(value >> 8 * i);
    dnnb__buf_append(out, bytes, n_bytes);
}

/* A protobuf-c buffer that appends to ours. */
typedef struct sink {
    ProtobufCBuffer base;
    dnnb__buf *out;
} sink;

static void append_packed(ProtobufCBuffer *buffer, size_t n, const uint8_t *bytes) {
    dnnb__buf_append(((sink *)buffer)->out, bytes, n);
}

static void append_record(dnnb__buf *out, const Tb__Event *event) {
    sink s = {.base = {.append = append_packed}, .out = out};
    size_t begin = out->n_bytes;
    append_number(out, tb__event__get_packed_size(event), 8);
    if (dnnb__buf_get_status(out) == DNNB_OK) append_number(out, get_sum(out->data + begin, 8), 4);
    size_t at = out->n_bytes;
    (void)tb__event__pack_to_buffer(event, &s.base);
    if (dnnb__buf_get_status(out) == DNNB_OK)
        append_number(out, get_sum(out->data + at, out->n_bytes - at), 4);
    if (dnnb__buf_get_status(out) != DNNB_OK) out->n_bytes = begin; /* no part of a record */
}

static Tb__Event make_event(double wall_s, int64_t step) {
    Tb__Event event = TB__EVENT__INIT;
    event.wall_time = wall_s;
    event.has_step = step != 0; /* 0 is what is read where there is none */
    event.step = step;
    return event;
}

static void append_value(dnnb__buf *out, double wall_s, int64_t step, Tb__Summary__Value *value) {
    Tb__Event event = make_event(wall_s, step);
    Tb__Summary summary = TB__SUMMARY__INIT;
    summary.n_value = 1;
    summary.value = &value;
    event.what_case = TB__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    append_record(out, &event);
}

/* protobuf-c's messages hold texts that are not const, and does not write to them. */
static char *as_text(const char *text) {
    return (char *)(uintptr_t)text;
}

static ProtobufCBinaryData as_bytes(const void *bytes, size_t n) {
    return (ProtobufCBinaryData){.len = n, .data = (uint8_t *)(uintptr_t)bytes};
}

void dnnb__tensorboard_add_version(dnnb__buf *out, double wall_s) {
    Tb__Event event = make_event(wall_s, 0);
    event.what_case = TB__EVENT__WHAT_FILE_VERSION;
    event.file_version = as_text("brain.Event:2");
    append_record(out, &event);
}

void dnnb__tensorboard_add_restart(dnnb__buf *out, double wall_s, int64_t step) {
    Tb__Event event = make_event(wall_s, step);
    Tb__SessionLog log = TB__SESSION_LOG__INIT;
    log.status = TB__SESSION_LOG__STATUS__START;
    event.what_case = TB__EVENT__WHAT_SESSION_LOG;
    event.session_log = &log;
    append_record(out, &event);
}

void dnnb__tensorboard_add_scalar(dnnb__buf *out, double wall_s, int64_t step, const char *tag,
                                  double value) {
    Tb__Summary__Value v = TB__SUMMARY__VALUE__INIT;
    if (isnan(value)) return;
    v.tag = as_text(tag);
    v.value_case = TB__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
    v.simple_value = (float)value;
    append_value(out, wall_s, step, &v);
}

void dnnb__tensorboard_add_image(dnnb__buf *out, double wall_s, int64_t step, const char *tag,
                                 const dnnb__tensorboard_image *image) {
    enum { RGB = 3 };
    Tb__Summary__Value v = TB__SUMMARY__VALUE__INIT;
    Tb__Summary__Image i = TB__SUMMARY__IMAGE__INIT;
    i.width = (int32_t)image->width_px;
    i.height = (int32_t)image->height_px;
    i.colorspace = RGB;
    i.encoded_image_string = as_bytes(image->png, image->n_bytes);
    v.tag = as_text(tag);
    v.value_case = TB__SUMMARY__VALUE__VALUE_IMAGE;
    v.image = &i;
    append_value(out, wall_s, step, &v);
}

void dnnb__tensorboard_add_text(dnnb__buf *out, double wall_s, int64_t step, const char *tag,
                                const char *text, size_t n_bytes) {
    Tb__Summary__Value v = TB__SUMMARY__VALUE__INIT;
    Tb__SummaryMetadata metadata = TB__SUMMARY_METADATA__INIT;
    Tb__SummaryMetadata__PluginData plugin = TB__SUMMARY_METADATA__PLUGIN_DATA__INIT;
    Tb__Tensor tensor = TB__TENSOR__INIT;
    Tb__TensorShape shape = TB__TENSOR_SHAPE__INIT; /* of a single element */
    ProtobufCBinaryData bytes = as_bytes(text, n_bytes);
    plugin.plugin_name = as_text("text");
    metadata.plugin_data = &plugin;
    tensor.dtype = TB__TENSOR__TYPE__STRING;
    tensor.tensor_shape = &shape;
    tensor.n_string_val = 1;
    tensor.string_val = &bytes;
    v.tag = as_text(tag);
    v.metadata = &metadata;
    v.value_case = TB__SUMMARY__VALUE__VALUE_TENSOR;
    v.tensor = &tensor;
    append_value(out, wall_s, step, &v);
}

double dnnb__tensorboard_now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
