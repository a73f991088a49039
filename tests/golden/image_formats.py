#!/usr/bin/env python3
"""Every format, colour mode and depth: the pixels of Pillow's convert('RGB'), all of them.

Pictures are made with Pillow where it can write them, else by hand (_image_files.py). Each is also
laid over a background where it has transparency; the expected colours come from Pillow's alpha.
Then cut and damaged JPEGs, with which Pillow is the oracle of what is still a picture; and the
distribution of the augmentation's draws against torchvision's.
"""

import io
import math
import os
import random
import shutil
import sys
import tempfile
import warnings

import numpy
import torch
import torchvision.transforms as T
from PIL import Image

import _image_files as make
from _image import Driver, Refused

warnings.simplefilter("ignore")
BACKGROUND = (255, 120, 3)
noise = numpy.random.default_rng(3)


def picture(mode, width=61, height=47):
    """Smooth colours with noise on them, in a mode of Pillow."""
    y, x = numpy.mgrid[:height, :width]
    rgba = numpy.stack([x * 4, y * 5, (x + y) * 2, 255 - x * 3], axis=2) % 256
    rgba = numpy.clip(rgba + noise.integers(-30, 30, rgba.shape), 0, 255).astype(numpy.uint8)
    image = Image.fromarray(rgba, "RGBA")
    if mode == "I;16":
        return Image.fromarray(noise.integers(0, 700, (height, width)).astype(numpy.uint16))
    if mode == "I":
        return Image.fromarray(noise.integers(-300, 700, (height, width)).astype(numpy.int32))
    if mode == "F":
        return Image.fromarray((noise.random((height, width)) * 400 - 60).astype(numpy.float32))
    if mode == "P":
        return image.convert("RGB").quantize(200)
    if mode == "CMYK":
        return Image.fromarray(rgba, "CMYK")
    return image if mode == "RGBA" else image.convert("RGB" if mode == "YCbCr" else mode)


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def ints(bits, shape):
    return noise.integers(0, 2**bits, shape).astype(numpy.uint32 if bits == 32 else numpy.uint16)


def palette_bytes(n):
    return noise.integers(0, 256, 3 * n).astype(numpy.uint8).tobytes()


def jpeg_cases():
    rgb = picture("RGB")
    for subsampling in range(3):
        for progressive in (False, True):
            name = f"subsampling {subsampling} progressive {progressive}"
            options = {"subsampling": subsampling, "progressive": progressive, "quality": 83}
            yield name, saved(rgb, "JPEG", **options)
    for size in ((1, 1), (7, 3), (8, 8), (17, 16), (16, 33), (300, 2), (2, 300)):
        yield f"size {size}", saved(picture("RGB", *size), "JPEG", quality=60)
    yield "quality 1", saved(rgb, "JPEG", quality=1)
    yield "quality 100 optimized", saved(rgb, "JPEG", quality=100, optimize=True)
    yield "grey", saved(picture("L"), "JPEG")
    yield "grey progressive", saved(picture("L"), "JPEG", progressive=True)
    yield "CMYK", saved(picture("CMYK"), "JPEG")
    yield "CMYK progressive", saved(picture("CMYK"), "JPEG", progressive=True, quality=95)
    yield "comment, ICC, EXIF rotation", saved(
        rgb, "JPEG", icc_profile=b"x" * 70000, comment=b"c", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1"
        b"\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
    )  # fmt: skip
    yield "two pictures (MPO)", saved(rgb, "MPO", save_all=True, append_images=[picture("RGB")])

    def blocks(sampling):
        return [noise.integers(-120, 120, (6 * v, 5 * h)) for h, v in sampling]

    one, two = [(1, 1)] * 3, [(2, 2), (1, 1), (1, 1)]
    for adobe in (None, 0, 1):
        yield f"Adobe {adobe}, 3 components", make.jpeg(blocks(one), one, adobe=adobe)
    yield "identifiers RGB", make.jpeg(blocks(one), one, ids=[82, 71, 66])
    yield "identifiers RGB in JFIF", make.jpeg(blocks(one), one, ids=[82, 71, 66], jfif=True)
    yield "identifiers 0 1 2", make.jpeg(blocks(one), one, ids=[0, 1, 2])
    for adobe in (None, 0, 2):
        four = [(1, 1)] * 4
        yield f"Adobe {adobe}, 4 components", make.jpeg(blocks(four), four, adobe=adobe)
    ycck = [(2, 2), (1, 1), (1, 1), (2, 2)]
    yield "YCCK subsampled", make.jpeg(blocks(ycck), ycck, adobe=2)
    for restart in (1, 3, 5):
        yield f"restart every {restart}", make.jpeg(blocks(two), two, restart=restart)
        yield f"grey restart every {restart}", make.jpeg(blocks(one)[:1], one[:1], restart=restart)
    for sampling in ([(1, 2), (1, 1), (1, 1)], [(4, 1), (1, 1), (1, 1)], [(2, 2), (2, 1), (1, 2)],
                     [(1, 1), (2, 2), (2, 2)], [(4, 2), (1, 1), (1, 1)]):  # fmt: skip
        yield f"sampling {sampling}", make.jpeg(blocks(sampling), sampling)
    yield "bytes before the end marker", make.jpeg(blocks(two), two, junk=b"abc\xff\xff\x00x")
    yield "bytes after the end", make.jpeg(blocks(two), two) + b"trailing"


