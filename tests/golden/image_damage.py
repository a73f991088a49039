#!/usr/bin/env python3
"""Cut, damaged and lying files of every format: an answer each time, soon, and the right one.

The driver must not crash (in the build with sanitizers: not touch a byte that is not its own) nor
hang; a refusal names the file. A file cut in the middle of its picture is DNNB_ERR_FORMAT. A header
that promises more than the file can hold is refused before memory is taken for it.
"""

import os
import random
import shutil
import signal
import struct
import sys
import tempfile

import _image_files as make
import image_formats
import numpy
from _image import Driver, Refused

N_FILES, N_CUTS, N_FLIPS = 12, 10, 25  # of each format
MAX_SECONDS = 240


def choose_files(maker):
    """Some of the pictures that image_formats.py checks, spread over the whole list."""
    cases = list(maker())
    return cases[:: max(1, len(cases) // N_FILES)]


def ask(driver, path, data):
    """Status and message; "ok" for a picture."""
    with open(path, "wb") as file:
        file.write(data)
    try:
        driver.open(path)
        driver.pixels()
    except Refused as error:
        assert error.message.startswith(path), f"the message names no file: {error}"
        return error.status
    return "ok"


def check_damage(driver, path, choose):
    n_bad = 0
    for maker in (
        image_formats.jpeg_cases, image_formats.png_cases, image_formats.webp_cases,
        image_formats.tiff_cases, image_formats.gif_cases, image_formats.bmp_cases,
    ):  # fmt: skip
        count = {}
        for name, data in choose_files(maker):
            damaged = [data[: len(data) * i // N_CUTS] for i in range(N_CUTS)]
            # Headers are short and matter most.
            for i in range(N_FLIPS):
                flipped = bytearray(data)
                end = min(len(data), 200) if i % 2 else len(data)
                for _ in range(choose.randint(1, 4)):
                    flipped[choose.randrange(end)] = choose.choice((0, 1, 127, 128, 255))
                damaged.append(bytes(flipped))
            for each in damaged:
                status = ask(driver, path, each)
                count[status] = count.get(status, 0) + 1
                if status not in ("ok", "format", "unsupported", "limit"):
                    n_bad += 1
                    print(f"{maker.__name__}: {name}: a damaged file gives {status}")
        print(f"{maker.__name__}: {count}")
    return n_bad


def check_cuts(driver, path):
    """The first half of a picture's file is a truncated file in every format."""
    n_bad = 0
    image = image_formats.picture("RGB", 120, 90)
    for format in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
        data = image_formats.saved(image, format)
        for cut in (0.2, 0.5, 0.9):
            status = ask(driver, path, data[: int(len(data) * cut)])
            if status != "format":
                n_bad += 1
                print(f"{format} cut to {cut}: expected format, found {status}")
    progressive = image_formats.saved(image, "JPEG", progressive=True)
    if ask(driver, path, progressive[:-2]) != "format":
        n_bad += 1
        print("a progressive JPEG without its end is taken")
    return n_bad


def patch(data, at, value):
    return data[:at] + value + data[at + len(value) :]


def check_lies(driver, path):
    """Sizes that the file cannot hold, and sizes above the limit."""
    rows = numpy.zeros((8, 8, 3), numpy.uint16)
    jpeg = make.jpeg([numpy.zeros((6, 5))], [(1, 1)])
    frame = jpeg.index(b"\xff\xc0") + 5
    gif = make.gif(8, 8, [make.gif_frame(rows[:, :, 0])])
    png = make.png(rows, 8, 2)[8 + 25 :]

    def png_of(side):
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + make.png_chunk(b"IHDR", header) + png

    def tiff_of(side, compression=1):
        data = make.tiff(rows, 2, 8, compression=compression)
        at = struct.unpack("<I", data[4:8])[0] + 2
        data = patch(data, at + 8, struct.pack("<I", side))
        return patch(data, at + 12 + 8, struct.pack("<I", side))

    def bmp_of(side):
        return patch(make.bmp(rows[:, :, 0], 24), 18, struct.pack("<ii", side, side))

    lies = {
        "JPEG": (patch(jpeg, frame, struct.pack(">HH", 12000, 12000)), "format"),
        "JPEG above the limit": (patch(jpeg, frame, struct.pack(">HH", 60000, 60000)), "limit"),
        "PNG": (png_of(12000), "format"),
        "PNG above the limit": (png_of(2**31 - 1), "limit"),
        "TIFF": (tiff_of(12000), "format"),
        "TIFF deflated": (tiff_of(12000, 8), "format"),
        "TIFF above the limit": (tiff_of(60000), "limit"),
        "GIF": (patch(gif, gif.index(b",") + 5, struct.pack("<HH", 12000, 12000)), "format"),
        "GIF above the limit": (patch(gif, 6, struct.pack("<HH", 65535, 65535)), "limit"),
        "BMP": (bmp_of(12000), "format"),
        "BMP above the limit": (bmp_of(2**30), "limit"),
    }
    n_bad = 0
    for name, (data, expected) in lies.items():
        status = ask(driver, path, data)
        if status != expected:
            n_bad += 1
            print(f"{name} with a wrong size: expected {expected}, found {status}")
    return n_bad


def main():
    signal.alarm(MAX_SECONDS)  # a hang ends the test, and fails it
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "damaged picture")
    driver = Driver()
    try:
        n_bad = check_lies(driver, path) + check_cuts(driver, path)
        n_bad += check_damage(driver, path, random.Random(1))
        driver.close()
    finally:
        shutil.rmtree(folder)
    print(f"{n_bad} wrong answers")
    sys.exit(1 if n_bad else 0)


if __name__ == "__main__":
    main()
