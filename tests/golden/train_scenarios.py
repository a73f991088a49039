#!/usr/bin/env python3
"""Both examples on a few real pictures, judged by PyTorch.

examples/finetune.c and examples/fixed_features.c are DNNBrain's two scenarios. What they save loads
strictly in PyTorch, whose own accuracy is the last score to the image, and the history unpickles.
"""

import os
import pickle
import subprocess
import sys
import tempfile

import torch
import torchvision

from _train import lively_alexnet, load, pictures, write_stim

EXAMPLES = os.path.join(os.environ["DNNB_BUILD"], "examples")
N_TRAIN, N_VALIDATION = 24, 16
N_EPOCHS = {"finetune": 2, "fixed_features": 5}

failures = 0


def expect(condition, message):
    global failures
    if not condition:
        print(message)
        failures += 1


def make_start(images):
    """Random weights whose last features are around zero, so that a head on them tells pictures
    apart before it is trained for long."""
    model = lively_alexnet(1000, seed=2).eval()
    head = model.classifier[5:]
    model.classifier = model.classifier[:5]
    with torch.no_grad():
        model.classifier[4].bias -= model(images).mean(0)
    model.classifier = torch.nn.Sequential(*model.classifier, *head)
    return model.state_dict()


def accuracy(state, images, labels):
    model = torchvision.models.alexnet(num_classes=2)
    model.load_state_dict(state, strict=True)
    with torch.no_grad():
        return (model.eval()(images).argmax(1) == labels).sum().item() / len(labels)


def check(name, sets, start, folder):
    out = os.path.join(folder, name)
    os.mkdir(out)
    stims = [os.path.join(folder, f"{part}.stim.csv") for part in sets]
    weights = os.path.join(folder, "start.pth")
    done = subprocess.run([os.path.join(EXAMPLES, name), *stims, str(N_EPOCHS[name]), weights], cwd=out,
                          capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{name}: exit status {done.returncode}: {done.stderr}")
    expect(done.stdout == "" and done.stderr == "", f"{name} printed {done.stdout}{done.stderr}")
    state = torch.load(os.path.join(out, "alexnet_tl.pth"), weights_only=True)
    with open(os.path.join(out, "train_dict.pkl"), "rb") as file:
        history = pickle.load(file)
    expect([len(losses) for losses in history["step_loss"]] == [1] * N_EPOCHS[name], "step_loss")
    expect(len(history["epoch_loss"]) == N_EPOCHS[name], "epoch_loss")
    for part, key in (("train", "score_train"), ("val", "score_validation")):
        expected = accuracy(state, *load(sets[part]))
        if name == "fixed_features" and part == "train":
            expect(expected != 0.5, "the comparison says little: all pictures are of one class")
        print(f"{name}: {key} {history[key][-1]:.4f}, PyTorch {expected:.4f}")
        expect(len(history[key]) == N_EPOCHS[name] and history[key][-1] == expected, f"{name}: {key}")
    for path in ("epoch_loss.png", "step_loss.png", "score.png"):
        expect(os.path.getsize(os.path.join(out, path)) > 1000, path)
    same = [key for key in state if state[key].shape == start[key].shape
            and torch.equal(state[key], start[key])]
    backbone = [key for key in state if not key.startswith("classifier.6")]
    expect(same == (backbone if name == "fixed_features" else []), f"{name} left {same} as it was")


def main():
    sets = {"train": pictures("train", N_TRAIN), "val": pictures("val", N_VALIDATION)}
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        start = make_start(load(sets["train"])[0])
        torch.save(start, os.path.join(folder, "start.pth"))
        for part, items in sets.items():
            write_stim(os.path.join(folder, f"{part}.stim.csv"), items)
        check("finetune", sets, start, folder)
        check("fixed_features", sets, start, folder)
        # An error is one line on standard error and status 1.
        done = subprocess.run([os.path.join(EXAMPLES, "finetune"), "absent.stim.csv", "x"],
                              cwd=folder, capture_output=True, text=True)
        expect(done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr)
    sys.exit(1 if failures else 0)


main()