def png_cases():
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I"):
        yield f"Pillow's {mode}", saved(picture(mode), "PNG")
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    n_samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    for colour, all_bits in depths.items():
        for bits in all_bits:
            for interlace in (False, True):
                for height, width in ((19, 33), (1, 1), (3, 2), (5, 1), (1, 6)):
                    samples = ints(bits, (height, width, n_samples[colour]))
                    if colour == 0 and bits == 16:
                        samples %= 600
                    chunks = [(b"gAMA", b"\0\0\x80\0")]
                    keys = []
                    if colour == 3:
                        chunks.append((b"PLTE", palette_bytes(2**bits)))
                        keys = [bytes([0]), noise.integers(0, 256, 2**bits).astype("u1").tobytes()]
                    if colour in (0, 2):
                        keys = [samples[0, 0].astype(">u2").tobytes()]
                    name = f"colour {colour} bits {bits} interlace {interlace} {width} x {height}"
                    yield name, make.png(samples, bits, colour, interlace, chunks)
                    for key in keys:
                        yield f"{name} tRNS {len(key)}", make.png(
                            samples, bits, colour, interlace, [*chunks, (b"tRNS", key)]
                        )
    samples = ints(8, (9, 8, 1))
    yield "short palette", make.png(samples, 8, 3, False, [(b"PLTE", palette_bytes(100))])
    ancillary = [(b"iCCP", b"name\0\0bad"), (b"tEXt", b"a\0b"), (b"prVt", b"x"), (b"pHYs", bytes(9))]
    yield "ancillary chunks", make.png(ints(8, (9, 8, 3)), 8, 2, False, ancillary)
    frames = [picture("RGBA") for _ in range(3)]
    yield "animation", saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    yield "animation with a default picture", saved(
        frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=True
    )


def webp_cases():
    for mode in ("L", "RGB", "RGBA", "P"):
        image = picture(mode)
        yield f"lossy {mode}", saved(image, "WEBP", quality=70)
        yield f"lossless {mode}", saved(image, "WEBP", lossless=True)
        yield f"lossless exact {mode}", saved(image, "WEBP", lossless=True, exact=True)
    for size in ((1, 1), (2, 3), (17, 16), (33, 1)):
        yield f"lossy size {size}", saved(picture("RGB", *size), "WEBP")
        yield f"lossless size {size}", saved(picture("RGBA", *size), "WEBP", lossless=True)
    yield "with EXIF and ICC", saved(picture("RGB"), "WEBP", exif=b"Exif\0\0x", icc_profile=b"y" * 9)
    frames = [picture("RGBA") for _ in range(3)]
    yield "animation", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    for mode in ("RGB", "RGBA"):
        small = saved(picture(mode, 20, 10), "WEBP", lossless=True)
        yield f"animation off the corner {mode}", make.webp_animation(
            50, 40, [(6, 8, (20, 10), small), (0, 0, (20, 10), small)]
        )


