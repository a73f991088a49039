#!/usr/bin/env python3
"""Small graphs with shared nodes, residuals and branches, on every engine, against PyTorch.

A node with several consumers gets the sum of their gradients; frozen parts get none.
"""

import os
import sys
import tempfile

import torch

from _net import Case, drive, engines, error

# Sums in float64, one rounding to float32 at the end.
REF_TOLERANCE = 2e-7
# A few layers of float32 sums, whose roundings are passed on.
ENGINE_TOLERANCE = 5e-5


def conv(path, inputs, out, size=3, stride=1):
    return ("conv2d", path, inputs,
            [out, size, size, stride, stride, size // 2, size // 2, 1, 1, 1, 0])


def residual():
    return [conv("stem", None, 16), ("relu", "stem_relu", None, []),
            conv("a1", None, 16), ("relu", "a1_relu", None, []), conv("a2", None, 16),
            ("add", "a", ["a2", "stem_relu"], []), ("relu", "a_relu", None, []),
            conv("b1", None, 24, stride=2), ("relu", "b1_relu", None, []), conv("b2", None, 24),
            conv("down", ["a_relu"], 24, size=1, stride=2),
            ("add", "b", ["b2", "down"], []), ("relu", "b_relu", None, []),
            ("adaptive_avgpool2d", "avgpool", None, [1, 1]), ("flatten", "flatten", None, []),
            ("linear", "fc", None, [5, 0])]


def inception():
    """Four branches of one node, one of them shared again, joined and added."""
    return [conv("stem", None, 8), ("relu", "stem_relu", None, []),
            conv("b0", ["stem_relu"], 5, size=1), ("relu", "b0_relu", None, []),
            conv("b1", ["stem_relu"], 16), ("relu", "b1_relu", None, []),
            ("maxpool2d", "pool", ["stem_relu"], [3, 3, 1, 1, 1, 1, 0]),
            conv("b2", ["pool"], 3, size=1),
            ("concat", "cat", ["b0_relu", "b1_relu", "b2", "stem_relu"], []),
            conv("mix", None, 32, size=1), ("add", "twice", ["mix", "cat", "mix"], []),
            ("maxpool2d", "last_pool", None, [2, 2, 2, 2, 0, 0, 1]),
            ("flatten", "flatten", None, []), ("dropout", "drop", None, [0.5]),
            ("linear", "fc", None, [7, 0])]


def plain():
    """AlexNet's kinds of layers in its order, small."""
    return [("conv2d", "c1", None, [16, 5, 5, 2, 2, 2, 2, 1, 1, 1, 0]), ("relu", "r1", None, []),
            ("maxpool2d", "p1", None, [3, 3, 2, 2, 0, 0, 0]),
            conv("c2", None, 32), ("relu", "r2", None, []),
            ("maxpool2d", "p2", None, [3, 3, 2, 2, 0, 0, 0]),
            ("adaptive_avgpool2d", "avgpool", None, [3, 3]), ("flatten", "flatten", None, []),
            ("dropout", "d1", None, [0.5]), ("linear", "f1", None, [40, 0]), ("relu", "r3", None, []),
            ("dropout", "d2", None, [0.5]), ("linear", "f2", None, [48, 0]), ("relu", "r4", None, []),
            ("linear", "f3", None, [2, 0])]


def make_cases():
    for batch in (1, 3, 8):
        yield Case(f"residual, batch {batch}", (3, 12, 10), residual(), batch=batch, seed=batch)
        yield Case(f"inception, batch {batch}", (3, 9, 11), inception(), batch=batch, seed=batch)
        yield Case(f"plain, batch {batch}", (3, 31, 35), plain(), batch=batch, seed=batch)
    frozen = {"residual": (residual, "stem,a1,b2.weight"), "inception": (inception, "stem,b1,mix"),
              "plain": (plain, "c1,c2,f1"), "plain, head alone": (plain, "c1,c2,f1,f2"),
              "plain, biases alone": (plain, "c1.weight,c2.weight,f1.weight,f2.weight,f3.weight")}
    for name, (layers, freeze) in frozen.items():
        yield Case(f"{name}, {freeze} frozen", (3, 31, 35) if "plain" in name else (3, 12, 10),
                   layers(), batch=4, freeze=freeze, seed=9)
    for layers in (residual, inception, plain):
        case = Case(f"{layers.__name__}, testing", (3, 33, 31), layers(), batch=5, seed=4)
        case.training = False
        yield case


def main():
    torch.set_num_threads(2)
    failures = 0
    worst = {}
    cases = list(make_cases())
    with tempfile.TemporaryDirectory() as folder:
        for i, case in enumerate(cases):
            case.write(os.path.join(folder, str(i)))
        for engine in engines():
            tolerance = REF_TOLERANCE if engine == "ref" else ENGINE_TOLERANCE
            drive("run", engine, 2, *[case.folder for case in cases])
            for case in cases:
                found, expected = case.read(engine), case.evaluate()
                if set(found) != set(expected):
                    print(f"{case.name}: {engine}: expected {sorted(expected)}, "
                          f"found {sorted(found)}")
                    failures += 1
                    continue
                for name in expected:
                    distance = max(error(found[name], expected[name]))
                    worst[engine] = max(worst.get(engine, 0), distance)
                    if not distance <= tolerance:
                        print(f"{case.name}: {engine}: {name}: error {distance:.2g}")
                        failures += 1
    for engine, distance in worst.items():
        print(f"{len(cases)} networks: {engine} against PyTorch: worst error {distance:.2g}")
    sys.exit(1 if failures else 0)


main()
