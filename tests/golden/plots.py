#!/usr/bin/env python3
"""The plots as others read them: SVG by Python's XML parser, PNG by Pillow.

The points of a line must stand where an axis puts the values, and the picture must show its colour
there. Cells of a confusion matrix have the shade of their share, texts that can be read on it.
"""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import numpy
from PIL import Image

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "plots_driver")
SVG = "{http://www.w3.org/2000/svg}"
SCALE = 2
BLUE, VERMILION = "rgb(0%,44.7%,69.8%)", "rgb(83.5%,36.9%,0%)"
NUMBER = re.compile(r"-?[\d.]+(?:e-?\d+)?")
# SVG coordinates have six decimals, but cairo keeps them in 24.8 fixed point: half a 256th.
ROUNDING_PX = 0.003


class Plot:
    def __init__(self, base):
        self.base = base
        self.root = ElementTree.parse(base + ".svg").getroot()
        assert self.root.tag == SVG + "svg", (base, self.root.tag)
        self.width, self.height = (int(n) for n in self.root.get("viewBox").split()[2:])
        assert self.root.get("width") == f"{self.width}px", base
        self.check_words()
        self.image = Image.open(base + ".png")
        self.image.load()
        assert self.image.format == "PNG" and self.image.mode == "RGB", (base, self.image.mode)
        assert self.image.size == (self.width * SCALE, self.height * SCALE), base
        assert abs(self.image.info["dpi"][0] - 96 * SCALE) < 0.5, (base, self.image.info)
        assert self.image.getpixel((0, 0)) == (255, 255, 255), base
        self.check_pdf()

    def check_words(self):
        """A title and a description that the picture names as its own; identifiers once each."""
        ids = [e.get("id") for e in self.root.iter() if e.get("id")]
        assert len(ids) == len(set(ids)), self.base
        prefix = os.path.commonprefix(ids).split("-")[0]
        assert prefix and not prefix.startswith(("glyph", "surface")), (self.base, ids[:3])
        words = {e.get("id"): e.text for e in self.root if e.tag in (SVG + "title", SVG + "desc")}
        assert self.root.get("role") == "img", self.base
        assert self.root.get("aria-labelledby").split() == list(words), (self.base, words)
        self.description = list(words.values())[1]
        for use in self.root.iter(SVG + "use"):
            assert use.get("{http://www.w3.org/1999/xlink}href")[1:] in ids, self.base

    def check_pdf(self):
        with open(self.base + ".pdf", "rb") as file:
            pdf = file.read()
        assert pdf.startswith(b"%PDF-1.") and pdf.rstrip().endswith(b"%%EOF"), self.base
        assert b"CreationDate" not in pdf, self.base
        box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
        assert float(box[1]) == self.width * 0.75 and float(box[2]) == self.height * 0.75, box

    def paths(self, **wanted):
        """Style and points of each path whose style has these values."""
        for path in self.root.iter(SVG + "path"):
            style = dict(s.split(":") for s in path.get("style", "").strip(" ;").split(";") if s)
            if all(style.get(k.replace("_", "-")) == v for k, v in wanted.items()):
                numbers = [float(n) for n in NUMBER.findall(path.get("d"))]
                yield style, list(zip(numbers[::2], numbers[1::2]))

    def line(self, colour):
        """Points of the lines of a colour, without the legend's sample: 30 px, level."""
        lines = [points for _, points in self.paths(stroke=colour, stroke_width="2")]
        sample = lambda p: len(p) == 2 and p[0][1] == p[1][1] and abs(p[1][0] - p[0][0] - 30) < 0.01
        return [point for points in lines if not sample(points) for point in points]

    def pixel(self, x, y):
        x, y = min(int(x * SCALE), self.width * SCALE - 1), min(int(y * SCALE), self.height * SCALE - 1)
        return self.image.getpixel((x, y))

    def check_colour(self, points, colour):
        """At each point some pixel within 3 px, a marker's radius, has the line's colour; a line
        that is missing leaves points without. 12 levels of 255 allow for antialiasing."""
        wanted = [float(n) * 2.55 for n in NUMBER.findall(colour)]
        for x, y in points:
            assert 0 <= x <= self.width and 0 <= y <= self.height, (self.base, x, y)
            box = (x * SCALE - 3, y * SCALE - 3, x * SCALE + 4, y * SCALE + 4)
            near = self.image.crop(tuple(int(v) for v in box)).getdata()
            found = any(all(abs(a - b) < 12 for a, b in zip(pixel, wanted)) for pixel in near)
            assert found, (self.base, x, y)


