/*
 * GIF through giflib: the first frame on the logical screen, as Pillow shows it.
 *
 * The screen grows to hold the frame. What the frame leaves free has the transparent colour's
 * entry, or entry 0 when there is none. Entries that the palette lacks are a ramp of greys.
 */
#include <gif_lib.h>
#include <stdbool.h>
#include <string.h>

#include "core/mem.h"
#include "image/decode.h"

enum {
    MAX_PX_PER_BYTE = 4096, /* LZW: 12 bits stand for less than 4,096 pixels */
    GRAPHICS_CONTROL = 0xf9
};

typedef struct reader {
    dnnb__decode *d;
    GifFileType *gif;
    size_t at; /* bytes read */
    bool has_ended;
    int transparent; /* index, -1 for none */
    dnnb__palette palette;
    uint8_t *line;
} reader;

/* Bytes for giflib. One zero follows the file's end: it stands for the block terminator that some
 * writers leave out after the last pixel; anywhere else giflib takes it for an error. */
static int on_read(GifFileType *gif, GifByteType *out, int n) {
    reader *r = gif->UserData;
    size_t left = r->d->n_bytes - r->at, want = n > 0 ? (size_t)n : 0;
    if (left == 0 && want == 1 && !r->has_ended) {
        r->has_ended = true;
        *out = 0;
        return 1;
    }
    if (want > left) want = left;
    memcpy(out, r->d->bytes + r->at, want);
    r->at += want;
    return (int)want;
}

static dnnb_status fail(const reader *r) {
    if (r->at >= r->d->n_bytes) return dnnb__decode_fail_truncated(r->d, "GIF");
    const char *message = r->gif ? GifErrorString(r->gif->Error) : NULL;
    return dnnb__decode_fail(r->d, "GIF", message ? message : "no picture in it");
}

static dnnb_status read_extension(reader *r) {
    int code;
    GifByteType *block; /* its length, then its bytes */
    if (DGifGetExtension(r->gif, &code, &block) == GIF_ERROR) return fail(r);
    while (block) {
        if (code == GRAPHICS_CONTROL && block[0] >= 4 && block[1] & 1) r->transparent = block[4];
        if (DGifGetExtensionNext(r->gif, &block) == GIF_ERROR) return fail(r);
    }
    return DNNB_OK;
}

static dnnb_status find_frame(reader *r) {
    for (;;) {
        GifRecordType type;
        if (DGifGetRecordType(r->gif, &type) == GIF_ERROR) return fail(r);
        if (type == IMAGE_DESC_RECORD_TYPE) break;
        if (type != EXTENSION_RECORD_TYPE)
            return dnnb__decode_fail(r->d, "GIF", "no picture in it");
        DNNB_TRY(read_extension(r));
    }
    return DGifGetImageDesc(r->gif) == GIF_ERROR ? fail(r) : DNNB_OK;
}

static void read_palette(reader *r) {
    const GifFileType *gif = r->gif;
    const ColorMapObject *map = gif->Image.ColorMap ? gif->Image.ColorMap : gif->SColorMap;
    dnnb__palette_init(&r->palette);
    for (int i = 0; map && i < map->ColorCount && i < 256; i++) {
        r->palette.rgba[i][0] = map->Colors[i].Red;
        r->palette.rgba[i][1] = map->Colors[i].Green;
        r->palette.rgba[i][2] = map->Colors[i].Blue;
    }
    if (r->transparent >= 0) r->palette.rgba[r->transparent][3] = 0;
}

static dnnb_status read_line(reader *r, size_t row, size_t left, size_t width) {
    const dnnb__decode *d = r->d;
    if (DGifGetLine(r->gif, r->line, (int)width) == GIF_ERROR) return fail(r);
    uint8_t *out = d->image->pixels + (row * (size_t)d->image->width_px + left) * 3;
    for (size_t x = 0; x < width; x++)
        dnnb__decode_store(d, out + x * 3, r->palette.rgba[r->line[x]]);
    return DNNB_OK;
}

static dnnb_status run(reader *r) {
    static const struct { size_t start, step; } passes[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}, {0, 1}};
    dnnb__decode *d = r->d;
    DNNB_TRY(find_frame(r));
    const GifImageDesc *frame = &r->gif->Image;
    if (frame->Left < 0 || frame->Top < 0 || frame->Width < 1 || frame->Height < 1)
        return dnnb__decode_fail(d, "GIF", "an empty frame");
    size_t left = (size_t)frame->Left, top = (size_t)frame->Top;
    size_t width = (size_t)frame->Width, height = (size_t)frame->Height;
    size_t screen_w = r->gif->SWidth > 0 ? (size_t)r->gif->SWidth : 0;
    size_t screen_h = r->gif->SHeight > 0 ? (size_t)r->gif->SHeight : 0;
    if (left + width > screen_w) screen_w = left + width;
    if (top + height > screen_h) screen_h = top + height;
    DNNB_TRY(dnnb__decode_check_size(d, screen_w, screen_h));
    if (width * height / MAX_PX_PER_BYTE > d->file_bytes)
        return dnnb__decode_fail_truncated(d, "GIF");
    DNNB_TRY(dnnb__decode_reserve(d, screen_w, screen_h));
    if (d->header_only) return DNNB_OK;
    r->line = dnnb__alloc(width, 1);
    if (!r->line) return dnnb__fail_memory();
    read_palette(r);
    if (width < screen_w || height < screen_h) {
        const uint8_t *free_colour = r->palette.rgba[r->transparent >= 0 ? r->transparent : 0];
        for (size_t i = 0; i < screen_w * screen_h; i++)
            dnnb__decode_store(d, d->image->pixels + i * 3, free_colour);
    }
    size_t first = frame->Interlace ? 0 : 4, end = frame->Interlace ? 4 : 5;
    for (size_t pass = first; pass < end; pass++)
        for (size_t y = passes[pass].start; y < height; y += passes[pass].step)
            DNNB_TRY(read_line(r, top + y, left, width));
    return DNNB_OK;
}

dnnb_status dnnb__decode_gif(dnnb__decode *d) {
    reader r = {.d = d, .transparent = -1};
    int error = 0;
    r.gif = DGifOpen(&r, on_read, &error);
    if (!r.gif) return fail(&r);
    dnnb_status status = run(&r);
    (void)DGifCloseFile(r.gif, &error);
    dnnb__free(r.line);
    return status;
}
