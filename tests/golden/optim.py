#!/usr/bin/env python3
"""Trajectories of each optimiser and the schedules, against PyTorch.

The gradients are given, so that the two sides differ by the rounding of the update alone.
"""

import math
import os
import subprocess
import sys
import tempfile

import numpy
import torch

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "optim_driver")
SIZES = [7, 65_536 + 3, 1, 1000]  # less than a vector, more than a chunk, one
STEPS, STEPS_PER_EPOCH = 12, 2
# PyTorch's vector loops contract a product and a sum into one rounding, ours never do; so each of the
# steps may differ by a rounding of the weight and by some of the update. (With weight decay Adam's
# eps is not tiny here: where gradient and decay cancel, dividing by sqrt(v) would magnify roundings.)
WEIGHT_ULPS, UPDATE_ULPS = 2, 8

DEFAULTS = {"lr": math.nan, "decay": math.nan, "momentum": 0, "nesterov": 0,
            "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}

ROWS = [
    ("adam", {}, torch.optim.Adam, {}),
    ("adam", {"lr": 1e-5}, torch.optim.Adam, {"lr": 1e-5}),
    ("adam", {"lr": 0.02, "decay": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 1e-2},
     torch.optim.Adam, {"lr": 0.02, "weight_decay": 0.1, "betas": (0.8, 0.95), "eps": 1e-2}),
    ("adamw", {}, torch.optim.AdamW, {}),
    ("adamw", {"lr": 0.01, "decay": 0.3}, torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.3}),
    ("adamw", {"decay": 0}, torch.optim.AdamW, {"weight_decay": 0}),
    ("sgd", {}, torch.optim.SGD, {"lr": 1e-3}),
    ("sgd", {"lr": 0.1, "decay": 0.01}, torch.optim.SGD, {"lr": 0.1, "weight_decay": 0.01}),
    ("sgd", {"lr": 0.05, "momentum": 0.9}, torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    ("sgd", {"lr": 0.05, "momentum": 0.9, "nesterov": 1, "decay": 5e-4}, torch.optim.SGD,
     {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}),
]

failures = 0


def expect(condition, message):
    global failures
    if not condition:
        print(message)
        failures += 1


def drive(*arguments):
    return subprocess.run(
        [DRIVER, *map(str, arguments)], check=True, capture_output=True, text=True
    ).stdout


def make_scheduler(schedule, optimizer):
    n_epochs = STEPS // STEPS_PER_EPOCH
    if schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_epochs)
    if schedule == "step":
        return torch.optim.lr_scheduler.StepLR(optimizer, n_epochs // 3, 0.1)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0)


def run_torch(make, settings, schedule, weights, gradients):
    tensors = [torch.from_numpy(w.copy()).requires_grad_() for w in weights]
    optimizer = make(tensors, foreach=False, **settings)
    scheduler = make_scheduler(schedule, optimizer)
    trajectory, moved = [], []
    for step in range(STEPS):
        before = [t.detach().clone() for t in tensors]
        for tensor, gradient in zip(tensors, gradients[step]):
            tensor.grad = torch.from_numpy(gradient.copy())
        optimizer.step()
        trajectory.append(numpy.concatenate([t.detach().numpy() for t in tensors]))
        moved.append(trajectory[-1] - numpy.concatenate([b.numpy() for b in before]))
        if (step + 1) % STEPS_PER_EPOCH == 0:
            scheduler.step()
    return numpy.array(trajectory), numpy.abs(numpy.array(moved)).cumsum(axis=0)


def check_trajectory(row, schedule, folder, weights, gradients):
    name, changed, make, settings = row
    options = DEFAULTS | changed
    drive("step", STEPS, schedule, STEPS_PER_EPOCH, folder, name, *options.values(), *SIZES)
    found = numpy.fromfile(f"{folder}/trajectory.f32", numpy.float32).reshape(STEPS, -1)
    expected, way = run_torch(make, settings, schedule, weights, gradients)
    ulp = 2.0**-23
    steps = numpy.arange(1, STEPS + 1)[:, None]
    size = numpy.maximum.accumulate(numpy.abs(expected), axis=0)
    limit = ulp * (WEIGHT_ULPS * steps * size + UPDATE_ULPS * way)
    distance = numpy.abs(found.astype(numpy.float64) - expected)
    worst = (distance / limit).max()
    expect(worst <= 1, f"{name} {changed} {schedule}: {worst:.2f} times the limit")
    same = numpy.mean(found[0] == expected[0])
    print(f"{name} {changed} {schedule}: {worst:.2f} of the limit; "
          f"{same:.2%} of the weights have the same bits after one step")


def check_schedules():
    """Factors against PyTorch's schedulers on a rate of 1, the warm-up against its definition."""
    cases = [("constant", 0, 0, 0.1, 7, 3), ("step", 0, 2, 0.1, 9, 2), ("step", 0, 0, 0.5, 10, 1),
             ("step", 3, 4, 0.3, 15, 5), ("cosine", 0, 0, 0.1, 50, 2), ("cosine", 5, 0, 0.1, 20, 4),
             ("cosine", 4, 0, 0.1, 4, 3), ("step", 0, 0, 0.1, 2, 1)]
    for name, warmup, step_epochs, gamma, n_epochs, n_steps in cases:
        found = drive("factors", name, warmup, step_epochs, gamma, n_epochs, n_steps).split()
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=1.0)
        if name == "cosine":
            scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(
                optimizer, max(1, n_epochs - warmup))
        else:
            scheduler = torch.optim.lr_scheduler.StepLR(
                optimizer, step_epochs or max(1, n_epochs // 3), gamma if name == "step" else 1.0)
        expected = [(i + 1) / (warmup * n_steps) for i in range(warmup * n_steps)]
        for _ in range(n_epochs - warmup):
            expected += [optimizer.param_groups[0]["lr"]] * n_steps
            optimizer.step()
            scheduler.step()
        distance = numpy.abs(numpy.array(found, float) - expected).max()
        # PyTorch multiplies factor by factor, ours is the closed form: some roundings of float64.
        expect(distance < 1e-14, f"schedule {name}, warm-up {warmup}: error {distance:.2g}")


def main():
    generator = numpy.random.default_rng(2)
    total = sum(SIZES)
    split = lambda values: numpy.split(values, numpy.cumsum(SIZES)[:-1])
    weights = generator.standard_normal(total).astype(numpy.float32)
    # Sizes from 1e-4 to 1, and some zeros, as gradients have.
    gradients = generator.standard_normal((STEPS, total)) * 10.0 ** generator.uniform(-4, 0, total)
    gradients = (gradients * (generator.random(total) > 0.05)).astype(numpy.float32)
    with tempfile.TemporaryDirectory() as folder:
        weights.tofile(f"{folder}/weights.f32")
        gradients.tofile(f"{folder}/gradients.f32")
        for row in ROWS:
            schedules = ["constant"] if row[1] else ["constant", "cosine", "step"]
            for schedule in schedules:
                check_trajectory(row, schedule, folder, split(weights),
                                 [split(g) for g in gradients])
    check_schedules()
    sys.exit(1 if failures else 0)


main()