def check_straight(pixels, values, name):
    """Pixels are a linear function of the values; gives its slope."""
    if len(set(values)) < 2:
        return 0
    slope, offset = numpy.polyfit(values, pixels, 1)
    # The fit rounds as well, on values of any size: a hundredth of a pixel cannot be seen.
    assert numpy.abs(slope * numpy.array(values) + offset - pixels).max() < 0.01, name
    return slope


def check_line(plot, colour, values):
    """One point for each finite value, at its epoch and its height on a linear or logarithmic axis."""
    finite = [(i + 1, v) for i, v in enumerate(values) if numpy.isfinite(v)]
    points = plot.line(colour)
    if len(finite) == 1:  # no line, but a marker, which is filled
        assert not points and len(list(plot.paths(fill=colour))) >= 1, plot.base
        return 1
    if plot.base.endswith("learning_rate"):  # cairo joins the pieces of a straight line
        plot.check_colour(points, colour)
        return len(points)
    assert len(points) == len(finite), (plot.base, len(points), len(finite))
    if not points:
        return 0
    check_straight([p[0] for p in points], [f[0] for f in finite], plot.base)
    slope = check_straight([p[1] for p in points], [f[1] for f in finite], plot.base)
    assert slope <= 0, (plot.base, "larger values stand higher")
    plot.check_colour(points, colour)
    return len(points)


def check_run(folder, run):
    table = numpy.loadtxt(os.path.join(folder, run + ".txt"), ndmin=2)
    n = 0
    for kind, lines in {
        "epoch_loss": [(0, VERMILION), (1, BLUE)],
        "score": [(2, VERMILION), (3, BLUE)],
        "learning_rate": [(4, BLUE)],
    }.items():
        plot = Plot(os.path.join(folder, f"{run}_{kind}"))
        if kind == "epoch_loss" and numpy.isnan(table[:, 1]).all():
            lines = [(0, BLUE)]  # training alone
        n += sum(check_line(plot, colour, table[:, column]) for column, colour in lines)
        for column, _ in lines:
            finite = table[numpy.isfinite(table[:, column]), column]
            told = f"largest {finite.max():.4g}" if len(finite) else None
            assert told is None or told in plot.description, (plot.base, told, plot.description)
    plot = Plot(os.path.join(folder, f"{run}_step_loss"))
    plot.check_colour(plot.line(BLUE), BLUE)
    return n


def check_star(folder):
    """The star stands at its epoch, where the line has that value: ten corners around a point."""
    plot = Plot(os.path.join(folder, "page_score"))
    corners = [p for s, p in plot.paths(fill=BLUE) if len(p) == 11]
    assert len(corners) == 2, len(corners)  # in the legend, and in the plot
    x, y = numpy.array(sorted(corners, key=lambda c: c[0][1])[1][:10]).mean(axis=0)
    line = plot.line(BLUE)
    assert abs(x - line[25][0]) < ROUNDING_PX and abs(y - line[25][1]) < ROUNDING_PX, (x, y)
    assert "best epoch 26 (0.7)" in plot.description, plot.description


def luminance(colour):
    """Relative luminance of WCAG 2."""
    c = numpy.array(colour) / 255
    return numpy.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)


