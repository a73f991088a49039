#!/usr/bin/env python3
"""Every op, forward and backward, in odd sizes and settings.

  - the reference engine against PyTorch in float64, and its gradients against central differences;
  - every other engine against the reference engine and against PyTorch;
  - one and two threads give the same bits on the reference engine.
"""

import os
import sys
import tempfile

import numpy
import torch

from _net import Case, drive, engines, error

# ref adds in float64 and rounds once to float32 (2^-24 = 6e-8, of the largest value).
REF_TOLERANCE = 1.2e-7
# Other engines add up to some thousand products in float32, in an order of their own: the error of a
# sum of K rounded terms grows as sqrt(K) 6e-8, a few 1e-6 here; sums that cancel need the rest.
ENGINE_TOLERANCE = 2e-5
# Every case is linear within the step, so that only the rounding of the float32 outputs is left:
# about sqrt(elements) 6e-8 over twice the step of 2^-7.
DIFFERENCE_STEP, DIFFERENCE_TOLERANCE = 2.0**-7, 3e-4


def conv(out, kernel, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1, no_bias=0):
    return [("conv2d", "conv", None,
             [out, *kernel, *stride, *padding, *dilation, groups, no_bias])]


def maxpool(kernel, stride, padding=(0, 0), ceil=0):
    return [("maxpool2d", "pool", None, [*kernel, *stride, *padding, ceil])]


def linear(out, no_bias=0):
    return [("linear", "fc", None, [out, no_bias])]


def make_cases():
    """An op that changes nothing (flatten, dropout of nothing) stands behind another one: engines need
    not compute a network whose output is its input."""
    c = Case
    yield c("conv 1x1", (3, 5, 7), conv(4, (1, 1)), batch=1)
    yield c("conv 3x3 same", (5, 9, 7), conv(6, (3, 3), padding=(1, 1)), batch=3)
    yield c("conv 3x3 of 16 channels", (16, 13, 13), conv(32, (3, 3), padding=(1, 1)), batch=8)
    yield c("conv 11x11 stride 4", (3, 35, 39), conv(8, (11, 11), (4, 4), (2, 2)), batch=2)
    yield c("conv 5x5 stride 2 of 17 channels", (17, 11, 10), conv(19, (5, 5), (2, 2), (2, 2)), batch=3)
    yield c("conv 3x2 uneven", (4, 8, 11), conv(5, (3, 2), (2, 3), (1, 0)), batch=3)
    yield c("conv stride over the kernel", (2, 9, 9), conv(3, (2, 2), (4, 4)), batch=1)
    yield c("conv dilated", (4, 12, 13), conv(6, (3, 3), (1, 2), (2, 1), (2, 3)), batch=2)
    yield c("conv 2 groups", (6, 8, 8), conv(4, (3, 3), padding=(1, 1), groups=2), batch=3)
    yield c("conv depthwise", (8, 9, 6), conv(16, (3, 3), (2, 2), (1, 1), groups=8), batch=2)
    yield c("conv without bias", (3, 6, 6), conv(16, (3, 3), no_bias=1), batch=8)
    yield c("conv wide padding", (2, 3, 3), conv(3, (3, 3), (1, 1), (4, 5)), batch=1)
    yield c("linear", (37,), linear(11), batch=3)
    yield c("linear one image", (64,), linear(32), batch=1)
    yield c("linear without bias", (129,), linear(2, 1), batch=8)
    yield c("linear one output", (48,), linear(1), batch=8)
    relu = [("relu", "relu", None, [])]
    yield c("relu of planes", (5, 7, 3), relu, batch=3, spread=True)
    yield c("relu of features", (33,), relu, batch=8, spread=True)
    yield c("maxpool 3 by 2", (5, 13, 11), maxpool((3, 3), (2, 2)), batch=3, spread=True)
    yield c("maxpool 3 by 2 of 16 channels", (16, 13, 13), maxpool((3, 3), (2, 2)), batch=2, spread=True)
    yield c("maxpool padded", (3, 10, 9), maxpool((3, 3), (2, 2), (1, 1)), batch=1, spread=True)
    yield c("maxpool ceil_mode", (4, 10, 8), maxpool((3, 3), (2, 2), ceil=1), batch=2, spread=True)
    yield c("maxpool ceil_mode, a window left out", (2, 7, 7), maxpool((2, 2), (3, 3), (1, 1), 1),
            batch=8, spread=True)
    yield c("maxpool 2x3 uneven", (3, 9, 12), maxpool((2, 3), (3, 1), (1, 0)), batch=3, spread=True)
    pool = lambda *out: [("adaptive_avgpool2d", "pool", None, list(out))]
    yield c("adaptive to the same size", (4, 6, 6), [*relu, *pool(6, 6)], batch=2, spread=True)
    yield c("adaptive to 1x1", (16, 7, 5), pool(1, 1), batch=3)
    yield c("adaptive, windows of different sizes", (3, 13, 11), pool(6, 4), batch=1)
    yield c("adaptive to more than there is", (3, 4, 5), pool(6, 7), batch=8)
    yield c("flatten after a relu", (3, 5, 2), [*relu, ("flatten", "flat", None, [])], batch=3,
            spread=True)
    yield c("flatten of 16 channels, then linear", (16, 3, 3),
            [("flatten", "flat", None, []), *linear(8)], batch=3)
    for batch in (1, 3, 8):
        drop = lambda p: [("dropout", "drop", None, [p])]
        yield c(f"dropout of planes, batch {batch}", (5, 3, 7), drop(0.5), batch=batch)
        yield c(f"dropout of features, batch {batch}", (31,), drop(0.3), batch=batch)
    yield c("dropout of nothing", (9,), [*linear(8), ("dropout", "drop", None, [0])])
    yield c("dropout of everything", (9,), [("dropout", "drop", None, [1])])
    yield c("add of the input to itself", (3, 4, 5), [("add", "sum", ["input", "input"], [])], batch=3)
    yield c("concat of three", (5, 3, 4), [("concat", "cat", ["input"] * 3, [])], batch=3)
    yield c("concat of features", (7,), [("concat", "cat", ["input"] * 2, [])], batch=8)


