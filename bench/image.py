#!/usr/bin/env python3
"""Decoding and transforms, ours beside Pillow's and torchvision's, in milliseconds of one core.

Usage: image.py BUILD_FOLDER DATA_FOLDER [ROUNDS]

DATA_FOLDER holds hymenoptera/. Both take the same 398 photographs in turn, ROUNDS times (3);
processor time, medians. A ratio above 1 means that ours is faster.
"""

import glob
import json
import os
import statistics
import subprocess
import sys
import time

import torch
import torchvision.transforms as T
from PIL import Image

NORMALIZE = T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
TRAIN = T.Compose(
    [T.RandomResizedCrop(224), T.RandomHorizontalFlip(), T.ToTensor(), NORMALIZE]
)
TEST = T.Compose([T.Resize((224, 224)), T.ToTensor(), NORMALIZE])


def measure_python(paths):
    seconds = {"decode_ms": 0, "train_ms": 0, "test_ms": 0}
    for path in paths:
        times = [time.process_time()]
        image = Image.open(path).convert("RGB")
        times.append(time.process_time())
        TRAIN(image)
        times.append(time.process_time())
        TEST(image)
        times.append(time.process_time())
        for i, key in enumerate(seconds):
            seconds[key] += times[i + 1] - times[i]
    return {key: value * 1e3 / len(paths) for key, value in seconds.items()}


def main():
    build, data = sys.argv[1:3]
    n_rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    torch.set_num_threads(1)
    paths = sorted(glob.glob(os.path.join(data, "hymenoptera", "*", "*", "*")))
    program = os.path.join(build, "bench", "image")
    ours, theirs = [], []
    for _ in range(n_rounds):
        ours.append(json.loads(subprocess.check_output([program, *paths])))
        theirs.append(measure_python(paths))
    train, total = ("train_ms",), ("decode_ms", "train_ms")
    rows = [("decode", ("decode_ms",), ("decode_ms",)), ("training transform", train, train),
            ("testing transform", ("test_ms",), ("test_ms",)),
            ("decode and training transform", total, total),
            ("the same, our pixels kept", train, total)]  # fmt: skip
    print(f"{'ms an image':32} {'dnnbrain':>9} {'Pillow':>9} {'ratio':>6}")
    for title, our_keys, their_keys in rows:
        a = statistics.median(sum(each[key] for key in our_keys) for each in ours)
        b = statistics.median(sum(each[key] for key in their_keys) for each in theirs)
        print(f"{title:32} {a:9.3f} {b:9.3f} {b / a:6.2f}")


if __name__ == "__main__":
    main()
