"""The image driver as a process, and what to do when data are absent. Used by image_*.py."""

import os
import subprocess
import sys

import numpy


class Refused(Exception):
    """The driver answered with an error: status name, message."""

    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status, self.message = status, message


class Driver:
    def __init__(self):
        path = os.path.join(os.environ["DNNB_BUILD"], "tests", "image_driver")
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.size = None

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0, "the driver did not end well"

    def _ask(self, line):
        self.process.stdin.write(os.fsencode(line) + b"\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().decode("utf-8", "replace").split(" ", 2)
        if words[0] == "error":
            raise Refused(words[1], words[2].rstrip("\n"))
        assert words[0] == "ok", words
        return [int(word) for word in words[1:]]

    def _bytes(self, line):
        (n,) = self._ask(line)
        return self.process.stdout.read(n)

    def open(self, path):
        self.size = self._ask(f"open {path}")

    def open_over(self, path, background):
        self.size = self._ask("over %d %d %d %s" % (*background, path))

    def pixels(self):
        width, height = self.size
        return numpy.frombuffer(self._bytes("pixels"), numpy.uint8).reshape(height, width, 3)

    def test_transform(self, width, height):
        data = self._bytes(f"test {width} {height}")
        return numpy.frombuffer(data, numpy.float32).reshape(3, height, width)

    def crop(self, left, top, width, height, flip, out_width, out_height):
        data = self._bytes(
            f"crop {left} {top} {width} {height} {int(flip)} {out_width} {out_height}"
        )
        return numpy.frombuffer(data, numpy.uint8).reshape(out_height, out_width, 3)

    def draw(self, seed, epoch, index, width, height, n, scale=0.08):
        """n rows of left, top, width, height, flip."""
        line = f"draw {seed} {epoch} {index} {width} {height} {n} {scale}\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        rows = [self.process.stdout.readline().split() for _ in range(n)]
        return numpy.array(rows, numpy.int64)


def need_hymenoptera():
    """The paths of all 398 pictures; leaves the test out when they are absent."""
    root = os.path.join(os.environ.get("DNNB_DATA", ""), "hymenoptera")
    paths = []
    for folder, _, names in os.walk(root):
        paths += [os.path.join(folder, name) for name in names]
    if not paths:
        print(f"left out: no pictures in {root}")
        sys.exit(77)
    assert len(paths) == 398, f"expected 398 pictures in {root}, found {len(paths)}"
    return sorted(paths)
