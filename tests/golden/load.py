#!/usr/bin/env python3
"""A file of AlexNet's true size, in each layout of a .pth, is never in memory twice.

load_driver loads under a limit on the memory that is its own. What may be taken is one copy of the
parameters at most: none where the tensors are views of the mapped file; the network's own copy, and
beside it the largest parameter where the file's elements do not lie aligned.
"""

import os
import subprocess
import sys
import tempfile

import torch
import torchvision

import _formats

DRIVER = os.path.join(os.environ["DNNB_BUILD"], "tests", "load_driver")
MIB = 1 << 20
# Buffers of the reader; of the engine, for a plan of one image and the code that it makes.
DICT_SLACK_MIB, NETWORK_SLACK_MIB = 8, 64

if os.environ.get("DNNB_SANITIZE"):
    print("left out: a sanitizer takes memory of its own")
    sys.exit(77)

failures, outputs = 0, set()
torch.manual_seed(0)
state = torchvision.models.alexnet().state_dict()
sizes = [values.numel() * values.element_size() for values in state.values()]
copy_mib, largest_mib = sum(sizes) / MIB, max(sizes) / MIB
expected_sum = sum(values.double().sum().item() for values in state.values())

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "alexnet.pth")
    for layout, save, is_aligned in (
        ("zip", torch.save, True),
        ("magic number",
         lambda s, p: torch.save(s, p, _use_new_zipfile_serialization=False), False),
        ("tar", lambda s, p: _formats.TarLayout(dict(s)).save(p), False),
    ):  # fmt: skip
        save(state, path)
        for what, limit_mib in (
            ("dict", (0 if is_aligned else copy_mib) + DICT_SLACK_MIB),
            ("network", copy_mib + (0 if is_aligned else largest_mib) + NETWORK_SLACK_MIB),
        ):
            assert limit_mib < 2 * copy_mib, "two copies would fit"
            done = subprocess.run([DRIVER, what, path, str(round(limit_mib))],
                                  capture_output=True, text=True)
            print(f"{layout}, {what}: {limit_mib:.0f} MiB: {(done.stdout + done.stderr).strip()}")
            failures += done.returncode != 0
            # Sums in float64, in another order, printed with nine digits: half a unit is 5e-8.
            if done.returncode == 0 and what == "dict":
                failures += abs(float(done.stdout) - expected_sum) > 1e-7
            if what == "network":
                outputs.add(done.stdout)
print(f"{len(outputs)} different outputs of the network")
sys.exit(1 if failures or len(outputs) != 1 else 0)
