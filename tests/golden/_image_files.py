"""Writers of image files by hand, for what Pillow reads and cannot write. Used by image_formats.py.

Samples are numpy arrays [height, width, samples] of any unsigned type.
"""

import struct
import zlib

import numpy

# ---------------------------------------------------------------------------------------- samples


def pack_bits(row, bits, big_endian=True):
    """One row of samples, flat, as bytes: `bits` each, the last byte filled with zeros."""
    if bits == 8:
        return row.astype(numpy.uint8).tobytes()
    if bits in (16, 32) or row.dtype.kind == "f":
        kind = row.dtype.kind if row.dtype.kind in "if" else "u"
        return row.astype(f"{'>' if big_endian else '<'}{kind}{bits // 8}").tobytes()
    flat = (row[:, None] >> numpy.arange(bits - 1, -1, -1)) & 1
    return numpy.packbits(flat.astype(numpy.uint8).ravel()).tobytes()


# -------------------------------------------------------------------------------------------- PNG


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _filter(kind, row, above, step):
    out = bytearray([kind])
    for i, value in enumerate(row):
        a = row[i - step] if i >= step else 0
        b = above[i]
        c = above[i - step] if i >= step else 0
        p = a + b - c
        nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        out.append((value - (0, a, b, (a + b) // 2, nearest)[kind]) & 255)
    return bytes(out)


def png(samples, depth, colour, interlace=False, chunks=(), n_idat=3):
    """PNG with all five row filters in turn; `chunks` (PLTE, tRNS, ...) come before the data."""
    height, width, n = samples.shape
    step = max(1, n * depth // 8)
    passes = [(0, 0, 1, 1)]
    if interlace:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2)]
        passes += [(0, 1, 2, 2), (1, 0, 2, 1)]
    raw = b""
    for top, left, dy, dx in passes:
        part = samples[top::dy, left::dx]
        if part.size == 0:
            continue
        above = None
        for y, row in enumerate(part):
            packed = pack_bits(row.ravel(), depth)
            raw += _filter(y % 5, packed, above or bytes(len(packed)), step)
            above = packed
    data = zlib.compress(raw)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    out = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
    for name, content in chunks:
        out += png_chunk(name, content)
    cut = len(data) // n_idat + 1
    for at in range(0, len(data), cut):
        out += png_chunk(b"IDAT", data[at : at + cut])
    return out + png_chunk(b"IEND", b"")


# ------------------------------------------------------------------------------------------- JPEG


class _Bits:
    def __init__(self):
        self.out, self.value, self.n = bytearray(), 0, 0

    def put(self, value, n):
        for i in range(n - 1, -1, -1):
            self.value = self.value << 1 | (value >> i & 1)
            self.n += 1
            if self.n == 8:
                self.out.append(self.value)
                if self.value == 255:
                    self.out.append(0)
                self.value = self.n = 0

    def flush(self):
        while self.n:
            self.put(1, 1)


def jpeg(blocks, sampling, adobe=None, ids=None, restart=0, jfif=False, junk=b""):
    """Baseline JPEG of flat 8 x 8 blocks. blocks[c] is [rows, columns] of levels -1000 .. 1000,
    sampling[c] is (h, v); restart counts MCUs; `junk` stands before the last marker."""

    def marker(code, data=b""):
        return bytes([255, code]) + (struct.pack(">H", len(data) + 2) + data if data else b"")

    n = len(blocks)
    ids = ids or list(range(1, n + 1))
    h_max, v_max = max(s[0] for s in sampling), max(s[1] for s in sampling)
    rows, columns = blocks[0].shape[0] // sampling[0][1], blocks[0].shape[1] // sampling[0][0]
    out = marker(0xD8)
    if jfif:
        out += marker(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    if adobe is not None:
        out += marker(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, adobe))
    out += marker(0xDB, b"\0" + bytes([8] + [1] * 63))
    frame = struct.pack(">BHHB", 8, rows * v_max * 8 - 3, columns * h_max * 8 - 5, n)
    for c in range(n):
        frame += bytes([ids[c], sampling[c][0] << 4 | sampling[c][1], 0])
    out += marker(0xC0, frame)
    # Twelve categories of four bits each for DC; one code, end of block, for AC.
    out += marker(0xC4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12)))
    out += marker(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0")
    if restart:
        out += marker(0xDD, struct.pack(">H", restart))
    scan = bytes([n])
    for c in range(n):
        scan += bytes([ids[c], 0])
    out += marker(0xDA, scan + b"\0\x3f\0")
    bits, last, n_done = _Bits(), [0] * n, 0
    for y in range(rows):
        for x in range(columns):
            if restart and n_done and n_done % restart == 0:
                bits.flush()
                bits.out += bytes([255, 0xD0 + (n_done // restart - 1) % 8])
                last = [0] * n
            n_done += 1
            for c in range(n):
                h, v = sampling[c]
                for i in range(v):
                    for j in range(h):
                        level = int(blocks[c][y * v + i, x * h + j])
                        difference, last[c] = level - last[c], level
                        size = abs(difference).bit_length()
                        bits.put(size, 4)
                        bits.put(difference if difference > 0 else difference + 2**size - 1, size)
                        bits.put(0, 1)
    bits.flush()
    return out + bytes(bits.out) + junk + marker(0xD9)


# ------------------------------------------------------------------------------------------- TIFF


def tiff(
    samples, photometric, bits, big_endian=False, planar=1, tile=None, rows_per_strip=5, extras=(),
    compression=1, fill_order=1, orientation=None, sample_format=None, palette=None, predictor=1,
    with_photometric=True,
):  # fmt: skip
    """TIFF with any sample layout, uncompressed or deflated, in strips or tiles."""
    height, width, n = samples.shape
    end = ">" if big_endian else "<"
    planes = [samples] if planar == 1 else [samples[:, :, i : i + 1] for i in range(n)]
    blocks = []
    for plane in planes:
        if tile:
            for y in range(0, height, tile[1]):
                for x in range(0, width, tile[0]):
                    part = plane[y : y + tile[1], x : x + tile[0]]
                    pad = ((0, tile[1] - part.shape[0]), (0, tile[0] - part.shape[1]), (0, 0))
                    blocks.append(numpy.pad(part, pad))
        else:
            blocks += [plane[y : y + rows_per_strip] for y in range(0, height, rows_per_strip)]
    data = []
    for block in blocks:
        if predictor == 2:
            block = block.copy()
            block[:, 1:] -= block[:, :-1].copy()
        raw = b"".join(pack_bits(row.ravel(), bits, big_endian) for row in block)
        if compression == 8:
            raw = zlib.compress(raw)
        if fill_order == 2:
            raw = bytes(int(f"{byte:08b}"[::-1], 2) for byte in raw)
        data.append(raw)

    offsets, at = [], 8
    for raw in data:
        offsets.append(at)
        at += len(raw) + len(raw) % 2
    tags = {256: ("I", [width]), 257: ("I", [height]), 258: ("H", [bits] * n)}
    tags[259] = ("H", [compression])
    if with_photometric:
        tags[262] = ("H", [photometric])
    tags[266] = ("H", [fill_order])
    if orientation:
        tags[274] = ("H", [orientation])
    tags[277] = ("H", [n])
    tags[284] = ("H", [planar])
    if predictor != 1:
        tags[317] = ("H", [predictor])
    if palette is not None:
        tags[320] = ("H", list(palette))
    if tile:
        tags.update({322: ("I", [tile[0]]), 323: ("I", [tile[1]])})
        tags.update({324: ("I", offsets), 325: ("I", [len(raw) for raw in data])})
    else:
        tags.update({273: ("I", offsets), 278: ("I", [rows_per_strip])})
        tags[279] = ("I", [len(raw) for raw in data])
    if extras:
        tags[338] = ("H", list(extras))
    if sample_format:
        tags[339] = ("H", [sample_format] * n)

    body = b"".join(raw + b"\0" * (len(raw) % 2) for raw in data)
    far_at = at + 2 + 12 * len(tags) + 4
    directory, far = struct.pack(end + "H", len(tags)), b""
    for tag, (kind, values) in sorted(tags.items()):
        value = struct.pack(end + kind * len(values), *values)
        if len(value) > 4:
            far += value + b"\0" * (len(value) % 2)
            value = struct.pack(end + "I", far_at + len(far) - len(value) - len(value) % 2)
        field_type = {"H": 3, "I": 4}[kind]
        directory += struct.pack(end + "HHI", tag, field_type, len(values)) + value.ljust(4, b"\0")
    header = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(end + "I", at)
    return header + body + directory + struct.pack(end + "I", 0) + far


# -------------------------------------------------------------------------------------------- GIF


def _lzw(indices, min_bits):
    """Literal codes only; the table is cleared before the codes grow."""
    clear, width = 1 << min_bits, min_bits + 1
    value = n = 0
    out = bytearray()

    def put(code):
        nonlocal value, n
        value |= code << n
        n += width
        while n >= 8:
            out.append(value & 255)
            value >>= 8
            n -= 8

    for i, index in enumerate(indices):
        if i % (clear - 2 if clear > 4 else 2) == 0:
            put(clear)
        put(int(index))
    put(clear + 1)
    if n:
        out.append(value & 255)
    return bytes(out)


def gif_frame(indices, left=0, top=0, palette=None, transparent=None, interlace=False, bits=8,
              disposal=0):  # fmt: skip
    height, width = indices.shape
    out = b""
    if transparent is not None or disposal:
        flags = disposal << 2 | (transparent is not None)
        out += struct.pack("<BBBBHBB", 0x21, 0xF9, 4, flags, 5, transparent or 0, 0)
    flags = 0x40 * interlace
    if palette:
        flags |= 0x80 | (len(palette) // 3).bit_length() - 2
    out += struct.pack("<BHHHHB", 0x2C, left, top, width, height, flags) + (palette or b"")
    if interlace:
        order = [*range(0, height, 8), *range(4, height, 8), *range(2, height, 4)]
        indices = indices[order + list(range(1, height, 2))]
    data = _lzw(indices.ravel(), bits)
    out += bytes([bits])
    for at in range(0, len(data), 255):
        out += bytes([len(data[at : at + 255])]) + data[at : at + 255]
    return out + b"\0"


def gif(width, height, frames, palette=None, background=0, version=b"GIF89a"):
    flags = 0x70
    if palette:
        flags |= 0x80 | (len(palette) // 3).bit_length() - 2
    out = version + struct.pack("<HHBBB", width, height, flags, background, 0) + (palette or b"")
    return out + b"".join(frames) + b";"


# -------------------------------------------------------------------------------------------- BMP


def bmp(samples, bits, header=40, top_down=False, masks=None, palette=b"", compression=0,
        data=None, offset=None, n_colours=0):  # fmt: skip
    """BMP; `samples` are indices, or whole pixels of `bits`. masks makes it one with bit fields."""
    height, width = samples.shape[:2]
    if data is None:
        data = b""
        for row in samples if top_down else samples[::-1]:
            if bits in (16, 24, 32):
                raw = b"".join(int(v).to_bytes(bits // 8, "little") for v in row.ravel())
            else:
                raw = pack_bits(row.ravel(), bits)
            data += raw + bytes(-len(raw) % 4)
    if header == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits,
                           3 if masks else compression, len(data), 2835, 2835, n_colours, 0)  # fmt: skip
        fields = b"".join(struct.pack("<I", mask) for mask in masks or ())
        info = info + fields if header == 40 else (info + fields).ljust(header, b"\0")
    start = 14 + len(info) + len(palette)
    head = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start if offset is None else offset)
    return head + info + palette + data


def bmp_rle(indices, bits):
    """Run lengths: runs, and stretches of four pixels as they are."""
    out = b""
    for y, row in enumerate(indices[::-1]):
        x = 0
        while x < len(row):
            n = 1
            while x + n < len(row) and n < 255 and row[x + n] == row[x]:
                n += 1
            if n == 1 and x + 4 <= len(row):
                part = row[x : x + 4]
                raw = pack_bits(part, bits)
                out += bytes([0, 4]) + raw + bytes(len(raw) % 2)
                x += 4
                continue
            value = int(row[x]) if bits == 8 else int(row[x]) * 17
            out += bytes([n, value])
            x += n
        out += b"\0\0"
    return out + b"\0\1"


# ------------------------------------------------------------------------------------------- WebP


def webp_animation(width, height, frames):
    """An animation; frames are (left, top, bytes of a WebP file with one picture)."""

    def chunk(name, data):
        return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    def u24(value):
        return struct.pack("<I", value)[:3]

    body = chunk(b"VP8X", b"\x12\0\0\0" + u24(width - 1) + u24(height - 1))
    body += chunk(b"ANIM", struct.pack("<IH", 0xFF00FF00, 0))
    for left, top, (w, h), still in frames:
        picture = still[12:]
        if picture[:4] == b"VP8X":
            picture = picture[18:]
        place = u24(left // 2) + u24(top // 2) + u24(w - 1) + u24(h - 1) + u24(100) + b"\0"
        body += chunk(b"ANMF", place + picture)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
