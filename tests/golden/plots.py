#!/usr/bin/env python3
"""The plots as others read them: SVG by Python's XML parser, PNG by Pillow.

Both are drawn by one code, so the picture must show its lines where the SVG has their points.
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

from PIL import Image

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "plots_driver")
RUNS = ["page", "one", "huge", "gaps", "many"]
PLOTS = ["epoch_loss", "step_loss", "score"]
WIDTH, HEIGHT, SCALE = 800, 500, 2
BLUE, WIDE = "stroke:rgb(0%,44.7%,69.8%)", "stroke-width:2;"


def points_of(svg_path):
    """Every point of the blue lines, having checked that the file is sound XML of the stated size."""
    root = ElementTree.parse(svg_path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg", (svg_path, root.tag)
    assert root.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}", (svg_path, root.get("viewBox"))
    points = []
    for path in root.iter("{http://www.w3.org/2000/svg}path"):
        style = path.get("style") or ""
        if BLUE in style and WIDE in style:
            numbers = [float(n) for n in re.findall(r"-?[\d.]+(?:e-?\d+)?", path.get("d"))]
            points += list(zip(numbers[::2], numbers[1::2]))
    return points


def check(folder, run, plot):
    base = os.path.join(folder, f"{run}_{plot}")
    points = points_of(base + ".svg")
    image = Image.open(base + ".png")
    image.load()
    assert image.format == "PNG" and image.mode == "RGB", (base, image.format, image.mode)
    assert image.size == (WIDTH * SCALE, HEIGHT * SCALE), (base, image.size)
    assert image.getpixel((0, 0)) == (255, 255, 255), base
    # At each point some pixel within 3 px, a marker's radius, has the line's colour; a line that
    # is missing leaves points without. 12 levels of 255 allow for antialiasing.
    for x, y in points:
        assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT, (base, x, y)
        box = (x * SCALE - 3, y * SCALE - 3, x * SCALE + 4, y * SCALE + 4)
        near = image.crop(tuple(int(v) for v in box)).getdata()
        found = any(abs(r - 0) < 12 and abs(g - 114) < 12 and abs(b - 178) < 12 for r, g, b in near)
        assert found, (base, x, y)
    return len(points)


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([DRIVER, folder], check=True)
        counts = {(run, plot): check(folder, run, plot) for run in RUNS for plot in PLOTS}
    assert counts["page", "epoch_loss"] >= 50, counts
    assert counts["huge", "step_loss"] >= 100, counts
    assert counts["many", "score"] == 0, counts
    print(f"{len(counts)} plots, {sum(counts.values())} points of lines found in SVG and PNG")


if __name__ == "__main__":
    sys.exit(main())
