#!/usr/bin/env python3
"""Loading AlexNet's 61,100,840 parameters, ours beside PyTorch's, from each layout of a .pth.

Usage: load.py BUILD_FOLDER [ROUNDS]

The files are written to a temporary folder and read from the system's cache. Ours and PyTorch's go
in turn, ROUNDS times (5), each as a new process that loads three times: medians of all, in seconds
of processor time. Ours is dnnb_dict_load with a number of every page read, since what lies in a
mapped file is otherwise not in memory yet. A ratio above 1 means that ours is faster.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

import torch
import torchvision

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIMES = 3
THEIRS = """
import json, sys, time, torch
seconds = []
for _ in range(int(sys.argv[2])):
    begin = time.process_time()
    state = torch.load(sys.argv[1])
    seconds.append(time.process_time() - begin)
    del state
print(json.dumps(seconds))
"""


def write_files(build, folder):
    """{layout: path} of the same parameters."""
    os.environ["DNNB_BUILD"] = build
    sys.path.insert(0, os.path.join(ROOT, "tests", "golden"))
    import _formats

    torch.manual_seed(0)
    state = torchvision.models.alexnet().state_dict()
    paths = {name: os.path.join(folder, f"{name}.pth") for name in ("zip", "magic number", "tar")}
    torch.save(state, paths["zip"])
    torch.save(state, paths["magic number"], _use_new_zipfile_serialization=False)
    _formats.TarLayout(dict(state)).save(paths["tar"])
    return paths


def measure(*command):
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main():
    build, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    program = os.path.join(build, "bench", "load")
    with tempfile.TemporaryDirectory() as folder:
        print("| layout | s ours | s PyTorch | ratio |")
        print("| --- | --- | --- | --- |")
        for layout, path in write_files(build, folder).items():
            ours, theirs = [], []
            for _ in range(rounds):
                ours += measure(program, path, str(TIMES))
                theirs += measure(sys.executable, "-c", THEIRS, path, str(TIMES))
            a, b = statistics.median(ours), statistics.median(theirs)
            print(f"| {layout} | {a:.3f} | {b:.3f} | {b / a:.1f} |")


main()
