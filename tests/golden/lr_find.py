#!/usr/bin/env python3
"""The learning-rate range test against the same loop in PyTorch, on real pictures.

The loop sets the rate of each step, takes the loss before the step, and averages it as fastai and
PyTorch Lightning do.
"""

import csv
import math
import os
import subprocess
import sys
import tempfile

import numpy
import torch

from _train import alexnet, load, pictures, write_stim

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "lr_find_driver")
N_PICTURES, BATCH, STEPS = 22, 8, 30
DIVERGENCE = 4
# The two sides sum in another order: 1e-7 a layer, which steps with a large rate magnify.
LOSS_TOLERANCE = 1e-4

failures = 0


def expect(condition, message):
    global failures
    if not condition:
        print(message)
        failures += 1


def drive(*arguments):
    return subprocess.run([DRIVER, *map(str, arguments)], check=True, capture_output=True,
                          text=True).stdout.split()


def make_frozen(images):
    """The network from the second hidden layer on, which is trained, and what comes before it."""
    model = alexnet(2, seed=3).eval()  # without dropout
    with torch.no_grad():
        features = torch.flatten(model.avgpool(model.features(images)), 1)
        return model.classifier[3:], model.classifier[:3](features)


def run_pytorch(model, optimizer, inputs, labels, orders, low, high, smoothing):
    """Rates, losses and their moving averages, until they diverge."""
    rows, average, best = [], 0.0, math.inf
    batches = [order[i : i + BATCH] for order in orders for i in range(0, len(order), BATCH)]
    for step, batch in enumerate(batches[:STEPS]):
        rate = low * (high / low) ** (step / (STEPS - 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs[batch]), labels[batch])
        loss.backward()
        optimizer.step()
        average = smoothing * average + (1 - smoothing) * loss.item()
        smoothed = average / (1 - smoothing ** (step + 1))
        best = min(best, smoothed)
        rows.append((rate, loss.item(), smoothed))
        if smoothed > DIVERGENCE * best:
            break
    return rows


def suggest(losses, averages, smoothing):
    """Steepest descent, up to the least average, of losses smoothed over both sides."""
    best = int(numpy.argmin(averages))
    steps = numpy.arange(best + 1)
    weights = smoothing ** abs(steps[:, None] - steps)
    smoothed = weights @ losses[: best + 1] / weights.sum(1)
    first = STEPS // 10
    slopes = numpy.gradient(smoothed)[first:best]
    has_fallen = first < best and smoothed[best] <= 0.95 * smoothed[first]
    return smoothed, first + int(slopes.argmin()) if has_fallen and slopes.min() < 0 else None


def check(optimizer, momentum, low, high, smoothing, folder, images, labels):
    out = os.path.join(folder, "curve.csv")
    printed = drive(os.path.join(folder, "start.pth"), os.path.join(folder, "set.stim.csv"), optimizer,
                    momentum, BATCH, low, high, STEPS, smoothing, "features.*,classifier.1", out)
    order = [int(line) for line in printed[:-1]]
    orders = [order[i : i + N_PICTURES] for i in range(0, len(order), N_PICTURES)]
    with open(out) as file:
        found = [[float(row[key] or "nan")
                  for key in ("learning_rate", "loss", "moving_average", "smoothed_loss")]
                 for row in csv.DictReader(file)]
    model, inputs = make_frozen(images)
    made = (torch.optim.SGD(model.parameters(), lr=low, momentum=momentum) if optimizer == "sgd"
            else torch.optim.Adam(model.parameters(), lr=low))
    expected = run_pytorch(model, made, inputs, labels, orders, low, high, smoothing)
    expect(len(found) == len(expected), f"{len(found)} steps, PyTorch {len(expected)}")
    worst = 0
    for step, (ours, theirs) in enumerate(zip(found, expected)):
        # The rate is a product of two roundings more.
        expect(abs(ours[0] / theirs[0] - 1) < 1e-14, f"step {step + 1}: rate {ours[0]}")
        for a, b in zip(ours[1:3], theirs[1:]):
            worst = max(worst, abs(a / b - 1))
            expect(abs(a / b - 1) <= LOSS_TOLERANCE, f"step {step + 1}: loss {a}, PyTorch {b}")
    rates, losses, averages, ours = numpy.array(found).T
    smoothed, at = suggest(losses, averages, smoothing)
    # The same sums in another order.
    expect(numpy.allclose(ours[: len(smoothed)], smoothed, rtol=1e-12, atol=0), "smoothed losses")
    expect(numpy.isnan(ours[len(smoothed) :]).all(), "smoothed after the least average")
    suggested = float(printed[-1])
    right = math.isnan(suggested) if at is None else suggested == rates[at]
    expect(right, f"suggested {suggested}, at {at}")
    print(f"{optimizer}: {len(found)} steps within {worst:.1e}, loss {found[0][1]:.3f} to "
          f"{min(row[1] for row in found):.3f} and {found[-1][1]:.3f}, suggested {suggested:.3g}")
    return len(found), at


def main():
    items = pictures("train", N_PICTURES)
    images, labels = load(items)
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        write_stim(os.path.join(folder, "set.stim.csv"), items)
        torch.save(alexnet(2, seed=3).state_dict(), os.path.join(folder, "start.pth"))
        n, _ = check("sgd", 0.9, 1e-3, 1000, 0.5, folder, images, labels)
        expect(n < STEPS, "nothing diverged")
        _, at = check("adam", 0, 1e-5, 1e-2, 0.9, folder, images, labels)
        expect(at is not None, "nothing was suggested")
    sys.exit(1 if failures else 0)


main()
