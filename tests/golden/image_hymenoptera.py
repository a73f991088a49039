#!/usr/bin/env python3
"""All 398 photographs of ants and bees: decoding, testing transform and 50 random crops each.

Pillow and torchvision are the oracle. Not one 8-bit pixel and not one bit of a float may differ.
One child process works on each half of the pictures.
"""

import multiprocessing
import os
import queue
import random
import sys

import numpy
import torch
import torchvision.transforms as T
import torchvision.transforms.functional as F
from PIL import Image

from _image import Driver, need_hymenoptera

# With sanitizers the crops only show that no byte is touched that should not be.
N_CROPS = 5 if os.environ.get("DNNB_SANITIZE") else 50
SIDE = 224
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def check_picture(driver, path, seed):
    """The number of differing pixels, floats and crops' pixels."""
    image = Image.open(path).convert("RGB")
    driver.open(path)
    found = driver.pixels()
    expected = numpy.asarray(image)
    if found.shape != expected.shape:
        return [path], 0, 0
    n_pixels = int((found != expected).any(axis=2).sum())

    transform = T.Compose([T.Resize((SIDE, SIDE)), T.ToTensor(), T.Normalize(MEAN, STD)])
    expected = transform(image).numpy()
    # Compared as bits: equal floats could still differ in the sign of a zero.
    n_floats = int(
        (driver.test_transform(SIDE, SIDE).view(numpy.uint32) != expected.view(numpy.uint32)).sum()
    )

    n_crops = 0
    choose = random.Random(seed)
    for _ in range(N_CROPS):
        top, left, height, width = T.RandomResizedCrop.get_params(
            image, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3)
        )
        flip = choose.random() < 0.5
        expected = F.resized_crop(image, top, left, height, width, (SIDE, SIDE))
        if flip:
            expected = F.hflip(expected)
        found = driver.crop(left, top, width, height, flip, SIDE, SIDE)
        n_crops += int((found != numpy.asarray(expected)).any(axis=2).sum())
    return n_pixels, n_floats, n_crops


def check_half(paths, half, results):
    torch.set_num_threads(1)
    torch.manual_seed(half)
    driver = Driver()
    for i, path in enumerate(paths):
        try:
            wrong = check_picture(driver, path, i)
        except Exception as error:
            wrong = (repr(error), 0, 0)
        results.put((path, wrong))
    driver.close()


def next_result(results, workers):
    """The next picture's; an error when a child has died."""
    while True:
        try:
            return results.get(timeout=2)
        except queue.Empty:
            if any(worker.exitcode for worker in workers):
                sys.exit("a child process failed")


def main():
    paths = need_hymenoptera()
    results = multiprocessing.Queue()
    workers = [
        multiprocessing.Process(target=check_half, args=(paths[half::2], half, results))
        for half in range(2)
    ]
    for worker in workers:
        worker.start()
    n_wrong = 0
    for _ in paths:
        path, wrong = next_result(results, workers)
        if any(wrong):
            n_wrong += 1
            print(f"{path}: differing pixels {wrong[0]}, floats {wrong[1]}, in crops {wrong[2]}")
    for worker in workers:
        worker.join()
    print(f"{len(paths)} pictures, {N_CROPS} crops each: {n_wrong} differ")
    sys.exit(1 if n_wrong or any(worker.exitcode for worker in workers) else 0)


if __name__ == "__main__":
    main()
