/*
 * WebP through libwebp: lossy and lossless, with alpha; of an animation the first frame.
 *
 * A still picture without alpha is decoded where it will stay. Anything else is decoded to RGBA and
 * laid on a canvas that is black and transparent, as libwebp's own animation decoder does.
 */
#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include "core/mem.h"
#include "image/decode.h"

/* The frame's pixels, n_channels a pixel, into `out`. */
static dnnb_status decode_frame(const dnnb__decode *d, const WebPIterator *frame, size_t n_channels,
                                uint8_t *out) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return dnnb__fail(DNNB_ERR_INTERNAL, "%s: another version of libwebp", d->name);
    size_t stride = (size_t)frame->width * n_channels;
    config.output.colorspace = n_channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = out;
    config.output.u.RGBA.stride = (int)stride;
    config.output.u.RGBA.size = stride * (size_t)frame->height;
    VP8StatusCode code = WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    switch (code) {
    case VP8_STATUS_OK:
        return DNNB_OK;
    case VP8_STATUS_OUT_OF_MEMORY:
        return dnnb__fail(DNNB_ERR_MEMORY, "%s: WebP: out of memory", d->name);
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return dnnb__decode_fail_unsupported(d, "WebP", "a feature unknown to libwebp");
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return dnnb__decode_fail_truncated(d, "WebP");
    default:
        return dnnb__decode_fail(d, "WebP", "its data cannot be decoded");
    }
}

static dnnb_status lay_frame(const dnnb__decode *d, const WebPIterator *frame) {
    static const uint8_t clear[4] = {0, 0, 0, 0};
    size_t canvas_w = (size_t)d->image->width_px, canvas_h = (size_t)d->image->height_px;
    size_t width = (size_t)frame->width, height = (size_t)frame->height;
    uint8_t *rgba = dnnb__alloc(width * height, 4);
    if (!rgba) return dnnb__fail_memory();
    dnnb_status status = decode_frame(d, frame, 4, rgba);
    if (status == DNNB_OK && (width < canvas_w || height < canvas_h))
        for (size_t i = 0; i < canvas_w * canvas_h; i++)
            dnnb__decode_store(d, d->image->pixels + i * 3, clear);
    for (size_t y = 0; status == DNNB_OK && y < height; y++) {
        size_t row = (size_t)frame->y_offset + y;
        uint8_t *out = d->image->pixels + (row * canvas_w + (size_t)frame->x_offset) * 3;
        for (size_t x = 0; x < width; x++)
            dnnb__decode_store(d, out + x * 3, rgba + (y * width + x) * 4);
    }
    dnnb__free(rgba);
    return status;
}

static dnnb_status run(dnnb__decode *d, WebPDemuxer *demuxer, WebPIterator *frame) {
    uint32_t width = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH);
    uint32_t height = WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT);
    DNNB_TRY(dnnb__decode_reserve(d, width, height));
    if (!WebPDemuxGetFrame(demuxer, 1, frame))
        return dnnb__decode_fail(d, "WebP", "no picture in it");
    if (frame->x_offset < 0 || frame->y_offset < 0 || frame->width < 1 || frame->height < 1 ||
        (int64_t)frame->x_offset + frame->width > width ||
        (int64_t)frame->y_offset + frame->height > height)
        return dnnb__decode_fail(d, "WebP", "a frame outside the canvas");
    if (d->header_only) return DNNB_OK;
    if (!frame->has_alpha && (uint32_t)frame->width == width && (uint32_t)frame->height == height)
        return decode_frame(d, frame, 3, d->image->pixels);
    return lay_frame(d, frame);
}

dnnb_status dnnb__decode_webp(dnnb__decode *d) {
    WebPData data = {.bytes = d->bytes, .size = d->n_bytes};
    WebPDemuxState state;
    WebPDemuxer *demuxer = WebPDemuxPartial(&data, &state);
    if (!demuxer || state != WEBP_DEMUX_DONE) {
        WebPDemuxDelete(demuxer);
        if (state == WEBP_DEMUX_PARSE_ERROR)
            return dnnb__decode_fail(d, "WebP", "its chunks do not fit together");
        return dnnb__decode_fail_truncated(d, "WebP");
    }
    WebPIterator frame;
    memset(&frame, 0, sizeof frame);
    dnnb_status status = run(d, demuxer, &frame);
    WebPDemuxReleaseIterator(&frame);
    WebPDemuxDelete(demuxer);
    return status;
}