def tiff_cases():
    compressions = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd",
                    "lzma")  # fmt: skip
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F"):
        for compression in compressions:
            image = picture(mode)
            if mode == "YCbCr":
                if compression == "raw":
                    continue  # Pillow does not read back what it writes
                image = image.convert("YCbCr")
            yield f"{mode} {compression}", saved(image, "TIFF", compression=compression)
    for compression in ("group3", "group4", "tiff_ccitt"):
        yield compression, saved(picture("1"), "TIFF", compression=compression)
    for mode in ("L", "RGB", "CMYK"):
        yield f"JPEG {mode}", saved(picture(mode), "TIFF", compression="jpeg", quality=80)
    yield "JPEG YCbCr", saved(picture("RGB").convert("YCbCr"), "TIFF", compression="jpeg")
    yield "two pictures", saved(
        picture("RGB"), "TIFF", save_all=True, append_images=[picture("L", 9, 9)]
    )

    for order in (False, True):
        for compression in (1, 8):
            end = f"{'MM' if order else 'II'} compression {compression}"
            same = {"big_endian": order, "compression": compression}
            for bits in (1, 2, 4, 8):
                samples = ints(bits, (23, 37, 1))
                for photometric in (0, 1):
                    for fill in (1, 2):
                        if (photometric, bits, fill, compression) == (0, 8, 2, 1):
                            continue  # Pillow refuses it
                        yield f"{end} grey {photometric} bits {bits} fill {fill}", make.tiff(
                            samples, photometric, bits, fill_order=fill, **same
                        )
                yield f"{end} palette bits {bits}", make.tiff(
                    samples, 3, bits, palette=noise.integers(0, 65536, 3 * 2**bits), **same
                )
                yield f"{end} no photometric, bits {bits}", make.tiff(
                    samples, 0, bits, with_photometric=False, **same
                )
            grey16 = ints(16, (23, 37, 1)) % 700
            yield f"{end} grey 16", make.tiff(grey16, 1, 16, **same)
            yield f"{end} grey 16 signed", make.tiff(
                (grey16.astype(numpy.int16) - 300), 1, 16, sample_format=2, **same
            )
            yield f"{end} grey and alpha", make.tiff(
                ints(8, (23, 37, 2)), 1, 8, extras=(2,), **same
            )
            yield f"{end} palette and alpha", make.tiff(
                ints(8, (23, 37, 2)), 3, 8, extras=(2,),
                palette=noise.integers(0, 65536, 768), **same
            )  # fmt: skip
            for bits in (8, 16):
                for n, extras in ((3, ()), (4, ()), (4, (0,)), (4, (1,)), (4, (2,))):
                    samples = ints(bits, (23, 37, n))
                    if extras == (1,):
                        samples[:, :, :3] = samples[:, :, :3] % (samples[:, :, 3:] + 1)
                    yield f"{end} RGB bits {bits} extras {extras} of {n}", make.tiff(
                        samples, 2, bits, extras=extras, **same
                    )
            for n, extras in ((5, (0, 0)), (5, (2, 0)), (5, (1, 0)), (6, (2, 0, 0))):
                yield f"{end} RGB extras {extras}", make.tiff(
                    ints(8, (23, 37, n)), 2, 8, extras=extras, **same
                )
            yield f"{end} CMYK", make.tiff(ints(8, (23, 37, 4)), 5, 8, **same)
            yield f"{end} CMYK and more", make.tiff(ints(8, (23, 37, 5)), 5, 8, extras=(0,), **same)
        yield f"{end} float", make.tiff(
            (noise.random((9, 7, 1)) * 500 - 99).astype(numpy.float32), 1, 32, order,
            sample_format=3
        )  # fmt: skip
        yield f"{end} int 32", make.tiff(
            (noise.integers(-300, 700, (9, 7, 1))).astype(numpy.int32), 1, 32, order,
            sample_format=2
        )  # fmt: skip
    for compression in (1, 8):
        same = {"compression": compression}
        wide = noise.integers(0, 2**32, (9, 7, 1)).astype(numpy.uint32)
        wide[::2] %= 300
        yield f"unsigned 32, {compression}", make.tiff(wide, 1, 32, **same)
        yield f"white is zero 16, {compression}", make.tiff(ints(16, (9, 7, 1)) % 400, 0, 16, **same)
        yield f"bits 12, {compression}", make.tiff(ints(12, (9, 7, 1)) % 400, 1, 12, **same)
        yield f"bits 12 even, {compression}", make.tiff(ints(12, (9, 8, 1)) % 400, 1, 12, **same)
        yield f"CMYK 16, {compression}", make.tiff(ints(16, (9, 7, 4)), 5, 16, **same)
        for orientation in range(1, 9):
            yield f"orientation {orientation}, {compression}", make.tiff(
                ints(8, (9, 7, 3)), 2, 8, orientation=orientation, **same
            )
    for n, photometric, extras in ((1, 1, ()), (3, 2, ()), (4, 2, (2,)), (4, 5, ()), (4, 2, (1,))):
        for bits in (8, 16):
            if photometric == 5 and bits == 16:
                continue
            samples = ints(bits, (43, 50, n))
            if n == 1 and bits == 16:
                samples %= 500
            name = f"{n} samples photometric {photometric} extras {extras} bits {bits}"
            yield f"tiles {name}", make.tiff(
                samples, photometric, bits, tile=(16, 32), compression=8, extras=extras
            )
            if n == 1:
                continue
            yield f"planes {name}", make.tiff(
                samples, photometric, bits, planar=2, compression=8, extras=extras
            )
            yield f"planes in tiles {name}", make.tiff(
                samples, photometric, bits, planar=2, tile=(32, 16), compression=8, extras=extras
            )
    yield "planes, not compressed", make.tiff(ints(8, (43, 50, 3)), 2, 8, planar=2)
    yield "predictor", make.tiff(
        ints(8, (43, 50, 3)).astype(numpy.uint8), 2, 8, predictor=2, compression=8
    )