def compare(case, what, found, expected, tolerance):
    failures = 0
    if set(found) != set(expected):
        print(f"{case.name}: {what}: expected {sorted(expected)}, found {sorted(found)}")
        return 1, 0.0
    worst = 0.0
    for name in expected:
        distance = max(error(found[name], expected[name]))
        worst = max(worst, distance)
        if not distance <= tolerance:
            print(f"{case.name}: {what}: {name}: error {distance:.2g} above {tolerance:.2g}")
            failures += 1
    return failures, worst


def main():
    torch.set_num_threads(2)
    failures, worst = 0, {}

    def note(what, result):
        nonlocal failures
        failures += result[0]
        worst[what] = max(worst.get(what, 0), result[1])

    training = list(make_cases())
    testing = list(make_cases())
    for case in testing:
        case.training = False
    cases = training + testing
    with tempfile.TemporaryDirectory() as folder:
        for i, case in enumerate(cases):
            case.write(os.path.join(folder, str(i)))
        folders = [case.folder for case in cases]
        for engine in engines():
            drive("run", engine, 2, *folders)
        drive("differences", DIFFERENCE_STEP, *[case.folder for case in training])
        for case in cases:
            torch_answer, ref = case.evaluate(), case.read("ref")
            note("ref against PyTorch", compare(case, "ref", ref, torch_answer, REF_TOLERANCE))
            for engine in engines():
                if engine == "ref":
                    continue
                found = case.read(engine)
                note(f"{engine} against ref",
                     compare(case, f"{engine} against ref", found, ref, ENGINE_TOLERANCE))
                note(f"{engine} against PyTorch",
                     compare(case, f"{engine} against PyTorch", found, torch_answer, ENGINE_TOLERANCE))
        for case in training:
            ref = case.read("ref")
            slopes = case.read("differences", numpy.float64)
            del ref["output"]
            for name, values in slopes.items():
                ref[name] = ref[name][~numpy.isnan(values)]
                slopes[name] = values[~numpy.isnan(values)]
            note("ref's gradients against differences",
                 compare(case, "differences", slopes, ref, DIFFERENCE_TOLERANCE))
        before = [case.read("ref") for case in cases]
        drive("run", "ref", 1, *folders)
        for case, two in zip(cases, before):
            one = case.read("ref")
            if any(not numpy.array_equal(one[name], two[name]) for name in two):
                print(f"{case.name}: ref: one and two threads give different bits")
                failures += 1
    print(f"{len(cases)} cases")
    for what, distance in worst.items():
        print(f"{what}: worst error {distance:.2g}")
    sys.exit(1 if failures else 0)


main()
