#!/usr/bin/env python3
"""bfloat16 against PyTorch in float64: real photographs and trained weights, layer by layer.

The weights are trained by the program for a few epochs, from a seed, on photographs of ants and
bees. Limits: logits within 2e-2 of their norm, and a cosine of at least 0.99 between each
parameter's gradients; a bfloat16 has 8 bits, of which eight layers keep less.
"""

import glob
import os
import subprocess
import sys
import tempfile

import numpy
import torch
import torchvision.transforms as T
from PIL import Image

from _image import need_hymenoptera
from _train import HYMENOPTERA

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "models_driver")
NETWORK, SIDE, BATCH = "alexnet-mini", 64, 32
LOGITS, COSINE = 2e-2, 0.99


def photographs(n):
    """n of each class."""
    found = []
    for label, name in enumerate(["ants", "bees"]):
        files = sorted(glob.glob(os.path.join(HYMENOPTERA, "train", name, "*.jpg")))
        found += [(file, label) for file in files[:n]]
    return found


def train(folder):
    """Trained parameters of the network, all of its 200 outputs kept."""
    with open(os.path.join(folder, "train.stim.csv"), "w") as file:
        file.write(f"type=image\npath={HYMENOPTERA}\ndata=stimID,label\n")
        for path, label in photographs(40):
            file.write(f"{os.path.relpath(path, HYMENOPTERA)},{label}\n")
    run = os.path.join(folder, "run")
    command = [os.environ["DNNB_CLI"], "train", "--net", NETWORK, "--classes", "200", "--stim",
               file.name, "--epochs", "6", "--batch", "16", "--lr", "1e-3", "--quiet", "--out", run]
    subprocess.run(command, check=True, capture_output=True)
    return torch.load(os.path.join(run, "model.pth"))


def evaluate(network, state, images):
    """Logits, and how loss changes with them and with each parameter, in float64."""
    x = images.double()
    parameters = {name: value.double().requires_grad_() for name, value in state.items()}
    for path, kind in network:
        if kind == "Conv2d":
            stride, padding = (2, 2) if path == "features.0" else (1, 1)
            x = torch.nn.functional.conv2d(x, parameters[f"{path}.weight"],
                                           parameters[f"{path}.bias"], stride, padding)
        elif kind == "Linear":
            x = torch.nn.functional.linear(x, parameters[f"{path}.weight"],
                                           parameters[f"{path}.bias"])
        elif kind == "ReLU":
            x = torch.relu(x)
        elif kind == "MaxPool2d":
            x = torch.nn.functional.max_pool2d(x, 3, 2)
        elif kind == "AdaptiveAvgPool2d":
            x = torch.nn.functional.adaptive_avg_pool2d(x, 3)
        elif kind == "Flatten":
            x = torch.flatten(x, 1)
    labels = torch.arange(len(images)) % 2
    gradient, = torch.autograd.grad(torch.nn.functional.cross_entropy(x, labels), x,
                                    retain_graph=True)
    gradient = gradient.float()
    x.backward(gradient.double())
    return x.detach(), gradient, {name: value.grad for name, value in parameters.items()}


def main():
    need_hymenoptera()
    shown = subprocess.run([DRIVER, "show", NETWORK], check=True, capture_output=True, text=True)
    rows = [line.split() for line in shown.stdout.splitlines()]
    network = [(row[1], row[3]) for row in rows if row[0] == "layer"]
    names = [row[1] for row in rows if row[0] == "parameter"]
    transform = T.Compose([T.Resize((SIDE, SIDE)), T.ToTensor(),
                           T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    pairs = zip(photographs(BATCH // 2)[: BATCH // 2], photographs(BATCH // 2)[BATCH // 2 :])
    files = [file for pair in pairs for file, _ in pair]
    images = torch.stack([transform(Image.open(file).convert("RGB")) for file in files])
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        state = train(folder)
        logits, gradient, gradients = evaluate(network, state, images)
        for name, value in [("input", images), ("output_gradient", gradient)]:
            value.numpy().astype(numpy.float32).tofile(os.path.join(folder, f"{name}.f32"))
        flat = [state[name].numpy().astype(numpy.float32).ravel() for name in names]
        numpy.concatenate(flat).tofile(os.path.join(folder, "parameters.f32"))
        done = subprocess.run([DRIVER, "run", NETWORK, "bf16", str(BATCH), folder],
                              capture_output=True, text=True)
        if "AVX-512" in done.stderr:
            print("left out: this processor has no AVX-512")
            sys.exit(77)
        if done.returncode != 0:
            sys.exit(done.stderr)
        found = numpy.fromfile(os.path.join(folder, "bf16.output.f32"), numpy.float32)
        found = torch.from_numpy(found).double().reshape(logits.shape)
        distance = float((found - logits).norm() / logits.norm())
        print(f"logits: relative distance {distance:.2e}, at most {LOGITS:g}")
        failed |= not distance <= LOGITS
        rest = numpy.fromfile(os.path.join(folder, "bf16.gradients.f32"), numpy.float32)
        for name in names:
            expected = gradients[name].ravel()
            found, rest = torch.from_numpy(rest[: len(expected)]).double(), rest[len(expected) :]
            cosine = float(found @ expected / (found.norm() * expected.norm()))
            print(f"{name}: cosine {cosine:.5f}, at least {COSINE}")
            failed |= not cosine >= COSINE
    sys.exit(failed)


main()