def gif_cases():
    yield "Pillow's P", saved(picture("P"), "GIF")
    yield "Pillow's L", saved(picture("L"), "GIF")
    yield "Pillow's 1", saved(picture("1"), "GIF")
    yield "Pillow's interlaced", saved(picture("P"), "GIF", interlace=1)
    yield "Pillow's transparency", saved(picture("P"), "GIF", transparency=7)
    frames = [picture("P") for _ in range(3)]
    yield "Pillow's animation", saved(
        frames[0], "GIF", save_all=True, append_images=frames[1:], disposal=2, transparency=3
    )
    for bits in (2, 3, 5, 8):
        palette, local = palette_bytes(2**bits), palette_bytes(2**bits)
        for interlace in (False, True):
            for transparent in (None, 1):
                for height in (1, 2, 3, 5, 9, 30):
                    indices = ints(bits, (height, 21))
                    frame = {"interlace": interlace, "transparent": transparent, "bits": bits}
                    name = f"bits {bits} interlace {interlace} transparent {transparent} {height}"
                    yield f"{name} whole", make.gif(
                        21, height, [make.gif_frame(indices, **frame)], palette
                    )
                    yield f"{name} off the corner", make.gif(
                        40, 50, [make.gif_frame(indices, 5, 7, **frame)], palette, background=2
                    )
                    yield f"{name} beyond the screen", make.gif(
                        10, 4, [make.gif_frame(indices, 5, 7, **frame)], palette
                    )
                    yield f"{name} local palette", make.gif(
                        30, 50, [make.gif_frame(indices, 5, 7, palette=local, **frame)], palette
                    )
    indices = ints(8, (12, 13))
    yield "no palette", make.gif(13, 12, [make.gif_frame(indices)])
    yield "no palette, GIF87a", make.gif(13, 12, [make.gif_frame(indices)], version=b"GIF87a")
    yield "ramp of greys", make.gif(
        13, 12, [make.gif_frame(indices)], bytes(v for i in range(256) for v in (i, i, i))
    )
    yield "short palette", make.gif(13, 12, [make.gif_frame(indices)], palette_bytes(16))
    comment = b"\x21\xfe\x05hello\0" + b"\x21\xff\x0bNETSCAPE2.0\x03\1\0\0\0"
    yield "extensions, two frames", make.gif(
        30, 30,
        [comment, make.gif_frame(indices, 3, 2, transparent=9, disposal=2),
         make.gif_frame(indices, 9, 9)], palette_bytes(256)
    )  # fmt: skip


