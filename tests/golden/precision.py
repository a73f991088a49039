#!/usr/bin/env python3
"""bfloat16 against PyTorch in float64: real photographs and trained weights, layer by layer.

The weights are trained by the program for a few epochs, from a seed, on photographs of ants and
bees. Limits: logits within 2e-2 of their norm, and a cosine of at least 0.99 between each
parameter's gradients; a bfloat16 has 8 bits, of which eight layers keep less. Once more with AMX,
which is emulated where the processor has AVX512_BF16 alone.
"""

import collections
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

PROGRAMS = os.path.join(os.environ["DNNB_BUILD"], "tests")
DRIVERS = {"this processor": os.path.join(PROGRAMS, "models_driver"),
           "AMX": os.path.join(PROGRAMS, "models_driver_emulated")}
LOGITS, COSINE = 2e-2, 0.99

# convolutions: stride and padding of each; average: the side of what the last ones are averaged to.
Network = collections.namedtuple("Network", "name side batch outputs convolutions average training")
NETWORKS = [
    Network("alexnet-mini", 64, 32, 200, [(2, 2)] + [(1, 1)] * 4, 3,
            ["--epochs", "6", "--batch", "16", "--lr", "1e-3"]),
    Network("alexnet", 224, 4, 1000, [(4, 2), (1, 2)] + [(1, 1)] * 3, 6,
            ["--epochs", "12", "--batch", "16", "--lr", "1e-4"]),
]


def photographs(n):
    """n of each class."""
    found = []
    for label, name in enumerate(["ants", "bees"]):
        files = sorted(glob.glob(os.path.join(HYMENOPTERA, "train", name, "*.jpg")))
        found += [(file, label) for file in files[:n]]
    return found


def train(network, folder):
    """Trained parameters of the network, all of its outputs kept."""
    with open(os.path.join(folder, "train.stim.csv"), "w") as file:
        file.write(f"type=image\npath={HYMENOPTERA}\ndata=stimID,label\n")
        for path, label in photographs(40):
            file.write(f"{os.path.relpath(path, HYMENOPTERA)},{label}\n")
    run = os.path.join(folder, "run")
    command = [os.environ["DNNB_CLI"], "train", "--net", network.name, "--classes",
               str(network.outputs), "--stim", file.name, "--quiet", "--out", run]
    subprocess.run(command + network.training, check=True, capture_output=True)
    return torch.load(os.path.join(run, "model.pth"))


def describe(network):
    """Paths and types of the layers, names of the parameters."""
    shown = subprocess.run([DRIVERS["this processor"], "show", network.name], check=True,
                           capture_output=True, text=True)
    rows = [line.split() for line in shown.stdout.splitlines()]
    return ([(row[1], row[3]) for row in rows if row[0] == "layer"],
            [row[1] for row in rows if row[0] == "parameter"])


def load_images(network):
    """Ants and bees in turn."""
    transform = T.Compose([T.Resize((network.side, network.side)), T.ToTensor(),
                           T.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    n = network.batch // 2
    files = [file for pair in zip(photographs(n)[:n], photographs(n)[n:]) for file, _ in pair]
    return torch.stack([transform(Image.open(file).convert("RGB")) for file in files])


def evaluate(network, layers, state, images):
    """Logits, and how loss changes with them and with each parameter, in float64."""
    x = images.double()
    parameters = {name: value.double().requires_grad_() for name, value in state.items()}
    convolutions = iter(network.convolutions)
    for path, kind in layers:
        if kind == "Conv2d":
            stride, padding = next(convolutions)
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
            x = torch.nn.functional.adaptive_avg_pool2d(x, network.average)
        elif kind == "Flatten":
            x = torch.flatten(x, 1)
    labels = torch.arange(len(images)) % 2
    gradient, = torch.autograd.grad(torch.nn.functional.cross_entropy(x, labels), x,
                                    retain_graph=True)
    gradient = gradient.float()
    x.backward(gradient.double())
    return x.detach(), gradient, {name: value.grad for name, value in parameters.items()}


def compare(network, driver, names, logits, gradients, folder):
    """Whether what the driver makes of the files in the folder is within the limits; None where it
    was left out."""
    done = subprocess.run([DRIVERS[driver], "run", network.name, "bf16", str(network.batch), folder],
                          capture_output=True, text=True)
    if "AVX-512" in done.stderr:
        print(f"{network.name}, {driver}: left out: this processor has no AVX-512")
        return None
    if done.returncode != 0:
        sys.exit(done.stderr)
    if driver == "AMX" and "AMX is emulated" not in done.stdout:
        print(f"{network.name}, {driver}: left out: not emulated on this processor")
        return None
    found = numpy.fromfile(os.path.join(folder, "bf16.output.f32"), numpy.float32)
    found = torch.from_numpy(found).double().reshape(logits.shape)
    distance = float((found - logits).norm() / logits.norm())
    print(f"{network.name}, {driver}: logits: relative distance {distance:.2e}, at most {LOGITS:g}")
    is_near = distance <= LOGITS
    rest = numpy.fromfile(os.path.join(folder, "bf16.gradients.f32"), numpy.float32)
    for name in names:
        expected = gradients[name].ravel()
        found, rest = torch.from_numpy(rest[: len(expected)]).double(), rest[len(expected) :]
        cosine = float(found @ expected / (found.norm() * expected.norm()))
        print(f"{network.name}, {driver}: {name}: cosine {cosine:.5f}, at least {COSINE}")
        is_near &= cosine >= COSINE
    return is_near


def check(network):
    """What compare() finds, of each driver that there is."""
    layers, names = describe(network)
    images = load_images(network)
    with tempfile.TemporaryDirectory() as folder:
        state = train(network, folder)
        logits, gradient, gradients = evaluate(network, layers, state, images)
        for name, value in [("input", images), ("output_gradient", gradient)]:
            value.numpy().astype(numpy.float32).tofile(os.path.join(folder, f"{name}.f32"))
        flat = [state[name].numpy().astype(numpy.float32).ravel() for name in names]
        numpy.concatenate(flat).tofile(os.path.join(folder, "parameters.f32"))
        return [compare(network, driver, names, logits, gradients, folder) for driver in DRIVERS
                if os.path.exists(DRIVERS[driver])]


def main():
    need_hymenoptera()
    found = [is_near for network in NETWORKS for is_near in check(network)]
    if False in found:
        sys.exit(1)
    sys.exit(0 if True in found else 77)


main()
