#!/usr/bin/env python3
"""The pretrained AlexNet-mini that ships, on the pictures that it has not seen.

PyTorch with the same file gives the same outputs, and so the same answers; the accuracy within one
and within five guesses is what the model card says. The pictures are those that Tiny ImageNet holds
out, in $DNNB_DATA/tiny-imagenet-32.tar.xz.
"""

import csv
import glob
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile

import numpy
import torch
import torchvision
from PIL import Image

from _models import make_twin

SOURCE = os.environ["DNNB_SOURCE"]
PICTURE = re.compile(r"[^/]+/val/(\w+)/\w+\.JPEG")
N_COMPARED = 640  # pictures, over all classes
# Float32 sums in another order; relative to the largest output.
TOLERANCE = 2e-5
# The card gives tenths of a percent, and an answer may hang on the last bits of two outputs.
CARD_TOLERANCE = 0.0006


def load_safetensors(path):
    """Source of the format: the safetensors README."""
    with open(path, "rb") as file:
        n = int.from_bytes(file.read(8), "little")
        header, data = json.loads(file.read(n)), file.read()
    header.pop("__metadata__", None)
    kinds = {"F16": numpy.float16, "F32": numpy.float32}
    return {name: torch.from_numpy(
        numpy.frombuffer(data[slice(*t["data_offsets"])], kinds[t["dtype"]])
        .reshape(t["shape"]).astype(numpy.float32)) for name, t in header.items()}


def unpack(archive, folder):
    """The held-out pictures, in a folder a class."""
    with tarfile.open(archive) as tar:
        for member in tar:
            match = PICTURE.fullmatch(member.name)
            if match:
                os.makedirs(os.path.join(folder, match[1]), exist_ok=True)
                path = os.path.join(folder, match[1], os.path.basename(member.name))
                with open(path, "wb") as file:
                    file.write(tar.extractfile(member).read())


def run(*arguments):
    subprocess.run([os.environ["DNNB_CLI"], *arguments], check=True, capture_output=True)


def compute_outputs(weights, paths):
    """PyTorch's, with torchvision's transform."""
    network, side = make_twin("AlexNet-mini")
    network.load_state_dict(load_safetensors(weights), strict=True)
    network.eval()
    transform = torchvision.transforms.Compose([
        torchvision.transforms.Resize((side, side)), torchvision.transforms.ToTensor(),
        torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    with torch.no_grad():
        return network(torch.stack([transform(Image.open(p).convert("RGB")) for p in paths]))


def main():
    archive = os.path.join(os.environ.get("DNNB_DATA", ""), "tiny-imagenet-32.tar.xz")
    if not os.path.isfile(archive):
        print(f"left out: no file {archive} with small pictures")
        sys.exit(77)
    (weights,) = glob.glob(os.path.join(SOURCE, "data/weights/alexnet-mini-*.safetensors"))
    with tempfile.TemporaryDirectory() as folder:
        pictures, stimuli, answers = (os.path.join(folder, name)
                                      for name in ("val", "val.stim.csv", "val.csv"))
        unpack(archive, pictures)
        run("stim", pictures, "--out", stimuli)
        run("test", "--net", "alexnet-mini", "--weights", "pretrained", "--stim", stimuli,
            "--out", answers)
        with open(answers, encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        outputs = torch.tensor([[float(row[f"output_{k}"]) for k in range(200)] for row in rows])
        labels = torch.tensor([int(row["label"]) for row in rows])
        compared = range(0, len(rows), len(rows) // N_COMPARED)
        theirs = compute_outputs(weights, [os.path.join(pictures, rows[i]["stimID"])
                                           for i in compared])
    worst = float((outputs[list(compared)] - theirs).abs().max() / theirs.abs().max())
    print(f"{len(compared)} pictures: outputs within {worst:.1e} of PyTorch's")
    assert worst < TOLERANCE, worst

    guesses = outputs.topk(5).indices == labels[:, None]
    first, fifth = (float(guesses[:, :n].any(1).float().mean()) for n in (1, 5))
    with open(os.path.join(SOURCE, "docs/alexnet-mini.md"), encoding="utf-8") as file:
        card = re.search(r"([\d.]+)% within one guess and ([\d.]+)% within five", file.read())
    print(f"{len(rows)} pictures: {first:.4f} within one guess, {fifth:.4f} within five; "
          f"the card says {card[1]}% and {card[2]}%")
    assert len(rows) == 10000, len(rows)
    for found, said in ((first, card[1]), (fifth, card[2])):
        assert abs(found - float(said) / 100) < CARD_TOLERANCE, (found, said)


main()
