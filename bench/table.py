"""A table of ratios, and tables between two marks of a document."""
import os
import statistics
import sys

MARKS = "<!-- %s begins -->", "<!-- %s ends -->"


class Ratios:
    """Rows of samples: (title, precision, peer) -> [(ours, theirs)]."""

    def __init__(self):
        self.rows = {}
        self.about = {}

    def add(self, title, precision, peer, ours, theirs, unit, target=None, floor_s=None):
        """`floor_s` are the seconds that ours cannot be below on this machine."""
        key = (title, precision, peer)
        self.rows.setdefault(key, []).append((ours, theirs))
        self.about[key] = (unit, target, floor_s)

    def lines(self):
        yield ("| what | precision | against | ours | theirs | ratio | least to largest | at the floor |"
               " target | reached |")
        yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
        for key, samples in self.rows.items():
            unit, target, floor_s = self.about[key]
            # More images a second are better, fewer of all other units.
            ratios = [ours / theirs if unit == "images/s" else theirs / ours
                      for ours, theirs in samples]
            ratio = statistics.median(ratios)
            shown = [show(statistics.median(side), unit) for side in zip(*samples)]
            if target is None:
                goal = ("", "")
            else:
                goal = ("%.3g" % target, "yes" if ratio >= target else "%.0f %%" % (100 * ratio / target))
            theirs = statistics.median(sample[1] for sample in samples)
            best = "%.2f" % (theirs / floor_s) if floor_s else ""
            yield "| %s | %s | %s | %s | %s | **%.2f** | %.2f to %.2f | %s | %s | %s |" % (
                *key, *shown, ratio, min(ratios), max(ratios), best, *goal)


def show(value, unit):
    if unit == "s":
        return "%.4f s" % value if value < 1 else "%.2f s" % value
    return "%.0f %s" % (value, unit)


def cut_section(path, name):
    """What a document has before and after the inside of two marks."""
    begin, end = [mark % name for mark in MARKS]
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(begin) != 1 or text.count(end) != 1:
        sys.exit("%s: expected '%s' and '%s', once each" % (path, begin, end))
    head, rest = text.split(begin)
    return head + begin, end + rest.split(end)[1]


def write_section(path, name, lines):
    """Put the lines between two marks of a document, in place of what stands there."""
    head, tail = cut_section(path, name)
    with open(path + ".tmp", "w", encoding="utf-8") as file:
        file.write(head + "\n\n" + "\n".join(lines) + "\n\n" + tail)
    os.replace(path + ".tmp", path)