def bmp_cases():
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield f"Pillow's {mode}", saved(picture(mode), "BMP")

    def entries(n, size):
        return b"".join(palette_bytes(1) + bytes(size - 3) for _ in range(n))

    for width in (1, 2, 7, 8, 9, 31):
        for bits in (1, 4, 8):
            indices = ints(bits, (6, width))
            n = 2**bits
            for top_down in (False, True):
                yield f"bits {bits} width {width} top down {top_down}", make.bmp(
                    indices, bits, top_down=top_down, palette=entries(n, 4)
                )
            yield f"bits {bits} width {width} OS/2", make.bmp(
                indices, bits, 12, palette=entries(n, 3)
            )
        for bits in (16, 24, 32):
            pixels = noise.integers(0, 2**bits, (6, width))
            for header in (12, 40, 64, 108, 124):
                if header != 12 or bits != 16:
                    yield f"bits {bits} width {width} header {header}", make.bmp(
                        pixels, bits, header
                    )
            yield f"bits {bits} width {width} top down", make.bmp(pixels, bits, top_down=True)
    fields = {
        16: [(0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0)],
        24: [(0xFF0000, 0xFF00, 0xFF, 0)],
        32: [(0xFF0000, 0xFF00, 0xFF, 0), (0xFF000000, 0xFF0000, 0xFF00, 0),
             (0xFF000000, 0xFF0000, 0xFF00, 0xFF), (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
             (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0, 0, 0, 0)],
    }  # fmt: skip
    for bits, layouts in fields.items():
        pixels = noise.integers(0, 2**bits, (6, 11))
        for masks in layouts:
            yield f"fields {masks} of {bits}", make.bmp(pixels, bits, 124, masks=masks)
            if masks[3] == 0:
                yield f"fields {masks} of {bits}, short header", make.bmp(
                    pixels, bits, 40, masks=masks[:3]
                )
    for bits, compression in ((8, 1), (4, 2)):
        for width in (1, 7, 8, 300):
            runs = ints(bits, (9, width))
            runs[::2] = runs[::2, :1]
            runs[1::4, : width // 2] = 1
            data = make.bmp_rle(runs, bits)
            yield f"run lengths {bits} width {width}", make.bmp(
                runs, bits, palette=entries(2**bits, 4), compression=compression, data=data
            )
    yield "fewer colours", make.bmp(
        ints(8, (6, 9)) % 60, 8, palette=entries(60, 4), n_colours=60
    )
    yield "indices without an entry", make.bmp(
        ints(8, (6, 9)), 8, palette=entries(60, 4), n_colours=60
    )


def expected_over(image):
    """The definition in src/image/decode.h: each channel rounded to the nearest, halves up."""
    rgba = numpy.asarray(image.convert("RGBA")).astype(int)
    alpha = rgba[:, :, 3:]
    mixed = rgba[:, :, :3] * alpha + numpy.array(BACKGROUND) * (255 - alpha)
    return ((2 * mixed + 255) // 510).astype(numpy.uint8)


def check_case(driver, path, name, data):
    """What is wrong with one picture, or None."""
    with open(path, "wb") as file:
        file.write(data)
    image = Image.open(path)
    image.load()
    mode = image.mode
    expected = numpy.asarray(image.convert("RGB"))
    try:
        driver.open(path)
    except Refused as error:
        return str(error)
    found = driver.pixels()
    if found.shape != expected.shape:
        return f"expected shape {expected.shape}, found {found.shape}"
    n_wrong = int((found != expected).any(axis=2).sum())
    if n_wrong:
        return f"{n_wrong} of {found.shape[0] * found.shape[1]} pixels differ"
    # Where Pillow cannot be the oracle: it compares a transparent colour in the file's depth with
    # pixels of 8 bits; and libtiff does not tell an extra sample without a meaning from alpha.
    is_scaled_key = "tRNS 2" in name and "bits 8" not in name or "bits 16" in name and "tRNS" in name
    has_alpha = mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    if has_alpha and not is_scaled_key and "extras () of 4" not in name:
        driver.open_over(path, BACKGROUND)
        n_wrong = int((driver.pixels() != expected_over(image)).any(axis=2).sum())
        if n_wrong:
            return f"over a background {n_wrong} pixels differ"
    return None


def check_formats(driver, folder):
    makers = (jpeg_cases, png_cases, webp_cases, tiff_cases, gif_cases, bmp_cases)
    n_bad = 0
    for maker in makers:
        n = 0
        for name, data in maker():
            n += 1
            try:
                problem = check_case(driver, os.path.join(folder, "picture"), name, data)
            except Exception as error:  # Pillow's refusal too: each case must be a picture
                problem = repr(error)
            if problem:
                n_bad += 1
                print(f"{maker.__name__}: {name}: {problem}")
        print(f"{maker.__name__}: {n} pictures")
    return n_bad


def outcome_of_pillow(data):
    try:
        return numpy.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except Exception:
        return None


def check_damage(driver, folder):
    """Cut and damaged JPEGs. What Pillow takes, is taken, with the same pixels; what it finds cut
    off is refused."""
    path = os.path.join(folder, "damaged")
    choose = random.Random(5)
    originals = [
        saved(picture("RGB"), "JPEG"),
        saved(picture("RGB"), "JPEG", progressive=True),
        saved(picture("CMYK"), "JPEG"),
        make.jpeg([noise.integers(-99, 99, (6, 5))], [(1, 1)], restart=2),
    ]
    n_bad = n_taken = n_refused = 0
    for original in originals:
        cut = [original[:n] for n in range(1, len(original), 13)]
        cut += [original[:-n] for n in range(1, 9)]
        flipped = []
        for _ in range(150):
            data = bytearray(original)
            for _ in range(choose.randint(1, 3)):
                data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
            flipped.append(bytes(data))
        for data in cut + flipped:
            with open(path, "wb") as file:
                file.write(data)
            expected = outcome_of_pillow(data)
            try:
                driver.open(path)
                found = driver.pixels()
            except Refused:
                found = None
            n_taken += expected is not None
            n_refused += expected is None
            if expected is None and found is not None:
                # Pillow walks the markers itself and stumbles over some that libjpeg skips.
                is_bad = any(data == each for each in cut)
            else:
                is_bad = expected is not None and (
                    found is None or found.shape != expected.shape or (found != expected).any()
                )
            n_bad += is_bad
    print(f"damaged JPEGs: {n_taken} taken by Pillow, {n_refused} refused, {n_bad} otherwise here")
    return n_bad


def check_draws(driver):
    """Area and aspect of the crops, and the rate of flips, against torchvision's on the same size."""
    n_bad, n = 0, 4000
    for width, height, scale in ((500, 375, 0.08), (375, 500, 0.08), (1000, 100, 0.08),
                                 (40, 300, 0.08), (1, 1, 0.08), (500, 375, 0.5), (32, 32, 1)):
        ours = driver.draw(11, 2, 0, width, height, n, scale)
        assert (ours == driver.draw(11, 2, 0, width, height, n, scale)).all()
        assert (ours[1:] == driver.draw(11, 2, 1, width, height, n - 1, scale)).all()
        torch.manual_seed(0)
        image = Image.new("L", (width, height))
        theirs = [
            T.RandomResizedCrop.get_params(image, (scale, 1.0), (3 / 4, 4 / 3)) for _ in range(n)
        ]
        theirs = numpy.array([(left, top, w, h) for top, left, h, w in theirs])
        for name, measure in (
            ("area", lambda b: b[:, 2] * b[:, 3] / (width * height)),
            ("log aspect", lambda b: numpy.log(b[:, 2] / b[:, 3])),
            ("left", lambda b: b[:, 0] / width),
            ("top", lambda b: b[:, 1] / height),
        ):
            a, b = measure(ours), measure(theirs)
            # Five standard errors of the difference of two means of n draws, and 6% (about five
            # standard errors of a deviation of n draws) between the deviations.
            allowed = 5 * math.sqrt((a.var() + b.var()) / n) + 1e-12
            is_bad = abs(a.mean() - b.mean()) > allowed
            is_bad |= abs(a.std() - b.std()) > 0.06 * b.std() + 1e-12
            if is_bad:
                n_bad += 1
                print(f"draws {width} x {height} from {scale}, {name}: {a.mean()} {a.std()}, "
                      f"torchvision {b.mean()} {b.std()}")  # fmt: skip
        rate = ours[:, 4].mean()
        if abs(rate - 0.5) > 5 * 0.5 / math.sqrt(n):  # five standard deviations
            n_bad += 1
            print(f"draws {width} x {height}: {rate} flipped")
    print(f"draws: {n_bad} measures off")
    return n_bad


def main():
    folder = tempfile.mkdtemp()
    driver = Driver()
    try:
        n_bad = check_formats(driver, folder)
        n_bad += check_damage(driver, folder)
        n_bad += check_draws(driver)
    finally:
        driver.close()
        shutil.rmtree(folder)
    sys.exit(1 if n_bad else 0)


if __name__ == "__main__":
    main()
