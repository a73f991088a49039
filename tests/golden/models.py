#!/usr/bin/env python3
"""The networks against torchvision's, and against one written here where torchvision has none.

For each network of the list: names, shapes, order and number of the parameters; the distribution of
the initial values; outputs and every parameter's gradient on each engine, from the same values.
For AlexNet also DNNBrain's layer names and each layer's output shape.
"""

import math
import os
import subprocess
import sys
import tempfile

import numpy
import torch

from _models import make_twin
from _net import engines, error

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "models_driver")
BATCH = 2
# Float64 sums against float64 sums, one rounding to float32.
REF_TOLERANCE = 2e-7
# The issue's own bound for outputs and gradients of a whole network in float32.
ENGINE_TOLERANCE = 1e-4

ALEXNET_NAMES = {
    "features.0": "conv1", "features.1": "conv1_relu", "features.2": "conv1_maxpool",
    "features.3": "conv2", "features.4": "conv2_relu", "features.5": "conv2_maxpool",
    "features.6": "conv3", "features.7": "conv3_relu", "features.8": "conv4",
    "features.9": "conv4_relu", "features.10": "conv5", "features.11": "conv5_relu",
    "features.12": "conv5_maxpool", "classifier.1": "fc1", "classifier.2": "fc1_relu",
    "classifier.4": "fc2", "classifier.5": "fc2_relu", "classifier.6": "fc3",
}  # the table of DNNBrain's documentation

failures = 0


def get_initial_bound(name, parameter, fan_in):
    """PyTorch's bound of weights and biases; in AlexNet-mini He's below the head, and no biases."""
    if name == "AlexNet-mini" and not parameter.startswith("classifier.6"):
        return 0.0 if parameter.endswith(".bias") else math.sqrt(6 / fan_in)
    return 1 / math.sqrt(fan_in)


def expect(condition, message):
    global failures
    if not condition:
        print(message)
        failures += 1


def drive(*arguments):
    return subprocess.run(
        [DRIVER, *map(str, arguments)], check=True, capture_output=True, text=True
    ).stdout


def check_rows(name, model, side):
    layers, parameters = {}, []
    for line in drive("show", name).splitlines():
        word, path, *rest = line.split()
        if word == "layer":
            layers[path] = (rest[0], rest[1], tuple(map(int, rest[2:])))
        else:
            parameters.append((path, tuple(map(int, rest))))
    expected = [(path, tuple(values.shape)) for path, values in model.state_dict().items()]
    expect(parameters == expected, f"{name}: parameters: expected {expected}, found {parameters}")
    shapes = {}
    hooks = [
        module.register_forward_hook(
            lambda module, _, output, path=path: shapes.update(
                {path: (type(module).__name__, tuple(output.shape[1:]))}))
        for path, module in model.named_modules() if not list(module.children())
    ]
    model(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    for path, (kind, shape) in shapes.items():
        expect(path in layers and layers[path][1:] == (kind, shape),
               f"{name}: {path}: expected {kind} {shape}, found {layers.get(path)}")
    return {path: row[0] for path, row in layers.items()}


def check_initial(name, model, folder):
    """Uniform within the bound."""
    path = os.path.join(folder, "initial.f32")
    drive("initialize", name, 5, path)
    values = numpy.fromfile(path, numpy.float32)
    at, fan_in = 0, {}
    for parameter, shape in [(p, tuple(v.shape)) for p, v in model.state_dict().items()]:
        n = math.prod(shape)
        part, at = values[at : at + n].astype(numpy.float64), at + n
        if parameter.endswith(".weight"):
            fan_in[parameter[:-7]] = math.prod(shape[1:])
        bound = get_initial_bound(name, parameter, fan_in[parameter.rsplit(".", 1)[0]])
        bound = float(numpy.float32(bound))
        expect(numpy.abs(part).max() <= bound, f"{parameter}: outside its bound {bound}")
        if bound == 0:
            continue
        # Standard errors of the mean and of the variance of n uniform numbers; five of each.
        expect(abs(part.mean()) < 5 * bound / math.sqrt(3 * n), f"{parameter}: mean {part.mean()}")
        ratio = part.var() / (bound**2 / 3)
        expect(abs(ratio - 1) < 5 * math.sqrt(0.8 / n), f"{parameter}: variance ratio {ratio}")
    expect(at == len(values), f"{name}: {len(values)} initial values, expected {at}")


def check_values(name, model, side, folder):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(BATCH, 3, side, side, generator=generator)
    state = model.state_dict()
    numpy.concatenate([v.numpy().ravel() for v in state.values()]).tofile(f"{folder}/parameters.f32")
    x.numpy().tofile(f"{folder}/input.f32")
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.double().train()
    output = model(x.double())
    output_gradient = torch.randn(*output.shape, generator=generator)
    output_gradient.numpy().tofile(f"{folder}/output_gradient.f32")
    output.backward(output_gradient.double())
    for engine in engines():
        drive("run", name, engine, BATCH, folder)
        tolerance = REF_TOLERANCE if engine == "ref" else ENGINE_TOLERANCE
        found = numpy.fromfile(f"{folder}/{engine}.output.f32", numpy.float32)
        worst = {"output": error(found, output.detach().numpy())[0]}
        gradients, at = numpy.fromfile(f"{folder}/{engine}.gradients.f32", numpy.float32), 0
        for path, values in model.named_parameters():
            part, at = gradients[at : at + values.numel()], at + values.numel()
            worst[path] = error(part, values.grad.numpy())[0]
        for path, distance in worst.items():
            expect(distance <= tolerance, f"{name}: {engine}: {path}: relative error {distance:.2g}")
        print(f"{name}: {engine}: output {worst['output']:.2g}, worst gradient "
              f"{max(worst.values()):.2g} (relative L2)")


def main():
    torch.set_num_threads(2)
    torch.manual_seed(0)
    for name in drive("names").split():
        model, side = make_twin(name)
        names = check_rows(name, model.eval(), side)
        if name.startswith("AlexNet"):
            found = {path: layer for path, layer in names.items() if path != layer}
            expect(found == ALEXNET_NAMES, f"{name}: layer names {found}")
        if name == "AlexNet":
            n = sum(values.numel() for values in model.parameters())
            expect(n == 61_100_840, f"AlexNet: torchvision has {n} parameters")
        with tempfile.TemporaryDirectory() as folder:
            check_initial(name, model, folder)
            check_values(name, model, side, folder)
    sys.exit(1 if failures else 0)


main()
