"""Seconds of PyTorch's AlexNet steps on random images, as one JSON line.

Usage: pytorch_step.py KIND BATCH STEPS LAYOUT [THREADS [PRECISION]]
  KIND       train (all parameters), frozen (a new last layer only), or test
  LAYOUT     nchw or nhwc (channels last)
  PRECISION  f32, or bf16 for autocast

No gradient is asked for the images, and the frozen network's gradients stop where training does:
PyTorch at its best, not DNNBrain's loop.
"""
import contextlib
import json
import sys
import time

import torch
import torchvision


def make_model(kind, layout):
    torch.manual_seed(0)
    model = torchvision.models.alexnet()
    if kind == "frozen":
        for parameter in model.parameters():
            parameter.requires_grad = False
    model.classifier[6] = torch.nn.Linear(4096, 2)
    model = model.eval() if kind == "test" else model.train()
    return model.to(memory_format=torch.channels_last) if layout == "nhwc" else model


def make_adam(parameters):
    try:
        return torch.optim.Adam(parameters, lr=1e-5, fused=True)
    except (RuntimeError, TypeError):  # of versions that have it on a GPU alone, or not at all
        return torch.optim.Adam(parameters, lr=1e-5)


def main():
    kind, batch, steps, layout = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    torch.set_num_threads(int(sys.argv[5]) if len(sys.argv) > 5 else 2)
    is_bf16 = len(sys.argv) > 6 and sys.argv[6] == "bf16"
    model = make_model(kind, layout)
    images = torch.randn(batch, 3, 224, 224)
    if layout == "nhwc":
        images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch) % 2
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = make_adam([p for p in model.parameters() if p.requires_grad])

    def precision():
        return torch.autocast("cpu", torch.bfloat16) if is_bf16 else contextlib.nullcontext()

    def step():
        if kind == "test":
            with torch.inference_mode(), precision():
                model(images)
            return
        optimizer.zero_grad(set_to_none=True)
        with precision():
            outputs = model(images)
        criterion(outputs.float(), labels).backward()
        optimizer.step()

    seconds = []
    for i in range(steps + 2):
        start = time.perf_counter()
        step()
        if i >= 2:
            seconds.append(time.perf_counter() - start)
    print(json.dumps(seconds))


main()