def contrast(a, b):
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def check_confusion(folder, n_classes):
    counts = numpy.loadtxt(os.path.join(folder, f"classes{n_classes}.txt"), dtype=int)
    plot = Plot(os.path.join(folder, f"classes{n_classes}_confusion"))
    sums = counts.sum(axis=1, keepdims=True)
    shares = counts / numpy.maximum(sums, 1)
    frame = max((p for _, p in plot.paths(fill="none") if len(p) == 5), key=lambda p: p[1][0] - p[0][0])
    (left, top), (right, bottom) = frame[0], frame[2]
    cell = (right - left) / n_classes
    assert abs(right - left - (bottom - top)) < ROUNDING_PX, frame
    told = f"accuracy {counts.trace() / counts.sum():.3f}"
    assert told in plot.description, (told, plot.description)
    seen = {}
    n_texts = 0
    for row in range(n_classes):
        for column in range(n_classes):
            x, y = left + column * cell, top + row * cell
            shade = plot.pixel(x + 1.6, y + 1.6)  # beside the grid's line and the text
            if sums[row, 0]:
                seen.setdefault(int(shares[row, column] * 63 + 0.5), set()).add(shade)
            else:
                assert shade in [(237,) * 3, (238,) * 3], (row, column, shade)
            if cell >= 30 and counts[row, column]:
                box = [int(v * SCALE) for v in (x + 2, y + 2, x + cell - 2, y + cell - 2)]
                inside = plot.image.crop(box)
                colours = inside.getcolors(inside.width * inside.height)
                texts = max(contrast(colour, shade) for _, colour in colours)
                # White and ink stand out alike, by 4.0, on the shade where one gives way to the other.
                assert texts > 3.9, (row, column, texts)
                n_texts += 1
    assert all(len(shades) == 1 for shades in seen.values()), seen
    light = [luminance(shades.pop()) for _, shades in sorted(seen.items())]
    assert light == sorted(light, reverse=True), light  # darker with the share
    assert light[0] == 1 or counts.min() > 0, light
    assert n_texts == ((counts > 0).sum() if cell >= 30 else 0), n_texts
    return n_classes**2


def check_regression(folder, name, n_targets):
    values = numpy.loadtxt(os.path.join(folder, name + ".txt")).reshape(-1, n_targets, 2)
    plot = Plot(os.path.join(folder, name + "_regression"))
    dots = [p[0] for _, p in plot.paths(stroke_linecap="round") if len(p) == 2]
    flat = values.reshape(-1, 2)
    r_squared = numpy.corrcoef(flat.T)[0, 1] ** 2
    assert f"r² = {r_squared:.3f}" in plot.description, (r_squared, plot.description)
    for target in range(n_targets):
        pairs = values[:, target]
        own = numpy.array(dots[target * len(pairs) : (target + 1) * len(pairs)])
        across = check_straight(own[:, 0], pairs[:, 0], name)
        up = check_straight(own[:, 1], pairs[:, 1], name)
        assert abs(across + up) < 1e-3 * across, (across, up)  # both axes alike
        r_squared = numpy.corrcoef(pairs.T)[0, 1] ** 2
        assert f"r² = {r_squared:.3f}" in plot.description, (r_squared, plot.description)
    return len(dots)


def check_crowd(folder):
    """Points too many to be drawn each: every one has a dot within its cell, in a file of modest size."""
    plot = Plot(os.path.join(folder, "crowd_regression"))
    dots = numpy.array([p for _, points in plot.paths(stroke_linecap="round") for p in points[::2]])
    assert 1000 < len(dots) < 20000, len(dots)
    assert os.path.getsize(plot.base + ".svg") < 400_000, os.path.getsize(plot.base + ".svg")
    values = numpy.loadtxt(os.path.join(folder, "crowd.txt"))
    for axis in (0, 1):  # the outermost points are drawn
        ends = numpy.sort(dots[:, axis])[[0, -1]]
        span = numpy.ptp(values[:, axis]) / numpy.ptp(values[:, 0])
        assert abs(numpy.ptp(ends) / numpy.ptp(dots[:, 0]) - span) < 0.02, (axis, ends)
    return len(dots)


def main():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([DRIVER, folder], check=True)
        n_points = sum(check_run(folder, run) for run in ["page", "one", "huge", "gaps", "many"])
        check_star(folder)
        Plot(os.path.join(folder, "all_score"))
        n_cells = sum(check_confusion(folder, n) for n in (2, 12, 200))
        n_dots = check_regression(folder, "few", 1) + check_regression(folder, "two", 2)
        n_dots += check_crowd(folder)
    assert n_points > 200, n_points
    print(f"{n_points} points of lines, {n_cells} cells and {n_dots} dots found in SVG and PNG")


if __name__ == "__main__":
    sys.exit(main())
