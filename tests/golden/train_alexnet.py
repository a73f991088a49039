#!/usr/bin/env python3
"""AlexNet of PyTorch, loaded here: outputs of real pictures, gradients, and twenty Adam steps."""

import copy
import csv
import json
import os
import subprocess
import sys
import tempfile

import torch

from _train import alexnet, lively_alexnet, load, pictures, without_dropout, write_stim

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "train_driver")
N_OUTPUTS = 5
# Bounds that the project sets itself for a whole network in float32.
OUTPUT_TOLERANCE = 1e-4
GRADIENT_TOLERANCE = 1e-4
LOSS_TOLERANCE = 1e-4
# (learning rate, what is frozen). With the backbone frozen the loss is convex, and PyTorch's default
# rate shows the same losses. When all is trained, Adam's first steps are the rate times the sign of
# the gradient, so weights whose gradient is rounding noise go either way, and then every ReLU makes
# it grow: with these pictures at 1e-3 PyTorch's float32 and float64 losses part by 1.0e-4 in the
# fourth step and 6.5e-3 in the fifth, its NCHW and channels-last losses by 1.6e-3 in the fifth. At
# 5e-6 the loss falls by a tenth in the twenty steps and rounding stays small.
TRAJECTORIES = [(1e-3, "backbone"), (5e-6, "none")]

failures = 0


def expect(condition, message):
    global failures
    if not condition:
        print(message)
        failures += 1


def drive(*arguments):
    done = subprocess.run([DRIVER, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"train_driver {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return done.stdout


def check_outputs(model, weights, stim, items, images):
    drive("predict", weights, stim, stim + ".csv")
    with open(stim + ".csv") as file:
        rows = list(csv.DictReader(file))
    found = torch.tensor([[float(row[f"output_{k}"]) for k in range(N_OUTPUTS)] for row in rows])
    with torch.no_grad():
        expected = model.eval()(images)
    error = (found - expected).abs().max().item()
    print(f"{os.path.basename(weights)}: outputs within {error:.1e}; the largest is "
          f"{expected.abs().max():.2f}")
    expect(len(rows) == len(items), f"{len(rows)} rows")
    expect(error <= OUTPUT_TOLERANCE, f"outputs differ by {error}")
    expect(expected.abs().max() > 0.3, "outputs are too small for the comparison to mean much")
    top = [int(row["predicted"]) for row in rows]
    expect(top == expected.argmax(1).tolist(), "other classes are predicted")
    expect(len(set(top)) > 1, "all pictures are of one class")
    for row, (path, label) in zip(rows, items):
        expect("/" + row["stimID"] == path, f"{row['stimID']} is not {path}")
        expect(row["condition"] == ("ant", "bee")[label], f"{row['stimID']}: {row['condition']}")


def check_gradients(model, weights, stim, images, labels, folder):
    path = os.path.join(folder, "gradients.pth")
    loss = float(drive("gradients", weights, stim, path))
    model = without_dropout(model)
    model.zero_grad()
    expected_loss = torch.nn.functional.cross_entropy(model(images), labels)
    expected_loss.backward()
    expect(abs(loss / expected_loss.item() - 1) <= 1e-5, f"loss {loss}, PyTorch {expected_loss}")
    found = torch.load(path, weights_only=True)
    worst = 0
    for name, parameter in model.named_parameters():
        error = ((found[name] - parameter.grad).norm() / parameter.grad.norm()).item()
        worst = max(worst, error)
        expect(error <= GRADIENT_TOLERANCE, f"gradient of {name} differs by {error:.1e} in L2")
    print(f"gradients within {worst:.1e} in L2")


def check_steps(model, weights, stim, images, labels, lr, freeze, folder):
    path = os.path.join(folder, "steps.json")
    order = [int(line) for line in drive("steps", weights, stim, lr, freeze, path).split()]
    with open(path) as file:
        found = json.load(file)["step_loss"][0]
    model = without_dropout(copy.deepcopy(model))
    for name, parameter in model.named_parameters():
        parameter.requires_grad = freeze == "none" or name.startswith("classifier.6")
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)
    expect(len(found) == 20, f"{len(found)} steps")
    worst = 0
    for step, loss in enumerate(found):
        rows = order[8 * step : 8 * step + 8]
        optimizer.zero_grad()
        expected = torch.nn.functional.cross_entropy(model(images[rows]), labels[rows])
        expected.backward()
        optimizer.step()
        error = abs(loss / expected.item() - 1)
        worst = max(worst, error)
        expect(error <= LOSS_TOLERANCE,
               f"step {step + 1}: loss {loss:.9g}, PyTorch {expected.item():.9g}")
    print(f"frozen: {freeze}, learning rate {lr}: losses of {len(found)} steps within {worst:.1e}, "
          f"from {found[0]:.3f} to {found[-1]:.3f}")


def check_lies(folder, stim):
    """A head whose shape names far more elements than the file holds."""
    path = os.path.join(folder, "lie.pth")
    torch.save({"classifier.6.weight": torch.zeros(1, 4096).expand(900000, 4096)}, path)
    done = subprocess.run([DRIVER, "predict", path, stim, os.path.join(folder, "x.csv")],
                          capture_output=True, text=True)
    expect(done.returncode == 1 and "classifier.6.weight" in done.stderr, done.stderr)


def main():
    items = pictures("train", 160)
    images, labels = load(items)
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        zipped, legacy, plain = (os.path.join(folder, f"{n}.pth") for n in ("zip", "legacy", "plain"))
        stims = {n: os.path.join(folder, f"{n}.stim.csv") for n in (8, 64, 160)}
        for n, path in stims.items():
            write_stim(path, items[:n])
        model = lively_alexnet(N_OUTPUTS, seed=1)
        torch.save(model.state_dict(), zipped)
        torch.save(model.state_dict(), legacy, _use_new_zipfile_serialization=False)
        check_outputs(model, zipped, stims[64], items[:64], images[:64])
        check_outputs(model, legacy, stims[64], items[:64], images[:64])
        # A maximum or a ReLU that rounding decides moves these weights' gradients by 7e-3, within
        # PyTorch too (float32 against float64); with weights as PyTorch draws them it does not.
        model = alexnet(N_OUTPUTS, seed=1)
        torch.save(model.state_dict(), plain)
        check_gradients(model, plain, stims[8], images[:8], labels[:8], folder)
        for lr, freeze in TRAJECTORIES:
            check_steps(model, plain, stims[160], images, labels, lr, freeze, folder)
        check_lies(folder, stims[8])
    sys.exit(1 if failures else 0)


main()
